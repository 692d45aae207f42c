"""One application's page: every verb by its form; what cannot be taken stays written; nobody else sees any of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.domain.application import Application, ApplicationState, Verb, Wish
from sandbox.portal.pages.application import MEANING, stages
from sandbox.portal.pages.log_words import done
from tests.portal.example_world import World
from tests.portal.markup import dangers, text_of, without_nonce

S = ApplicationState
REASON = "Because of what was agreed."
REPORT = "A paper on equal terms appeared in a journal."


def draft(world: World) -> Application:
    wish = Wish(project="Idea", purpose="What women and men are lent.", output_plan="Counts by sex.")
    return world.sandbox.request_access.apply(world.person("ana"), dataset="loans", wish=wish, draft=True)


def waiting(world: World) -> Application:
    return world.applied(members=("ben",), epsilon="1")


def returned(world: World) -> Application:
    made = waiting(world)
    world.sandbox.request_access.send_back(world.person("olga"), made.id, reason="Which columns?")
    return made


def approved(world: World) -> Application:
    made = waiting(world)
    world.sandbox.request_access.approve(world.person("olga"), made.id)
    return made


def active(world: World) -> Application:
    made = approved(world)
    for name in made.people:
        world.sandbox.request_access.sign(world.person(name), made.id)
    return made


def now(world: World, application: Application) -> Application:
    found = world.sandbox.store.access.application(application.id)
    assert found is not None
    return found


def form_of(page: str, verb: str) -> dict[str, str]:
    """The hidden fields of a verb's form, as the page has them."""
    form = re.search(rf'<form[^>]*action="[^"]*/{verb}">(.*?)</form>', page, re.DOTALL)
    assert form is not None, verb
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1]))


def newest(world: World, application: Application) -> Any:
    return world.sandbox.store.log.newest(object=f"application:{application.id}", limit=1)[0].event


Story = tuple[Callable[[World], Application], str, str, dict[str, str], ApplicationState, str, str]
STORIES: tuple[Story, ...] = (
    (draft, "ana", "submit", {}, S.SUBMITTED, "application.submitted", "open_class"),
    (draft, "ana", "withdraw", {}, S.WITHDRAWN, "application.withdrawn", "separation of duties"),
    (waiting, "olga", "approve", {"days": "60", "epsilon": "0.5", "conditions": "Show us.\n\nTwice."}, S.APPROVED,
     "application.approved", "separation of duties"),
    (waiting, "olga", "return", {"reason": REASON}, S.RETURNED, "application.returned", "separation of duties"),
    (waiting, "olga", "reject", {"reason": REASON}, S.REJECTED, "application.rejected", "separation of duties"),
    (waiting, "ana", "withdraw", {}, S.WITHDRAWN, "application.withdrawn", "separation of duties"),
    (approved, "ben", "sign", {"read": "yes"}, S.APPROVED, "agreement.signed", "people"),
    (approved, "ben", "decline", {"reason": REASON}, S.RETURNED, "agreement.declined", "people"),
    (approved, "olga", "reject", {"reason": REASON}, S.REJECTED, "application.rejected", "separation of duties"),
    (active, "ben", "leave", {}, S.ACTIVE, "grant.left", "people"),
    (active, "olga", "remove_member", {"member": "ben", "reason": REASON}, S.ACTIVE, "grant.member_removed", "people"),
    (active, "olga", "revoke", {"clause": "purpose", "reason": REASON, "block_days": "30"}, S.REVOKED,
     "grant.revoked", "purpose"),
    (active, "ana", "close", {}, S.CLOSED, "grant.closed", "period"),
    (active, "ben", "report", {"usefulness": "4", "text": REPORT}, S.ACTIVE, "feedback.given", "feedback"),
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story[0].__name__}-{story[2]}")
def test_every_verb_is_a_form_that_leads_to_its_event_and_clause(world: World, story: Story) -> None:
    begin, name, verb, fields, end, event, clause = story
    application = begin(world)
    browser = world.browser(name)
    path = f"/applications/{application.id}"
    hidden = form_of(browser.get(path).text, verb)
    sent = browser.post(f"{path}/{verb}", data={**hidden, **fields})
    assert sent.headers["location"] == f"/services/portal{path}?done=access-{verb}"
    page = browser.get(f"{path}?done=access-{verb}").text
    assert 'role="status"' in page
    assert now(world, application).state is end
    told = newest(world, application)
    assert (told.actor, told.action, told.facts["clause"]) == (name, event, clause)
    assert done(event) in page
    again = browser.post(f"{path}/{verb}", data={**hidden, **fields})  # a double click
    if verb not in ("remove_member", "report"):
        assert again.status_code == 409
    assert newest(world, application) == told


def test_every_verb_of_the_state_machine_has_a_form_or_a_page_here() -> None:
    by_platform = {Verb.BEGIN, Verb.EXPIRE, Verb.RENEW}
    assert {story[2] for story in STORIES} == {str(v) for v in Verb if v not in by_platform} - {"edit"} | {
        "report"
    }


@pytest.mark.parametrize("state", ApplicationState)
def test_every_state_says_what_it_means_and_where_it_stands(state: ApplicationState) -> None:
    assert MEANING[state][1]
    shown = [stage.state for stage in stages(state)]
    assert shown.count("now") + shown.count("stopped") <= 1
    assert (shown == []) == (state is S.WITHDRAWN)


def test_the_owner_sees_what_is_asked_for_what_changed_and_what_can_be_promised(world: World) -> None:
    made = returned(world)
    changed = Wish(
        project=made.project,
        purpose=made.wish.purpose,
        output_plan=made.wish.output_plan,
        members=("ravi",),
        tables={"applications": ("sex", "amount")},
        epsilon="0.5",
    )
    ana = world.person("ana")
    world.sandbox.request_access.edit(ana, made.id, changed)
    world.sandbox.request_access.submit(ana, made.id)
    page = text_of(world.browser("olga").get(f"/applications/{made.id}").text)
    for words in (
        "Members ben ravi",
        "Columns all of them applications: sex, amount",
        "Budget wanted, ε 1 0.5",
        "Which columns?",
        "Free to promise ε =",
        "A project's quota ε =",
        "The first decision is due by 17 March 2025",
        "Decide",
    ):
        assert words in page, words
    assert "overdue" not in page
    world.clock.now += timedelta(days=9)
    assert "overdue" in text_of(world.browser("olga").get(f"/applications/{made.id}").text)
    assert "overdue" in text_of(world.browser("olga").get("/decisions").text)


@pytest.mark.parametrize(
    ("begin", "name", "verb", "fields", "kept"),
    [
        (waiting, "olga", "approve", {"epsilon": "99", "conditions": "Show us the draft."}, "Show us the draft."),
        (waiting, "olga", "approve", {"days": "x", "conditions": "Show us the draft."}, "Show us the draft."),
        (waiting, "olga", "approve", {"days": "400", "conditions": "Show us the draft."}, ">Show us the draft.</"),
        (waiting, "olga", "return", {"reason": "no"}, ">no</textarea>"),
        (waiting, "olga", "reject", {"reason": "x" * 501}, "x" * 501),
        (waiting, "olga", "reject", {"reason": "turn \u202e around"}, "turn \u202e around"),
        (approved, "ben", "sign", {}, "I have read"),
        (active, "olga", "revoke", {"reason": REASON, "block_days": "9999"}, 'value="9999"'),
        (active, "olga", "revoke", {"reason": REASON, "block_days": "-1"}, REASON),
        (active, "ana", "report", {"usefulness": "4", "text": "Too short."}, ">Too short.</textarea>"),
        (active, "ana", "report", {"usefulness": "9", "text": REPORT}, REPORT),
        (active, "ana", "report", {"usefulness": "", "text": REPORT}, REPORT),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_comes_back_as_it_was_written(
    world: World, begin: Any, name: str, verb: str, fields: dict[str, str], kept: str
) -> None:
    application = begin(world)
    before = world.sandbox.store.log.head()
    answer = world.browser(name).send(f"/applications/{application.id}/{verb}", **fields)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert kept in answer.text
    assert f'id="form-{verb}" open' in answer.text or verb in ("approve", "sign")
    assert dangers(answer.text) == []
    assert world.sandbox.store.log.head() == before


def test_a_decision_about_an_older_turn_is_refused_and_what_was_written_stays(world: World) -> None:
    made = waiting(world)
    olga = world.browser("olga")
    path = f"/applications/{made.id}"
    old = form_of(olga.get(path).text, "approve")
    returned_by = world.sandbox.request_access.send_back
    returned_by(world.person("olga"), made.id, reason="Which columns?")
    ana = world.person("ana")
    wish = Wish(project=made.project, purpose=made.wish.purpose, output_plan="All rows, please.", days=180)
    world.sandbox.request_access.edit(ana, made.id, wish)
    world.sandbox.request_access.submit(ana, made.id)
    answer = olga.post(f"{path}/approve", data={**old, "conditions": "Only if it is short."})
    assert answer.status_code == 409
    assert "was changed since you looked at it" in answer.text
    assert ">Only if it is short.</textarea>" in answer.text
    assert "All rows, please." in answer.text
    assert now(world, made).state is S.SUBMITTED
    fresh = form_of(answer.text, "approve")
    assert fresh["version"] != old["version"]
    assert olga.post(f"{path}/approve", data=fresh).status_code == 303  # the control


def test_of_two_decisions_at_once_the_second_keeps_its_words(world: World) -> None:
    made = waiting(world)
    olga = world.browser("olga")
    hidden = form_of(olga.get(f"/applications/{made.id}").text, "return")
    world.sandbox.request_access.approve(world.person("olga"), made.id)
    answer = olga.post(
        f"/applications/{made.id}/return", data={**hidden, "reason": "A long and good reason."}
    )
    assert answer.status_code == 409
    assert "What you had written" in answer.text
    assert "A long and good reason." in answer.text


def test_nobody_signs_another_agreement_than_the_one_they_read(world: World) -> None:
    made = approved(world)
    ben = world.browser("ben")
    path = f"/applications/{made.id}"
    old = form_of(ben.get(path).text, "sign")
    flow, olga, ana = world.sandbox.request_access, world.person("olga"), world.person("ana")
    flow.decline(ana, made.id, reason="I want fewer days.")
    flow.edit(ana, made.id, Wish(**{**_fields(made.wish), "days": 20}))
    flow.submit(ana, made.id)
    flow.approve(olga, made.id, conditions=["Whatever olga likes."])
    answer = ben.post(f"{path}/sign", data={**old, "read": "yes"})
    assert answer.status_code == 409
    assert "not the one that you have read" in answer.text
    assert now(world, made).signed == ()
    fresh = form_of(ben.get(path).text, "sign")
    assert ben.post(f"{path}/sign", data={**fresh, "read": "yes"}).status_code == 303  # the control
    assert now(world, made).signed == ("ben",)


def test_a_signature_stays_good_while_others_sign(world: World) -> None:
    made = approved(world)
    ben = world.browser("ben")
    hidden = form_of(ben.get(f"/applications/{made.id}").text, "sign")
    world.sandbox.request_access.sign(world.person("ana"), made.id)  # which counts the version up
    assert ben.post(f"/applications/{made.id}/sign", data={**hidden, "read": "yes"}).status_code == 303
    assert now(world, made).state is S.ACTIVE


@pytest.mark.parametrize("begin", [draft, waiting, approved, active])
def test_somebody_elses_application_is_not_found_whatever_is_done(world: World, begin: Any) -> None:
    """Nor can its state be told by which answer comes."""
    application = begin(world)
    there, nowhere = f"/applications/{application.id}", "/applications/4711"
    strangers = ["ravi", "oscar", "rita", "alma"] + (["ben", "olga"] if begin is draft else [])
    before = world.sandbox.store.log.head()
    for name in strangers:
        browser, program = world.browser(name), world.program(name)
        for verb in (*(str(v) for v in Verb), "report", "certificate", "nonsense"):
            fields = {"reason": REASON, "member": "ben", "read": "yes", "version": "1", "project": "P"}
            real = browser.send(f"{there}/{verb}", **fields)
            none = browser.send(f"{nowhere}/{verb}", **fields)
            assert real.status_code == none.status_code == 404, (name, verb)
            told = real.text.replace(there, nowhere).replace(
                f"application {application.id}", "application 4711"
            )
            assert without_nonce(told) == without_nonce(none.text)
            assert program.post(f"{there}/{verb}", json={}).status_code == 404
        for path in ("", "/edit"):
            assert browser.get(f"{there}{path}").status_code == 404
        for path in ("", "/agreement", "/certificate"):
            assert program.get(f"{there}{path}").status_code == 404
        assert program.request("PUT", there, json=_body(application)).status_code == 404
    assert world.sandbox.store.log.head() == before
    assert world.browser("ana").get(there).status_code == 200  # the control


def test_who_has_left_is_shown_and_has_nothing_to_leave(world: World) -> None:
    made = active(world)
    world.sandbox.end_access.leave(world.person("ben"), made.id)
    page = world.browser("ben").get(f"/applications/{made.id}").text
    assert "left" in text_of(page)
    assert 'id="form-leave"' not in page
    owner = world.browser("olga").get(f"/applications/{made.id}").text
    assert "<option>ana</option>" in owner
    assert "<option>ben</option>" not in owner


def test_what_is_owed_is_called_for_and_given_on_the_page(world: World) -> None:
    made = active(world)
    ana = world.browser("ana")
    assert "To do" not in text_of(ana.get("/grants").text)
    world.clock.now += timedelta(days=90 + 25)
    world.sandbox.end_access.expire()
    assert "A report on Fair credit (Loan applications) is due on 7 July 2025" in text_of(
        ana.get("/grants").text
    )
    world.clock.now += timedelta(days=10)
    owed = text_of(ana.get("/grants").text)
    assert "was due on 7 July 2025. From 22 July 2025 on, uses and new grants are refused" in owed
    assert "overdue" in text_of(world.browser("olga").get("/decisions").text)
    world.clock.now += timedelta(days=20)
    assert "Nothing can be used or asked for until it is given." in text_of(ana.get("/grants").text)
    assert ana.send(f"/applications/{made.id}/report", usefulness="5", text=REPORT).status_code == 303
    assert "A report on" not in text_of(ana.get("/grants").text)
    page = text_of(world.browser("olga").get(f"/applications/{made.id}").text)
    assert REPORT in page
    assert "very useful" in page


def test_an_owner_lets_a_blocked_person_apply_again(world: World) -> None:
    made = active(world)
    world.sandbox.end_access.revoke(world.person("olga"), made.id, reason="Photographed.", block_days=30)
    ben, olga = world.browser("ben"), world.browser("olga")
    assert "You may not apply for Loan applications until 9 April 2025" in text_of(ben.get("/grants").text)
    refused = ben.send("/datasets/loans/apply", **_written())
    assert refused.status_code == 403
    assert 'value="Anew"' in refused.text
    assert world.browser("oscar").send("/blocks/1/lift").status_code == 404
    assert ben.send("/blocks/2/lift").status_code == 404
    for block in world.sandbox.store.duties.blocks_of("ben"):
        assert olga.send(f"/blocks/{block.id}/lift").status_code == 303
    assert "You may not apply" not in ben.get("/grants").text
    assert ben.send("/datasets/loans/apply", **_written()).status_code == 303


def _written() -> dict[str, Any]:
    return {
        "project": "Anew",
        "purpose": "To see what became of the loans.",
        "mode": "query",
        "days": "30",
        "columns": ["applications.sex"],
        "output_plan": "Counts by sex.",
    }


def _fields(wish: Wish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in wish.document()}


def _body(application: Application) -> dict[str, Any]:
    return {**application.wish.document(), "tables": {}}
