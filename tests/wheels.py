"""Wheels for tests: sound ones, and ones that lie in a single way.

>>> import io, zipfile
>>> name, data = wheel()
>>> name
'kind_words-1.0-py3-none-any.whl'
>>> sorted(zipfile.ZipFile(io.BytesIO(data)).namelist())[0]
'kind_words-1.0.dist-info/METADATA'
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence

CODE = {"kind_words/__init__.py": b"def hello():\n    return 'hello'\n"}


def wheel(
    name: str = "kind_words",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] = CODE,
    needs: Sequence[str] = (),
    metadata: str = "",
    inner_name: str = "",
    inner_tag: str = "",
    record: Mapping[str, bytes | None] | None = None,
    entries: Sequence[tuple[zipfile.ZipInfo, bytes]] = (),
    extra_info: Mapping[str, bytes] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> tuple[str, bytes]:
    """A wheel's file name and bytes.

    Args:
        inner_name, inner_tag: what it says inside, where that is to differ.
        record: contents that RECORD is to hash instead of the real ones; None: not to be listed.
        entries: added to the zip file and not to RECORD.
    """
    info = f"{inner_name or name}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {inner_name or name}",
        f"Version: {version}",
        *(f"Requires-Dist: {one}" for one in needs),
    ]
    contents = {
        **files,
        f"{info}/METADATA": ("\n".join(lines) + f"\n{metadata}\n").encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {inner_tag or tag}\n".encode(),
        **{f"{info}/{path}": content for path, content in (extra_info or {}).items()},
    }
    told: dict[str, bytes | None] = {**contents, **(record or {})}
    rows = [f"{path},{_digest(c)},{len(c)}" for path, c in told.items() if c is not None]
    contents[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for path, content in contents.items():
            archive.writestr(zipfile.ZipInfo(path), content, compress_type=method)
        for entry, content in entries:
            archive.writestr(entry, content, compress_type=method)
    return f"{name}-{version}-{tag}.whl", packed.getvalue()


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
