"""The door for notebooks. It imports nothing else of this package, only httpx, pandas and (for plots) matplotlib.

connect     -> Sandbox: ask, estimate, budget, submit, status
answer      a private answer with its intervals       plot     drawn
checked     what the checks say, and repairs          declare  outputs.yaml, which says what a file is
outbox      the one folder that files are sent from   errors   each says what is wrong and what to do
"""

from sandbox.client.answer import Answer
from sandbox.client.box import Sandbox, connect
from sandbox.client.checked import Checked
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
from sandbox.client.views import Budget, Dataset, Estimate, Release

__all__ = [
    "Answer",
    "BadInput",
    "Budget",
    "Checked",
    "Conflict",
    "Dataset",
    "Estimate",
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
