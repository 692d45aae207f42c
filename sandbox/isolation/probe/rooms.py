"""The containers that are attacked: each mode's own profile, small, so that a round is bounded in memory and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import JobLimits, NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_profile import job_profile
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.probe.attack import Attack
from sandbox.isolation.probe.run import Outcome, make_from_the_start, planted
from sandbox.isolation.profile import Shown, profile

SMALL = NotebookLimits(memory_mib=256, cpus=1, home_mib=32, tmp_mib=32, processes=256)

SMALL_JOB = JobLimits(memory_mib=256, cpus=1, work_mib=32, output_mib=8, processes=256)


@dataclass(frozen=True, slots=True)
class Room:
    """What is attacked: the container of one person, and that of a neighbour in the same project.

    Attributes:
        language: where a mode has an image for each; empty for the one that every installation has.
    """

    mode: str
    runtime: str
    attacked: ContainerSettings
    neighbour: ContainerSettings
    language: str = ""

    @property
    def where(self) -> str:
        return f"{self.mode}{f' in {self.language}' if self.language else ''}, {self.runtime}"


def rooms(images: Images, *, runtimes: tuple[str, ...], folder: Path) -> tuple[Room, ...]:
    """A room of each mode on each runtime; and of jobs in R where their image was built.

    Args:
        folder: an empty folder, closed to others, for rows and files that are not real.
    """
    imports = _folder(folder / "imports", "list.txt", "what was let in\n")
    ours, theirs = (_folder(folder / name, "rows.csv", "not,a,row\n") for name in ("extract-1", "extract-2"))
    made = []
    for runtime in runtimes:
        for mode, chosen, language in _images(images):
            attacked, neighbour = (
                _settings(mode, number, images=chosen, rows=rows, imports=imports, runtime=runtime)
                for number, rows in ((1, ours), (2, theirs))
            )
            made.append(Room(str(mode), runtime, attacked, neighbour, language))
    return tuple(made)


def _images(images: Images) -> tuple[tuple[Mode, Images, str], ...]:
    """Each mode with its images, and what sets a second one of a mode apart."""
    rooms = tuple((mode, images, "") for mode in Mode)
    return (*rooms, (Mode.JOB, replace(images, notebook=images.r), "R")) if images.r else rooms


def _settings(
    mode: Mode, number: int, *, images: Images, rows: Path, imports: Path, runtime: str
) -> ContainerSettings:
    """In mode job, the container that runs the sent code; in the others, the notebook."""
    if mode is Mode.JOB:
        settings = job_profile(
            number,
            image=images.notebook,
            limits=SMALL_JOB,
            seccomp=own_seccomp(),
            data=rows,
            imports=imports,
            runtime=runtime,
        )
    else:
        settings = profile(
            _grant(number, mode),
            limits=SMALL,
            images=images,
            seccomp=own_seccomp(),
            shown=Shown(data=rows if mode is Mode.ROOM else None, imports=imports),
            runtime=runtime,
        )
    return _labelled(settings)


def attack_room(
    containers: Containers, room: Room, attacks: Sequence[Attack], *, name: str
) -> Iterator[Outcome]:
    """Make the attacks that are attacks in this mode; both containers are gone afterwards.

    Args:
        name: first part of the containers' names.
    """
    own = [a for a in attacks if room.mode in a.rooms]
    with planted(containers, room.neighbour, own, name=f"{name}-neighbour"):
        yield from make_from_the_start(containers, room.attacked, own, name=f"{name}-{room.mode}")


def _grant(number: int, mode: Mode) -> Grant:
    return Grant(
        id=number,
        person=f"probe-{number}",
        dataset="probe",
        project="probe",
        purpose="",
        mode=mode,
        starts=date(2020, 1, 1),
        ends=date(2099, 1, 1),
        agreement_hash="0" * 64,
    )


def _labelled(settings: ContainerSettings) -> ContainerSettings:
    """The same, but for its label: a hub that looks for its notebooks does not find it."""
    labels = {"sandbox.kind": "attack"}
    return ContainerSettings(
        tuple(replace(row, value=labels) if row.key == "labels" else row for row in settings.rows)
    )


def _folder(path: Path, name: str, text: str) -> Path:
    path.mkdir()
    path.chmod(0o755)
    (path / name).write_text(text)
    (path / name).chmod(0o644)
    return path
