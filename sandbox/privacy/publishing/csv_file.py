"""How a CSV file is to be read: told to DuckDB in full, from its first line alone.

DuckDB can guess delimiter, quotes and header from the rows. A guess may take a person's row for the header and skip
the real one; so nothing is left to guess.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from io import TextIOWrapper
from pathlib import Path

from sandbox.domain.errors import BadInput
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files
from sandbox.privacy.engines.duck import quoted

_DELIMITERS = ",;\t|"
_LONGEST_HEADER = 1 << 20  # characters


def csv_reader(raw: Path, files: Files = AS_THEY_ARE) -> str:
    """The SQL table function that reads the file, every cell as text.

    Raises:
        BadInput: no header, one that cannot be read, or one with the same name twice.
    """
    line = _first_line(raw, files)
    if not line.strip():
        raise BadInput(
            f"{raw.name} has no header.", where=f"{raw.name}:1", fix="Write the columns' names first."
        )
    delimiter = max(_DELIMITERS, key=line.count)  # the first of equals, so a comma for a single column
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        raise BadInput(f"{raw.name} cannot be read.", where=f"{raw.name}:1", fix="Mend its header.") from None
    names = [name or f"column_{place}" for place, name in enumerate(names)]  # a row index has no name
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise BadInput(
                f"{raw.name} has two columns {name.lower()!r}.", where=f"{raw.name}:1", fix="Rename one."
            )
        seen.add(name.lower())
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quoted(files.source(raw))}, auto_detect = false, header = true, columns = {{{columns}}}, "
        f"delim = {quoted(delimiter)}, quote = '\"', escape = '\"')"
    )


def _first_line(raw: Path, files: Files) -> str:
    try:
        with files.open(raw) as file:
            plain = gzip.GzipFile(fileobj=file) if raw.suffix == ".gz" else file
            with TextIOWrapper(plain, encoding="utf-8-sig", newline="") as text:
                line = text.readline(_LONGEST_HEADER)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        raise BadInput(f"{raw.name} cannot be read.", where=raw.name, fix="Save it as UTF-8 CSV.") from None
    return line.rstrip("\r\n")
