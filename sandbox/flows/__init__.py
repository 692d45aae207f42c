"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

publish_dataset   a file and its policy become a private view and a budget
request_access    application -> agreement -> grants
end_access        what ends them, and what is owed afterwards; ``keep_time`` calls what time brings
permission        may this be done under this agreement, now? asked by all that follow
commitments       what of a budget is spent, promised and free
open_notebook     a grant becomes a locked container
answer_question   SQL -> price -> reserved -> answered
review_release    file -> findings -> votes -> crate
watch_gate        what the gate saw, on the log
views             what each person may see; ``access_views`` of applications, grants and budgets
"""
