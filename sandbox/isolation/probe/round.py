"""A whole round: the control first, then every mode on every runtime, then an open notebook when one is named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.probe import ATTACKS, IN_A_CONTAINER, IN_A_NOTEBOOK
from sandbox.isolation.probe.notebook import GREETING
from sandbox.isolation.probe.report import Ended, Report, judge, row_of
from sandbox.isolation.probe.rooms import Room, attack_room, rooms
from sandbox.isolation.probe.run import End, Outcome, make, plant
from sandbox.isolation.probe.weak import weak_room

RUNTIMES = ("runc", "runsc")
Told = Callable[[str, str, int, int], None]  # (where, attack, how many so far, of how many)


@dataclass(frozen=True, slots=True)
class OpenNotebook:
    """A running notebook to attack hub, portal and gate from."""

    container: str
    where: str  # as the report calls it


def offered(containers: Containers) -> tuple[str, ...]:
    """The runtimes of ours that the engine has."""
    return tuple(name for name in RUNTIMES if name in (containers.client.info().get("Runtimes") or {}))


def attack_all(
    containers: Containers,
    *,
    images: Images,
    runtimes: tuple[str, ...],
    parent: Path,
    name: str,
    at: str,
    notebook: OpenNotebook | None = None,
    told: Told = lambda where, attack, done, of: None,
) -> Report:
    """Attack, and say what came of it. All containers and folders that it makes are gone afterwards.

    Args:
        parent: where a folder for files that are not real is made.
        name: first part of the containers' names.
        at: the time, as it is written into the report.

    Raises:
        OperatorError: the container engine does not do what it should.
    """
    attacks = ATTACKS if notebook else IN_A_CONTAINER
    folder = Path(tempfile.mkdtemp(prefix="attack-", dir=parent))
    try:
        folder.chmod(0o755)  # what is in it is mounted, and read by another user
        (folder / "weak").mkdir(mode=0o700)
        made = rooms(images, runtimes=runtimes, folder=folder)
        of = len(attacks) + len(IN_A_CONTAINER) * len(made) + (len(IN_A_NOTEBOOK) if notebook else 0)
        done = 0

        def tell(where: str, outcome: Outcome) -> Outcome:
            nonlocal done
            done += 1
            told(where, outcome.attack.name, done, of)
            return outcome

        with weak_room(containers, images, folder=folder / "weak", name=name) as weak:
            plant(containers, weak.neighbour, attacks)
            controls = {
                o.attack.name: tell("the control", o) for o in make(containers, weak.attacked, attacks)
            }
        ends: dict[str, dict[str, Ended]] = {attack.name: {} for attack in attacks}
        for room in made:
            for outcome in attack_room(containers, room, IN_A_CONTAINER, name=name):
                ends[outcome.attack.name][room.where] = _judged(tell(room.where, outcome), room)
        if notebook:
            for outcome in make(containers, notebook.container, (GREETING, *IN_A_NOTEBOOK, GREETING)):
                if outcome.attack is GREETING:
                    _alive(outcome, notebook)
                    continue
                tell(notebook.where, outcome)
                ends[outcome.attack.name][notebook.where] = judge(outcome, mode="", runtime="")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Report(
        at=at,
        versions=_versions(containers, images),
        rows=tuple(
            row_of(attack, controls[attack.name], ends[attack.name], lacking=weak.lacking)
            for attack in attacks
        ),
        left_out=(
            *(
                f"runtime {name}: the container engine does not have it"
                for name in RUNTIMES
                if name not in runtimes
            ),
            *(() if images.r else ("jobs in R: their image was not built",)),
            *(() if notebook else ("hub, portal and gate: no open notebook was named",)),
        ),
    )


def _alive(outcome: Outcome, notebook: OpenNotebook) -> None:
    if outcome.end is not End.GOT_IN:
        raise OperatorError(
            f"The {notebook.where} does not reach its gate ({outcome.words}): what it is refused proves nothing.",
            fix="See 'sandbox status'; then open the notebook anew, and run it again.",
        )


def _judged(outcome: Outcome, room: Room) -> Ended:
    return judge(outcome, mode=room.mode, runtime=room.runtime)


def _versions(containers: Containers, images: Images) -> dict[str, str]:
    version = containers.client.version()
    image: dict[str, Any] = containers.client.inspect_image(images.notebook)  # type: ignore[no-untyped-call]
    in_r = {"image of jobs in R": images.r} if images.r else {}
    return {
        "kernel": str(version.get("KernelVersion", "")),
        "container engine": str(version.get("Version", "")),
        "image of notebooks": f"{images.notebook}, {image['Id']}",
        **in_r,
    }
