"""The log's head once more, outside the database.

Somebody who can write to the database can put an old copy of it back: chain and signed head hold, and the budget
spent since is forgotten. The anchor is a small file written after each commit; a database whose head is older than
its anchor was rolled back. Copy it to another machine and the check holds against this machine's operator as well.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sandbox.domain.audit import Head
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import Tampered

_log = logging.getLogger(__name__)


class Anchor:
    """A file that holds the newest head this installation has committed.

    Args:
        path: ``audit.head``, on another disk than the database where possible.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Head, bytes] | None:
        """The head and its signature; None before the first one.

        Raises:
            Tampered: the file cannot be read as an anchor.
        """
        try:
            document = json.loads(self.path.read_bytes())
            return Head(int(document["seq"]), str(document["hash"])), bytes.fromhex(document["signature"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as broken:
            raise Tampered(
                f"The log's anchor {self.path.name} cannot be read.", place=self.path.name
            ) from broken

    def moved_at(self) -> str:
        """When the file was written last, ISO 8601, UTC; empty when there is none."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC).isoformat(timespec="microseconds")
        except FileNotFoundError:
            return ""

    def advance(self, head: Head, signature: bytes) -> None:
        """Move the anchor forward, never back. Best effort: its change is committed already, so nothing is raised."""
        try:
            with self._locked():
                there = self.read()
                if there is None or there[0].seq < head.seq:
                    self._write(head, signature)
        except (OSError, Tampered) as failure:
            _log.error("the log's anchor stays behind at entry %d: %s", head.seq, type(failure).__name__)

    def replace(self, head: Head, signature: bytes) -> None:
        """Set the anchor, also back: the operator has said that a restored database is meant."""
        with self._locked():
            self._write(head, signature)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Several workers advance one anchor; without a lock the slower of two could move it back.
        descriptor = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, head: Head, signature: bytes) -> None:
        half = self.path.with_name(f"{self.path.name}.part")
        body = canonical_json({"seq": head.seq, "hash": head.hash, "signature": signature.hex()})
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, self.path)
