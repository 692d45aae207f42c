"""Units whose rows no version holds any more, because somebody objected and was right.

Each is named in a file of its own beside the raw files, which the engine alone reads. A version says by a keyed mark
which files it was made without: its name changes with each of them, whether the unit was in the data or not, so that
nobody learns from a version's name who is in them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sandbox.domain.errors import OperatorError, SandboxError
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files

_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Withheld:
    """Whom to leave out.

    Attributes:
        files: the names of the files that say it.
        units: what they say.
    """

    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def mark(self, salt: bytes) -> str:
        """The keyed mark of the files; empty when nobody is left out."""
        if not self.files:
            return ""
        return hmac.new(salt, f"withheld {sorted(set(self.files))}".encode(), hashlib.sha256).hexdigest()

    def said(self, rows: int) -> Iterator[str]:
        """For the owner alone: how much was left out."""
        if self.files:
            named = len(set(self.files))
            yield f"Rows left out because objections withhold their units: {rows:,} ({named} units named)."


NOBODY = Withheld()


def read_withheld(paths: Sequence[Path], files: Files = AS_THEY_ARE) -> Withheld:
    """Whom the files name.

    Raises:
        OperatorError: one cannot be read. Without it nothing is published: it would bring somebody back.
    """
    units = []
    for path in paths:
        try:
            with files.open(path) as file:
                unit = file.read(_MAX_BYTES + 1).decode().strip()
        except (OSError, UnicodeDecodeError, SandboxError):
            unit = ""
        if not unit or len(unit) > _MAX_BYTES:
            raise OperatorError(
                f"The file {path.name}, which names a unit to leave out, cannot be read.",
                fix="Restore it from the backup of the raw files; nothing was published.",
            )
        units.append(unit)
    return Withheld(tuple(path.name for path in paths), tuple(units))


def leave_out(connection: duckdb.DuckDBPyConnection, withheld: Withheld) -> int:
    """Take the rows of withheld units out of the table ``typed``; returns how many.

    A name counts however it is spelled: upper or lower case, composed or not, and 7 as 007 or 7.0.
    """
    if not withheld.units:
        return 0
    name, unit = "lower(nfc_normalize(_name))", "lower(nfc_normalize(u.unit))"
    number = "TRY_CAST({} AS DECIMAL(38, 6))"
    same = f"{name} = {unit} OR {number.format('_name')} = {number.format('u.unit')}"
    units = "(SELECT trim(unnest($units)) AS unit) AS u"
    gone = connection.execute(
        f"DELETE FROM typed WHERE _name IS NOT NULL AND EXISTS (SELECT 1 FROM {units} WHERE {same})",  # noqa: S608 - constants
        {"units": list(withheld.units)},
    ).fetchall()
    return int(gone[0][0])
