"""A program prepares and publishes a dataset: the pages' journey, by JSON; and nobody else comes near it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.portal.example_world import Door, World
from tests.portal.test_publish_pages import FARMS

POLICY_ADDED = """
provider: Ministry of Agriculture
source: Farm register
licence: CC0
unit: {column: farm_id, noun: farm}
"""


def begun(door: Door, **more: str) -> dict[str, Any]:
    made = door.post("/drafts", json={"name": "farms", "title": "Farms", **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


def given(door: Door, draft: dict[str, Any], content: bytes = FARMS, name: str = "farms.csv") -> Any:
    return door.request("PUT", f"/drafts/{draft['id']}/files/farms?name={name}", content=content)


def written(door: Door, draft: dict[str, Any], text: str, mark: str = "") -> Any:
    body = {"policy": text, "mark": mark or draft["mark"]}
    return door.request("PUT", f"/drafts/{draft['id']}/policy", json=body)


def test_from_a_name_to_a_published_dataset(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, open_class="unconditional")
    assert draft["missing_files"] == []
    assert {"provider", "source", "licence"} <= {one["key"] for one in draft["mistakes"]}
    with_file = given(olga, draft).json()
    assert [c["name"] for c in with_file["files"]["farms"]["columns"]] == [
        "farm_id", "region", "hectares", "founded", "organic",
    ]  # fmt: skip
    ready = written(olga, with_file, with_file["policy"] + POLICY_ADDED).json()
    assert (ready["mistakes"], ready["problems"]) == ([], [])
    assert "publish" in ready["allowed_actions"]
    assert {one["about"] for one in ready["means"]} >= {"open_class"}
    report = olga.post(f"/drafts/{draft['id']}/publish")
    assert report.status_code == 200, report.text
    assert report.json()["dataset"] == "farms"
    assert olga.get(f"/drafts/{draft['id']}").status_code == 404
    assert world.program().get("/datasets/farms").status_code == 200


def test_no_count_of_rows_and_no_row_is_told(world: World) -> None:
    olga = world.program("olga")
    answer = given(olga, begun(olga))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["files"]["farms"]) == {"called", "bytes", "sha256", "columns"}
    assert "1910-03-01" not in answer.text


def test_a_change_that_loosens_is_proposed_and_one_that_tightens_holds(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, changes="loans")
    assert draft["changes"] is True
    text = draft["policy"]
    (days,) = re.findall(r"max_days: ([0-9]+)", text)
    looser = written(olga, draft, text.replace(f"max_days: {days}", f"max_days: {int(days) + 30}")).json()
    assert looser["comparison"]["second_person"] == ["access.max_days"]
    assert "propose" in looser["allowed_actions"]
    assert olga.post(f"/drafts/{draft['id']}/propose", json={}).status_code == 422  # why?
    applied = olga.post(f"/drafts/{draft['id']}/propose", json={"reason": "Longer studies need it."})
    assert applied.json()["proposal"]["state"] == "open"
    tighter = begun(olga, changes="loans")
    kept = written(olga, tighter, text.replace(f"max_days: {days}", "max_days: 60")).json()
    assert kept["comparison"]["second_person"] == []
    assert olga.post(f"/drafts/{tighter['id']}/apply").status_code == 200


def test_what_changed_meanwhile_is_not_written_over(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga)
    assert written(olga, draft, draft["policy"] + "provider: A\n").status_code == 200
    late = written(olga, draft, draft["policy"] + "provider: B\n")
    assert late.status_code == 409
    assert "provider: A" in olga.get(f"/drafts/{draft['id']}").json()["policy"]


def test_mistakes_are_told_with_their_lines_and_the_text_is_kept(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga)
    kept = written(
        olga, draft, draft["policy"].replace("epsilon: '1'", "epsilon: '-1'") + "colour: red\n"
    ).json()
    assert any(one["key"] == "colour" and one["line"] > 0 for one in kept["mistakes"])
    assert kept["allowed_actions"] == ["discard"]
    refused = olga.post(f"/drafts/{draft['id']}/publish")
    assert refused.status_code == 422
    assert "colour" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("table", "name", "content", "words"),
    [
        ("farms", "farms.xlsx", FARMS, "neither CSV nor Parquet"),
        ("farms", "farms.csv", b"", "No file came"),
        ("farms", "farms.parquet", FARMS, "farms.parquet cannot be read"),
        ("Farms!", "farms.csv", FARMS, "is not a table name"),
    ],
)
def test_a_bad_file_is_refused_with_words_and_nothing_is_kept(
    world: World, table: str, name: str, content: bytes, words: str
) -> None:
    olga = world.program("olga")
    draft = begun(olga)
    refused = olga.request("PUT", f"/drafts/{draft['id']}/files/{table}?name={name}", content=content)
    assert refused.status_code in (400, 422)
    assert words in refused.json()["error"]["message"]
    assert olga.get(f"/drafts/{draft['id']}").json()["files"] == {}


def test_nobody_else_reaches_a_draft(world: World) -> None:
    draft = begun(world.program("olga"))
    for name, status in (("ana", 403), ("rita", 403), ("", 401)):
        door = world.program(name)
        for method, path, more in (
            ("GET", f"/drafts/{draft['id']}", {}),
            ("PUT", f"/drafts/{draft['id']}/policy", {"json": {"policy": "a: b\n", "mark": draft["mark"]}}),
            ("PUT", f"/drafts/{draft['id']}/files/farms?name=farms.csv", {"content": FARMS}),
            ("POST", f"/drafts/{draft['id']}/publish", {}),
            ("DELETE", f"/drafts/{draft['id']}", {}),
        ):
            assert door.request(method, path, **more).status_code == status, (name, method, path)
    admin = world.program("alma")
    assert admin.get(f"/drafts/{draft['id']}").status_code == 404
    assert world.program("olga").get(f"/drafts/{draft['id']}").status_code == 200  # the control


def test_what_is_discarded_is_gone(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga)
    given(olga, draft)
    assert olga.request("DELETE", f"/drafts/{draft['id']}/files/farms").json()["files"] == {}
    assert olga.request("DELETE", f"/drafts/{draft['id']}").status_code == 204
    assert olga.get("/drafts").json() == []
