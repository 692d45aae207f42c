"""An installation is upgraded while agreements in the first form are about: they permit nothing, and break nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.application import Verb, Wish, platform_step, step
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import Conflict, NotAllowed

SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
FILE = ("t.csv", b"sex,n\nfemale,50\nmale,50\n")
WISH = Wish(project="old", purpose="Model the default risk of loans.", output_plan="Counts by sex.", days=30)


def approved_long_ago(world: Any) -> int:
    """An application that an earlier version approved: nobody has signed."""
    box = world.sandbox
    made = box.request_access.apply(world.person("ana"), dataset="loans", wish=WISH)
    row = step(made, Verb.APPROVE, box.store.datasets.get("loans").policy, world.person("olga"))
    body = canonical_json(
        {
            "format": "sandbox-agreement-v1",
            "application": made.id,
            "person": "ana",
            "project": "old",
            "dataset": "loans",
            "mode": "query",
            "starts": "2026-01-05",
            "ends": "2026-02-03",
            "tables": ["loans"],
            "budget": {"accounting": "zcdp", "delta": "1e-6", "project_nano": 10**8},
            "release": {"threshold_units": 10, "reviewers": 2, "file_types": ["csv"], "max_bytes": 10**6},
            "source_to_name": "a bank",
        }
    )
    digest = sha256_hex(body)
    event = Event(
        "olga", row.event, f"application:{made.id}", {"clause": row.clause, "agreement_sha256": digest}
    )
    box.store.access.approve_application(
        made, row, agreement=body, agreement_hash=digest, signature=box.store.signer.sign(body), event=event
    )
    return int(made.id)


def signed_long_ago(world: Any) -> Grant:
    """The same, signed; the grant that came of it."""
    access = world.sandbox.store.access
    application = access.application(approved_long_ago(world))
    row = step(application, Verb.SIGN, world.sandbox.store.datasets.get("loans").policy, world.person("ana"))
    about, facts = f"application:{application.id}", {"agreement_sha256": application.agreement_hash}
    application = access.sign_application(
        application, row, "ana", event=Event("ana", row.event, about, facts)
    )
    begin = platform_step(application, Verb.BEGIN)
    (grant,) = access.begin_grants(
        application,
        begin,
        starts=date(2026, 1, 5),
        ends=date(2026, 2, 3),
        event=Event("system:access", begin.event, about, facts),
    )
    return grant  # type: ignore[no-any-return]


USES: dict[str, Callable[[Any, Grant], object]] = {
    "ask": lambda w, g: w.sandbox.answer_question.ask(w.person("ana"), g, sql=SQL, epsilon=0.1),
    "estimate": lambda w, g: w.sandbox.answer_question.estimate(w.person("ana"), g, sql=SQL, epsilon=0.1),
    "sample": lambda w, g: w.sandbox.buy_base.sample_under(w.person("ana"), g),
    "open a notebook": lambda w, g: w.sandbox.open_notebook.allowed("ana", g.server_name),
    "hand in": lambda w, g: w.sandbox.review_release.submit(
        w.person("ana"), g, files=[FILE], context="Counts of applicants by sex.", sql={"t.csv": SQL}
    ),
}


@pytest.mark.parametrize("use", USES)
def test_an_old_grant_is_refused_with_its_clause_and_the_way_on(world: Any, use: str) -> None:
    grant = signed_long_ago(world)
    with pytest.raises(NotAllowed) as refused:
        USES[use](world, grant)
    assert refused.value.clause == "format"
    assert "Apply again" in refused.value.fix
    denied = world.sandbox.store.log.newest(limit=1)[0].event
    assert (denied.action, denied.object, denied.facts["clause"]) == (
        "access.denied",
        f"grant:{grant.id}",
        "format",
    )


def test_a_present_grant_is_not(world: Any) -> None:
    """The control."""
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=SQL, epsilon=0.1)
    assert world.sandbox.open_notebook.allowed("ana", world.grant.server_name).grant == world.grant


def test_everybody_goes_on_beside_old_agreements(world: Any) -> None:
    """Owners decide, people see their grants, results and applications, and the books hold."""
    grant, box = signed_long_ago(world), world.sandbox
    made = box.request_access.apply(
        world.person("ana"),
        dataset="loans",
        wish=Wish(
            project="model",
            purpose="Another look at the risk of loans.",
            output_plan="Counts by sex.",
            epsilon="0.5",
        ),
    )
    assert box.access_views.application(world.person("olga"), made.id).free_epsilon > 0
    assert box.request_access.approve(world.person("olga"), made.id).agreement_hash
    _, shown = box.access_views.grants(world.person("ana"))
    assert (shown.holds, shown.over, shown.budget.epsilon_left) == (False, True, 0)
    assert [r.citation for r in box.report_result.reportable(world.person("ana"))] == ["a bank"] * 2
    assert box.verify_books(world.person("ada")).grants == 2
    closed = box.end_access.close(world.person("ana"), grant.application)
    assert b'"ends":"2026-02-03"' in box.end_access.certificate(world.person("ana"), closed.id)


def test_an_old_approval_is_declined_and_approved_anew(world: Any) -> None:
    number, box, ana, olga = (
        approved_long_ago(world),
        world.sandbox,
        world.person("ana"),
        world.person("olga"),
    )
    view = box.access_views.application(ana, number)
    assert view.allowed_actions == ("decline", "withdraw")
    assert view.ends == "2026-02-03"
    with pytest.raises(Conflict, match="earlier version") as refused:
        box.request_access.sign(ana, number)
    assert "Decline" in refused.value.fix
    box.request_access.decline(ana, number, reason="in the old form")
    box.request_access.edit(ana, number, WISH)
    box.request_access.submit(ana, number)
    box.request_access.approve(olga, number)
    assert box.request_access.sign(ana, number).person == "ana"
