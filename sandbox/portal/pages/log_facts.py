"""The facts of an entry of the log as people read them: what each is called, with a unit, a dash where there is none.

The log itself keeps names and whole numbers: files and the interface for programs give them as they were signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from markupsafe import Markup

from sandbox.domain.audit import Event, Fact
from sandbox.domain.privacy_loss import ATTO, NANO, Accounting
from sandbox.language import day, gettext, moment, named
from sandbox.language import marked as _
from sandbox.portal.pages.rendering import class_word, size, words

NOTHING = "–"
SHORT = 160  # characters of a text, in a line of many
_LINEAGE = "lineage:"
_PREFIX = "named: "

# What each fact is called. Values that are kept in small whole units, or by a name, stand in the tables below.
NAMES: Mapping[str, str] = {
    "about": _("named: about"),
    "action": _("named: to do what"),
    "agreement_sha256": _("named: agreement, SHA-256"),
    "anchor_hash": _("named: anchor before, hash"),
    "anchor_was": _("named: anchor before, entry"),
    "answer_sha256": _("named: answer, SHA-256"),
    "application": _("named: application"),
    "at_once": _("named: data stopped at once"),
    "attacks": _("named: attacks"),
    "atto_delta": _("named: cost in δ"),
    "base": _("named: base release"),
    "block": _("named: block"),
    "blocked": _("named: attacks refused"),
    "breach": _("named: breach"),
    "builds_on": _("named: builds on"),
    "by": _("named: by"),
    "by_design": _("named: attacks allowed by design"),
    "bytes": _("named: size"),
    "bytes_entered": _("named: went in"),
    "bytes_left": _("named: came out"),
    "cap_nano": _("named: budget"),
    "cap_nano_was": _("named: budget before"),
    "channel": _("named: channel"),
    "checks": _("named: checks that failed"),
    "class": _("named: open class"),
    "clause": _("named: by which clause"),
    "code_sha256": _("named: code, SHA-256"),
    "column": _("named: column"),
    "columns": _("named: columns"),
    "comment": _("named: comment"),
    "commitment": _("named: commitment, SHA-256"),
    "container": _("named: container"),
    "controls_absent": _("named: controls that this machine cannot show"),
    "controls_caught": _("named: controls that worked"),
    "controls_failed": _("named: controls that failed"),
    "course": _("named: course"),
    "crate_sha256": _("named: crate, SHA-256"),
    "dataset": _("named: dataset"),
    "days": _("named: days left"),
    "decision": _("named: decision"),
    "decisions": _("named: votes"),
    "demand": _("named: demand"),
    "direction": _("named: direction"),
    "due": _("named: due on"),
    "ends": _("named: ends on"),
    "entries": _("named: entries"),
    "entry": _("named: entry"),
    "evidence_sha256": _("named: evidence, SHA-256"),
    "failure": _("named: why it failed"),
    "file": _("named: file"),
    "files_sha256": _("named: files, SHA-256"),
    "good": _("named: all refused"),
    "grant": _("named: grant"),
    "grants": _("named: grants"),
    "heads": _("named: signed heads"),
    "held_from": _("named: state before"),
    "image": _("named: image"),
    "import": _("named: import request"),
    "in_notebook": _("named: from a notebook"),
    "into": _("named: merged into demand"),
    "issuer": _("named: identity provider"),
    "job": _("named: job"),
    "key": _("named: key"),
    "keys": _("named: keys"),
    "kind": _("named: kind"),
    "language": _("named: language"),
    "later": _("named: later releases"),
    "lineage": _("named: budget of"),
    "loosens": _("named: loosens"),
    "mail": _("named: by e-mail"),
    "measure": _("named: measure"),
    "member": _("named: member"),
    "method": _("named: method"),
    "nano": _("named: cost"),
    "notice_sha256": _("named: notice, SHA-256"),
    "objection": _("named: objection"),
    "objections": _("named: objections"),
    "open": _("named: attacks that got in"),
    "outcome": _("named: outcome"),
    "package_sha256": _("named: package, SHA-256"),
    "page_bytes": _("named: shown on pages today"),
    "path": _("named: address"),
    "person": _("named: person"),
    "phase": _("named: phase"),
    "place": _("named: where"),
    "policy_sha256": _("named: policy, SHA-256"),
    "project": _("named: project"),
    "proposal": _("named: proposal"),
    "proposal_sha256": _("named: proposal, SHA-256"),
    "question": _("named: question"),
    "question_sha256": _("named: question, SHA-256"),
    "questions": _("named: questions"),
    "reason": _("named: reason"),
    "records_dropped": _("named: records that were lost"),
    "refusals": _("named: refusals"),
    "release": _("named: output request"),
    "renewed_by": _("named: renewed by application"),
    "renews": _("named: renews application"),
    "report_sha256": _("named: report, SHA-256"),
    "requests": _("named: requests"),
    "restored_at": _("named: goes on after entry"),
    "result": _("named: result"),
    "result_sha256": _("named: result, SHA-256"),
    "retired": _("named: keys destroyed"),
    "reviewer": _("named: reviewer"),
    "reviewers_left": _("named: reviewers who may still vote"),
    "roles": _("named: roles"),
    "runtime": _("named: runtime"),
    "salt": _("named: random bits of the commitment"),
    "same_as": _("named: same as question"),
    "scope": _("named: about what"),
    "sha256": _("named: SHA-256"),
    "shown_bytes": _("named: raw data shown today"),
    "shown_rows": _("named: raw rows shown today"),
    "snapshot": _("named: snapshot of the data"),
    "stars": _("named: stars"),
    "stars_were": _("named: stars before"),
    "state": _("named: state"),
    "statement": _("named: what was committed to"),
    "supersedes": _("named: in the place of output request"),
    "suspension": _("named: suspension"),
    "table": _("named: table"),
    "target": _("named: folder"),
    "turn": _("named: turn"),
    "unclear": _("named: attacks that told nothing"),
    "until": _("named: until"),
    "usefulness": _("named: useful, of 5"),
    "verb": _("named: to do what"),
    "verdict": _("named: verdict"),
    "version": _("named: version"),
    "vote": _("named: number of the vote"),
    "votes_missing": _("named: votes missing"),
    "was_sha256": _("named: policy before, SHA-256"),
    "webhook": _("named: by webhook"),
    "what": _("named: what was unusual"),
    "wish_sha256": _("named: what was asked for, SHA-256"),
}


@dataclass(frozen=True, slots=True)
class ShownFact:
    """A fact.

    Attributes:
        short: for a line of many.
        whole: for the entry's own page.
    """

    name: str
    short: str | Markup
    whole: str


def shown_facts(
    event: Event, accountings: Mapping[str, Accounting], *, title: Callable[[str], str]
) -> list[ShownFact]:
    """The facts of an event, by name.

    Args:
        accountings: of every lineage: what its losses are of.
        title: the title of a dataset.
    """
    lineage = event.facts.get("lineage") or event.object.removeprefix(_LINEAGE)
    accounting = accountings.get(str(lineage))
    symbol = accounting.symbol if accounting is not None else ""
    return [_shown(name, value, symbol, title) for name, value in sorted(event.facts.items())]


def _shown(name: str, value: Fact, symbol: str, title: Callable[[str], str]) -> ShownFact:
    called = named(NAMES.get(name, name).removeprefix(_PREFIX))
    items = [
        item for item in (value if isinstance(value, list) else [value]) if item is not None and item != ""
    ]
    texts = [_text(name, item, symbol, title) for item in items]
    short = Markup(", ").join(map(_shortened, texts))
    return ShownFact(called, short or NOTHING, ", ".join(texts) or NOTHING)


def _shortened(text: str) -> str | Markup:
    if _is_hash(text):
        return Markup('<code title="{}">{}…</code>').format(text, text[:12])
    return f"{text[:SHORT]}…" if len(text) > SHORT else text


def _is_hash(text: str) -> bool:
    return len(text) == 64 and not text.strip("0123456789abcdef")


def _text(name: str, value: str | int | bool, symbol: str, title: Callable[[str], str]) -> str:
    if isinstance(value, bool) or name in _YES_OR_NO:
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        return _number(name, value, symbol)
    how = _TEXTS.get(name)
    if how is not None:
        return how(value)
    return title(value) if name in ("dataset", "lineage") else value


def _number(name: str, value: int, symbol: str) -> str:
    if name in ("nano", "cap_nano", "cap_nano_was"):
        # The accounting of a lineage that is not there any more is not known: then by what every lineage has.
        return f"{symbol or 'ρ / ε'} = {_decimal(value, NANO)}"
    if name == "atto_delta":
        return f"δ = {value / ATTO:.3g}"
    if name in ("bytes", "bytes_entered", "bytes_left", "page_bytes", "shown_bytes"):
        return size(value)
    return f"{value:,}" if value >= 10_000 and name in _COUNTS else str(value)


_COUNTS = frozenset({"entries", "refusals", "requests", "shown_rows"})
_YES_OR_NO = frozenset({"at_once", "good", "in_notebook"})


def _decimal(value: int, unit: int) -> str:
    """Exactly, without padding.

    >>> _decimal(526_179_002, NANO), _decimal(0, NANO), _decimal(2 * NANO, NANO)
    ('0.526179002', '0', '2')
    """
    return f"{(Decimal(value) / unit).normalize():f}"


def _day(value: str) -> str:
    try:
        return day(date.fromisoformat(value))
    except ValueError:
        return value


def _moment(value: str) -> str:
    try:
        return f"{moment(datetime.fromisoformat(value))} UTC"
    except ValueError:
        return value


def _vote(value: str) -> str:
    reviewer, colon, decision = value.rpartition(":")
    return f"{reviewer}: {words(decision)}" if colon else value


_WORDS = (
    "action channel checks decision direction failure held_from kind mail measure outcome phase roles scope state verb "
    "verdict webhook what"
)
_TEXTS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(_WORDS.split(), words),
    **dict.fromkeys(("due", "ends", "until"), _day),
    "at": _moment,
    "class": class_word,
    "clause": named,
    "decisions": _vote,
}
