"""Pages for people: rendered here, no script, no rule. They show what ``allowed_actions`` says and call the flows.

home        the way in, for everybody
catalogue   what there is, for everybody
facets      the catalogue's filters
my_data     what to do next, my grants, my applications
access      what an owner decides
owner       an owner's data: use, cost, feedback, suspending
publish     a dataset, or another policy, is prepared and published; ``publish_fields`` is its form,
            ``publish_spots`` where that has a key
apply       the form of an application
apply_steps the same, step by step
application one application, with a form for all that may be done with it
ask         the question workbench: estimate, ask, read the answer
answer_view an answer becomes cells, bars and sentences
notebooks   opening a notebook, and how far it is
jobs        my jobs; one job with what it made on the sample
releases    my outputs; one request with its findings, for its requester and as a cockpit for its reviewers
review      the reviewers' queue and figures
review_comments what reviewers write beside cells and files
planted     outputs with a known flaw: the form, the word, what became of them
resubmit    the next turn of a request
imports     what asks to come in; what is decided about it
objecting   for everybody; how it stands
objections  what an owner decides about objections, and stops by hand
demands     wanted data; ratings
results     what was made with the data
openness    projects, figures, breaches
at_rest     destroying data for ever
policies    changes that wait for a second person
notices     what I am told, and how I am reached
log         the log, for auditors; what it has about oneself
health      how every part is, for administrators
display     the choice of language and colours
account     my account: second factor, password, training
people      accounts, roles and training, for administrators
rendering   a template becomes a response
shown_files what leaves of each file, cell by cell
grid        a CSV file becomes a table to look at
log_facts   the facts of the log in words, with their units
log_words   what its actions and objects are called
policy_words a changed key of a policy in words
charts      what was spent becomes the points of a picture
stages      where something stands on its way
"""

from __future__ import annotations

from fastapi import APIRouter

from sandbox.portal import sign_in
from sandbox.portal.pages import (
    access,
    account,
    application,
    apply,
    apply_steps,
    ask,
    at_rest,
    catalogue,
    demands,
    display,
    health,
    home,
    imports,
    jobs,
    log,
    my_data,
    notebooks,
    notices,
    objecting,
    objections,
    openness,
    owner,
    people,
    planted,
    policies,
    publish,
    releases,
    resubmit,
    results,
    review,
    review_comments,
)
from sandbox.portal.pages.rendering import render

__all__ = ["PARTS", "render", "router"]

PARTS = (
    home.router,
    catalogue.router,
    my_data.router,
    access.router,
    apply_steps.router,
    apply.router,  # before ``application``, which takes any verb
    application.router,
    ask.router,
    notebooks.router,
    jobs.router,
    releases.router,
    resubmit.router,
    review.router,
    review_comments.router,
    planted.router,
    imports.router,
    objecting.router,
    objections.router,
    at_rest.router,
    demands.router,
    results.router,
    openness.router,
    notices.router,
    log.router,
    account.router,
    people.router,
    health.router,
    policies.router,
    owner.router,
    publish.router,
    sign_in.router,
    display.router,
)

router = APIRouter(include_in_schema=False)
for part in PARTS:
    router.include_router(part)
