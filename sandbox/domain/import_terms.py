"""What may be asked to come in, and how much of it: ``imports:`` in ``site.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.policy_keys import Way
from sandbox.domain.policy_keys import doc as _doc

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTerms:
    """Files and packages that researchers ask to bring in."""

    file_types: tuple[str, ...] = _doc(
        "The endings that may be asked for: text that people can read, and wheels (``whl``) of Python packages. Others "
        "are refused before anybody looks.",
        Way.MORE,
        default=(
            "csv",
            "tsv",
            "txt",
            "md",
            "json",
            "yaml",
            "yml",
            "toml",
            "py",
            "r",
            "sql",
            "ipynb",
            "whl",
        ),
    )
    max_files: int = _doc("So many files may come with one request.", Way.NEVER, default=20)
    max_file_mib: int = _doc("The largest file, in MiB.", Way.NEVER, default=32)
    max_request_mib: int = _doc(
        "All files of one request together, in MiB; at most 64. From a notebook at most 8.",
        Way.NEVER,
        default=64,
    )
    max_project_mib: int = _doc(
        "All that is let in for one project, packages unpacked, in MiB.", Way.NEVER, default=256
    )
    max_waiting: int = _doc("So many requests of one project may wait at once.", Way.NEVER, default=10)

    per_day: int = _doc(
        "So many requests one project may make in a day, also those that are refused.", Way.NEVER, default=30
    )

    @property
    def max_file_bytes(self) -> int:
        return self.max_file_mib * MIB

    @property
    def max_request_bytes(self) -> int:
        return self.max_request_mib * MIB

    @property
    def max_project_bytes(self) -> int:
        return self.max_project_mib * MIB
