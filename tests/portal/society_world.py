"""The installation with something on each public list, for the tests of society's pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.domain import results
from sandbox.domain.access import Grant
from sandbox.domain.breaches import Measure
from sandbox.domain.demands import Verb
from sandbox.domain.results import ResultKind, Told
from sandbox.flows.visitors import Visitor
from tests.portal.example_world import World

WISH = {
    "title": "Waiting times for buses",
    "data": "One row for each stop and hour.",
    "holder": "City transport company",
    "purpose": "To see which districts wait longest.",
}
CONTACT = "eva@example.org"
REPORT: dict[str, Any] = {
    "kind": "paper",
    "title": "Loans on equal terms",
    "authors": "A. Author, B. Author",
    "link": "10.1000/182",
    "made_on": "2025-02-01",
    "how_used": "Counts by sex and housing, Table 2.",
}
NOTICE = {
    "clause": "condition 2",
    "notice": "A figure was published without naming its source.",
}


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What was made, by number."""

    grant: Grant
    demand: int
    hidden: int
    result: int  # confirmed
    waiting: int
    breach: int


def told(**more: Any) -> Told:
    values = {**REPORT, "citation_carried": True, **more}
    return Told(
        **{**values, "kind": ResultKind(values["kind"]), "made_on": date.fromisoformat(values["made_on"])}
    )


def furnished(world: World, *, text: str = "") -> Numbers:
    """Something on each list.

    Args:
        text: written into every field that takes text; what is usual there when empty.
    """
    sandbox, ana, olga, alma = world.sandbox, *(world.person(n) for n in ("ana", "olga", "alma"))

    def words(usual: str, most: int = 2000) -> str:
        return text[:most] or usual

    grant = world.granted(purpose=words("To see whether loans are on equal terms."))
    demand = sandbox.demand_data.ask(
        Visitor.at("192.0.2.7"),
        title=words(WISH["title"], 120),
        data=words(WISH["data"]),
        holder=words(WISH["holder"], 200),
        purpose=words(WISH["purpose"]),
        contact=words(CONTACT, 200) if not text else CONTACT,
    )
    sandbox.demand_data.answer(
        olga, demand.id, Verb.PLAN, version=1, text=words("It is prepared for spring.")
    )
    hidden = sandbox.demand_data.ask(
        ana, **{**WISH, "title": words("Buy my things now", 120), "data": words("Buy them, all of you.")}
    )
    sandbox.demand_data.hide(alma, hidden.id, reason=words("An advertisement.", 500))
    made = {"title": words(REPORT["title"], 300), "authors": words(REPORT["authors"], 500)}
    made["how_used"] = words(REPORT["how_used"])
    result = sandbox.report_result.report(ana, grant.id, told(**made))
    sandbox.report_result.decide(olga, result.id, results.Verb.CONFIRM, version=1)
    waiting = sandbox.report_result.report(ana, grant.id, told(**{**made, "kind": "model"}))
    sandbox.rate_dataset.rate(ana, "loans", stars=4, sentence=words("Well described.", 300))
    breach = sandbox.record_breach.record(
        olga,
        dataset="loans",
        project=grant.project,
        about="ana",
        clause=words(NOTICE["clause"], 120),
        measure=Measure.WARNING,
        text=words(NOTICE["notice"]),
    )
    return Numbers(
        grant=grant,
        demand=demand.id,
        hidden=hidden.id,
        result=result.id,
        waiting=waiting.id,
        breach=breach.id,
    )
