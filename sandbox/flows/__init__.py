"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

browse_catalogue  what there is, for everybody
open_data         files and rows of what is open to all
publish_dataset   a file and its policy become a private view and a budget
request_access    application -> agreement -> grant
open_notebook     a grant becomes a locked container
answer_question   SQL -> price -> reserved -> answered
review_release    file -> findings -> votes -> crate
watch_gate        what the gate saw, on the log
views             what each person may see
"""
