"""The files of JupyterLab's own program, known by their hash.

In mode room everything that a container says is counted, since its server may have been taken over. The lab's program,
17 MiB of it, is the same for everybody: what has the hash of one of its files says nothing about rows, and is free.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from sandbox.domain.errors import OperatorError

# Run with the image's Python; prints the hash of each file that its server hands out.
PROGRAM = """
import hashlib, json, pathlib, jupyter_server, jupyterlab
roots = [pathlib.Path(m.__file__).parent / "static" for m in (jupyter_server, jupyterlab)]
roots += [pathlib.Path("/opt/venv/share/jupyter") / name for name in ("lab", "labextensions", "kernels")]
files = (f for root in roots for f in root.rglob("*") if f.is_file())
print(json.dumps(sorted({hashlib.sha256(f.read_bytes()).hexdigest() for f in files})))
"""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_assets(file: Path) -> frozenset[str]:
    """The hashes that the image build wrote; none when there is no such file: then no room can be opened.

    Raises:
        OperatorError: it is damaged.
    """
    if not file.is_file():
        return frozenset()
    try:
        hashes = json.loads(file.read_text())
    except ValueError:
        hashes = None
    if not isinstance(hashes, list) or not all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes):
        raise OperatorError(f"{file.name} is no list of hashes.", fix="Build the images: make images.")
    return frozenset(hashes)
