"""The life of a grant, from the first draft to the certificate; and what people try on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.application import Application, ApplicationState, Wish
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, OverBudget, Tampered
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.commitments import promised_on, uncommitted

S = ApplicationState
WISH = Wish(
    project="housing",
    purpose="Study the loans of families.",
    output_plan="Counts by sex.",
    days=30,
    members=("ben",),
    epsilon="1",
)
SQL = "SELECT COUNT(*) AS n FROM loans"


def applied(world: Any, wish: Wish = WISH, **more: Any) -> Application:
    made: Application = world.sandbox.request_access.apply(
        world.person("ana"), dataset="loans", wish=wish, **more
    )
    return made


def active(world: Any, wish: Wish = WISH, **more: Any) -> Application:
    """Approved, and signed by everybody."""
    made = applied(world, wish, **more)
    world.sandbox.request_access.approve(world.person("olga"), made.id)
    for name in made.people:
        world.sandbox.request_access.sign(world.person(name), made.id)
    now = world.sandbox.store.access.application(made.id)
    assert now.state is S.ACTIVE
    return now  # type: ignore[no-any-return]


def grant_of(world: Any, application: Application, name: str = "ana") -> Any:
    return next(g for g in world.sandbox.store.grants.under(application.id) if g.person == name)


def ask(
    world: Any, application: Application, name: str = "ana", *, epsilon: float = 0.1, sql: str = SQL
) -> Any:
    return world.sandbox.answer_question.ask(
        world.person(name), grant_of(world, application, name), sql=sql, epsilon=epsilon
    )


# asking


def test_a_draft_is_seen_by_its_author_alone_and_goes_back_and_forth(world: Any) -> None:
    access, views = world.sandbox.request_access, world.sandbox.access_views
    ana, ben, olga = (world.person(name) for name in ("ana", "ben", "olga"))
    draft = applied(world, draft=True)
    for other in (ben, olga):
        with pytest.raises(NotFound):
            views.application(other, draft.id)
    assert views.application(ana, draft.id).allowed_actions == ("edit", "submit", "withdraw")
    access.submit(ana, draft.id)
    assert views.application(ben, draft.id).allowed_actions == ()
    seen = views.application(olga, draft.id)
    assert seen.allowed_actions == ("approve", "return", "reject")
    assert str(seen.due) == "2026-01-12"  # five working days from Monday the fifth
    access.send_back(olga, draft.id, reason="Thirty days are too long.")
    with pytest.raises(Conflict):
        access.submit(ana, draft.id)  # as it was
    access.edit(ana, draft.id, replace(WISH, days=20))
    access.submit(ana, draft.id)
    (change,) = views.application(olga, draft.id).changes
    assert (change.name, change.before, change.after) == ("days", "30", "20")
    assert [t.answer for t in views.application(olga, draft.id).turns] == ["Thirty days are too long.", ""]


def test_sent_twice_it_is_one_application(world: Any) -> None:
    first = applied(world)
    with pytest.raises(Conflict) as caught:
        applied(world)
    assert f"application {first.id}" in str(caught.value)
    assert applied(world, replace(WISH, days=29)).id != first.id  # the control


def test_everybody_named_has_an_account_and_the_role(world: Any) -> None:
    for name in ("nobody", "rita"):
        with pytest.raises(BadInput) as caught:
            applied(world, replace(WISH, members=(name,)))
        assert caught.value.where == "members"


# agreeing


def test_the_owner_can_give_less_and_add_conditions_but_not_give_more(world: Any) -> None:
    access, olga = world.sandbox.request_access, world.person("olga")
    made = applied(world)
    for bad in ({"days": 31}, {"epsilon": "2"}, {"days": 0}, {"epsilon": "x"}, {"conditions": ["x" * 501]}):
        with pytest.raises(BadInput):
            access.approve(olga, made.id, **bad)
    access.approve(olga, made.id, days=10, epsilon="0.5", conditions=[" Send us the paper. ", ""])
    document = world.sandbox.store.access.agreement(made.id).document()
    assert document["period"] == {"starts": "2026-01-05", "ends": "2026-01-14"}
    assert document["conditions"][-1] == "Send us the paper."
    guarantee = world.sandbox.store.datasets.get("loans").policy.guarantee
    assert guarantee.epsilon(Loss(document["budget"]["all_nano"])) == pytest.approx(0.5, rel=1e-3)


def test_the_grants_begin_with_the_last_signature(world: Any) -> None:
    access = world.sandbox.request_access
    made = applied(world)
    access.approve(world.person("olga"), made.id)
    assert access.sign(world.person("ana"), made.id) is None
    assert world.sandbox.store.grants.under(made.id) == ()
    with pytest.raises(Conflict):
        access.sign(world.person("ana"), made.id)
    for name in ("olga", "rita"):
        with pytest.raises(NotAllowed):
            access.sign(world.person(name), made.id)
    grant = access.sign(world.person("ben"), made.id)
    assert grant.person == "ben"
    assert [g.person for g in world.sandbox.store.grants.under(made.id)] == ["ana", "ben"]


def test_who_does_not_accept_sends_it_back_and_earlier_signatures_count_no_more(world: Any) -> None:
    access = world.sandbox.request_access
    made = applied(world)
    access.approve(world.person("olga"), made.id)
    access.sign(world.person("ana"), made.id)
    access.decline(world.person("ben"), made.id, reason="I have left the institute.")
    access.edit(world.person("ana"), made.id, replace(WISH, members=()))
    access.submit(world.person("ana"), made.id)
    access.approve(world.person("olga"), made.id)
    now = world.sandbox.store.access.application(made.id)
    assert (now.state, now.signed, now.turn) == (S.APPROVED, (), 2)


def test_two_who_sign_in_one_moment_both_have_signed(world: Any) -> None:
    made = applied(world)
    world.sandbox.request_access.approve(world.person("olga"), made.id)
    people = [world.person(name) for name in ("ana", "ben")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda person: world.sandbox.request_access.sign(person, made.id), people))
    assert world.sandbox.store.access.application(made.id).state is S.ACTIVE
    assert len(world.sandbox.store.grants.under(made.id)) == 2


def test_of_two_decisions_in_one_moment_one_is_told(world: Any) -> None:
    made, access, olga = applied(world), world.sandbox.request_access, world.person("olga")

    def decide(verb: str) -> str:
        try:
            if verb == "approve":
                access.approve(olga, made.id, version=made.version)  # the one that both looked at
            else:
                access.reject(olga, made.id, reason="Not now, sorry.", version=made.version)
        except Conflict:
            return "conflict"
        return verb

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(decide, ("approve", "reject")))
    assert sorted(told) in (["approve", "conflict"], ["conflict", "reject"])
    state = world.sandbox.store.access.application(made.id).state
    assert state is (S.APPROVED if "approve" in told else S.REJECTED)


def test_an_agreement_changed_in_the_database_permits_nothing(world: Any) -> None:
    from sqlalchemy import text

    application = active(world)
    assert ask(world, application)  # the control
    document = world.sandbox.store.access.agreement(application.id).document()
    document["budget"]["all_nano"] *= 2
    with world.sandbox.store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE agreements SET body = :body WHERE application_id = :id"),
            {"body": canonical_json(document), "id": application.id},
        )
    with pytest.raises(Tampered):
        ask(world, application, sql="SELECT COUNT(*) AS m FROM loans")


def test_only_columns_of_the_agreement_are_asked_about(world: Any) -> None:
    application = active(world, replace(WISH, tables={"loans": ("sex",)}))
    assert ask(world, application, sql="SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex")
    assert ask(world, application, sql="SELECT COUNT(DISTINCT id) AS n FROM loans")
    for sql in (
        "SELECT SUM(amount) AS s FROM loans",
        "SELECT COUNT(*) AS n FROM loans WHERE amount > 5",
        "SELECT COUNT(*) FILTER (WHERE amount > 5) AS n FROM loans",
        "SELECT AVG(m) AS a FROM (SELECT id, SUM(amount) AS m FROM loans GROUP BY id)",
        "WITH t AS (SELECT id, MAX(amount) AS m FROM loans GROUP BY id) SELECT COUNT(*) AS n FROM t WHERE m > 5",
    ):
        with pytest.raises(NotAllowed) as caught:
            ask(world, application, sql=sql)
        assert caught.value.clause == "data", sql


# the budget


def test_a_project_has_what_its_agreement_gives(world: Any) -> None:
    application = active(world)
    with pytest.raises(OverBudget):
        ask(world, application, epsilon=1.5)
    ask(world, application, epsilon=0.5)
    spent = world.sandbox.store.ledger.spent_under(application.id)
    assert spent.nano > 0
    with pytest.raises(OverBudget) as caught:
        ask(
            world,
            application,
            "ben",
            epsilon=0.99,
            sql="SELECT COUNT(*) AS other FROM loans WHERE sex = 'male'",
        )
    assert "agreement's budget" in str(caught.value)
    assert world.sandbox.store.ledger.spent_under(application.id) == spent


def test_a_member_and_a_day_have_their_shares(world: Any, clock: list[datetime]) -> None:
    text = world.policy_file.read_text()
    world.policy_file.write_text(
        text.replace("epsilon: '4',", "epsilon: '4', member_percent: 40, day_percent: 50,")
    )
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    application = active(world)
    questions = (f"SELECT COUNT(*) AS n FROM loans WHERE amount > {i}" for i in range(99))
    ask(world, application, epsilon=0.5, sql=next(questions))
    with pytest.raises(OverBudget) as caught:
        ask(world, application, epsilon=0.5, sql=next(questions))
    assert "the share of ana" in str(caught.value)
    ask(world, application, "ben", epsilon=0.3, sql=next(questions))
    with pytest.raises(OverBudget) as caught:
        ask(world, application, "ben", epsilon=0.5, sql=next(questions))
    assert "the budget of this day" in str(caught.value)
    clock[0] += timedelta(days=1)
    ask(world, application, "ben", epsilon=0.5, sql=next(questions))
    budget = world.sandbox.access_views.budget(grant_of(world, application, "ben"))
    assert 0 < budget.member_epsilon_left < 1
    assert 0 < budget.day_epsilon_left < 1
    assert budget.counts.left > 0


def test_many_at_once_cannot_spend_more_than_the_agreement_gives(world: Any) -> None:
    application = active(world)
    cap = world.sandbox.store.access.agreement(application.id).document()["budget"]["all_nano"]

    def one(i: int) -> bool:
        try:
            ask(
                world,
                application,
                ("ana", "ben")[i % 2],
                epsilon=0.4,
                sql=f"SELECT COUNT(*) AS n{i} FROM loans WHERE amount > {i}",
            )
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        answered = sum(pool.map(one, range(18)))
    assert 0 < answered < 18
    assert world.sandbox.store.ledger.spent_under(application.id).nano <= cap


def test_no_more_is_promised_than_there_is(world: Any) -> None:
    """The first project's grant of the example takes all: overbooking is the policy's own choice there."""
    text = world.policy_file.read_text()
    world.policy_file.write_text(text.replace("promise_percent: 1000", "promise_percent: 150"))
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    policy = world.sandbox.store.datasets.get("loans").policy
    free = uncommitted(world.sandbox.store, policy)
    assert 0 < free.nano < policy.budget.cap.nano
    made = applied(world, replace(WISH, epsilon="3.9"))
    with pytest.raises(BadInput) as caught:
        world.sandbox.request_access.approve(world.person("olga"), made.id)
    assert caught.value.where == "epsilon"
    world.sandbox.request_access.approve(world.person("olga"), made.id, epsilon="1")
    left = uncommitted(world.sandbox.store, policy)
    assert left.nano < free.nano
    world.sandbox.request_access.withdraw(world.person("ana"), made.id)
    assert uncommitted(world.sandbox.store, policy) == free  # what is not used goes back
    assert promised_on(world.sandbox.store, "loans").nano > 0


# ending


def test_one_member_leaves_or_is_removed_and_the_others_go_on(world: Any) -> None:
    ends = world.sandbox.end_access
    application = active(world)
    ends.remove_member(world.person("olga"), application.id, member="ben", reason="Left the institute.")
    with pytest.raises(NotAllowed) as caught:
        ask(world, application, "ben")
    assert caught.value.clause == "revocation"
    assert ask(world, application)
    ends.leave(world.person("ana"), application.id)
    with pytest.raises(NotAllowed):
        ask(world, application)
    with pytest.raises(NotAllowed):
        ends.remove_member(world.person("ben"), application.id, member="ana", reason="I want it.")


def test_revoking_stops_notebooks_and_blocks_whom_the_owner_blocks(world: Any, clock: list[datetime]) -> None:
    stopped: list[int] = []
    ends = replace(world.sandbox.end_access, stop=lambda grants: stopped.extend(g.id for g in grants))
    application = active(world)
    grants = [g.id for g in world.sandbox.store.grants.under(application.id)]
    ends.revoke(
        world.person("olga"),
        application.id,
        reason="Rows were photographed.",
        clause="purpose",
        block_days=30,
    )
    assert stopped == grants
    with pytest.raises(NotAllowed) as caught:
        applied(world, replace(WISH, days=5))
    assert caught.value.clause == "purpose"
    with pytest.raises(NotAllowed):  # nor under somebody else's name
        world.sandbox.request_access.apply(
            world.person("ben"), dataset="loans", wish=replace(WISH, members=("ana",))
        )
    (block, _) = world.sandbox.store.duties.blocks_on("loans")
    with pytest.raises(NotAllowed):
        ends.lift(world.person("ana"), block.id, lineage="loans")
    ends.lift(world.person("olga"), block.id, lineage="loans")
    assert applied(world, replace(WISH, members=(), days=5))
    clock[0] += timedelta(days=31)
    assert applied(world, replace(WISH, days=6))  # ben's is over


@pytest.mark.parametrize(("seconds", "holds"), [(-1, True), (0, False)])
def test_the_clock_at_the_second_of_expiry(
    world: Any, clock: list[datetime], seconds: int, holds: bool
) -> None:
    """The last day is the third of February: it ends at midnight, UTC."""
    application = active(world)
    clock[0] = clock[0].replace(month=2, day=4, hour=0, minute=0, second=0, microsecond=0)
    clock[0] += timedelta(seconds=seconds)
    if holds:
        assert ask(world, application)
    else:
        with pytest.raises(NotAllowed) as caught:
            ask(world, application)
        assert caught.value.clause == "period"


def test_what_is_over_is_noted_down_once_and_can_be_closed(world: Any, clock: list[datetime]) -> None:
    ends, ana = world.sandbox.end_access, world.person("ana")
    application = active(world)
    ask(world, application)
    clock[0] += timedelta(days=40)
    assert application.id in ends.expire()
    assert ends.expire() == ()
    with pytest.raises(NotFound):
        ends.certificate(ana, application.id)
    ends.close(ana, application.id)
    kept = json.loads(ends.certificate(ana, application.id))
    body = kept["certificate"]
    assert body["people"] == ["ana", "ben"]
    assert body["spent_nano"] == world.sandbox.store.ledger.spent_under(application.id).nano > 0
    world.sandbox.store.signer.check(bytes.fromhex(kept["signature_ed25519"]), canonical_json(body))
    with pytest.raises(NotFound):
        ends.certificate(world.person("rita"), application.id)


def test_nothing_is_closed_while_outputs_are_on_their_way(world: Any) -> None:
    application = active(world)
    release = world.sandbox.review_release.submit(
        world.person("ana"),
        grant_of(world, application),
        files=[("t.csv", b"sex,n\nfemale,50\nmale,50\n")],
        context="Counts of applicants by sex, for the report.",
        sql={"t.csv": "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"},
    ).release
    with pytest.raises(Conflict) as caught:
        world.sandbox.end_access.close(world.person("ana"), application.id)
    assert str(release.id) in str(caught.value)
    world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    world.sandbox.end_access.close(world.person("ana"), application.id)


def test_a_renewal_goes_on_where_the_first_one_ends(world: Any) -> None:
    application = active(world)
    ask(world, application)
    with pytest.raises(BadInput):
        applied(world, replace(WISH, project="another"), renews=application.id)
    renewed = active(world, replace(WISH, days=60), renews=application.id)
    assert world.sandbox.store.access.application(application.id).state is S.RENEWED
    with pytest.raises(NotAllowed):
        ask(world, application)
    assert ask(world, renewed).cached  # the project's own answer is still there, free


def test_a_report_that_is_owed_blocks_uses_and_new_grants_until_it_is_given(
    world: Any, clock: list[datetime]
) -> None:
    ends, ana = world.sandbox.end_access, world.person("ana")
    application = active(world)
    clock[0] += timedelta(days=30 + 29)
    assert ends.remind()  # due within days
    assert ends.remind() == ()  # said once
    clock[0] += timedelta(days=30)
    ends.expire()
    assert {str(duty.state) for duty in ends.remind()} == {"blocking"}
    with pytest.raises(NotAllowed) as caught:
        applied(world, replace(WISH, days=5))
    assert caught.value.clause == "feedback"
    with pytest.raises(BadInput):
        ends.report(ana, application.id, usefulness=6, text="Of much use to us, and to others.")
    with pytest.raises(NotFound):
        ends.report(world.person("rita"), application.id, usefulness=5, text="Of much use to all of us.")
    for owing in (application.id, world.grant.application):
        ends.report(ana, owing, usefulness=5, text="Of much use to us, and to others.")
    assert applied(world, replace(WISH, days=5))
    with pytest.raises(Conflict):
        ends.report(ana, application.id, usefulness=5, text="Of much use to us, once again.")


def test_the_books_agree_with_the_log_after_all_of_it(world: Any) -> None:
    application = active(world)
    world.sandbox.end_access.leave(world.person("ben"), application.id)
    world.sandbox.end_access.close(world.person("ana"), application.id)
    other = active(world, replace(WISH, days=9))
    active(world, replace(WISH, days=8), renews=other.id)
    books = world.sandbox.verify_books(world.person("ada"))
    assert books.grants == 7
