"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

publish_dataset   a file and its policy become a private view and a budget
change_policy     a changed policy file holds, or is proposed and approved; policy_version makes each version,
                  policy_rights says who may, site_policy settles site.yaml at the start, policy_views shows it all
request_access    application -> agreement -> grant
open_notebook     a grant becomes a locked container
answer_question   SQL -> price -> reserved -> answered
review_release    file -> findings -> votes -> crate
watch_gate        what the gate saw, on the log
views             what each person may see
"""
