"""What the entrance says about a file."""

from __future__ import annotations

from sandbox.domain.findings import Finding, Verdict


class Refused(Exception):
    """A file that cannot come in; the first reason is enough.

    Args:
        check: the rule's name.
        reason: what is wrong, one sentence.
        fix: what to do, one sentence.
    """

    def __init__(self, check: str, reason: str, fix: str, *, place: str = "") -> None:
        super().__init__(reason)
        self.check, self.reason, self.fix, self.place = check, reason, fix, place

    def finding(self, file: str) -> Finding:
        return Finding(
            file=file,
            check=self.check,
            verdict=Verdict.FAIL,
            place=shown(self.place),
            reason=shown(self.reason),
            fix=self.fix,
        )


def look(file: str, check: str, reason: str, fix: str = "", *, place: str = "") -> Finding:
    """Something that a person has to look at."""
    return Finding(
        file=file,
        check=check,
        verdict=Verdict.REVIEW,
        place=shown(place),
        reason=shown(reason),
        fix=fix,
    )


def fine(file: str, check: str, reason: str) -> Finding:
    """Something that was looked at and is as it should be."""
    return Finding(file=file, check=check, verdict=Verdict.PASS, reason=shown(reason))


def shown(text: str, most: int = 600) -> str:
    """Words of a stranger's file as they may stand in a finding: printable, and not without end."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def listed(names: list[str], most: int = 8) -> str:
    """Some names in one line, and how many more there are."""
    first = ", ".join(names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"
