"""Where a notebook's sockets are, and how they are reached.

``<run folder>/<person>/<server>/opening.json``   who may use it; the gate's alone
``<run folder>/<person>/<server>/sockets/in.sock``   made by the carrier; leads to the notebook's server
``<run folder>/<person>/<server>/sockets/out.sock``  made by the gate; leads to the hub and the portal
``<run folder>/_shown/<person>.<server>.json``  what it has shown, in mode room; stays when the rest goes
``<run folder>/control.sock``                     opens and closes; its owner only

Only ``sockets`` is mounted into the carrier. Nothing in it is trusted: what stands there is opened without
following a link, and has to be a socket. Paths go through ``/proc/self/fd``, since a socket's address has to be
shorter than 108 bytes, and a checkout may lie deep.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.errors import BadInput
from sandbox.domain.people import NAME

_SERVER = re.compile(r"grant-[1-9][0-9]{0,8}")
CONTROL = "control.sock"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one notebook."""

    run_dir: Path
    person: str
    server: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.person) or not _SERVER.fullmatch(self.server):
            raise BadInput(
                f"{self.person[:40]!r} and {self.server[:40]!r} name no notebook.",
                where="server",
                fix="A notebook is named by a user name and grant-<number>.",
            )

    @property
    def folder(self) -> Path:
        return self.run_dir / self.person / self.server

    @property
    def opening(self) -> Path:
        return self.folder / "opening.json"

    @property
    def sockets(self) -> Path:
        return self.folder / "sockets"

    @property
    def shown(self) -> Path:
        """Its totals; no person has a name like this folder's."""
        return self.run_dir / "_shown" / f"{self.person}.{self.server}.json"

    def make(self) -> None:
        """Make the folders: all closed to others, but for the one that the carrier gets (it is another user)."""
        for folder in (self.run_dir, self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sockets.mkdir(exist_ok=True)
        self.sockets.chmod(0o777)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.parent.rmdir()
        except OSError:
            return  # the person has another notebook


def listening(folder: Path, name: str, *, mode: int) -> socket.socket:
    """A listening unix socket in a folder; one that a crash left there is replaced."""
    (folder / name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    at = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # By umask and not by a chmod afterwards, which would follow a link put there in between.
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(f"/proc/self/fd/{at}/{name}")
        finally:
            os.umask(before)
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(at)
    return listener


def open_socket(path: Path) -> tuple[int, tuple[int, int]]:
    """A handle on a socket in a folder that others can write to. Connect to ``/proc/self/fd/<handle>``.

    Returns:
        A descriptor to close, and the (device, inode) that it stands for.

    Raises:
        OSError: nothing is there, or it is a link or another kind of file.
    """
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(handle)
    if not stat.S_ISSOCK(found.st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is not a socket")
    return handle, (found.st_dev, found.st_ino)
