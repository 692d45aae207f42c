"""Applicants, members, owners and whoever was shown out try to get more than an agreement gives."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.application import ApplicationState, Wish
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, NotAllowed, NotFound
from sandbox.domain.people import Role
from sandbox.domain.release import Decision
from sandbox.flows.buy_base import BuyBase
from sandbox.privacy.base.sample import Sample

SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def wish(**words: Any) -> Wish:
    asked = {"project": "other", "purpose": "Model the default risk of loans.", "days": 30, **words}
    return Wish(output_plan="Counts by sex.", **asked)


def rewrite(world: Any, old: str, new: str) -> None:
    text = world.policy_file.read_text()
    assert old in text
    world.policy_file.write_text(text.replace(old, new))


def close_the_data(world: Any, *, hide: bool = False) -> None:
    rewrite(world, "open_class: conditional", "open_class: closed" + ("\nlisted: false" if hide else ""))
    world.sandbox.publish_dataset(world.person("olga"), policy_file=world.policy_file, files={})


def ask(world: Any, name: str = "ana", grant: Grant | None = None) -> Any:
    return world.sandbox.answer_question.ask(world.person(name), grant or world.grant, sql=SQL, epsilon=0.1)


# an application that waited while the policy became tighter


def test_an_owner_cannot_approve_what_the_policy_no_longer_offers(world: Any) -> None:
    """Loosening needs a second person; an old application must not be the way around."""
    box, olga = world.sandbox, world.person("olga")
    made = box.request_access.apply(world.person("ben"), dataset="loans", wish=wish(days=300))
    rewrite(world, "release:", "access: {max_days: 10}\nrelease:")
    assert box.change_policy.apply(olga, world.policy_file).version == 2
    with pytest.raises(BadInput) as refused:
        box.request_access.approve(olga, made.id)
    assert refused.value.where == "days"
    approved = box.request_access.approve(olga, made.id, days=10)  # the control: within the policy
    assert approved.state is ApplicationState.APPROVED


def test_a_member_without_the_role_holds_up_the_approval(world: Any) -> None:
    box = world.sandbox
    made = box.request_access.apply(world.person("ana"), dataset="loans", wish=wish(members=("ben",)))
    box.store.people.set_roles("ben", [Role.REVIEWER], event=Event("t", "person.roles_set", "person:ben"))
    with pytest.raises(BadInput, match="no researcher ben"):
        box.request_access.approve(world.person("olga"), made.id)


# data that are closed


def test_no_grant_begins_on_closed_data(world: Any) -> None:
    box, ben = world.sandbox, world.person("ben")
    made = box.request_access.apply(ben, dataset="loans", wish=wish())
    box.request_access.approve(world.person("olga"), made.id)
    close_the_data(world)
    with pytest.raises(NotAllowed) as refused:
        box.request_access.sign(ben, made.id)
    assert refused.value.clause == "open_class"
    assert box.store.grants.of_person("ben") == ()


def test_closing_the_data_ends_every_use_at_once(world: Any) -> None:
    box, ana = world.sandbox, world.person("ana")
    ask(world)  # the control
    close_the_data(world)
    for use in (
        lambda: ask(world),
        lambda: box.open_notebook.allowed("ana", world.grant.server_name),
        lambda: box.buy_base.sample_under(ana, world.grant),
        lambda: box.review_release.submit(
            ana,
            world.grant,
            files=[("t.csv", b"sex,n\nfemale,50\n")],
            context="Counts by sex of all.",
            sql={},
        ),
    ):
        with pytest.raises(NotAllowed) as refused:
            use()
        assert refused.value.clause == "open_class"
    (shown,) = box.access_views.grants(ana)
    assert (shown.holds, shown.over) == (False, False)


def test_hidden_data_can_still_be_given_back_and_taken_back(world: Any) -> None:
    """Whoever hides data would otherwise have grants that nobody can end, and that live again with the data."""
    box = world.sandbox
    other = world.granted(project="other", name="ben")
    close_the_data(world, hide=True)
    with pytest.raises(NotAllowed):
        box.open_notebook.allowed("ana", world.grant.server_name)
    assert box.end_access.leave(world.person("ben"), other.application).revoked
    box.end_access.revoke(world.person("olga"), world.grant.application, reason="nobody uses it now")
    assert all(grant.revoked for grant in box.store.grants.all())
    with pytest.raises(NotFound):  # and nobody else learns that they are there
        box.request_access.apply(world.person("ben"), dataset="loans", wish=wish())


# who may not, or no longer


def test_a_block_holds_for_whoever_signed_before_it(world: Any) -> None:
    box, olga = world.sandbox, world.person("olga")
    made = box.request_access.apply(world.person("ben"), dataset="loans", wish=wish(members=("ana",)))
    box.request_access.approve(olga, made.id)
    box.request_access.sign(world.person("ana"), made.id)
    box.end_access.revoke(olga, world.grant.application, reason="she broke it", block_days=100)
    with pytest.raises(NotAllowed) as refused:
        box.request_access.sign(world.person("ben"), made.id)
    assert refused.value.clause == "breach"
    assert box.store.grants.under(made.id) == ()
    (block,) = box.access_views.blocks_by(olga)
    box.end_access.lift(olga, block.id, lineage="loans")
    assert box.request_access.sign(world.person("ben"), made.id) is not None  # the control


def test_who_is_no_researcher_any_more_uses_nothing(world: Any) -> None:
    """An account that became an auditor's would otherwise keep what researchers may."""
    box = world.sandbox
    ask(world)  # the control
    box.store.people.set_roles("ana", [Role.AUDITOR], event=Event("t", "person.roles_set", "person:ana"))
    for use in (lambda: ask(world), lambda: box.buy_base.sample_under(world.person("ana"), world.grant)):
        with pytest.raises(NotAllowed) as refused:
            use()
        assert refused.value.clause == "role"
    denied = box.store.log.newest(limit=1)[0].event
    assert (denied.action, denied.facts["clause"]) == ("access.denied", "role")


def test_whoever_was_shown_out_reads_no_more_of_the_projects_questions(world: Any) -> None:
    box = world.sandbox
    again = world.granted(name="ben", epsilon="1")
    ask(world)
    seen = box.access_views.grant(world.person("ana"), world.grant.id).history
    ask(world, "ben", again)
    assert len(box.access_views.grant(world.person("ana"), world.grant.id).history) == len(seen) + 1
    box.end_access.revoke(world.person("olga"), world.grant.application, reason="she broke it")
    assert box.access_views.grant(world.person("ana"), world.grant.id).history == seen


# drafts, renewals, forms


def test_a_draft_that_was_taken_back_stays_its_writers_own(world: Any) -> None:
    box = world.sandbox
    secret = wish(project="an idea", members=("ana",))
    drafted = box.request_access.apply(world.person("ben"), dataset="loans", wish=secret, draft=True)
    box.request_access.withdraw(world.person("ben"), drafted.id)
    handed_in = box.request_access.apply(world.person("ben"), dataset="loans", wish=secret)
    box.request_access.withdraw(world.person("ben"), handed_in.id)
    for name in ("olga", "ana"):
        with pytest.raises(NotFound):
            box.access_views.application(world.person(name), drafted.id)
        assert box.access_views.application(world.person(name), handed_in.id)  # the control
    assert box.access_views.application(world.person("ben"), drafted.id)


def test_a_renewal_stays_in_its_project(world: Any) -> None:
    """Under another name it would have a quota of its own, and reviewers of the old project could vote on it."""
    box, ana = world.sandbox, world.person("ana")
    made = box.request_access.apply(
        ana, dataset="loans", wish=wish(project="model"), draft=True, renews=world.grant.application
    )
    with pytest.raises(BadInput) as refused:
        box.request_access.edit(ana, made.id, wish(project="quite another"))
    assert refused.value.where == "project"
    assert box.request_access.edit(ana, made.id, wish(project="model", days=60)).wish.days == 60


def test_what_waits_under_a_renewed_grant_is_told_the_way_on(world: Any) -> None:
    box, ana = world.sandbox, world.person("ana")
    release = box.review_release.submit(
        ana, world.grant, files=[("t.csv", b"sex,n\nfemale,50\n")], context="Counts by sex of all.", sql={}
    ).release
    made = box.request_access.apply(ana, dataset="loans", wish=wish(project="model"), renews=1)
    box.request_access.approve(world.person("olga"), made.id)
    box.request_access.sign(ana, made.id)
    with pytest.raises(NotAllowed, match="renewed") as refused:
        box.review_release.vote(
            world.person("rita"), release.id, version=release.version, decision=Decision.APPROVE, comment=""
        )
    assert (refused.value.clause, "handed in again" in refused.value.fix) == ("period", True)


def test_a_column_named_a_thousand_times_is_no_agreement(world: Any) -> None:
    with pytest.raises(BadInput, match="twice"):
        world.sandbox.request_access.apply(
            world.person("ben"), dataset="loans", wish=wish(tables={"loans": ("sex",) * 1000})
        )


# columns outside


def test_synthetic_rows_have_the_agreed_columns_alone(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pairs of a column that the agreement leaves out would be told by them."""
    rows = ((1, "female", 10), (2, "male", 20))
    made_up = Sample(columns=("id", "sex", "amount"), rows=rows)
    monkeypatch.setattr(BuyBase, "sample", lambda self, dataset, rows: made_up)
    narrow = world.granted(project="narrow", name="ben", tables={"loans": ("sex",)})
    found = world.sandbox.buy_base.sample_under(world.person("ben"), narrow)
    assert (found.columns, found.rows) == (("id", "sex"), ((1, "female"), (2, "male")))
    whole = world.sandbox.buy_base.sample_under(world.person("ana"), world.grant)  # the control
    assert whole == made_up


def test_an_answer_to_others_is_no_way_to_a_column_outside(world: Any) -> None:
    """It is stored, free and public; the agreement still says no before anything is looked up."""
    box, ben = world.sandbox, world.person("ben")
    narrow = world.granted(project="narrow", name="ben", tables={"loans": ("amount",)})
    ask(world)
    for words in ({"epsilon": 0.1}, {"free": True}, {"epsilon": 0.1, "idempotency_key": "again"}):
        with pytest.raises(NotAllowed) as refused:
            box.answer_question.ask(ben, narrow, sql=SQL, **words)
        assert refused.value.clause == "data"
    with pytest.raises(NotAllowed):
        box.answer_question.estimate(ben, narrow, sql=SQL, epsilon=0.1)
    assert ask(world).cached  # the control


def test_naming_somebody_does_not_tell_what_they_broke(world: Any) -> None:
    box = world.sandbox
    box.end_access.revoke(
        world.person("olga"), world.grant.application, reason="she sold it", clause="purpose", block_days=100
    )
    with pytest.raises(NotAllowed) as refused:
        box.request_access.apply(world.person("ben"), dataset="loans", wish=wish(members=("ana",)))
    told = f"{refused.value.message} {refused.value.fix} {refused.value.clause}"
    assert "2026" not in told
    assert "purpose" not in told
    with pytest.raises(NotAllowed, match="until 2026") as own:  # the control: she is told
        box.request_access.apply(world.person("ana"), dataset="loans", wish=wish())
    assert own.value.clause == "purpose"


def test_two_approvals_in_one_moment_do_not_promise_the_same_budget(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, olga = world.sandbox, world.person("olga")
    rewrite(world, "promise_percent: 1000", "promise_percent: 100")
    box.change_policy.apply(olga, world.policy_file)
    box.end_access.close(world.person("ana"), world.grant.application)
    made = [
        box.request_access.apply(world.person("ben"), dataset="loans", wish=wish(project=name)).id
        for name in ("one", "two")
    ]
    second = Thread(target=lambda: outcomes.append(_approved(world, made[1])))
    outcomes: list[bool] = []
    signer, sign = type(box.store.signer), type(box.store.signer).sign

    def slowly(self: Any, body: bytes) -> bytes:
        if b"sandbox-agreement" in body and not second.ident:
            second.start()  # the other owner's click, after this one's budget was worked out
            second.join(0.5)
        return sign(self, body)  # type: ignore[no-any-return]

    monkeypatch.setattr(signer, "sign", slowly)
    outcomes.append(_approved(world, made[0]))
    second.join()
    assert sorted(outcomes) == [False, True]


def _approved(world: Any, number: int) -> bool:
    try:
        world.sandbox.request_access.approve(world.person("olga"), number)
    except BadInput:
        return False
    return True
