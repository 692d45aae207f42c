"""Datasets that an owner prepares to publish: the policy's text and the files so far, in a folder of the home.

Nobody but who began one sees it, and nothing follows from it: it is no part of the books. What is published goes its
own way, with its own events.

    drafts/ID/draft.json | policy.yaml | TABLE.csv     (a file only where anybody may have it later)
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sandbox.domain.errors import Conflict, NotFound, TooLarge
from sandbox.domain.policy import OpenClass

MAX_OF_PERSON = 20
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftColumn:
    """A column that a file has, and what its cells look like; ``usable``: a policy can have it under this name."""

    name: str
    type: str
    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFile:
    """A file that was taken for a table.

    Attributes:
        called: its name at its owner's.
        raw: its name in the raw store, closed; empty where it lies beside the draft, to be opened to everybody.
    """

    called: str
    size_bytes: int
    sha256: str
    raw: str
    columns: tuple[DraftColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A dataset in preparation.

    Attributes:
        name: the dataset's: its files are closed for it.
        open_class: what it was begun as: that decides how its files are kept.
        changes: it is about a dataset that is published.
        text: its policy, as YAML.
        files: by table.
    """

    id: str
    person: str
    name: str
    open_class: OpenClass
    changes: bool
    text: str
    began_at: str  # ISO 8601, UTC
    files: Mapping[str, DraftFile] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Changes when the text does: who saves says what was read."""
        return sha256(self.text.encode()).hexdigest()[:16]


class Drafts:
    """All of them. One process changes them.

    Args:
        folder: made for this process's user alone.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self._lock = threading.RLock()

    def begin(
        self, *, person: str, name: str, open_class: OpenClass, text: str, changes: bool, now: datetime
    ) -> Draft:
        """A new one.

        Raises:
            Conflict: somebody prepares a dataset of this name already.
            TooLarge: the person has too many.
        """
        with self._lock:
            for other in self._all():
                if other.name == name:
                    raise Conflict(
                        f"A draft of {name} was begun already.",
                        fix="Go on with it." if other.person == person else "Choose another name.",
                    )
            if len(self.of(person)) >= MAX_OF_PERSON:
                raise TooLarge(f"You have {MAX_OF_PERSON} drafts.", fix="Publish or discard one first.")
            draft = Draft(
                id=secrets.token_hex(8),
                person=person,
                name=name,
                open_class=open_class,
                changes=changes,
                text=text,
                began_at=now.isoformat(timespec="seconds"),
            )
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder(draft).mkdir(mode=0o700)
            self._write(draft)
            return draft

    def get(self, person: str, draft_id: str) -> Draft:
        """One of a person's own.

        Raises:
            NotFound: there is none; the same words where it is somebody else's.
        """
        found = self._read(draft_id) if _ID.fullmatch(draft_id) else None
        if found is None or found.person != person:
            raise NotFound("You have no such draft.", fix="It may be published or discarded: see your data.")
        return found

    def of(self, person: str) -> tuple[Draft, ...]:
        """A person's own, the newest first."""
        mine = (draft for draft in self._all() if draft.person == person)
        return tuple(sorted(mine, key=lambda draft: draft.began_at, reverse=True))

    def write(
        self, person: str, draft_id: str, *, text: str, mark: str, open_class: OpenClass | None = None
    ) -> Draft:
        """Another text in the place of the one that was read.

        Args:
            open_class: another class, by which files that come later are kept.

        Raises:
            Conflict: it was changed meanwhile, as in another tab.
        """
        with self._lock:
            draft = self.get(person, draft_id)
            if draft.mark != mark and draft.text != text:
                raise Conflict(
                    "The draft was changed in another window.", fix="Look at both, then save what is to hold."
                )
            draft = replace(draft, text=text, open_class=open_class or draft.open_class)
            self._write(draft)
            return draft

    def put_file(
        self, person: str, draft_id: str, table: str, file: DraftFile, *, as_class: OpenClass, lies: Path
    ) -> tuple[Draft, DraftFile | None]:
        """A file for a table; returns the draft, and the file that had its place.

        Args:
            as_class: the class by which it was kept.
            lies: where it came to; what is open to everybody is moved beside the draft.

        Raises:
            NotFound: the draft was discarded or published while the file came.
            Conflict: its class was changed meanwhile: the file may lie open that is to be closed.
        """
        with self._lock:
            draft = self.get(person, draft_id)
            if draft.open_class is not as_class:
                raise Conflict(
                    f"The dataset became {draft.open_class} while its file came.", fix="Send the file again."
                )
            before = draft.files.get(table)
            if not file.raw:
                lies.replace(self.beside(draft, table, file.called))
            after = replace(draft, files={**draft.files, table: file})
            self._write(after)
            self._clear(draft, table, keep=file)
            return after, before

    def take_file(self, person: str, draft_id: str, table: str) -> tuple[Draft, DraftFile | None]:
        """A table's file is no part of it any more; what lay beside the draft is gone."""
        with self._lock:
            draft = self.get(person, draft_id)
            files = dict(draft.files)
            before = files.pop(table, None)
            after = replace(draft, files=files)
            self._write(after)
            self._clear(draft, table)
            return after, before

    def drop(self, person: str, draft_id: str) -> Draft:
        """It is gone, with what lay beside it; returns what it was."""
        with self._lock:
            draft = self.get(person, draft_id)
            shutil.rmtree(self.folder(draft))
            return draft

    def folder(self, draft: Draft) -> Path:
        return self.root / draft.id

    def policy_file(self, draft: Draft) -> Path:
        return self.folder(draft) / "policy.yaml"

    def beside(self, draft: Draft, table: str, called: str) -> Path:
        """Where a file of an open table lies."""
        return self.folder(draft) / f"{table}{kind_of(called)}"

    def _clear(self, before: Draft, table: str, *, keep: DraftFile | None = None) -> None:
        """Remove what lay beside the draft for a table, where nothing else has its place."""
        old = before.files.get(table)
        if old is None or old.raw:
            return
        path = self.beside(before, table, old.called)
        if keep is None or keep.raw or path != self.beside(before, table, keep.called):
            path.unlink(missing_ok=True)

    def _all(self) -> list[Draft]:
        if not self.root.is_dir():
            return []
        found = (self._read(path.name) for path in self.root.iterdir() if _ID.fullmatch(path.name))
        return [draft for draft in found if draft is not None]

    def _read(self, draft_id: str) -> Draft | None:
        folder = self.root / draft_id
        try:
            said = json.loads((folder / "draft.json").read_text())
            text = (folder / "policy.yaml").read_text()
        except FileNotFoundError:
            return None
        files = {
            table: DraftFile(
                **{**file, "columns": tuple(DraftColumn(**column) for column in file["columns"])}
            )
            for table, file in said.pop("files").items()
        }
        return Draft(**{**said, "open_class": OpenClass(said["open_class"])}, text=text, files=files)

    def _write(self, draft: Draft) -> None:
        said = {key: value for key, value in asdict(replace(draft, files={})).items() if key != "text"}
        said["files"] = {table: asdict(file) for table, file in draft.files.items()}
        for path, content in (
            (self.policy_file(draft), draft.text),
            (self.folder(draft) / "draft.json", json.dumps(said)),
        ):
            half = path.with_suffix(".half")
            half.write_text(content, newline="")
            os.replace(half, path)


def kind_of(called: str) -> str:
    """The ending of a raw file by which publishing reads it; empty for one that it does not read.

    >>> kind_of("Loans 2024.CSV.gz"), kind_of("loans.parquet"), kind_of("loans.xlsx")
    ('.csv.gz', '.parquet', '')
    """
    return next((end for end in (".csv", ".csv.gz", ".parquet") if called.lower().endswith(end)), "")
