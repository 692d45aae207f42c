"""An application step by step: kept when a step is left, mistakes beside their field; sent twice, from two tabs, by others."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from sandbox.domain.application import ApplicationState, Wish, unfinished
from tests.portal.example_world import Door, World
from tests.portal.markup import dangers, text_of
from tests.portal.test_apply_form import PURPOSE, fields, only

S = ApplicationState
STEPS = ("purpose", "people", "data", "budget", "outputs", "check")
START = "/datasets/loans/application"
AT = "/services/portal/applications/1"


def begun(world: World, **other: Any) -> Door:
    ana = world.browser("ana")
    sent = ana.send(START, project="Fair credit", **other)
    assert sent.headers["location"] == f"{AT}/steps/people?saved=start-loans"
    return ana


def step(door: Door, name: str, version: int, way: str = "next", **said: Any) -> Any:
    return door.send(f"/applications/1/steps/{name}", version=str(version), way=way, **said)


def test_the_whole_way_asks_for_the_same_as_the_one_page(world: World) -> None:
    ana, whole = begun(world, purpose=PURPOSE), fields()
    assert (only(world).state, only(world).wish.project) == (S.DRAFT, "Fair credit")
    for name, said in (
        ("purpose", {key: whole[key] for key in ("project", "organisation", "purpose", "legal_basis")}),
        ("people", {"members": whole["members"]}),
        ("data", {key: whole[key] for key in ("mode", "days", "columns")}),
        ("budget", {"epsilon": whole["epsilon"]}),
        ("outputs", {"output_plan": whole["output_plan"]}),
    ):
        page = ana.get(f"/applications/1/steps/{name}").text
        assert all(f'name="{field}"' in page for field in said), name
        assert dangers(page) == []
        after = STEPS[STEPS.index(name) + 1]
        assert step(ana, name, only(world).version, **said).headers["location"] == (
            f"{AT}/steps/{after}?saved=1-{name}"
        )
    check = text_of(ana.get("/applications/1/steps/check").text)
    for told in (PURPOSE, "ana, ben, ravi", "ε = 0.5"):
        assert told in check
    assert step(ana, "check", only(world).version).headers["location"] == f"{AT}?done=applied"
    stepwise = only(world).wish
    world.sandbox.request_access.withdraw(world.person("ana"), 1)
    ana.send("/datasets/loans/apply", **whole)
    assert world.sandbox.store.access.application(2).wish == stepwise  # type: ignore[union-attr]


def test_every_step_explains_its_question(world: World) -> None:
    ana = begun(world)
    for name in STEPS[:-1]:
        page = ana.get(f"/applications/1/steps/{name}").text
        assert page.count('aria-current="step"') == 1
        assert "An example" in page or name == "data"
    assert "within ±77 in 95 of 100 cases" in text_of(ana.get("/applications/1/steps/budget").text)
    assert ana.get("/applications/1/steps/nothing").status_code == 404


@pytest.mark.parametrize(
    ("name", "said", "field", "says"),
    [
        ("purpose", {"project": "<b>"}, "project", "is not a plain name"),
        (
            "purpose",
            {"project": "Fair credit", "purpose": "turn \u202e around"},
            "purpose",
            "invisible characters",
        ),
        ("people", {"members": "nobody"}, "members", "There is no researcher nobody."),
        (
            "data",
            {"mode": "query", "days": "many", "columns": ["applications.sex"]},
            "days",
            "no number of days",
        ),
        ("data", {"mode": "room", "days": "9", "columns": ["applications.sex"]}, "mode", "mode room"),
        ("data", {"mode": "query", "days": "9", "columns": []}, "columns", "No column is ticked."),
        ("budget", {"epsilon": "all"}, "epsilon", "'all' is no budget."),
        ("outputs", {"output_plan": "x" * 4001}, "output_plan", "longer than 4000"),
    ],
)
def test_a_mistake_stands_beside_its_field_with_what_was_written(
    world: World, name: str, said: dict[str, Any], field: str, says: str
) -> None:
    ana = begun(world)
    before = only(world)
    answer = step(ana, name, before.version, **said)
    assert answer.status_code == 422
    page = unescape(answer.text)
    beside = page.partition(f'id="{field}-wrong"')[2].partition("</span>")[0]
    assert says in beside
    assert (f'aria-describedby="{field}-hint {field}-wrong" aria-invalid="true"' in page) or field in (
        "mode",
        "columns",
    )
    assert all(value in page for value in said.values() if isinstance(value, str))
    assert dangers(answer.text) == []
    assert only(world) == before


def test_going_back_and_going_away_keep_what_was_written(world: World) -> None:
    ana = begun(world)
    back = step(ana, "people", 1, way="back", members="ben")
    assert back.headers["location"] == f"{AT}/steps/purpose?saved=1-people"
    assert only(world).wish.members == ("ben",)
    later = step(ana, "outputs", only(world).version, way="later", output_plan="Counts by sex.")
    assert later.headers["location"] == f"{AT}?done=kept"
    page = ana.get("/applications/1?done=kept").text
    assert 'data-forget="1-outputs"' in page
    assert "/applications/1/steps/purpose" in ana.get("/grants").text


def test_what_is_missing_is_said_before_it_is_handed_in(world: World) -> None:
    ana = begun(world)
    page = ana.get("/applications/1/steps/check").text
    assert "The purpose is missing." in page
    assert "The output plan is missing." in page
    assert 'value="submit"' not in page
    forced = step(ana, "check", 1)
    assert forced.status_code == 422
    assert 'href="/services/portal/applications/1/steps/purpose">Mend it there' in forced.text
    assert only(world).state is S.DRAFT
    step(ana, "purpose", 1, project="Fair credit", purpose=PURPOSE)
    step(ana, "outputs", only(world).version, output_plan="Counts by sex and housing.")
    assert 'value="submit"' in ana.get("/applications/1/steps/check").text  # the control


def test_a_double_click_on_the_first_step_makes_one_draft(world: World) -> None:
    ana = begun(world, purpose=PURPOSE)
    again = ana.send(START, project="Fair  credit", purpose=PURPOSE)
    assert again.headers["location"] == f"{AT}/steps/people?saved=start-loans"
    assert only(world).version == 1  # nothing was changed
    ana.send(START, project="Fair credit", purpose=f"{PURPOSE} Since 2015.")
    assert only(world).wish.purpose.endswith("Since 2015.")
    ana.send(START, project="Other credit", purpose=PURPOSE)
    assert len(world.sandbox.store.access.applications()) == 2  # the control: another project


def test_a_double_click_on_a_step_is_no_conflict_but_an_older_tab_is(world: World) -> None:
    ana = begun(world)
    for _ in range(2):
        assert step(ana, "budget", 1, epsilon="0.5").status_code == 303
    assert only(world).version == 2
    stale = step(ana, "budget", 1, epsilon="0.7")
    assert stale.status_code == 409
    assert "was changed since you looked at it" in stale.text
    assert 'value="0.7"' in stale.text
    assert 'name="version" value="2"' in stale.text
    assert only(world).wish.epsilon == "0.5"
    assert step(ana, "budget", 2, epsilon="0.7").status_code == 303  # sent again, it is meant


def test_nobody_else_sees_or_changes_a_draft(world: World) -> None:
    begun(world)
    for name in ("ben", "olga", "rita"):
        door = world.browser(name)
        assert door.get("/applications/1/steps/purpose").status_code in (303, 404)
        assert step(door, "purpose", 1, project="Planted").status_code in (403, 404), name
    assert world.browser().get("/applications/1/steps/purpose").status_code == 303
    assert only(world).wish.project == "Fair credit"


def test_what_was_handed_in_has_no_steps_and_what_came_back_has_them_again(world: World) -> None:
    ana = world.browser("ana")
    world.applied()
    assert ana.get("/applications/1/steps/purpose").headers["location"] == AT
    assert step(ana, "purpose", 1, project="Other").status_code in (403, 409)
    world.sandbox.request_access.send_back(world.person("olga"), 1, reason="Without housing, please.")
    page = ana.get("/applications/1/steps/data").text
    assert "Without housing, please." in page
    step(ana, "data", only(world).version, mode="query", days="90", columns=["applications.sex"])
    assert step(ana, "check", only(world).version).status_code == 303
    assert (only(world).state, only(world).turn) == (S.SUBMITTED, 2)


def test_the_worth_of_a_budget_is_told_while_it_is_typed(world: World) -> None:
    ana = world.browser("ana")
    ours = {
        "sec-fetch-site": "same-origin",
        "hx-request": "true",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "empty",
    }
    told = ana.get("/piece/applications/worth/loans?epsilon=0.5", headers=ours)
    assert told.status_code == 200
    assert "counts of all rows, each within ±77" in text_of(told.text)
    assert "form_token" not in told.text
    assert "is no budget" in ana.get("/piece/applications/worth/loans?epsilon=%3Cb%3E", headers=ours).text
    assert dangers(ana.get("/piece/applications/worth/loans?epsilon=%3Cscript%3E", headers=ours).text) == []
    elsewhere = {**ours, "sec-fetch-site": "same-site"}  # a notebook's page
    assert ana.get("/piece/applications/worth/loans?epsilon=1", headers=elsewhere).status_code in (303, 401)


def test_there_are_no_steps_for_what_is_not_applied_for(world: World) -> None:
    ana = world.browser("ana")
    for name in ("inspections", "tax_files"):
        shown = ana.get(f"/datasets/{name}/application")
        assert (shown.status_code, shown.headers["location"]) == (303, f"/services/portal/datasets/{name}")
        assert ana.send(f"/datasets/{name}/application", project="Fair credit").status_code in (403, 422)
    assert world.browser("olga").get(START).status_code == 403


def test_only_what_was_saved_is_forgotten_by_the_browser(world: World) -> None:
    ana = begun(world)
    page = ana.get("/applications/1/steps/people?saved=start-loans").text
    assert 'data-forget="start-loans"' in page
    assert 'data-keep="1-people"' in page
    hostile = ana.get('/applications/1/steps/people?saved="><script>alert(1)</script>').text
    assert dangers(hostile) == []
    assert "data-forget" not in hostile


def test_what_a_wish_lacks_is_told_text_by_text() -> None:
    lacking = unfinished(Wish(project="Fair credit", purpose="short", output_plan=""))
    assert [one.where for one in lacking] == ["purpose", "output_plan"]
    assert unfinished(Wish(project="Fair credit", purpose=PURPOSE, output_plan="Counts by sex.")) == ()
