"""Long lists come in parts; nothing of what is there is lost between them, and nobody sees more by asking for a part."""

from __future__ import annotations

import pytest

from sandbox.domain.release import Decision, Status
from sandbox.flows import objection_views, owner_views
from sandbox.portal.pages import access, objecting, releases, review
from tests.portal.example_world import World
from tests.portal.markup import text_of


def numbered(world: World, count: int, *, out: int = 0) -> list[int]:
    """Requests of ana's; the first ``out`` of them are released."""
    grant, made = world.granted(), []
    for n in range(count):
        release = world.submitted(grant, context=f"Loan applicants by sex, for the yearly report number {n}.")
        if n < out:
            world.voted(release, ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, ""))
        made.append(release.id)
    return made


def shown(page: str, numbers: list[int]) -> list[int]:
    return [n for n in numbers if f'href="/services/portal/releases/{n}"' in page]


def test_my_outputs_come_in_parts_and_by_where_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "PER_PAGE", 2)
    made = numbered(world, 5, out=2)
    ana = world.browser("ana")
    assert shown(ana.get("/releases").text, made) == made[3:]
    assert shown(ana.get("/releases?page=2").text, made) == made[1:3]
    assert shown(ana.get("/releases?page=3").text, made) == made[:1]
    for beyond in ("0", "-4", "99"):
        assert shown(ana.get(f"/releases?page={beyond}").text, made)
    assert shown(ana.get("/releases?show=out").text, made) == made[:2]
    assert shown(ana.get("/releases?show=waiting").text, made) == made[3:]
    assert shown(ana.get("/releases?show=waiting&page=2").text, made) == made[2:3]
    assert "None of your outputs is there." in ana.get("/releases?show=ended").text
    assert shown(ana.get("/releases?show=<script>").text, made) == made[3:]
    assert shown(world.browser("ben").get("/releases").text, made) == []


def test_every_state_is_in_exactly_one_group_of_my_outputs() -> None:
    everything = [status for statuses in releases.SHOWN.values() for status in statuses]
    assert sorted(everything) == sorted(Status)


def test_programs_get_their_outputs_in_parts(world: World) -> None:
    made = numbered(world, 3)
    program = world.program("ana")
    assert [r["id"] for r in program.get("/releases").json()] == made[::-1]
    assert [r["id"] for r in program.get("/releases?offset=1&limit=1").json()] == [made[1]]
    for absurd in ("offset=-1", "limit=0", "limit=201"):
        assert program.get(f"/releases?{absurd}").status_code == 422


def test_the_queue_comes_in_parts_the_longest_waiting_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "PER_PAGE", 2)
    made, rita = numbered(world, 3), world.browser("rita")
    first = rita.get("/review").text
    assert "3 requests wait for your vote" in text_of(first)
    assert shown(first, made) == made[:2]
    assert shown(rita.get("/review?page=2").text, made) == made[2:]
    assert shown(rita.get("/review?page=2&dataset=loans&mine=waits").text, made) == made[2:]
    assert (
        'mine=waits"' in rita.get("/review?dataset=loans&mine=waits").text
    )  # the next part keeps the filters


def test_active_grants_come_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PER_PAGE", 1)
    grants = [world.granted(project=f"Project {n}") for n in range(2)]
    olga = world.browser("olga")
    parts = [text_of(olga.get(f"/decisions?page={n}").text) for n in (1, 2)]
    assert [f"Application {g.application} " in part for part in parts for g in grants] == [
        False,
        True,
        True,
        False,
    ]
    assert world.browser("ana").get("/decisions").status_code == 403


def test_owned_data_come_in_parts_suspended_ones_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_views, "PAGE", 1)
    monkeypatch.setattr(objection_views, "PAGE", 1)
    olga = world.person("olga")
    names = [world.sandbox.owner_views.data(olga, page=n)[0][0].policy.name for n in (1, 2)]
    assert (sorted(names), world.sandbox.owner_views.data(olga)[1]) == (["loans", "tax_files"], 2)
    world.sandbox.suspend_dataset.suspend(olga, "loans", reason="The source has errors.")
    ((first,), total) = world.sandbox.owner_views.data(olga)
    assert (first.policy.name, total) == ("loans", 2)
    ((held,), total) = world.sandbox.objection_views.decided_data(olga)  # nothing closed is there to suspend
    assert (held.policy.name, total) == ("loans", 1)


@pytest.mark.parametrize(("name", "seen"), [("alma", True), ("oscar", False), ("olga", True)])
def test_whoever_names_a_dataset_sees_it_only_where_they_decide(world: World, name: str, seen: bool) -> None:
    page = world.browser(name).get("/objections?dataset=loans").text
    assert ("/datasets/loans/suspend" in page) is seen
    assert "/datasets/tax_files/suspend" not in world.browser(name).get("/objections?dataset=tax_files").text


def test_an_administrator_sees_all_that_is_suspended(world: World) -> None:
    alma = world.browser("alma")
    assert "Nothing is suspended." in alma.get("/objections").text
    assert "are used here" in alma.get("/objections?dataset=nothing").text
    world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason="The source has errors.")
    assert "/datasets/loans/resume" in alma.get("/objections").text


def test_who_objects_finds_the_data_by_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objecting, "PER_PAGE", 1)
    visitor = world.browser()
    links = ["/object?dataset=loans", "/object?dataset=inspections"]
    parts = [visitor.get("/object", params={"page": n}).text for n in (1, 2)]
    assert sorted([link in part for link in links] for part in parts) == [[False, True], [True, False]]
    assert links[0] in visitor.get("/object?q=loan").text
    assert "Nothing fits this search." in visitor.get("/object?q=elephants").text
    assert "Tax files" not in visitor.get("/object?q=tax").text  # closed data are used by nobody here
    wrong = visitor.get("/object", params={"q": "?!"})
    assert (wrong.status_code, "holds no word" in wrong.text) == (422, True)


def test_public_lists_follow_what_changes(world: World) -> None:
    """They are put together once and kept; the control is that the same object comes back while nothing changes."""
    listed = world.sandbox.report_result.listed
    before = listed.all()
    assert listed.all() is before
    assert "tax_files" in before
    assert not before["loans"].suspended
    world.sandbox.suspend_dataset.suspend(world.person("olga"), "loans", reason="The source has errors.")
    assert listed.get("loans").suspended
    world.sandbox.suspend_dataset.resume(world.person("olga"), "loans", reason="The errors are mended.")
    assert not listed.get("loans").suspended
    assert listed.all()["loans"].title == "Loan applications"
