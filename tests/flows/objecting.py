"""Objecting in the small world of these tests, and everything that can be compared before and after."""

from __future__ import annotations

from typing import Any

from sandbox.domain.objection import Kind, Objection, Verb
from sandbox.flows.object import Acknowledged, Wish
from sandbox.flows.visitors import Visitor

ANSWER = "We looked at it with care."
TEXT = "These rows are about me, and nobody asked me."
ASK = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
SUM = "SELECT SUM(amount) AS total FROM loans"
TABLE = b"sex,n\nfemale,60\nmale,40\n"


def objected(world: Any, **more: Any) -> Acknowledged:
    """Somebody objects to loans, each from an address of their own."""
    evidence = more.pop("evidence", ())
    address = more.pop("address", None) or f"203.0.113.{len(world.sandbox.store.objections.all()) + 1}"
    who = more.pop("person", None) or Visitor.at(address)
    wish = Wish(**{"dataset": "loans", "kind": Kind.PRIVACY, "text": TEXT, **more})
    taken: Acknowledged = world.sandbox.object_to_data.receive(who, wish, evidence=evidence)
    return taken


def decided(world: Any, objection: Objection, *verbs: Verb, by: str = "olga") -> Objection:
    """Looked at, then moved by the verbs."""
    for verb in (Verb.LOOK, *verbs):
        objection = world.sandbox.decide_objection(world.person(by), objection.id, verb, reason=ANSWER)
    return objection


def ask(world: Any, sql: str = ASK, **more: Any) -> Any:
    return world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=sql, **more)


def submit(world: Any, *, sql: str = "", name: str = "t.csv") -> Any:
    return world.sandbox.review_release.submit(
        world.person("ana"),
        world.grant,
        files=[(name, TABLE)],
        context="Counts of applicants by sex, for the report.",
        sql={name: sql} if sql else {},
    ).release


def vote(world: Any, release: Any, name: str) -> Any:
    from sandbox.domain.release import Decision

    now = world.sandbox.store.releases.get(release.id)
    return world.sandbox.review_release.vote(
        world.person(name), release.id, version=now.version, decision=Decision.APPROVE, comment="fine"
    )


def everything(world: Any) -> dict[str, object]:
    """The states of all that a suspension touches, without counters and times."""
    store = world.sandbox.store
    return {
        "releases": [
            (r.id, r.status, r.held_from, r.held_by, r.reason, r.votes, r.crate_sha256)
            for r in store.releases.of_dataset("loans")
        ],
        "grants": store.grants.all(),
        "applications": store.access.applications(),
        "dataset": store.datasets.get("loans"),
        "suspensions": store.suspensions.of("loans"),
        "accounts": store.ledger.accounts("loans", "model"),
        "may": [view.allowed_actions for view in world.sandbox.views.releases(world.person("ana"))],
        "queue": [view.release.id for view in world.sandbox.views.review_queue(world.person("rita"))],
        "holds": [view.holds for view in world.sandbox.access_views.grants(world.person("ana"))],
    }
