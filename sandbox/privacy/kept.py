"""Paid answers on a folder of one's own: one file for each question, version and price.

A file's name is the question's, with what its plan follows from, and the price that the answer is worth: so the same
question at a better price is found by its name.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.answer import document_of
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.question import Question, canonical_sql
from sandbox.privacy.answering.deriving import Source
from sandbox.privacy.answering.measured import Measured, measured_of
from sandbox.privacy.answering.reuse import Refinement, Wanted, refinement
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.remembered import Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a kept answer is about."""

    dataset: str
    snapshot: str
    question: Question


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """The answers of one folder. Whoever writes holds the ledger's lock.

    Args:
        known: files that were read before.
    """

    folder: Path
    known: Remembered[Heading | None]

    def same(self, wanted: Wanted) -> bytes | None:
        """The answer at this price, or else at the best price above it."""
        loss = wanted.planned.loss
        exact = self._file(wanted, loss.nano)
        if exact.exists():
            return exact.read_bytes()
        dearer = [nano for nano in self._prices(wanted) if nano > loss.nano]
        return self._file(wanted, max(dearer)).read_bytes() if dearer else None

    def refinement(self, wanted: Wanted) -> Refinement | None:
        """How the dearest cheaper answer is made as good as is asked; None where it has to be asked anew."""
        cheaper = [nano for nano in self._prices(wanted) if nano < wanted.planned.loss.nano]
        measured = measured_of(self._file(wanted, max(cheaper)).read_bytes()) if cheaper else None
        return None if measured is None else refinement(wanted, measured)

    def sources(self, wanted: Wanted) -> Iterator[Source]:
        """What an answer may be derived from: all answers about the same version of the same data."""
        for file in sorted(self.folder.glob("*.json")):
            head = self.known.get(file.name, functools.partial(_heading, file, wanted.policy))
            if head is None or (head.dataset, head.snapshot) != (wanted.policy.name, wanted.snapshot):
                continue
            yield Source(
                called=f"the answer to {canonical_sql(head.question)!r}",
                question=head.question,
                measured=functools.partial(_measured, file),
            )

    def keep(self, wanted: Wanted, body: bytes) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_durably(self._file(wanted, wanted.planned.loss.nano), body)

    def _name(self, wanted: Wanted) -> str:
        parts = (wanted.policy.name, wanted.snapshot, wanted.canonical, wanted.bounds)
        return sha256_hex("\n".join(parts).encode())

    def _file(self, wanted: Wanted, nano: int) -> Path:
        delta = wanted.planned.loss.atto_delta
        return self.folder / f"{self._name(wanted)}-{nano}-{delta}.json"

    def _prices(self, wanted: Wanted) -> list[int]:
        """Of all answers to the question with the same δ, in nanos."""
        delta = wanted.planned.loss.atto_delta
        return [
            int(file.stem.split("-")[1]) for file in self.folder.glob(f"{self._name(wanted)}-*-{delta}.json")
        ]


def _heading(file: Path, policy: DatasetPolicy) -> Heading | None:
    try:
        document = document_of(file.read_bytes())
        question = parse(document["question"], policy)
    except (ValueError, KeyError, QuestionRefused):
        return None  # of another policy or another version of this program
    return Heading(dataset=document["dataset"], snapshot=document["snapshot"], question=question)


def _measured(file: Path) -> Measured | None:
    return measured_of(file.read_bytes())


def write_durably(path: Path, data: bytes) -> None:
    """All of it or nothing, and on the disk."""
    half = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(half, path)
