"""Application files: YAML, read with the same care as policy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.domain.errors import BadInput
from sandbox.store.policy_files import read_plain


def read_application(path: Path) -> dict[str, Any]:
    """What a file asks for, as plain values: the keys of ``POST /applications``.

    Raises:
        PolicyRefused: it cannot be read; with file and line.
        BadInput: no such file.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", where=str(path), fix="Check the path.")
    wanted = read_plain(path)
    if isinstance(wanted.get("epsilon"), (int, float)):
        wanted["epsilon"] = str(wanted["epsilon"])  # people write 0.5 without quotes
    return wanted
