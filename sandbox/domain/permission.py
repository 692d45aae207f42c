"""May this be done under this agreement, now? The one function that every guard asks.

``allows`` is pure: the agreement, an action, and the facts of the moment give a decision that names its clause. It
denies whatever it does not know: an action without rules, an agreement without a clause, a fact that is missing, and
any error while it evaluates. Guards gather facts and obey; they hold no rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.agreement import check_agreed
from sandbox.domain.application import ApplicationState
from sandbox.domain.duties import Duty
from sandbox.domain.earlier_form import NO_MORE, is_present
from sandbox.domain.errors import SandboxError
from sandbox.domain.fast_lane import FastLane
from sandbox.domain.policy import Mode, OpenClass
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.suspension import Suspension, touching


class Action(StrEnum):
    """What can be done under an agreement."""

    ASK = "ask"  # a question, or its price
    SAMPLE = "sample"  # synthetic rows
    OPEN_NOTEBOOK = "open_notebook"
    SHOW_ROWS = "show_rows"  # raw rows, read-only, in a notebook
    RUN_JOB = "run_job"  # code beside the raw rows; what it makes leaves by review
    IMPORT = "import"  # ask to bring files in
    SUBMIT = "submit"  # hand outputs to the checks
    CHECK = "check"  # judge one file, on the raw data where its question is known
    REVIEW = "review"  # vote
    RELEASE = "release"  # let approved files out


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of the moment. What an action needs and nobody says counts as a no.

    Attributes:
        person: who uses the grant; its holder.
        state: of the application.
        signed: who signed the agreement.
        open_class: of the dataset, as it is now.
        suspensions: those in force on the dataset.
        untrained: courses that the person lacks for this action.
        duty: the report that is owed and blocks, if there is one.
        columns: what a question looks at: columns by table; None where no question is known.
        cost: what it would take from the budget.
        sizes: of the files handed in, in bytes.
        reviewer: who votes.
        approvals: distinct people who approved.
        private_answers: what would leave consists wholly of private answers.
        planned: what would leave is as it was planned, and every check passes.
    """

    today: date
    person: str
    grant: Grant
    state: ApplicationState
    signed: frozenset[str]
    open_class: OpenClass
    suspensions: tuple[Suspension, ...]
    untrained: tuple[str, ...] = ()
    duty: Duty | None = None
    columns: Mapping[str, frozenset[str]] | None = None
    cost: Loss | None = None
    sizes: tuple[int, ...] | None = None
    reviewer: str = ""
    approvals: frozenset[str] | None = None
    private_answers: bool = False
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, and by which clause.

    >>> bool(Decision(False, "period", "It ended."))
    False
    """

    allowed: bool
    clause: str
    reason: str = ""
    fix: str = ""

    def __bool__(self) -> bool:
        return self.allowed


EARLIER_FORM = Decision(False, "format", NO_MORE, "Apply again; the owner approves it in the present form.")


def allows(agreement: Mapping[str, Any], action: str, facts: Facts) -> Decision:
    """Whether the agreement permits the action now.

    Args:
        agreement: the document whose signature the caller has checked.
        action: one of ``Action``.

    Returns:
        A decision; an allow names the clause that permits the action, a deny the first that forbids it.
    """
    try:
        rules = _RULES.get(action)
        if rules is None:
            return Decision(False, "action", f"No clause speaks of {str(action)[:40]!r}.")
        for rule in (*_ALWAYS, *rules.held):
            denied = rule(agreement, facts)
            if denied is not None:
                return denied
        return Decision(True, rules.by)
    except SandboxError as broken:
        return Decision(False, "evaluation", broken.message, broken.fix)
    except Exception as broken:
        # A clause or a fact that is missing, or of another kind: what cannot be evaluated is not permitted.
        return Decision(
            False, "evaluation", f"The agreement could not be evaluated ({type(broken).__name__})."
        )


def permitting(action: Action) -> str:
    """The clause that permits an action, where nothing forbids it."""
    return _RULES[action].by


_Rule = Callable[[Mapping[str, Any], Facts], Decision | None]


def _format(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if not is_present(agreement):
        return EARLIER_FORM
    check_agreed(agreement, facts.grant)
    return None


def _people(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    everybody = agreement["people"]["all"]
    if facts.person != facts.grant.person or facts.person not in everybody:
        return Decision(False, "people", "This grant belongs to somebody else.")
    missing = [name for name in everybody if name not in facts.signed]
    if missing:
        return Decision(False, "people", f"{', '.join(missing)} did not sign the agreement.")
    return None


def _state(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    grant = facts.grant
    if facts.state is ApplicationState.RENEWED:
        return Decision(
            False,
            "period",
            f"Grant {grant.id} was renewed.",
            "Use the grant that goes on with it; what waits for review is handed in again under that one.",
        )
    if grant.revoked or facts.state is ApplicationState.REVOKED:
        return Decision(False, "revocation", f"Grant {grant.id} was revoked.", "Ask the owner why.")
    if facts.state is ApplicationState.CLOSED:
        return Decision(False, "period", f"Grant {grant.id} was closed.", "Apply for a new one.")
    return None


def _open_class(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if facts.open_class is OpenClass.CLOSED:
        return Decision(
            False,
            "open_class",
            f"{agreement['dataset']} is closed.",
            "Ask its owner whether it is opened again.",
        )
    return None


def _period(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    starts, ends = (date.fromisoformat(agreement["period"][name]) for name in ("starts", "ends"))
    if facts.today < starts:
        return Decision(False, "period", f"Grant {facts.grant.id} starts on {starts}.")
    if facts.today > ends or facts.state is not ApplicationState.ACTIVE:
        return Decision(
            False, "period", f"Grant {facts.grant.id} ended on {ends}.", "Apply for a new one, or renew it."
        )
    return None


def _suspension(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    whole = touching((s for s in facts.suspensions if s.whole), {})
    if whole is not None:
        return _suspended(whole)
    return None


def _suspended(found: Suspension) -> Decision:
    because = f" (objection {found.objection})" if found.objection else ""
    return Decision(
        False,
        "suspension",
        f"{found.place} is suspended{because}.",
        "Ask its owner when it will be resumed." if found.whole else "Ask without this column.",
    )


def _training(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if facts.untrained:
        courses = ", ".join(facts.untrained)
        return Decision(
            False,
            "training",
            f"Training is missing or has expired: {courses}.",
            "Take it, and ask an administrator.",
        )
    return None


def _feedback(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if facts.duty is not None:
        return Decision(
            False,
            "feedback",
            f"A report on the use of the data was due on {facts.duty.due} (application {facts.duty.application}).",
            "Give it under 'My data'; everything goes on at once.",
        )
    return None


def _columns(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if facts.columns is None:
        return Decision(False, "data", "It is not known which columns would be used.")
    agreed = agreement["data"]["tables"]
    for table, columns in sorted(facts.columns.items()):
        if table not in agreed:
            return Decision(
                False,
                "data",
                f"The agreement does not open the table {table}.",
                f"It opens {', '.join(agreed)}.",
            )
        outside = sorted(columns - set(agreed[table]))
        if outside:
            return Decision(
                False,
                "data",
                f"The agreement does not open {table}.{outside[0]}.",
                f"It opens {', '.join(agreed[table])}.",
            )
    found = touching(facts.suspensions, facts.columns)
    return _suspended(found) if found is not None else None


def _touched(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    """For what is made of columns that nobody names: any suspended one stops it."""
    found = touching(facts.suspensions, facts.columns)
    return _suspended(found) if found is not None else None


def _evidence(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    return (_touched if facts.columns is None else _columns)(agreement, facts)


def _price(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if facts.cost is None:
        return Decision(False, "budget", "It is not known what the question costs.")
    terms = agreement["budget"]
    if not facts.cost.fits_in(Loss(terms["question_nano"], terms["question_atto_delta"])):
        return Decision(
            False,
            "budget",
            "One question may not cost so much under this agreement.",
            "Ask with a smaller epsilon.",
        )
    return None


def _known_mode(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    Mode(agreement["mode"])  # one that is not known permits nothing
    return None


def _runs_code(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    mode = Mode(agreement["mode"])
    if mode is Mode.QUERY:
        return Decision(
            False,
            "mode",
            f"Mode {mode} asks questions; no code of yours runs beside the raw rows.",
            "Apply for the mode job.",
        )
    return None


def _shows_rows(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    mode = Mode(agreement["mode"])
    if mode is not Mode.ROOM:
        return Decision(
            False, "mode", f"Mode {mode} shows no raw row in a notebook.", "Apply for the mode room."
        )
    return None


def _sizes(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    most = agreement["outputs"]["max_bytes"]
    if facts.sizes is None or max(facts.sizes, default=0) > most:
        return Decision(
            False, "outputs", f"The agreement lets files of at most {most:,} bytes leave.", "Make it smaller."
        )
    return None


def _reviewer(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    if not facts.reviewer or facts.reviewer in agreement["people"]["all"]:
        return Decision(False, "review", "Nobody of the agreement reviews what leaves under it.")
    return None


def _votes(agreement: Mapping[str, Any], facts: Facts) -> Decision | None:
    needed = agreement["review"]["reviewers"]
    if facts.private_answers and takes_fast_lane(agreement):
        return None
    if facts.planned and takes_planned_lane(agreement):
        return None
    if facts.approvals is None:
        return Decision(False, "review", "It is not known who approved.")
    independent = facts.approvals - set(agreement["people"]["all"])
    if len(independent) < needed:
        return Decision(
            False,
            "review",
            f"The agreement asks for {needed} independent approvals; there are {len(independent)}.",
        )
    return None


def takes_fast_lane(agreement: Mapping[str, Any]) -> bool:
    """Whether private answers leave without a vote: it was agreed, and nobody reads raw rows under it."""
    agreed = agreement["review"].get("fast_lane", FastLane.NONE) in (FastLane.ANSWERS, FastLane.PLANNED)
    return agreed and Mode(agreement["mode"]) is Mode.QUERY


def takes_planned_lane(agreement: Mapping[str, Any]) -> bool:
    """Whether planned outputs leave without a vote: it was agreed, and a verdict on rows tells their sender nothing."""
    agreed = agreement["review"].get("fast_lane", FastLane.NONE) == FastLane.PLANNED
    return agreed and Mode(agreement["mode"]) is Mode.ROOM


@dataclass(frozen=True, slots=True)
class _Clauses:
    """What an action is held against, beside what always holds."""

    by: str  # the clause that permits it
    held: tuple[_Rule, ...]


_ALWAYS: tuple[_Rule, ...] = (_format, _people, _state, _suspension)
_USE: tuple[_Rule, ...] = (_open_class, _period, _training, _feedback)
_RULES: dict[str, _Clauses] = {
    Action.ASK: _Clauses("budget", (*_USE, _columns, _price)),
    Action.SAMPLE: _Clauses("data", (*_USE, _touched)),
    Action.OPEN_NOTEBOOK: _Clauses("mode", (*_USE, _known_mode)),
    # The columns are those that the extract holds: all that the agreement opens and nothing suspends.
    Action.SHOW_ROWS: _Clauses("mode", (*_USE, _shows_rows, _columns)),
    Action.RUN_JOB: _Clauses("mode", (*_USE, _runs_code, _columns)),
    # Whoever the agreement names may ask; who may let it in is ruled in ``import_request``.
    Action.IMPORT: _Clauses("people", _USE),
    Action.SUBMIT: _Clauses("outputs", (*_USE, _sizes)),
    # What was handed in while the grant held is judged and let out after its end as well.
    Action.CHECK: _Clauses("data", (_evidence,)),
    Action.REVIEW: _Clauses("review", (_training, _reviewer)),
    Action.RELEASE: _Clauses("review", (_touched, _votes)),
}
