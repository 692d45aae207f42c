"""What this machine has and lacks, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.cli import processes
from sandbox.domain.errors import OperatorError, SandboxError
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.settings import Settings
from sandbox.store.policy_files import read_site_policy

LEAST_FREE_BYTES = 5 * 2**30


@dataclass(frozen=True, slots=True)
class Examined:
    """One line of the examination."""

    name: str
    good: bool
    state: str
    fix: str = ""


def examine(settings: Settings) -> Iterator[Examined]:
    """Look at everything that the system needs; one line each."""
    try:
        version = Containers.of_this_host().client.version()["Version"]
        yield Examined("container engine", True, f"version {version}")
    except OperatorError as error:
        yield Examined("container engine", False, error.message, error.fix)
    try:
        images = Images.read(settings.images_file)
        yield Examined("images", True, images.notebook)
    except OperatorError as error:
        yield Examined("images", False, error.message, error.fix)
    try:
        read_site_policy(settings.policies / "site.yaml")
        yield Examined("site policy", True, str(settings.policies / "site.yaml"))
    except SandboxError as error:
        yield Examined("site policy", False, error.message, "Mend the file.")
    yield from _policies(settings)
    free = shutil.disk_usage(settings.home if settings.home.is_dir() else settings.home.parent).free
    yield Examined(
        "disk",
        free >= LEAST_FREE_BYTES,
        f"{free / 2**30:.0f} GiB free",
        "" if free >= LEAST_FREE_BYTES else "Free some space: images and views need 5 GiB.",
    )
    up = processes.running(settings)
    for name, answers in processes.status(settings).items():
        state = "answers" if answers else "does not answer" if up else "not started"
        yield Examined(name, answers or not up, state, "" if answers or not up else f"See {name}.log.")


def _policies(settings: Settings) -> Iterator[Examined]:
    """What holds beside what the files say; nothing before the first start."""
    if not settings.database_url and not (settings.home / "state.db").is_file():
        return
    from sandbox.wiring import build

    try:
        sandbox = build(settings)
    except SandboxError as error:
        yield Examined("policies", False, error.message, error.fix)
        return
    for note in sandbox.policy_views.standing(settings.policies):
        yield Examined(f"policy of {note.about}", note.good, note.state, note.fix)
    sandbox.store.close()
