"""The form of an application: drafts, mistakes, columns, renewals, what came back; sent twice it is one."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from sandbox.domain.application import ApplicationState
from tests.portal.example_world import Door, World
from tests.portal.markup import dangers, text_of

S = ApplicationState
ALL = [f"applications.{name}" for name in ("applicant_id", "sex", "housing", "amount", "paid_back")]
PURPOSE = "To see whether women and men get loans on equal terms."


def fields(**other: Any) -> dict[str, Any]:
    return {
        "project": "Fair credit",
        "organisation": "Institute for Fair Lending",
        "purpose": PURPOSE,
        "legal_basis": "Research clause.",
        "mode": "query",
        "days": "60",
        "members": "ben\nravi",
        "columns": ["applications.sex", "applications.housing"],
        "epsilon": "0.5",
        "output_plan": "Counts by sex and housing.",
        **other,
    }


def send(ana: Door, **other: Any) -> Any:
    return ana.send("/datasets/loans/apply", **fields(**other))


def only(world: World) -> Any:
    (found,) = world.sandbox.store.access.applications()
    return found


def test_the_form_asks_for_everything_and_says_what_a_budget_is_worth(world: World) -> None:
    page = world.browser("ana").get("/datasets/loans/apply").text
    for name in fields():
        assert f'name="{name}"' in page, name
    assert page.count('type="checkbox"') == page.count(" checked") == len(ALL)
    words = text_of(page)
    assert "ε pays about 0.5" in words
    assert "counts of all rows, each within ±77 in 95 of 100 cases" in words
    assert "180 at most" in words
    assert "I name the source in everything I publish." in words
    assert dangers(page) == []


def test_what_is_written_is_what_is_asked_for(world: World) -> None:
    sent = send(world.browser("ana"))
    assert sent.headers["location"] == "/services/portal/applications/1?done=applied"
    made = only(world)
    assert (made.state, made.wish.document()) == (
        S.SUBMITTED,
        {
            "project": "Fair credit",
            "organisation": "Institute for Fair Lending",
            "purpose": PURPOSE,
            "legal_basis": "Research clause.",
            "mode": "query",
            "days": 60,
            "members": ["ben", "ravi"],
            "tables": {"applications": ["sex", "housing"]},
            "epsilon": "0.5",
            "output_plan": "Counts by sex and housing.",
        },
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"project": ""}, "project has no name"),
        ({"purpose": "too short"}, "purpose is too short"),
        ({"purpose": "x" * 4001}, "purpose is longer than 4000"),
        ({"organisation": "turn \u202e around"}, "organisation holds invisible characters"),
        ({"mode": "room"}, "is not opened in mode room"),
        ({"mode": "<script>"}, "This is no mode."),
        ({"days": "many"}, "This is no number of days."),
        ({"days": "-3"}, "This is no number of days."),
        ({"days": "٣"}, "This is no number of days."),
        ({"days": "181"}, "181 days is outside 1 to 180"),
        ({"members": "ben ben"}, "A member is named twice."),
        ({"members": "<b>ben</b>"}, "is no user name."),
        ({"members": "nobody"}, "There is no researcher nobody."),
        ({"members": "\n".join(f"m{n}" for n in range(99))}, "There are 99 members."),
        ({"columns": []}, "No column is ticked."),
        ({"columns": ["applications.shoe_size"]}, "has no column 'shoe_size'"),
        ({"columns": ["people.sex"]}, "has no table 'people'"),
        ({"columns": ["sex"]}, "has no table 'sex'"),
        ({"epsilon": "all"}, "'all' is no budget."),
        ({"epsilon": "NaN"}, "'NaN' is no budget."),
        ({"output_plan": "x"}, "output plan is too short"),
    ],
)
def test_a_mistake_brings_the_form_back_with_all_that_was_written(
    world: World, wrong: dict[str, Any], says: str
) -> None:
    answer = send(world.browser("ana"), **wrong)
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert says in page
    assert dangers(answer.text) == []
    for name, value in {**fields(), **wrong}.items():
        if isinstance(value, str) and name not in ("mode", "purpose"):
            assert f">{value}</textarea>" in page or f'value="{value}"' in page, name
    for column in ALL:
        ticked = column in {**fields(), **wrong}["columns"]
        assert (f'value="{column}" checked' in page) == ticked
    assert world.sandbox.store.access.applications() == ()


def test_no_ticked_column_never_means_all_of_them(world: World) -> None:
    """An empty choice means all columns to the rules: the attack would be a form without any."""
    ana = world.browser("ana")
    assert send(ana, columns=[]).status_code == 422
    assert world.sandbox.store.access.applications() == ()
    assert send(ana, columns=ALL).status_code == 303  # the control: all of them, on purpose
    assert only(world).wish.tables == {}


def test_a_draft_may_be_half_filled_and_is_submitted_when_it_is_complete(world: World) -> None:
    ana = world.browser("ana")
    sent = send(ana, way="draft", purpose="", output_plan="", members="")
    assert sent.headers["location"] == "/services/portal/applications/1?done=drafted"
    assert only(world).state is S.DRAFT
    assert "Fair credit" not in world.browser("olga").get("/decisions").text
    early = ana.send("/applications/1/submit", version="1")
    assert early.status_code == 422
    assert "The purpose is missing." in early.text
    form = ana.get("/applications/1/edit").text
    assert 'value="applications.sex" checked' in form
    assert 'value="applications.amount" checked' not in form
    kept = ana.send("/applications/1/edit", way="draft", version="1", **fields(members=""))
    assert kept.headers["location"].endswith("?done=kept")
    assert only(world).state is S.DRAFT
    done = ana.send("/applications/1/edit", way="submit", version="2", **fields(members=""))
    assert done.headers["location"].endswith("?done=applied")
    assert (only(world).state, only(world).turn) == (S.SUBMITTED, 1)


def test_what_came_back_is_shown_beside_the_form_and_submitted_again(world: World) -> None:
    ana = world.browser("ana")
    send(ana)
    world.sandbox.request_access.send_back(world.person("olga"), 1, reason="Without housing, please.")
    form = ana.get("/applications/1/edit").text
    assert "Without housing, please." in form
    assert 'action="/services/portal/applications/1/submit"' not in ana.get("/applications/1").text
    version = str(only(world).version)
    ana.send("/applications/1/edit", version=version, **fields(columns=["applications.sex"]))
    assert (only(world).state, only(world).turn) == (S.SUBMITTED, 2)
    assert only(world).wish.tables == {"applications": ("sex",)}


def test_an_older_form_does_not_write_over_a_newer_one(world: World) -> None:
    ana = world.browser("ana")
    send(ana, way="draft")
    ana.send("/applications/1/edit", way="draft", version="1", **fields(purpose=f"{PURPOSE} The newer."))
    stale = ana.send("/applications/1/edit", way="draft", version="1", **fields(purpose=f"{PURPOSE} Older."))
    assert stale.status_code == 409
    assert f"{PURPOSE} Older." in stale.text
    assert "was changed since you looked at it" in stale.text
    assert only(world).wish.purpose.endswith("The newer.")
    assert 'name="version" value="2"' in stale.text  # sent again, it is meant


def test_a_double_click_hands_in_one_application(world: World) -> None:
    ana = world.browser("ana")
    assert send(ana).status_code == 303
    again = send(ana)
    assert again.status_code == 409
    assert "application 1 is submitted" in again.text
    assert only(world).state is S.SUBMITTED
    assert len(world.sandbox.store.log.entries(action="application.submitted")) == 1
    assert send(ana, days="59").status_code == 303  # the control: something else


def test_a_renewal_is_prefilled_and_takes_the_place_of_what_it_renews(world: World) -> None:
    ana, olga = world.browser("ana"), world.person("olga")
    grant = world.granted(tables={"applications": ("sex",)}, epsilon="1")
    page = ana.get(f"/applications/{grant.application}").text
    assert f"/datasets/loans/apply?renews={grant.application}" in page
    form = ana.get(f"/datasets/loans/apply?renews={grant.application}").text
    assert 'name="project" required minlength="3" maxlength="80" value="Fair credit" readonly' in form
    assert 'name="renews" value="1"' in form
    assert form.count(" checked") == 1
    sent = send(ana, renews="1", members="", days="30", columns=["applications.sex"])
    assert sent.status_code == 303
    earlier = ana.get("/applications/1").text
    assert '<a href="/services/portal/applications/2">Application 2</a> is to continue it.' in earlier
    assert "?renews=1" not in earlier
    world.sandbox.request_access.approve(olga, 2)
    world.sandbox.request_access.sign(world.person("ana"), 2)
    assert "Another application goes on with it." in ana.get("/applications/1").text
    grants = ana.get("/grants").text
    assert "Past grants (1)" in text_of(grants)
    assert 'href="/services/portal/notebooks/grant-2"' in grants
    assert "/notebooks/grant-1" not in grants


@pytest.mark.parametrize("renews", ["1", "77"])
def test_nobody_renews_what_is_not_theirs(world: World, renews: str) -> None:
    world.granted()
    ben = world.browser("ben")
    assert ben.get(f"/datasets/loans/apply?renews={renews}").status_code == 404
    answer = send(ben, renews=renews, members="", project="Other")
    assert answer.status_code == 422
    assert "You have no application" in answer.text


def test_there_is_no_form_for_what_is_not_applied_for(world: World) -> None:
    ana = world.browser("ana")
    for name in ("inspections", "tax_files"):
        shown = ana.get(f"/datasets/{name}/apply")
        assert (shown.status_code, shown.headers["location"]) == (303, f"/services/portal/datasets/{name}")
        assert ana.send(f"/datasets/{name}/apply", **fields()).status_code in (403, 422)
    assert ana.get("/datasets/nothing/apply").status_code == 404
    world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason="A table was wrong.")
    assert ana.get("/datasets/loans/apply").status_code == 303
    refused = send(ana)
    assert refused.status_code == 403
    assert "Decided by: suspension" in refused.text
    assert PURPOSE in refused.text
    assert world.sandbox.store.access.applications() == ()


def test_a_suspended_grant_says_so_and_keeps_its_budget(world: World) -> None:
    world.granted()
    world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason="A table was wrong.")
    page = world.browser("ana").get("/grants").text
    assert "The data are suspended" in text_of(page)
    assert "/notebooks/" not in page
    assert "Past grants" not in page
    assert "100 %" in text_of(page)


def test_the_budget_meter_and_the_picture_tell_what_was_spent(world: World) -> None:
    grant = world.granted(epsilon="2")
    ana, person = world.browser("ana"), world.person("ana")
    assert "<svg viewBox" not in ana.get("/grants").text
    for amount in (100, 200):
        sql = f"SELECT COUNT(*) AS n FROM applications WHERE amount > {amount}"
        world.sandbox.answer_question.ask(person, grant, sql=sql, epsilon=0.5)
    page = ana.get("/grants").text
    (view,) = world.sandbox.access_views.grants(person)
    assert [round(spent.epsilon, 1) for spent in view.spending] == [0.5, 0.7]  # rho adds up, epsilon less
    assert f"About {view.budget.counts.left:,} more counts" in text_of(page)  # type: ignore[union-attr]
    assert 'points="0,120 0,' in page
    assert dangers(page) == []
