"""The reviewers' queue, its figures and the next turn of a request, through the API and the pages."""

from __future__ import annotations

import pytest

from sandbox.domain.release import Decision
from tests.portal.example_world import GOOD_TABLE, World

BACK = (("rita", Decision.RETURN, "Say which year."), ("ravi", Decision.RETURN, "Name the population."))
OTHER_TABLE = b"sex,n\nfemale,95\nmale,105\n"


def again(world: World, number: int, version: int, *, who: str = "ana", content: bytes = OTHER_TABLE) -> int:
    sent = world.program(who).post(
        f"/releases/{number}/resubmit",
        data={"version": str(version), "context": "Loan applicants by sex in 2024."},
        files=[("files", ("by_sex.csv", content, "text/csv"))],
    )
    return sent.status_code


def test_a_returned_request_is_handed_in_again_by_its_requester_alone(world: World) -> None:
    release = world.voted(world.submitted(world.granted()), *BACK)
    ana = world.program("ana")
    seen = ana.get(f"/releases/{release.id}").json()
    assert set(seen["allowed_actions"]) == {"resubmit", "withdraw"}
    assert again(world, release.id, seen["version"], who="rita") == 404
    assert again(world, release.id, seen["version"] - 1) == 409
    assert again(world, release.id, seen["version"]) == 200
    now = ana.get(f"/releases/{release.id}").json()
    assert (now["turn"], now["status"], now["votes"]) == (2, "submitted", [])
    assert [v["reviewer"] for v in now["early_votes"]] == ["reviewer 1", "reviewer 2"]
    assert {
        v["reviewer"] for v in world.program("rosa").get(f"/releases/{release.id}").json()["early_votes"]
    } == {
        "rita",
        "ravi",
    }
    assert "Earlier votes" in world.browser("ana").get(f"/releases/{release.id}").text


def test_the_queue_has_a_deadline_and_figures_are_for_those_concerned(world: World) -> None:
    release = world.submitted(world.granted())
    (waiting,) = world.program("rita").get("/releases/queue").json()
    assert (waiting["id"], waiting["due"], waiting["overdue_days"]) == (release.id, "2025-03-17", 0)
    world.voted(release, *BACK)
    (line,) = world.program("olga").get("/releases/turnaround").json()
    assert (line["dataset"], line["decided"], line["decisions"]["return"]) == ("loans", 1, 1)
    assert world.program("ana").get("/releases/turnaround").json() == []
    assert world.program("ana").get("/releases/queue").status_code == 403


@pytest.mark.parametrize("builds_on", ["x", "1;2", "-1", "9" * 20])
def test_earlier_releases_are_numbers(world: World, builds_on: str) -> None:
    world.granted()
    sent = world.program("ana").post(
        "/releases",
        data={"context": "Loan applicants by sex.", "dataset": "loans", "builds_on": builds_on},
        files=[("files", ("by_sex.csv", GOOD_TABLE, "text/csv"))],
    )
    assert (sent.status_code, sent.json()["error"]["where"]) == (422, "builds_on")


def test_a_page_of_a_split_tells_the_words_and_not_who_said_them(world: World) -> None:
    release = world.voted(
        world.submitted(world.granted()),
        ("rosa", Decision.APPROVE, "Large enough."),
        ("ravi", Decision.RETURN, "Say which year."),
    )
    page = world.browser("rita").get(f"/releases/{release.id}").text
    assert "Say which year." in page
    assert "rosa" not in page
    assert "ravi" not in page
    assert "Say which year." not in world.browser("ana").get(f"/releases/{release.id}").text
