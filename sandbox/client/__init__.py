"""The door for notebooks. It imports nothing else of this package, only httpx, pandas and (for plots) matplotlib.

connect     -> Sandbox: ask, estimate, budget, submit, status
answer      a private answer with its intervals       plot     drawn
checked     what the checks say, and repairs          declare  outputs.yaml, which says what a file is
imports     files that ask to come in
jobs        code that runs beside the rows            rows     what code reads, wherever it runs
outbox      the one folder that files are sent from   errors   each says what is wrong and what to do
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sandbox.client.answer import Answer
from sandbox.client.box import PathLike, Sandbox, connect
from sandbox.client.checked import Checked
from sandbox.client.declare import output as write
from sandbox.client.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OverBudget,
    QuestionRefused,
    SandboxClientError,
    TooLarge,
    Unanswered,
    Unreachable,
)
from sandbox.client.imports import ImportRequest
from sandbox.client.jobs import Job
from sandbox.client.outbox import make_outbox
from sandbox.client.rows import data as _data
from sandbox.client.rows import tables
from sandbox.client.views import Budget, Dataset, Estimate, Release

__all__ = [
    "Answer",
    "BadInput",
    "Budget",
    "Checked",
    "Conflict",
    "Dataset",
    "Estimate",
    "ImportRequest",
    "Job",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "OverBudget",
    "QuestionRefused",
    "Release",
    "Sandbox",
    "SandboxClientError",
    "TooLarge",
    "Unanswered",
    "Unreachable",
    "connect",
    "data",
    "outbox_folder",
    "output",
    "run",
    "tables",
]


def data(table: str | None = None) -> pd.DataFrame:
    """The rows that code works on: those that lie here, else the synthetic sample."""
    return _data(table, sample=lambda: connect().sample())


def run(code: PathLike, **words: Any) -> Job:
    """``connect().run``: send code to the sample, and on to the raw rows."""
    return connect().run(code, **words)


def output(frame: pd.DataFrame | None, file: str, *, kind: str, **told: Any) -> Path:
    """``connect().output`` without a connection, for code that runs as a job: write a table and say what it is."""
    return write(outbox_folder(), frame, file, kind=kind, **told)


def outbox_folder() -> Path:
    """The folder that outputs are written to; made when it is missing."""
    return make_outbox(Path.home() / "outbox")
