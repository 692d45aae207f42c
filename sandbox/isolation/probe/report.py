"""What came of a round: for each attack how it ended in each room, and whether its control was caught."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.isolation.probe.attack import Attack
from sandbox.isolation.probe.run import End, Outcome

# Errors by which a kernel says that it does not have what is asked for: ENOSYS, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
# EOPNOTSUPP, EAFNOSUPPORT. And EBUSY, by which an attack says that the machine had no time for it.
_ABSENT = frozenset({38, 93, 94, 95, 97, 16})


class Verdict(StrEnum):
    """How an attack ended, judged."""

    BLOCKED = "blocked"
    BY_DESIGN = "allowed by design"
    OPEN = "open"
    UNCLEAR = "unclear"  # the attack is broken: nothing is known


class Control(StrEnum):
    """How the same attack ended in the weak container."""

    CAUGHT = "caught"  # it got in: the attack works
    ABSENT = "not here"  # this machine's kernel has no such thing, or its root may not give it away
    FAILED = "failed"  # it was refused there too: the attack proves nothing


@dataclass(frozen=True, slots=True)
class Ended:
    """One attack in one room."""

    verdict: Verdict
    words: str  # what the container said, or why it is allowed


def judge(outcome: Outcome, *, mode: str, runtime: str) -> Ended:
    """What an end means in a room of this mode on this runtime."""
    if outcome.end is End.REFUSED:
        return Ended(Verdict.BLOCKED, outcome.words)
    if outcome.end is End.UNCLEAR:
        return Ended(Verdict.UNCLEAR, outcome.words)
    why = outcome.attack.by_design.get(runtime) or outcome.attack.by_design.get(mode)
    return Ended(Verdict.BY_DESIGN, why) if why else Ended(Verdict.OPEN, "it got in")


def judge_control(outcome: Outcome, *, lacking: tuple[str, ...]) -> Ended | None:
    """None when it got in, as it has to; else what its failing means."""
    if outcome.end is End.GOT_IN:
        return None
    if outcome.end is End.REFUSED and (outcome.error in _ABSENT or outcome.attack.needs in lacking):
        return Ended(Verdict.BLOCKED, outcome.words)
    return Ended(Verdict.UNCLEAR, outcome.words)


@dataclass(frozen=True, slots=True)
class Row:
    """One attack in the report."""

    subject: str
    name: str
    would: str
    refused_by: str
    control: Control
    control_words: str
    ends: dict[str, Ended]  # where -> how


@dataclass(frozen=True, slots=True)
class Report:
    """A round.

    Attributes:
        at: when it began, ISO 8601, UTC.
        versions: of what was attacked: kernel, engine, runtimes, images by digest.
        left_out: what was not attacked, and why.
    """

    at: str
    versions: Mapping[str, str]
    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = field(default=())

    @property
    def rooms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(where for row in self.rows for where in row.ends))

    def counts(self) -> dict[str, int]:
        """How many ends there are of each verdict, and how many controls of each kind."""
        ends = Counter(end.verdict for row in self.rows for end in row.ends.values())
        controls = Counter(row.control for row in self.rows)
        return {
            "attacks": len(self.rows),
            **{verdict.name.lower(): ends[verdict] for verdict in Verdict},
            **{f"controls_{control.name.lower()}": controls[control] for control in Control},
        }

    @property
    def good(self) -> bool:
        """Nothing is open or unclear, and no control failed."""
        counts = self.counts()
        return bool(self.rows) and not (counts["open"] or counts["unclear"] or counts["controls_failed"])

    def document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {**asdict(self), "counts": self.counts(), "good": self.good}

    @property
    def sha256(self) -> str:
        return content_hash(json.loads(json.dumps(self.document())))

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Report:
        """What ``document`` wrote.

        Raises:
            ValueError, KeyError, TypeError: it is no report.
        """
        rows = tuple(
            Row(
                **{
                    **row,
                    "control": Control(row["control"]),
                    "ends": {k: Ended(Verdict(v["verdict"]), v["words"]) for k, v in row["ends"].items()},
                }
            )
            for row in document["rows"]
        )
        return cls(document["at"], dict(document["versions"]), rows, tuple(document["left_out"]))


def row_of(attack: Attack, control: Outcome, ends: dict[str, Ended], *, lacking: tuple[str, ...]) -> Row:
    """An attack's row, from all its ends."""
    failed = judge_control(control, lacking=lacking)
    kind = (
        Control.CAUGHT
        if failed is None
        else (Control.ABSENT if failed.verdict is Verdict.BLOCKED else Control.FAILED)
    )
    return Row(
        subject=attack.subject,
        name=attack.name,
        would=attack.would,
        refused_by=attack.refused_by,
        control=kind,
        control_words=control.words,
        ends=ends,
    )


def markdown(report: Report) -> str:
    """The report as a page."""
    counts = report.counts()
    lines = [
        "# Attacks on this installation",
        "",
        f"Made {report.at}. {counts['attacks']} attacks in {len(report.rooms)} rooms: {counts['blocked']} blocked, "
        f"{counts['by_design']} allowed by design, **{counts['open']} open**, {counts['unclear']} unclear. "
        f"Controls: {counts['controls_caught']} caught, {counts['controls_absent']} not here, "
        f"{counts['controls_failed']} failed.",
        "",
        *(f"- {name}: {version}" for name, version in report.versions.items()),
        *(f"- left out: {words}" for words in report.left_out),
    ]
    for subject in dict.fromkeys(row.subject for row in report.rows):
        rows = [row for row in report.rows if row.subject == subject]
        where = list(dict.fromkeys(w for row in rows for w in row.ends))
        lines += ["", f"## {subject.capitalize()}", "", f"| attack | control | {' | '.join(where)} |"]
        lines.append("|---" * (len(where) + 2) + "|")
        for row in rows:
            ends = (str(row.ends[w].verdict) if w in row.ends else "–" for w in where)
            lines.append(f"| {row.name} | {row.control} | {' | '.join(ends)} |")
    reasons = {
        (row.name, end.words): where
        for row in report.rows
        for where, end in row.ends.items()
        if end.verdict is Verdict.BY_DESIGN
    }
    if reasons:
        lines += ["", "## Why some are allowed", ""]
        lines += [f"- **{name}** ({where}): {words}." for (name, words), where in reasons.items()]
    bad = [
        (row.name, where, end)
        for row in report.rows
        for where, end in row.ends.items()
        if end.verdict in (Verdict.OPEN, Verdict.UNCLEAR)
    ]
    failed = [row for row in report.rows if row.control is Control.FAILED]
    if bad or failed:
        lines += ["", "## What to look at", ""]
        lines += [f"- **{name}** ({where}): {end.verdict}; {end.words}" for name, where, end in bad]
        lines += [f"- **{row.name}**: its control failed; {row.control_words}" for row in failed]
    return "\n".join(lines) + "\n"
