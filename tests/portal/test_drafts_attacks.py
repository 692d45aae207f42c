"""What a draft meets while its file comes: another class, its end, a second upload, a crash. And what odd input does."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from sandbox.settings import PORTAL_PREFIX
from tests.portal.example_world import ORIGIN, World
from tests.portal.test_drafts_api import FARMS, POLICY_ADDED, begun, given, written


def upload_while(world: World, draft: dict[str, Any], meanwhile: Callable[[], object]) -> Any:
    """PUT a file in two pieces; between them something else happens."""

    async def body() -> AsyncIterator[bytes]:
        yield FARMS[:100]
        await asyncio.get_running_loop().run_in_executor(None, meanwhile)
        yield FARMS[100:]

    async def send() -> Any:
        transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
        headers = {"Authorization": "token token-of-olga", "Content-Length": str(len(FARMS))}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{ORIGIN}{PORTAL_PREFIX}/api/v1", headers=headers
        ) as client:
            return await client.put(f"/drafts/{draft['id']}/files/farms?name=farms.csv", content=body())

    return asyncio.run(send())


def lying(world: World) -> set[str]:
    state = world.home / "state"
    return {
        str(p.relative_to(state))
        for top in ("raw", "drafts")
        for p in (state / top).rglob("*")
        if p.is_file()
    }


def test_a_conditional_datasets_file_lies_closed_whatever_changed_while_it_came(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, open_class="unconditional")

    def meanwhile() -> None:
        text = draft["policy"].replace("unconditional", "conditional")
        assert written(world.program("olga"), draft, text).status_code == 200

    upload_while(world, draft, meanwhile)
    now = olga.get(f"/drafts/{draft['id']}").json()
    assert now["open_class"] == "conditional"
    open_files = [
        p for p in (world.home / "state").rglob("*") if p.is_file() and FARMS[:50] in p.read_bytes()
    ]
    assert open_files == []


def test_nothing_is_left_of_a_file_whose_draft_was_discarded_while_it_came(world: World) -> None:
    olga = world.program("olga")
    before = lying(world)
    draft = begun(olga)
    upload_while(world, draft, lambda: world.program("olga").request("DELETE", f"/drafts/{draft['id']}"))
    assert lying(world) == before


def test_an_open_draft_discarded_while_its_file_came_is_no_failure(world: World) -> None:
    olga = world.program("olga")
    before = lying(world)
    draft = begun(olga, open_class="unconditional")
    answer = upload_while(
        world, draft, lambda: world.program("olga").request("DELETE", f"/drafts/{draft['id']}")
    )
    assert lying(world) == before
    assert answer.status_code < 500


def test_of_two_uploads_for_one_open_table_both_are_taken(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, open_class="unconditional")
    inner: list[Any] = []
    answer = upload_while(world, draft, lambda: inner.append(given(world.program("olga"), draft)))
    assert answer.status_code == 200
    assert inner[0].status_code < 500


def test_what_a_crash_left_stops_no_upload_and_is_removed(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, open_class="unconditional")
    half = world.home / "state" / "drafts" / draft["id"] / ".taking-farms.new.csv"
    half.write_bytes(b"what a killed portal left")
    answer = given(olga, draft)
    assert answer.status_code == 200, answer.text
    world.sandbox.prepare_dataset.clear()
    assert half.exists()  # it may be coming
    os.utime(half, (0, 0))
    world.sandbox.prepare_dataset.clear()
    assert not half.exists()


def test_a_file_of_another_kind_takes_the_place_of_the_old_one(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga, open_class="unconditional")
    given(olga, draft)
    given(olga, draft, gzip.compress(FARMS), "farms.csv.gz")
    olga.request("DELETE", f"/drafts/{draft['id']}/files/farms")
    folder = world.home / "state" / "drafts" / draft["id"]
    assert sorted(p.name for p in folder.iterdir()) == ["draft.json", "policy.yaml"]


def test_a_long_number_is_a_mistake_and_no_failure(world: World) -> None:
    olga = world.program("olga")
    draft = begun(olga)
    kept = written(olga, draft, "name: farms\na: 0x" + "f" * 6000)
    assert kept.status_code == 200, kept.text
    assert olga.get(f"/drafts/{draft['id']}").status_code == 200


def test_a_file_that_came_closed_can_be_published_or_is_a_problem(world: World) -> None:
    """The class changes to open while it comes: 'publish' is offered, and can only fail."""
    olga = world.program("olga")
    draft = begun(olga, open_class="conditional")

    def meanwhile() -> None:
        text = "name: farms\ntitle: Farms\nopen_class: unconditional\nowner: olga\n"
        assert written(world.program("olga"), draft, text).status_code == 200

    upload_while(world, draft, meanwhile)
    now = olga.get(f"/drafts/{draft['id']}").json()
    assert now["files"] == {}  # it was refused, and may be sent again
    ready = written(olga, now, now["policy"] + POLICY_ADDED).json()
    assert "publish" not in ready["allowed_actions"]
    given(olga, ready)
    answer = olga.post(f"/drafts/{draft['id']}/publish")
    assert answer.status_code == 200, answer.text


def test_a_notebook_that_announces_a_large_file_is_refused_and_no_failure(world: World) -> None:
    draft = begun(world.program("olga"))
    notebook = world.program(token="notebook-1-of-olga")
    answer = notebook.put(
        f"/drafts/{draft['id']}/files/farms?name=f.csv", content=b"x", headers={"Content-Length": str(10**9)}
    )
    assert answer.status_code in (403, 413), answer.text
