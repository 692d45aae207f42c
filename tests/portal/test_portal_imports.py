"""Bringing files in through the portal: pages, programs, and what somebody could try there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from sandbox.domain.import_request import ImportState
from sandbox.domain.policy import Mode
from sandbox.portal import AROUND_BYTES, MAX_BODY_BYTES, MAX_IMPORT_BODY_BYTES, api, pages
from tests.portal.example_world import LOANS, World, loans_csv
from tests.portal.markup import dangers, text_of
from tests.wheels import CODE, wheel

TABLE = b"region,rate\nnorth,0.1\nsouth,0.2\n"
WHY = "Unemployment by region, to lie beside the loans."


def sent(world: World, *files: tuple[str, bytes], name: str = "ana", **fields: Any) -> httpx.Response:
    return world.program(name).post(
        "/imports",
        data={"why": WHY, **fields},
        files=[("files", f) for f in files or (("regions.csv", TABLE),)],
    )


def through_the_form(world: World, grant: int, *files: tuple[str, bytes], why: str = WHY) -> httpx.Response:
    browser = world.browser("ana")
    return browser.post(
        "/imports",
        data={"form_token": browser.form_token("/imports/new"), "grant": str(grant), "why": why},
        files=[("files", f) for f in files or (("regions.csv", TABLE),)],
    )


def test_the_way_in_through_the_pages(world: World) -> None:
    grant = world.granted()
    answer = through_the_form(world, grant.id, ("regions.csv", TABLE), wheel())
    assert answer.headers["location"].endswith("/imports/1?done=import-asked")
    page = text_of(world.browser("ana").get("/imports/1").text)
    assert "waiting" in page
    assert "Take the request back" in page
    assert "Let them in" not in page
    assert "Your decision" not in page
    queue = world.browser("olga").get("/imports").text
    assert "regions.csv" in queue
    looked = text_of(world.browser("olga").get("/imports/1").text)
    for words in ("north", "0.1", "kind-words 1.0", "Let them in", "Not scanned for malware"):
        assert words in looked
    sent_back = world.browser("olga").send("/imports/1/let_in", version="2", days="30")
    assert sent_back.status_code == 303
    seen = text_of(world.browser("ana").get("/imports/1").text)
    assert "/imports/files/regions.csv" in seen
    assert "/imports/python" in seen
    place = world.sandbox.import_files.folder(grant)
    assert place is not None
    assert (place / "files" / "regions.csv").read_bytes() == TABLE
    assert (place / "python" / "kind_words" / "__init__.py").read_bytes() == CODE["kind_words/__init__.py"]
    world.browser("olga").send("/imports/1/remove", reason="No longer needed.")
    assert world.sandbox.import_files.folder(grant) is None


def test_a_mistake_brings_the_form_back_with_what_was_written(world: World) -> None:
    grant = world.granted()
    answer = through_the_form(world, grant.id, why="too short")
    assert answer.status_code == 422
    assert "too short" in answer.text
    answer = through_the_form(world, 99)
    assert answer.status_code == 404
    assert WHY in answer.text
    world.sandbox.import_files.ask(world.person("ana"), grant, files=[("t.csv", TABLE)], why=WHY)
    answer = world.browser("olga").send("/imports/1/let_in", version="2", days="soon")
    assert "no number of days" in answer.text
    answer = world.browser("olga").send("/imports/1/let_in", version="1")
    assert answer.status_code == 409
    answer = world.browser("olga").send("/imports/1/refuse", version="2", reason="no")
    assert answer.status_code == 422


def test_the_way_in_by_a_program(world: World) -> None:
    grant = world.granted()
    document = sent(world, grant=grant.id).json()
    assert (document["state"], document["allowed_actions"]) == ("waiting", ["withdraw"])
    assert document["files"][0]["path"] is None
    for_olga = world.program("olga").get("/imports/queue").json()
    assert for_olga[0]["allowed_actions"] == ["let_in", "refuse"]
    shown = world.program("olga").get("/imports/1/files/regions.csv").json()
    assert shown["text"] == TABLE.decode()
    assert world.program("olga").post("/imports/1/let_in", json={}).status_code == 409  # nobody looked at it
    done = world.program("olga").post("/imports/1/let_in", json={"version": 2, "days": 3}).json()
    assert (done["state"], done["allowed_actions"]) == ("let_in", ["remove"])
    mine = world.program("ana").get("/imports").json()
    assert mine[0]["files"][0]["path"] == "/imports/files/regions.csv"
    assert world.program("ana").post("/imports/1/nonsense", json={}).status_code == 404
    assert world.program("ana").post("/imports/1/remove", json={"reason": "Done with it."}).status_code == 200


@pytest.mark.parametrize("name", ["ben", "oscar", "rita", "august"])
def test_for_others_there_is_no_such_request(world: World, name: str) -> None:
    world.granted()
    sent(world)
    for path in ("/imports/1", "/imports/1/files/regions.csv"):
        assert world.program(name).get(path).status_code == 404
    assert world.browser(name).get("/imports/1").status_code == 404
    for verb in ("let_in", "refuse", "remove", "withdraw"):
        answer = world.program(name).post(
            f"/imports/1/{verb}", json={"version": 2, "reason": "For no reason."}
        )
        assert answer.status_code == 404
    assert world.sandbox.store.imports.get(1).state is ImportState.WAITING  # type: ignore[union-attr]


def test_who_asked_does_not_decide_and_is_not_handed_the_file_back(world: World) -> None:
    world.granted()
    sent(world)
    answer = world.program("ana").post("/imports/1/let_in", json={"version": 2})
    assert answer.status_code == 403
    assert answer.json()["error"]["clause"] == "separation of duties"
    assert world.program("ana").get("/imports/1/files/regions.csv").status_code == 404
    assert "north" not in world.browser("ana").get("/imports/1").text
    assert "north" in world.browser("olga").get("/imports/1").text  # the control


# --- notebooks


def test_a_notebook_asks_for_its_own_grant_and_decides_nothing(world: World) -> None:
    grant, other = world.granted(), world.granted(project="Another")
    inside = world.program(token=f"notebook-{grant.id}-of-ana")
    files = [("files", ("regions.csv", TABLE))]
    made = inside.post("/imports", data={"why": WHY}, files=files)
    assert (made.status_code, made.json()["grant"]) == (201, grant.id)
    refused = inside.post("/imports", data={"why": WHY, "grant": other.id}, files=files)
    assert refused.status_code == 403
    theirs = sent(world, grant=other.id).json()["id"]
    assert inside.get(f"/imports/{theirs}").status_code == 403
    assert [r["id"] for r in inside.get("/imports").json()] == [made.json()["id"]]
    assert inside.get("/imports/queue").status_code == 403
    assert inside.get("/imports/1/files/regions.csv").status_code == 403
    for verb in ("let_in", "refuse", "remove", "withdraw"):
        assert inside.post(f"/imports/1/{verb}", json={"version": 2, "reason": "Because."}).status_code == 403
    assert world.program("ana").post("/imports/1/withdraw").json()["state"] == "withdrawn"  # in person


def test_a_room_cannot_carry_rows_out_as_a_request(world: World) -> None:
    """What is asked for is read outside; a notebook with raw rows would write them into it."""
    policy = LOANS.replace("modes: [query]", "modes: [query, room]")
    world.publish("loans", policy, {"applications": loans_csv()})
    room = world.granted(project="Room", mode=Mode.ROOM)
    inside = world.program(token=f"notebook-{room.id}-of-ana")
    answer = inside.post(
        "/imports", data={"why": "17,female,own,2030,true and so on"}, files=[("files", ("r.csv", TABLE))]
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["clause"] == "mode"
    assert world.program("ana").get("/imports").json() == []
    assert sent(world, grant=room.id).status_code == 201  # the control: in person, from outside


# --- what people send


HOSTILE = "<img src=x onerror=alert(1)>\"'</textarea></pre><script>alert(1)</script>{{ 7 * 7 }}"


def test_nothing_that_comes_in_becomes_part_of_a_page(world: World) -> None:
    grant = world.granted()
    code = f"# {HOSTILE}\nx = 1\n".encode()
    table = b'region,"<script>alert(1)</script>"\n"<img src=x onerror=alert(1)>",0.1\n'
    package = wheel(
        files={**CODE, "kind_words/'onmouseover='alert(1).txt": b"x"},
        metadata=f"Summary: {HOSTILE}\nLicense: {HOSTILE}",
        extra_info={"entry_points.txt": f"[group]\na = {HOSTILE}\n".encode()},
    )
    made = world.sandbox.import_files.ask(
        world.person("ana"),
        grant,
        files=[("study.py", code), ("t.csv", table), package, ("f.json", b'"<svg onload=alert(1)>"')],
        why=f"{HOSTILE} and twenty more characters",
    )
    assert made.state is ImportState.WAITING
    for name in ("ana", "olga", "alma"):
        for path in ("/imports", "/imports/1"):
            html = world.browser(name).get(path).text
            assert dangers(html) == [], (name, path)
    shown = world.browser("olga").get("/imports/1").text
    assert shown.count("&lt;script&gt;alert(1)") >= 4
    world.browser("olga").send("/imports/1/refuse", version="2", reason=f"{HOSTILE} and more")
    assert dangers(world.browser("ana").get("/imports/1").text) == []


@pytest.mark.parametrize(
    "name",
    [
        "<script>.csv",
        "../../etc/passwd",
        "a\r\nSet-Cookie: x.csv",
        "a\u202evsc.exe",
        "",
        "a" * 500 + ".csv",
        "x;y.csv",
    ],
)
def test_a_hostile_name_is_refused_and_shown_as_text(world: World, name: str) -> None:
    grant = world.granted()
    answer = through_the_form(world, grant.id, (name, TABLE))
    assert answer.status_code == 422
    assert dangers(answer.text) == []
    assert world.sandbox.store.imports.of_requester("ana") == ()


def test_a_form_of_another_site_changes_nothing(world: World) -> None:
    changing = {
        r.path for r in pages.imports.router.routes if isinstance(r, APIRoute) and "POST" in r.methods
    }
    assert changing == {"/imports", "/imports/{import_id}/{verb}"}
    grant = world.granted()
    sent(world)
    tokens = ({}, {"form_token": ""}, {"form_token": world.browser("ben").form_token()})
    before = world.sandbox.store.log.head()
    for token in tokens:
        asked = world.browser("ana").post(
            "/imports",
            data={"grant": str(grant.id), "why": WHY, **token},
            files=[("files", ("t.csv", TABLE))],
        )
        decided = [
            world.browser(name).post(f"/imports/1/{verb}", data={"version": "2", "reason": WHY, **token})
            for name, verb in (("olga", "let_in"), ("olga", "refuse"), ("ana", "withdraw"))
        ]
        assert {answer.status_code for answer in (asked, *decided)} == {403}
    assert world.sandbox.store.log.head() == before
    assert through_the_form(world, grant.id).status_code == 303  # the control
    assert world.browser("olga").send("/imports/1/let_in", version="2").status_code == 303


# --- sizes


def test_larger_bodies_are_for_those_who_are_signed_in_and_for_imports_alone(world: World) -> None:
    assert MAX_IMPORT_BODY_BYTES == api.MAX_IMPORT_BYTES + AROUND_BYTES
    world.granted()
    large = [("files", ("large.csv", b"a\n" + b"1\n" * (MAX_BODY_BYTES // 2)))]
    for program, path, status in (
        (world.program(), "/imports", 413),
        (world.program("nobody"), "/imports", 413),
        (world.program("ana"), "/releases", 413),
        (world.program("ana"), "/imports", 201),
    ):
        answer = program.post(path, data={"why": WHY, "context": WHY}, files=large)
        assert answer.status_code == status, (path, status)


@pytest.mark.parametrize("length", [str(MAX_IMPORT_BODY_BYTES + 1), "10000000000", "9" * 30, "-1", "x"])
def test_ten_gigabytes_are_refused_by_their_length(world: World, length: str) -> None:
    headers = {"Content-Length": length, "Content-Type": "multipart/form-data; boundary=x"}
    assert world.program("ana").post("/imports", headers=headers, content=b"").status_code == 413


def test_the_site_says_how_much_comes_in(world: World) -> None:
    world.granted()
    answer = sent(world, *((f"t{n}.csv", TABLE) for n in range(21)))
    assert answer.status_code == 422
    assert "at most 20 files" in answer.json()["error"]["message"]
