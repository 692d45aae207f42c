"""What an end means: only a refusal is a refusal, and what is allowed has its reason."""

from __future__ import annotations

import json

import pytest

from sandbox.isolation.probe import Attack
from sandbox.isolation.probe.report import (
    Control,
    Ended,
    Report,
    Row,
    Verdict,
    judge,
    markdown,
    row_of,
)
from sandbox.isolation.probe.run import End, Outcome

WHY = "its own kernel, which the host's never hears of"


def an_attack(**more: object) -> Attack:
    fields = {"name": "x", "would": "y", "code": "pass", "refused_by": "z", "subject": "kernel", **more}
    return Attack(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "by_design", "verdict"),
    [
        (End.REFUSED, {}, Verdict.BLOCKED),
        (End.REFUSED, {"runsc": WHY}, Verdict.BLOCKED),
        (End.GOT_IN, {}, Verdict.OPEN),
        (End.GOT_IN, {"runc": WHY}, Verdict.OPEN),
        (End.GOT_IN, {"room": WHY}, Verdict.OPEN),
        (End.GOT_IN, {"runsc": WHY}, Verdict.BY_DESIGN),
        (End.GOT_IN, {"query": WHY}, Verdict.BY_DESIGN),
        (End.UNCLEAR, {"runsc": WHY}, Verdict.UNCLEAR),
    ],
)
def test_an_end_is_judged(end: End, by_design: dict[str, str], verdict: Verdict) -> None:
    outcome = Outcome(an_attack(by_design=by_design), end, "words")
    assert judge(outcome, mode="query", runtime="runsc").verdict is verdict


@pytest.mark.parametrize(
    ("end", "error", "needs", "control"),
    [
        (End.GOT_IN, 0, "", Control.CAUGHT),
        (End.REFUSED, 1, "", Control.FAILED),
        (End.REFUSED, 1, "SYS_BOOT", Control.FAILED),
        (End.REFUSED, 1, "SYS_RESOURCE", Control.ABSENT),
        (End.REFUSED, 97, "", Control.ABSENT),
        (End.REFUSED, 38, "", Control.ABSENT),
        (End.REFUSED, 2, "", Control.FAILED),  # a file that is not there is a mistake in the attack
        (End.UNCLEAR, 38, "", Control.FAILED),
    ],
)
def test_a_control_is_caught_or_cannot_be_made_or_failed(
    end: End, error: int, needs: str, control: Control
) -> None:
    attack = an_attack(needs=needs)
    assert row_of(attack, Outcome(attack, end, "", error), {}, lacking=("SYS_RESOURCE",)).control is control


def a_report(*verdicts: Verdict, control: Control = Control.CAUGHT) -> Report:
    ends = {f"room {n}": Ended(verdict, "because | so") for n, verdict in enumerate(verdicts)}
    row = Row("kernel", "an attack", "win", "seccomp", control, "", ends)
    return Report("2026-01-02T03:04:05+00:00", {"kernel": "6"}, (row,), ("runtime runsc: not there",))


@pytest.mark.parametrize(
    ("report", "good"),
    [
        (a_report(Verdict.BLOCKED, Verdict.BY_DESIGN), True),
        (a_report(Verdict.BLOCKED, control=Control.ABSENT), True),
        (a_report(Verdict.BLOCKED, Verdict.OPEN), False),
        (a_report(Verdict.BLOCKED, Verdict.UNCLEAR), False),
        (a_report(Verdict.BLOCKED, control=Control.FAILED), False),
        (Report("", {}, ()), False),
    ],
)
def test_a_round_is_good_when_nothing_is_open_and_every_control_was_caught(
    report: Report, good: bool
) -> None:
    assert report.good is good


def test_a_report_is_read_back_with_the_same_hash() -> None:
    report = a_report(Verdict.BLOCKED, Verdict.OPEN)
    again = Report.read(json.loads(json.dumps(report.document())))
    assert again == report
    assert again.sha256 == report.sha256 != a_report(Verdict.BLOCKED, Verdict.BLOCKED).sha256


def test_the_page_names_what_is_open_and_what_is_allowed_and_why() -> None:
    page = markdown(a_report(Verdict.BY_DESIGN, Verdict.OPEN, control=Control.FAILED))
    assert "**1 open**" in page
    assert "**an attack** (room 0): because | so" in page
    assert "**an attack** (room 1): open" in page
    assert "its control failed" in page
    assert "left out: runtime runsc" in page
    assert "What to look at" not in markdown(a_report(Verdict.BLOCKED))
