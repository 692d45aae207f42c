"""Health, for administrators: each part is ok, worth a look or down, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.domain.notice_choices import Channel, Sending
from sandbox.flows.look_at_health import Condition, LookAtHealth, PartHealth
from sandbox.isolation.image_list import BuiltImage
from sandbox.portal.requests import PIECES
from sandbox.settings import PORTAL_PREFIX
from tests.portal.example_world import World
from tests.portal.markup import text_of

OURS = {
    "sec-fetch-site": "same-origin",
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "hx-request": "true",
}


def _fails() -> bool:
    raise RuntimeError("a probe that breaks")


def _look(world: World, **probes: Callable[[], bool]) -> LookAtHealth:
    image = BuiltImage("notebook", "sandbox-notebook:1", "sha256:" + "a" * 64)
    return replace(world.sandbox.look_at_health, probes=probes, images=lambda: (image,))


@pytest.fixture
def staffed(world: World) -> Iterator[World]:
    """Its processes are said to answer, but one."""
    before = world.app.state.sandbox
    look = _look(world, engine=lambda: True, hub=lambda: False, gate=_fails)
    world.app.state.sandbox = replace(before, look_at_health=look)
    yield world
    world.app.state.sandbox = before


def _conditions(world: World, look: LookAtHealth) -> dict[str, Condition]:
    return {part.name: part.condition for part in look(world.person("alma"))}


def test_each_part_says_how_it_is_and_what_to_do(staffed: World) -> None:
    page = text_of(staffed.browser("alma").get("/health").text)
    assert "It does not answer." in page
    assert "Read hub.log" in page
    assert "Read gate.log" in page  # a probe that breaks is a part that is down
    assert "Read engine.log" not in page
    assert "sandbox-notebook:1" in page
    assert "sandbox doctor --attack" in page


def test_the_piece_is_the_page_s_and_for_its_person_only(staffed: World) -> None:
    alma = staffed.browser("alma")
    page = alma.get("/health").text
    assert f'hx-get="{PIECES}health"' in page
    piece = alma.get("/piece/health", headers=OURS)
    assert piece.status_code == 200
    assert "Read hub.log" in piece.text
    assert "<html" not in piece.text
    assert "form_token" not in piece.text
    foreign = {**OURS, "sec-fetch-site": "same-site"}  # as a notebook's script would ask
    refused = alma.get("/piece/health", headers=foreign)
    assert refused.status_code == 401  # as for nobody
    assert "hub.log" not in refused.text
    assert PIECES.startswith(PORTAL_PREFIX)


@pytest.mark.parametrize("name", ["ana", "olga", "rita", "august"])
def test_nobody_else_sees_health(staffed: World, name: str) -> None:
    for path in ("/health", "/piece/health"):
        answer = staffed.browser(name).get(path)
        assert answer.status_code == 403
        assert "hub.log" not in answer.text
    assert staffed.browser("").get("/piece/health").status_code == 401


def test_a_late_head_a_cut_log_and_a_full_queue_are_seen(world: World) -> None:
    look = _look(world)
    assert _conditions(world, look)["signed heads"] is Condition.LOOK  # none yet
    head = world.sandbox.store.log_tree.keep_head()
    assert _conditions(world, look)["signed heads"] is Condition.OK
    late = replace(look, now=lambda: world.sandbox.store.now() + timedelta(days=3))
    assert _conditions(world, late)["signed heads"] is Condition.LOOK
    assert _conditions(world, look)["anchor"] is Condition.OK
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM audit_log WHERE seq = {head.size}")
    assert _conditions(world, look)["anchor"] is Condition.DOWN


def test_what_does_not_leave_is_seen(world: World) -> None:
    look, outbox = _look(world), world.sandbox.store.outbox
    name = "notices to send"

    def part() -> PartHealth:
        return next(part for part in look(world.person("alma")) if part.name == name)

    def later(**much: float) -> None:
        world.clock.now += timedelta(**much)

    assert (part().condition, part().state) == (Condition.OK, "0 wait.")
    for key in ("one", "two"):
        outbox.put(key, person="ana", channel=Channel.MAIL)
    outbox.gather(1, person="ana", channel=Channel.WEBHOOK, due=world.clock.now + timedelta(hours=5))
    assert (part().condition, part().state) == (Condition.OK, "3 wait.")
    later(minutes=30)
    assert part().state == "3 wait; 2 were never tried, the oldest is of 2025-03-10 09:30 UTC."
    assert "process post" in part().fix
    one, two = outbox.due(Channel.MAIL)
    outbox.later(one, due=world.clock.now + timedelta(minutes=1), failure="The server is away.")
    assert part().state == "3 wait; 1 could not be sent yet, the oldest is of 2025-03-10 09:30 UTC."
    assert "sandbox notices outbox" in part().fix
    outbox.end(one, Sending.GIVEN_UP, failure="The server is away.")
    outbox.end(two, Sending.SENT)
    assert part().condition is Condition.LOOK
    assert part().state == "1 wait; 1 were given up within the last 7 days."
    later(days=8)
    outbox.end(outbox.due(Channel.WEBHOOK)[0], Sending.DROPPED)
    assert part().condition is Condition.OK  # it was seen, or nobody wants it
    assert "notices to send" in text_of(world.browser("alma").get("/health").text)
