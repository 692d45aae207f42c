"""Files that ask to come in: read from the notebook's own folders, plain and one by one.

The platform trusts none of this; it is here so that a mistake is named before anything is sent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sandbox.client.errors import BadInput, TooLarge
from sandbox.client.words import table_html

NOTEBOOK_BYTES = (
    8 * 2**20 - 2**16
)  # of one request: what passes the gate, and room for what is written around it
IMPORTS = Path("/imports")  # where what was let in is seen

PathLike = str | os.PathLike[str]


def read_files(wanted: PathLike | Iterable[PathLike], *, most: int) -> list[tuple[str, bytes]]:
    """Read plain files.

    Args:
        most: bytes of all together.

    Returns:
        (bare name, content) of each.

    Raises:
        BadInput: a link, a folder, or none at all.
        TooLarge: together above the limit.
    """
    several = [wanted] if isinstance(wanted, (str, os.PathLike)) else list(wanted)
    if not several:
        raise BadInput("No file was named.", fix="Name one or several.")
    files = [(Path(one).name, _content(Path(one), most)) for one in several]
    total = sum(len(content) for _, content in files)
    if total > most:
        raise TooLarge(
            f"The files have {total:,} bytes together; {most:,} can be sent from here.",
            fix="Ask for larger ones on the portal, under 'Imports'.",
        )
    return files


def _content(path: Path, most: int) -> bytes:
    try:
        # NONBLOCK: a pipe under a file's name must not hang the notebook.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as refused:
        raise BadInput(
            f"{path} is not there, is a link or cannot be opened.", fix="Name the file itself."
        ) from refused
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise BadInput(f"{path} is no plain file.", fix="Name the files one by one.")
        with os.fdopen(opened, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(opened)


class ImportRequest:
    """A request to bring files in, with what the checks found."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def state(self) -> str:
        return str(self.raw["state"])

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the files are seen, from the next start on; none before they are let in."""
        return tuple(Path(f["path"]) for f in self.raw["files"] if f.get("path"))

    def _headline(self) -> str:
        said = f" {self.raw['reason']}" if self.raw.get("reason") else ""
        return f"Import request {self.id} is {self.state.replace('_', ' ')}.{said}"

    def _sorted(self) -> Sequence[Mapping[str, Any]]:
        order = {"fail": 0, "review": 1, "pass": 2}
        return sorted(self.raw.get("findings", ()), key=lambda f: order.get(str(f.get("verdict")), 0))

    def __str__(self) -> str:
        lines = [self._headline()]
        for f in self._sorted():
            lines.append(f"  {f['verdict']:<6} {f['file']}: {f['reason']}")
            if f.get("fix") and f["verdict"] != "pass":
                lines.append(f"         → {f['fix']}")
        lines += [f"  {path}" for path in self.paths]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            [escape(str(f.get(k, ""))) for k in ("verdict", "file", "place", "reason", "fix")]
            for f in self._sorted()
        ]
        foot = "<br>".join(escape(str(path)) for path in self.paths)
        heads = ["verdict", "file", "place", "reason", "what to do"]
        return table_html(heads, rows, head=f"<b>{escape(self._headline())}</b>", foot=foot)
