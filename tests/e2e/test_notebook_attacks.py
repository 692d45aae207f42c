"""The red team in a locked container, and, as its control, in a weak one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.isolation.containers import Containers
from sandbox.isolation.probe import ATTACKS, Attack
from sandbox.isolation.probe.run import End, Outcome, run_attacks
from tests.e2e.rooms import SLEEP, locked, started, weak_room

pytestmark = pytest.mark.e2e

Ends = dict[str, Outcome]

# A kernel without the feature cannot show that the attack works; one with it must.
ABSENT = ("Address family not supported", "Function not implemented")


@pytest.fixture(scope="module")
def in_the_locked_room() -> Iterator[Ends]:
    containers = Containers.of_this_host()
    with started(containers, locked(), "locked", SLEEP) as container:
        yield {o.attack.name: o for o in run_attacks(containers.client, container, ATTACKS)}
    containers.client.close()


@pytest.fixture(scope="module")
def in_the_weak_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    containers = Containers.of_this_host()
    folder: Path = tmp_path_factory.mktemp("weak")
    with weak_room(folder) as container:
        yield {o.attack.name: o for o in run_attacks(containers.client, container, ATTACKS)}
    containers.client.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_a_locked_room_refuses_to(attack: Attack, in_the_locked_room: Ends) -> None:
    outcome = in_the_locked_room[attack.name]
    assert outcome.end is End.REFUSED, outcome.words


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_a_weak_room_lets(attack: Attack, in_the_weak_room: Ends) -> None:
    outcome = in_the_weak_room[attack.name]
    if any(words in outcome.words for words in ABSENT):
        pytest.skip(f"the kernel of this machine has none: {outcome.words}")
    assert outcome.end is End.GOT_IN, outcome.words
