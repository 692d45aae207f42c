"""Every error of the system, one tree, by whose turn it is to act.

``SandboxError``
  ``CallerError``      the caller can mend it: each says what is wrong, where, and what to do
  ``Unanswered``       the one constant error for anything that could depend on private rows
  ``OperatorError``    the installation needs its operator

A ``CallerError`` may be shown in full, because nothing it says was computed from private rows.
"""

from __future__ import annotations

from dataclasses import dataclass


class SandboxError(Exception):
    """Base of all errors.

    Args:
        message: what is wrong, one sentence.
        fix: what to do next, one sentence; empty when nothing can be done.
    """

    code = "error"  # a stable slug for programs
    status = 500  # the HTTP status that doors answer with

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class CallerError(SandboxError):
    """The caller can mend it."""

    code = "bad_request"
    status = 400


class BadInput(CallerError):
    """A value that cannot be accepted.

    Args:
        where: the field, file or cell it stands in.
    """

    code = "bad_input"
    status = 422

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.where = where


class QuestionRefused(CallerError):
    """A question outside the grammar, or one that names what is not there.

    Args:
        position: 0-based offset in the question's text, or None where it has none.
    """

    code = "question_refused"
    status = 422

    def __init__(self, message: str, *, position: int | None = None, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.position = position


class NotSignedIn(CallerError):
    """No or unknown credentials."""

    code = "not_signed_in"
    status = 401


class NotAllowed(CallerError):
    """The agreement, the role or the state forbids it.

    Args:
        clause: the clause or rule that decided.
    """

    code = "not_allowed"
    status = 403

    def __init__(self, message: str, *, clause: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.clause = clause


class TooOften(NotAllowed):
    """More often than a limit lets it; the limit's name is its clause."""

    code = "too_often"
    status = 429


class NotFound(CallerError):
    """No such thing, or none that this person may know of."""

    code = "not_found"
    status = 404


class Conflict(CallerError):
    """Somebody else changed it first, or it is not in a state that permits this."""

    code = "conflict"
    status = 409


class OverBudget(CallerError):
    """The price is higher than what is left. Depends on the ledger only, never on rows."""

    code = "over_budget"
    status = 402


class TooLarge(CallerError):
    """More bytes than accepted."""

    code = "too_large"
    status = 413


class Busy(CallerError):
    """Too many ask for the same at once. Nothing was done."""

    code = "busy"
    status = 503


class Unanswered(SandboxError):
    """The question was charged and could not be answered. Constant: it says nothing about why."""

    code = "unanswered"
    status = 502

    def __init__(self) -> None:
        super().__init__(
            "The question could not be answered.",
            fix="Its price stays charged. Ask again; if it happens twice, tell the operator the question's number.",
        )


class OperatorError(SandboxError):
    """The installation needs its operator."""

    code = "operator"
    status = 503


class Tampered(OperatorError):
    """A signature, hash or chain does not hold.

    Args:
        place: where it broke, such as ``entry 17``.
    """

    code = "tampered"
    status = 500

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class PolicyMistake:
    """One mistake in a policy file."""

    file: str
    line: int  # 1-based; 0 where the file has no such line
    key: str  # dotted, such as ``columns.age.upper``
    problem: str
    allowed: str = ""  # the values that would be accepted

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        allowed = f" Allowed: {self.allowed}." if self.allowed else ""
        return f"{place}: {self.key}: {self.problem}{allowed}"


class PolicyRefused(CallerError):
    """A policy file with mistakes: all of them at once, each with file, line, key and allowed values."""

    code = "policy_refused"
    status = 422

    def __init__(self, mistakes: tuple[PolicyMistake, ...]) -> None:
        super().__init__("\n".join(str(m) for m in mistakes), fix="")
        self.mistakes = mistakes
