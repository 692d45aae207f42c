"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

browse_catalogue  what there is, for everybody
open_data         files and rows of what is open to all
publish_dataset   a file and its policy become a private view and a budget
change_policy     a changed policy file holds, or is proposed and approved; policy_version makes each version,
                  policy_rights says who may, site_policy settles site.yaml at the start, policy_views shows it all
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
demand_data       people ask that data be opened, others want it too, owners answer; ``visitors`` need no account
rate_dataset      how useful it was
report_result     what was made with it, confirmed, in a public register
record_breach     a breach, its measure and its notice
listed            the datasets that public lists speak of
project_register  who is allowed what; ``transparency`` sums up the whole
sign_in           somebody at the door: password and code, or a provider's word
my_account        what is known of me, my second factor, my password
look_after_people accounts, roles and training, by administrators
tell_people       the log becomes notices and messages: ``who_is_told``, ``send_notices`` carries them, ``my_notices``
                  reads them, ``still_to_do`` says what is over; ``remind_ends`` and ``watch_use`` put what time and
                  use bring on the log
look_at_health    how every part is, for administrators
explore_log       the log, looked through: filters, pages, one entry, files; ``blinding`` keeps reviewers unnamed
verify_log        verified by a button, and written down
trained           before an activity that needs a course
watch_gate        what the gate saw, on the log
views             what each person may see; ``access_views`` of applications, grants and
                  budgets; ``objection_views`` of objections and suspensions
"""
