"""What this machine has and lacks, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.cli import processes
from sandbox.domain.errors import OperatorError, SandboxError
from sandbox.domain.site_policy import Runtime
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.engines import facts, findings, starts_ours
from sandbox.isolation.image_list import listed_images
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
    wanted = Runtime.AUTO
    try:
        wanted = read_site_policy(settings.policies / "site.yaml").containers.runtime
        yield Examined("site policy", True, str(settings.policies / "site.yaml"))
    except SandboxError as error:
        yield Examined("site policy", False, error.message, "Mend the file.")
    yield from _engine(settings, wanted)
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


def _engine(settings: Settings, wanted: Runtime) -> Iterator[Examined]:
    """The container engine, the images, and whether a locked container runs."""
    try:
        containers = Containers.of_this_host()
    except OperatorError as error:
        yield Examined("container engine", False, error.message, error.fix)
        return
    try:
        for found in findings(facts(containers.client), remapped_to=settings.remapped_to):
            yield Examined("container engine", found.good, found.state, found.fix)
        images = Images.read(settings.images_file)
        for image in listed_images(settings.images_file):
            state = f"{image.digest[:19]}…, {image.packages or 'no list of'} packages"
            if image.there:
                yield Examined(f"image {image.role}", True, state)
            else:
                gone = f"{image.tag} ({image.digest[:19]}…) is gone"
                yield Examined(f"image {image.role}", False, gone, "Build the images: make images.")
        if not images.r:
            yield Examined(
                "image r", True, "not built, so jobs in R are refused", "Build it: sandbox images build r."
            )
        started = starts_ours(containers.client, wanted, image=images.gate)
        yield Examined("locked container", started.good, started.state, started.fix)
    except OperatorError as error:
        yield Examined("images", False, error.message, error.fix)
    finally:
        containers.client.close()


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
