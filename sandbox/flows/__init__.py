"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

publish_dataset   a file and its policy become a private view and a budget
request_access    application -> agreement -> grants
end_access        what ends them, and what is owed afterwards; ``keep_time`` calls what time brings
permission        may this be done under this agreement, now? asked by all that follow
commitments       what of a budget is spent, promised and free
open_notebook     a grant becomes a locked container
answer_question   SQL -> price -> reserved -> answered
review_release    file -> findings -> votes -> crate
object            anybody objects: number, tracking word, suspended at once
decide_objection  the owner looks, decides, and the data go on
suspend_dataset   data are stopped in one breath, and go on from where they were
hold_releases     requests that wait, outputs that are called back
withheld_units    whom an objection is about, for the engine's eyes
daily_limit       how often an address may do what anybody may do
watch_gate        what the gate saw, on the log
views             what each person may see; ``access_views`` of applications, grants and
                  budgets; ``objection_views`` of objections and suspensions
"""
