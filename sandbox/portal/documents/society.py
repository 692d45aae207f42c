"""What everybody may ask, say and read. No name of a person stands here, unless policy names people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.domain.ratings import STARS
from sandbox.flows.demand_data import DemandView, DemandViews
from sandbox.flows.project_register import ProjectLine, ProjectLines
from sandbox.flows.rate_dataset import RatingView
from sandbox.flows.record_breach import BreachView, BreachViews
from sandbox.flows.report_result import ResultView, ResultViews
from sandbox.flows.transparency import Report
from sandbox.portal.documents.planted import planted_share

DEMAND_COLUMNS = (
    "id",
    "title",
    "data",
    "holder",
    "purpose",
    "state",
    "answer",
    "opened_as",
    "merged_into",
    "votes",
    "visitor_votes",
    "asked_on",
)
RESULT_COLUMNS = (
    "id",
    "dataset",
    "project",
    "kind",
    "title",
    "authors",
    "link",
    "made_on",
    "how_used",
    "citation_carried",
)
PROJECT_COLUMNS = (
    "project",
    "dataset",
    "title",
    "organisations",
    "purposes",
    "modes",
    "people",
    "names",
    "starts",
    "ends",
    "state",
    "spent_percent",
)
BREACH_COLUMNS = (
    "id",
    "recorded_on",
    "dataset",
    "project",
    "who",
    "clause",
    "measure",
    "notice",
    "lifted",
)


def demand(view: DemandView) -> dict[str, Any]:
    d = view.demand
    return {
        "id": d.id,
        "title": d.wish.title,
        "data": d.wish.data,
        "holder": d.wish.holder,
        "purpose": d.wish.purpose,
        "state": str(d.state),
        "version": d.version,
        "answer": d.answer,
        "opened_as": d.opened_as if view.opened_title else "",
        "merged_into": d.merged_into,
        "also_asked_as": list(view.also),
        "votes": d.votes,
        "visitor_votes": d.visitor_votes,
        "asked_on": d.asked_at[:10],
        "hidden": bool(d.hidden),
        "allowed_actions": list(view.allowed_actions),
    }


def demands(page: DemandViews) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "limit": page.limit,
        "demands": [demand(view) for view in page.demands],
    }


def result(view: ResultView) -> dict[str, Any]:
    r = view.result
    return {
        "id": r.id,
        "dataset": r.dataset,
        "dataset_title": view.title,
        "project": r.project,
        "kind": str(r.made.kind),
        "title": r.made.title,
        "authors": r.made.authors,
        "link": r.made.link,
        "made_on": r.made.made_on.isoformat(),
        "how_used": r.made.how_used,
        "citation_carried": r.made.citation_carried,
        "state": str(r.state),
        "version": r.version,
        "reason": r.reason,
        "allowed_actions": list(view.allowed_actions),
    }


def results(page: ResultViews) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "limit": page.limit,
        "results": [result(view) for view in page.results],
    }


def ratings(view: RatingView) -> dict[str, Any]:
    found = view.usefulness
    return {
        "n": found.n,
        "mean": round(found.mean, 2) if found.mean is not None else None,
        "counts": {str(stars): n for stars, n in zip(STARS, found.counts, strict=True)},
        "sentences": [{"stars": s, "sentence": text, "day": day} for s, text, day in found.sentences],
        "mine": {"stars": view.mine.stars, "sentence": view.mine.sentence} if view.mine else None,
        "allowed_actions": list(view.allowed_actions),
    }


def project(line: ProjectLine) -> dict[str, Any]:
    return {**asdict(line), "starts": line.starts.isoformat(), "ends": line.ends.isoformat()}


def projects(page: ProjectLines) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "limit": page.limit,
        "projects": [project(line) for line in page.projects],
    }


def breach(view: BreachView) -> dict[str, Any]:
    return {
        "id": view.id,
        "recorded_on": view.recorded_at[:10],
        "dataset": view.dataset,
        "title": view.title,
        "project": view.project,
        "who": view.who,
        "clause": view.notice.clause,
        "measure": str(view.notice.measure),
        "notice": view.notice.text,
        "lifted": view.lifted,
        "allowed_actions": list(view.allowed_actions),
    }


def breaches(page: BreachViews) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "limit": page.limit,
        "breaches": [breach(view) for view in page.breaches],
    }


def transparency(report: Report) -> dict[str, Any]:
    return {
        "log_head": asdict(report.head),
        "datasets": {
            "total": sum(report.datasets_by_class.values()),
            "by_class": report.datasets_by_class,
            "suspended": report.datasets_suspended,
        },
        "projects": {
            "total": sum(report.projects_by_state.values()),
            "by_state": report.projects_by_state,
            "by_mode": report.projects_by_mode,
            "newest": [project(line) for line in report.newest_projects],
        },
        "purposes": [
            {"project": line.project, "dataset": line.dataset, "purpose": purpose}
            for line in report.newest_projects
            for purpose in line.purposes
        ],
        "budgets": [asdict(budget) for budget in report.budgets],
        "questions": {
            "total": report.questions,
            "by_dataset": report.questions_by_dataset,
            "by_month": report.questions_by_month,
        },
        "releases": report.releases_by_outcome,
        "planted": planted_share(report.planted),
        "objections": {**asdict(report.objections), "open": report.objections.open},
        "policy_changes": {
            "total": report.policy_changes_total,
            "newest": [asdict(change) for change in report.policy_changes],
        },
        "breaches": report.breaches_by_measure,
        "demands": report.demands_by_state,
        "results": report.results,
    }


def transparency_rows(report: Report) -> list[dict[str, Any]]:
    """The figures one a line, for a table: figure, of what, value."""
    document = transparency(report)
    rows: list[dict[str, Any]] = []

    def add(figure: str, of: str, value: Any) -> None:
        rows.append({"figure": figure, "of": of, "value": value})

    for name in ("size", "root", "at"):
        add("log head", name, document["log_head"][name])
    groups = {
        "datasets": document["datasets"]["by_class"],
        "projects": document["projects"]["by_state"],
        "projects by mode": document["projects"]["by_mode"],
        "budget spent, percent": {b.lineage: b.spent_percent for b in report.budgets},
        "questions": report.questions_by_dataset,
        "questions by month": report.questions_by_month,
        "releases": report.releases_by_outcome,
        "planted outputs": {name: document["planted"][name] for name in ("planted", "found", "missed")},
        "objections": document["objections"],
        "breaches": report.breaches_by_measure,
        "demands": report.demands_by_state,
    }
    for figure, values in groups.items():
        for of, value in values.items():
            add(figure, of, value)
    add("results", "confirmed", report.results)
    add("policy changes", "all", report.policy_changes_total)
    return rows
