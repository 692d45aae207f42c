"""The agreement: one document that people sign and every guard reads.

Its keys are its clauses. ``permission.allows`` evaluates them, ``in_words`` says them, and nothing that decides about a
use stands anywhere else. It holds text and whole numbers only, so that it has one canonical form to hash and sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.application import Application, check_text
from sandbox.domain.budget import Allowance
from sandbox.domain.canonical import content_hash
from sandbox.domain.check_terms import terms_document, terms_from_document
from sandbox.domain.earlier_form import FORMAT, is_present, people_of, period_of
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.fast_lane import FastLane
from sandbox.domain.policy import DatasetPolicy, ReleaseTerms
from sandbox.domain.privacy_loss import ZERO, Accounting, Guarantee, Loss

MAX_CONDITIONS = 20


def agreement(
    application: Application,
    policy: DatasetPolicy,
    *,
    policy_hash: str,
    starts: date,
    budget: Loss,
    conditions: Sequence[str] = (),
) -> dict[str, Any]:
    """The agreement that an approved application leads to.

    Args:
        budget: what all its people's questions may cost together.
        conditions: what the owner asks for beyond the policy.

    Returns:
        A value that ``canonical_json`` writes and ``content_hash`` names.
    """
    terms = policy.budget
    if terms is None:  # check() refuses such a policy
        raise BadInput(f"{policy.name} has no budget.", where="budget")
    wish = application.wish
    return {
        "format": FORMAT,
        "application": application.id,
        "turn": application.turn,
        "renews": application.renews,
        "dataset": policy.name,
        "title": policy.title,
        "lineage": policy.budget_lineage,
        "policy_sha256": policy_hash,
        "project": wish.project,
        "organisation": wish.organisation,
        "people": {"lead": application.applicant, "all": sorted(application.people)},
        "purpose": {"text": wish.purpose, "legal_basis": wish.legal_basis},
        "period": {
            "starts": starts.isoformat(),
            "ends": (starts + timedelta(days=wish.days - 1)).isoformat(),
        },
        "data": {
            "tables": {
                name: list(wish.tables.get(name, ())) or list(table.columns)
                for name, table in sorted(policy.tables.items())
                if not wish.tables or name in wish.tables
            }
        },
        "mode": str(wish.mode),
        "budget": {
            "accounting": str(terms.accounting),
            "delta": terms.delta,
            "all_nano": budget.nano,
            "all_atto_delta": budget.atto_delta,
            "member_nano": budget.nano * terms.member_percent // 100,
            "day_nano": budget.nano * terms.day_percent // 100,
            "question_nano": min(terms.per_question.nano, budget.nano),
            "question_atto_delta": terms.per_question.atto_delta,
        },
        "outputs": {
            "plan": wish.output_plan,
            "file_types": sorted(policy.release.file_types),
            "max_bytes": policy.release.max_bytes,
        },
        "review": {
            "reviewers": policy.release.reviewers,
            "threshold_units": policy.release.threshold,
            "fast_lane": str(policy.release.fast_lane),
            "sample_percent": policy.release.sample_percent,
            "checks": terms_document(policy.release.checks),
        },
        "conditions": [*policy.access.conditions, *conditions],
        "source": policy.source,
        "feedback": {
            "days_after_end": policy.access.feedback_days,
            "every_days": policy.access.feedback_every_days,
            "grace_days": policy.access.feedback_grace_days,
        },
    }


def check_conditions(conditions: Sequence[str]) -> tuple[str, ...]:
    """An owner's own conditions without blanks around them; raises ``BadInput`` for what cannot be one."""
    plain = tuple(line.strip() for line in conditions if line.strip())
    if len(plain) > MAX_CONDITIONS or any(len(line) > 500 for line in plain):
        raise BadInput(
            "There are too many conditions, or one is too long.",
            where="conditions",
            fix=f"Write {MAX_CONDITIONS} at most, of 500 characters each.",
        )
    for line in plain:
        check_text("conditions", line)
    return plain


def agreement_hash(document: Mapping[str, Any]) -> str:
    return content_hash(dict(document))


def release_terms(document: Mapping[str, Any]) -> ReleaseTerms:
    """The release terms that a signed agreement holds.

    Who reviews is not among them: requesters read the agreement, and never learn their reviewers' names.
    """
    return ReleaseTerms(
        threshold=document["review"]["threshold_units"],
        reviewers=document["review"]["reviewers"],
        file_types=tuple(document["outputs"]["file_types"]),
        max_bytes=document["outputs"]["max_bytes"],
        # What was signed before there was a fast lane has none.
        fast_lane=FastLane(document["review"].get("fast_lane", FastLane.NONE)),
        sample_percent=document["review"].get("sample_percent", 100),
        checks=terms_from_document(document["review"].get("checks", {})),
    )


def guarantee_of(document: Mapping[str, Any]) -> Guarantee:
    """How the losses in an agreement are read."""
    return Guarantee(float(document["budget"]["delta"]), Accounting(document["budget"]["accounting"]))


def budget_of(document: Mapping[str, Any]) -> Loss:
    """What all questions under the agreement may cost together; nothing under one in an earlier form."""
    if not is_present(document):
        return ZERO
    return Loss(document["budget"]["all_nano"], document["budget"]["all_atto_delta"])


def question_limit(document: Mapping[str, Any]) -> Loss:
    """What a single question under the agreement may cost."""
    return Loss(document["budget"]["question_nano"], document["budget"]["question_atto_delta"])


def allowances(document: Mapping[str, Any], *, person: str, day_began: str) -> tuple[Allowance, ...]:
    """What the agreement gives to all its people, to this one, and for this day.

    Args:
        day_began: the day's first moment; ISO 8601, UTC.
    """
    terms, number = document["budget"], document["application"]
    atto_delta = terms["all_atto_delta"]
    found = [Allowance(name="the agreement's budget", cap=budget_of(document), application=number)]
    if terms["member_nano"] < terms["all_nano"]:
        cap = Loss(terms["member_nano"], atto_delta)
        found.append(Allowance(name=f"the share of {person}", cap=cap, application=number, person=person))
    if terms["day_nano"] < terms["all_nano"]:
        cap = Loss(terms["day_nano"], atto_delta)
        found.append(Allowance(name="the budget of this day", cap=cap, application=number, since=day_began))
    return tuple(found)


def check_agreed(document: Mapping[str, Any], grant: Grant) -> None:
    """Raise unless an agreement, whose signature holds, is the one that this grant comes from.

    Raises:
        Tampered: the grant says something else than what was signed.
    """
    wrong = list(_contradictions(document, grant))
    if wrong or agreement_hash(document) != grant.agreement_hash:
        raise Tampered(
            f"Grant {grant.id} is not what its agreement says ({', '.join(wrong) or 'another agreement'}).",
            place=f"grant {grant.id}",
        )


def _contradictions(document: Mapping[str, Any], grant: Grant) -> Iterator[str]:
    period = period_of(document)
    if grant.person not in people_of(document):
        yield "person"
    for name, says, held in (
        ("application", document.get("application"), grant.application),
        ("project", document.get("project"), grant.project),
        ("dataset", document.get("dataset"), grant.dataset),
        ("mode", document.get("mode"), str(grant.mode)),
        ("starts", period["starts"], grant.starts.isoformat()),
        ("ends", period["ends"], grant.ends.isoformat()),
    ):
        if says != held:
            yield name


def in_words(document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The clauses as people read them before they sign: (name of the clause, what it says)."""
    guarantee, budget = guarantee_of(document), document["budget"]

    def epsilon(nano: int, atto_delta: int = 0) -> str:
        return f"ε = {guarantee.epsilon(Loss(nano, atto_delta)):.3g}"

    people, period, review = document["people"], document["period"], document["review"]
    tables = "; ".join(
        f"{name} ({', '.join(columns)})" for name, columns in document["data"]["tables"].items()
    )
    legal, names = document["purpose"]["legal_basis"], ", ".join(people["all"])
    several = f"{names}, led by {people['lead']}, and nobody else."
    said = [
        ("people", several if len(people["all"]) > 1 else f"{names}, and nobody else."),
        ("purpose", document["purpose"]["text"]),
        *([("legal_basis", legal)] if legal else []),
        ("period", f"From {period['starts']} to {period['ends']}, both days included."),
        ("data", f"These tables and columns: {tables}."),
        ("mode", _MODES[document["mode"]]),
        (
            "budget",
            " ".join(
                [
                    f"All questions together may cost {epsilon(budget['all_nano'])} at δ = {budget['delta']}.",
                    *(
                        _share(share, epsilon(budget[share]))
                        for share in ("member_nano", "day_nano", "question_nano")
                        if budget[share] < budget["all_nano"]
                    ),
                ]
            ),
        ),
        (
            "outputs",
            f"Files of type {', '.join(document['outputs']['file_types'])} up to {document['outputs']['max_bytes']:,} "
            "bytes may leave.",
        ),
        ("planned_outputs", document["outputs"]["plan"]),
        (
            "review",
            f"Nothing leaves before {review['reviewers']} independent reviewers approved it; no cell with fewer than "
            f"{review['threshold_units']} units behind it." + _fast_lane(review),
        ),
        ("source", document["source"]),
        ("feedback", _feedback(document["feedback"])),
        (
            "suspension",
            "An objection or the owner suspends the data at any time; a breach ends this agreement.",
        ),
    ]
    said[-1:-1] = [("conditions", text) for text in document["conditions"]]
    return tuple(said)


_MODES = {
    "query": "Questions only: no raw row is in the notebook; answers carry noise.",
    "job": "Code is sent to the data; nothing comes back but through review.",
    "room": "The rows can be read inside the notebook; nothing leaves but through review.",
}


def _share(share: str, epsilon: str) -> str:
    match share:
        case "member_nano":
            return f"Those of one member may cost {epsilon}."
        case "day_nano":
            return f"Those of one day may cost {epsilon}."
        case _:
            return f"A single one may cost {epsilon}."


def _fast_lane(review: Mapping[str, Any]) -> str:
    lane = FastLane(review.get("fast_lane", FastLane.NONE))
    if lane is FastLane.NONE:
        return ""
    planned = (
        " So do, for people who read raw rows, tables that the plan names with their question, when the platform "
        "writes the same bytes and every check passes."
        if lane is FastLane.PLANNED
        else ""
    )
    return (
        " Outputs that consist wholly of private answers leave without them, but for people who read raw rows."
        f"{planned} {review['sample_percent']} % of them are looked at all the same."
    )


def _feedback(terms: Mapping[str, int]) -> str:
    if not terms["days_after_end"]:
        return "No report on the use is asked for."
    often = f" and every {terms['every_days']} days before" if terms["every_days"] else ""
    return (
        f"You say what came of it within {terms['days_after_end']} days after the end{often}; "
        f"{terms['grace_days']} days later, what is open is suspended and nothing new is granted."
    )
