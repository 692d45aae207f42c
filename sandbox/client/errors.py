"""What can go wrong, told in two lines: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SandboxClientError(Exception):
    """Base of all errors of the client.

    Attributes:
        message: what is wrong.
        fix: what to do; may be empty.
        code: a stable word for programs.
    """

    code = "error"

    def __init__(self, message: str, *, fix: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code or self.code

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.fix and f"→ {self.fix}") if part)

    def _render_traceback_(self) -> list[str]:
        """IPython prints this instead of a traceback: the user's own code is not what broke."""
        return [f"{type(self).__name__}: {self}"]


class BadInput(SandboxClientError):
    """A value that cannot be accepted; ``where`` names the field or file."""

    code = "bad_input"
    where = ""

    def __str__(self) -> str:
        return super().__str__() if not self.where else f"{self.where}: {super().__str__()}"


class QuestionRefused(SandboxClientError):
    """A question outside the grammar; shows where in the text.

    Attributes:
        sql: the question as it was sent.
        position: 0-based offset in it, or None.
    """

    code = "question_refused"
    sql = ""
    position: int | None = None

    def __str__(self) -> str:
        return "\n".join(
            part for part in (self.message, self._pointer(), self.fix and f"→ {self.fix}") if part
        )

    def _pointer(self) -> str:
        if self.position is None or not self.sql or not 0 <= self.position <= len(self.sql):
            return ""
        start = self.sql.rfind("\n", 0, self.position) + 1
        line = self.sql[start:].split("\n", 1)[0]
        # Tabs are kept as tabs above the caret, or it would not stand under its character.
        indent = "".join("\t" if c == "\t" else " " for c in line[: self.position - start])
        return f"  {line}\n  {indent}^"


class NotSignedIn(SandboxClientError):
    """No token, or an unknown one."""

    code = "not_signed_in"


class NotAllowed(SandboxClientError):
    """The agreement or the role forbids it; ``clause`` says which rule."""

    code = "not_allowed"
    clause = ""

    def __str__(self) -> str:
        return super().__str__() + (f" [{self.clause}]" if self.clause else "")


class NotFound(SandboxClientError):
    """There is no such thing, or none that you may know of."""

    code = "not_found"


class Conflict(SandboxClientError):
    """It changed in between, or its state does not permit this."""

    code = "conflict"


class OverBudget(SandboxClientError):
    """The price is higher than what is left. Nothing was spent."""

    code = "over_budget"


class TooLarge(SandboxClientError):
    """More bytes than are accepted."""

    code = "too_large"


class Unanswered(SandboxClientError):
    """The question was charged and could not be answered."""

    code = "unanswered"


class Unreachable(SandboxClientError):
    """The sandbox did not answer at all."""

    code = "unreachable"


_BY_CODE: dict[str, type[SandboxClientError]] = {
    kind.code: kind
    for kind in (
        BadInput, QuestionRefused, NotSignedIn, NotAllowed, NotFound, Conflict, OverBudget, TooLarge, Unanswered,
    )
}  # fmt: skip


def error_from(document: Mapping[str, Any], *, sql: str = "") -> SandboxClientError:
    """The error that the API's ``{"code", "message", "fix", …}`` describes.

    Args:
        sql: the question that was sent, to point into.
    """
    code = str(document.get("code", "error"))
    error = _BY_CODE.get(code, SandboxClientError)(
        str(document.get("message", "Something went wrong.")), fix=str(document.get("fix", "")), code=code
    )
    if isinstance(error, QuestionRefused):
        position = document.get("position")
        error.sql, error.position = sql, position if isinstance(position, int) else None
    if isinstance(error, BadInput):
        error.where = str(document.get("where") or "")
    if isinstance(error, NotAllowed):
        error.clause = str(document.get("clause") or "")
    return error
