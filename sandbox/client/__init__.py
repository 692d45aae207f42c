"""The door for notebooks. It imports nothing else of this package, only httpx, pandas and (for plots) matplotlib.

connect     -> Sandbox: ask, estimate, budget, submit, status
answer      a private answer with its intervals       plot     drawn
imports     files that ask to come in
outbox      the one folder that files are sent from   errors   each says what is wrong and what to do
"""

from sandbox.client.answer import Answer
from sandbox.client.box import Sandbox, connect
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
from sandbox.client.views import Budget, Dataset, Estimate, Release

__all__ = [
    "Answer",
    "BadInput",
    "Budget",
    "Conflict",
    "Dataset",
    "Estimate",
    "ImportRequest",
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
]
