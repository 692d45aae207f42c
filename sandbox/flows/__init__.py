"""The journeys. One file is one story, told top to bottom; rules come from ``domain``, parts are handed in.

publish_dataset   a file and its policy become a private view and a budget
request_access    application -> agreement -> grant
open_notebook     a grant becomes a locked container
answer_question   SQL -> price -> reserved -> answered
review_release    file -> findings -> votes -> crate
sign_in           somebody at the door: password and code, or a provider's word
my_account        what is known of me, my second factor, my password
look_after_people accounts, roles and training, by administrators
trained           before an activity that needs a course
watch_gate        what the gate saw, on the log
views             what each person may see
"""
