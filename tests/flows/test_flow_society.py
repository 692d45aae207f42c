"""Society's journeys, told by the log: asking, rating, reporting, breaches; and what becomes public of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sandbox.domain import results
from sandbox.domain.application import Wish
from sandbox.domain.audit import Event
from sandbox.domain.breaches import Measure
from sandbox.domain.demands import Verb
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, TooOften
from sandbox.domain.people import Person, Role
from sandbox.domain.results import ResultKind, Told
from sandbox.domain.site_policy import SocietyTerms
from sandbox.domain.suspension import Suspension
from sandbox.flows.visitors import Visitor

WISH = {
    "title": "Bus delays",
    "data": "One row for each departure.",
    "holder": "City transport",
    "purpose": "To see who waits longest.",
}
TOLD = Told(
    kind=ResultKind.PAPER,
    title="Loans on equal terms",
    authors="A. Ana",
    link="10.1000/182",
    made_on=date(2026, 1, 2),
    how_used="Counts by sex.",
    citation_carried=True,
)
HOME = Visitor.at("192.0.2.7")
BREACH = {
    "dataset": "loans",
    "project": "model",
    "clause": "condition 1",
    "text": "A figure was published without naming its source.",
}


@pytest.fixture
def alma(world: Any) -> Person:
    person = Person("alma", frozenset({Role.ADMINISTRATOR}))
    world.sandbox.store.people.add(
        person, password="a long password", event=Event("t", "person.added", "person:alma")
    )
    return person


# the demand list


def test_the_log_tells_of_a_demand_and_not_who_visited(world: Any) -> None:
    data, olga = world.sandbox.demand_data, world.person("olga")
    made = data.ask(HOME, **WISH, contact="eva@example.org")
    data.vote(HOME, made.id)
    data.vote(world.person("ana"), made.id)
    data.answer(olga, made.id, Verb.PLAN, version=1, text="In spring.")
    data.answer(olga, made.id, Verb.OPEN, version=2, dataset="loans")
    told = [e for e in reversed(world.sandbox.store.log.newest(limit=50)) if "demand" in e.event.action]
    assert [(e.event.action, e.event.actor, e.event.object) for e in told] == [
        ("demand.asked", "system:visitor", "demand:1"),
        ("demand.voted", "system:visitor", "demand:1"),
        ("demand.voted", "ana", "demand:1"),
        ("demand.planned", "olga", "demand:1"),
        ("demand.opened", "olga", "demand:1"),
    ]
    everything = repr(told)
    assert "eva@" not in everything
    assert "192.0.2" not in everything


def test_two_owners_deciding_at_once_do_not_overwrite_each_other(world: Any, alma: Person) -> None:
    data = world.sandbox.demand_data
    made = data.ask(HOME, **WISH)
    data.answer(world.person("olga"), made.id, Verb.PLAN, version=1)
    with pytest.raises(Conflict, match="meanwhile"):
        data.answer(alma, made.id, Verb.REFUSE, version=1, text="It cannot be opened.")


def test_a_demand_is_opened_as_ones_own_public_dataset_only(world: Any, alma: Person) -> None:
    data = world.sandbox.demand_data
    made = data.ask(HOME, **WISH)
    oscar = Person("oscar", frozenset({Role.OWNER}))
    with pytest.raises(NotAllowed) as refused:
        data.answer(oscar, made.id, Verb.OPEN, version=1, dataset="loans")
    assert refused.value.clause == "dataset owner"
    with pytest.raises(BadInput):
        data.answer(alma, made.id, Verb.OPEN, version=1, dataset="nothing")
    assert data.answer(alma, made.id, Verb.OPEN, version=1, dataset="loans").opened_as == "loans"


def test_mass_submission_ends_at_the_limits(world: Any, clock: list[datetime]) -> None:
    data = world.sandbox.demand_data
    limit = world.sandbox.site.society.demands_per_day

    def ask(who: Any, n: int) -> None:
        data.ask(who, **{**WISH, "title": f"Demand number {n}"})

    for n in range(limit):
        ask(HOME, n)
        ask(world.person("ana"), 100 + n)
    for who in (HOME, world.person("ana")):
        with pytest.raises(TooOften) as refused:
            ask(who, 200)
        assert refused.value.clause in ("one address a day", "one person a day")
    ask(Visitor.at("192.0.2.8"), 300)  # the control: another address
    clock[0] += timedelta(days=1)
    ask(HOME, 400)  # and another day


def test_a_restart_does_not_open_the_list_to_a_flood(world: Any) -> None:
    from dataclasses import replace

    from sandbox.flows.visitors import Visitors

    few = replace(world.sandbox.demand_data, terms=SocietyTerms(all_demands_per_day=2))
    for n in range(2):
        few.ask(Visitor.at(f"192.0.2.{n}"), **{**WISH, "title": f"Demand number {n}"})
    restarted = replace(few, visitors=Visitors(few.today))
    with pytest.raises(TooOften) as refused:
        restarted.ask(HOME, **WISH)
    assert refused.value.clause == "all visitors a day"
    restarted.ask(world.person("ana"), **WISH)  # a person with an account is not a visitor


def test_hidden_spam_is_gone_for_all_but_administrators(world: Any, alma: Person) -> None:
    data = world.sandbox.demand_data
    made = data.ask(HOME, **WISH)
    for name in ("ana", "olga", "ada", "rita"):
        with pytest.raises(NotAllowed):
            data.hide(world.person(name), made.id, reason="I do not like it.")
    with pytest.raises(BadInput):
        data.hide(alma, made.id, reason="")
    data.hide(alma, made.id, reason="An advertisement.")
    assert data.page(None).total == 0
    for person in (None, world.person("ana"), world.person("olga")):
        with pytest.raises(NotFound):
            data.view(person, made.id)
    with pytest.raises(NotFound):
        data.vote(HOME, made.id)
    assert data.view(alma, made.id).demand.hidden == "An advertisement."
    assert data.page(alma, hidden=True).total == 1
    data.show(alma, made.id)
    assert data.page(None).total == 1


# ratings


def test_rating_needs_a_grant_once_held(world: Any) -> None:
    rate = world.sandbox.rate_dataset
    with pytest.raises(NotAllowed) as refused:
        rate.rate(world.person("ben"), "loans", stars=5)
    assert refused.value.clause == "grant"
    assert rate.view(world.person("ben"), "loans").allowed_actions == ()
    rate.rate(world.person("ana"), "loans", stars=5, sentence="Good.")
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="It is over.")
    rate.rate(world.person("ana"), "loans", stars=2, sentence="Less good.")  # she had one
    view = rate.view(world.person("ana"), "loans")
    assert (view.usefulness.n, view.usefulness.mean) == (1, 2.0)
    assert world.actions().count("dataset.rated") == 2


def test_a_sentence_is_hidden_without_learning_who_wrote_it(world: Any, alma: Person) -> None:
    rate = world.sandbox.rate_dataset
    rate.rate(world.person("ana"), "loans", stars=1, sentence="Buy now!")
    with pytest.raises(NotAllowed):
        rate.hide(world.person("olga"), "loans", sentence="Buy now!", reason="spam here")
    with pytest.raises(NotFound):
        rate.hide(alma, "loans", sentence="Buy", reason="spam here")
    rate.hide(alma, "loans", sentence="Buy now!", reason="spam here")
    found = rate.view(None, "loans").usefulness
    assert (found.n, found.sentences) == (1, ())
    assert "ana" not in repr(world.sandbox.store.log.newest(limit=1))


# results


def test_a_result_is_reported_under_ones_own_grant_and_confirmed(world: Any) -> None:
    report, ana, olga = world.sandbox.report_result, world.person("ana"), world.person("olga")
    for other in ("ben", "olga", "rita"):
        with pytest.raises(NotFound):
            report.report(world.person(other), world.grant.id, TOLD)
    made = report.report(ana, world.grant.id, TOLD)
    assert report.register().total == 0
    with pytest.raises(NotFound):
        report.view(None, made.id)
    with pytest.raises(NotFound):  # not even that it is there
        report.decide(world.person("rita"), made.id, results.Verb.CONFIRM, version=1)
    with pytest.raises(NotAllowed):
        report.decide(ana, made.id, results.Verb.CONFIRM, version=1)
    report.decide(olga, made.id, results.Verb.RETURN, version=1, reason="Which table?")
    with pytest.raises(Conflict):
        report.decide(olga, made.id, results.Verb.CONFIRM, version=2)
    report.amend(ana, made.id, TOLD, version=2)
    assert [v.result.id for v in report.waiting(olga)] == [made.id]
    assert report.waiting(world.person("rita")) == ()
    report.decide(olga, made.id, results.Verb.CONFIRM, version=3)
    assert report.register().results[0].result.made.link == "https://doi.org/10.1000/182"
    assert [r.id for r in world.sandbox.store.results.of_project("model")] == [made.id]
    assert [a for a in world.actions() if a.startswith("result")] == [
        "result.reported",
        "result.returned",
        "result.amended",
        "result.confirmed",
    ]
    report.decide(olga, made.id, results.Verb.WITHDRAW, version=4, reason="It was retracted.")
    assert report.register().total == 0


def test_the_duty_to_report_outlives_the_grant(world: Any, clock: list[datetime]) -> None:
    clock[0] += timedelta(days=400)
    assert world.sandbox.report_result.report(world.person("ana"), world.grant.id, TOLD)


def test_the_form_says_the_citation_of_the_signed_agreement(world: Any) -> None:
    (grant,) = world.sandbox.report_result.reportable(world.person("ana"))
    assert (grant.citation, grant.project) == ("a bank", "model")
    assert world.sandbox.report_result.reportable(world.person("ben")) == ()


# breaches


def test_a_closure_revokes_in_the_same_step_and_a_warning_does_not(world: Any) -> None:
    record, olga = world.sandbox.record_breach, world.person("olga")
    opening = world.sandbox.open_notebook
    record.record(olga, **BREACH, about="ana", measure=Measure.WARNING)
    assert opening.allowed("ana", world.grant.server_name)
    record.record(olga, **BREACH, measure=Measure.CLOSURE)
    with pytest.raises(NotAllowed) as refused:
        opening.allowed("ana", world.grant.server_name)
    assert refused.value.clause == "revocation"
    assert world.actions()[-3:-1] == ["grant.revoked", "breach.recorded"]
    with pytest.raises(Conflict):
        record.record(olga, **BREACH, measure=Measure.CLOSURE)


def test_a_closure_blocks_for_a_time_and_no_longer(world: Any, clock: list[datetime]) -> None:
    wish = Wish(
        project="model", purpose="To go on with the same loans.", days=30, output_plan="Counts by sex."
    )
    close: dict[str, Any] = {**BREACH, "measure": Measure.CLOSURE}
    with pytest.raises(BadInput):
        world.sandbox.record_breach.record(world.person("olga"), **close, block_days=99_999)
    assert world.sandbox.store.breaches.all() == ()  # wholly or not at all
    world.sandbox.record_breach.record(world.person("olga"), **close, block_days=30)
    with pytest.raises(NotAllowed):
        world.sandbox.request_access.apply(world.person("ana"), dataset="loans", wish=wish)
    clock[0] += timedelta(days=31)
    world.sandbox.request_access.apply(world.person("ana"), dataset="loans", wish=wish)


def test_one_member_is_closed_out_and_the_others_go_on(world: Any) -> None:
    access, ana, ben = world.sandbox.request_access, world.person("ana"), world.person("ben")
    wish = Wish(
        project="together",
        purpose="A study of these loans by two.",
        days=30,
        output_plan="Counts by sex.",
        members=("ben",),
    )
    made = access.apply(ana, dataset="loans", wish=wish)
    access.approve(world.person("olga"), made.id)
    access.sign(ana, made.id)
    access.sign(ben, made.id)
    breach = {**BREACH, "project": "together"}
    world.sandbox.record_breach.record(world.person("olga"), **breach, about="ben", measure=Measure.CLOSURE)
    revoked = {g.person: g.revoked for g in world.sandbox.store.grants.under(made.id)}
    assert revoked == {"ana": False, "ben": True}
    assert world.sandbox.store.grants.get(world.grant.id).revoked is False  # another project


def test_a_closure_by_who_may_not_revoke_records_nothing(world: Any, alma: Person) -> None:
    before = world.actions()
    with pytest.raises(NotAllowed):
        world.sandbox.record_breach.record(alma, **BREACH, measure=Measure.CLOSURE)
    assert world.actions() == before
    assert world.sandbox.store.grants.get(world.grant.id).revoked is False
    assert world.sandbox.record_breach.record(alma, **BREACH, measure=Measure.LIMIT)


def test_a_project_spelt_otherwise_is_still_ones_own(world: Any) -> None:
    both = Person("ana", frozenset({Role.RESEARCHER, Role.ADMINISTRATOR}))
    for project in ("model", "MODEL", " mo-del "):
        with pytest.raises(NotAllowed) as refused:
            world.sandbox.record_breach.record(
                both, **{**BREACH, "project": project}, measure=Measure.WARNING
            )
        assert refused.value.clause == "separation of duties"


def test_a_notice_names_the_project_and_a_pseudonym(world: Any) -> None:
    from dataclasses import replace

    record, olga = world.sandbox.record_breach, world.person("olga")
    record.record(olga, **BREACH, about="ana", measure=Measure.WARNING)
    (view,) = record.page(None).breaches
    assert view.project == "model"
    assert view.who.startswith("person ")
    assert "ana" not in view.who
    naming = replace(record, terms=SocietyTerms(name_in_breaches=True))
    assert naming.page(None).breaches[0].who == "ana"


def test_a_lifted_notice_stays_with_its_reason(world: Any) -> None:
    record, olga = world.sandbox.record_breach, world.person("olga")
    made = record.record(olga, **BREACH, measure=Measure.WARNING)
    for name in ("ana", "ben", "rita"):
        with pytest.raises(NotAllowed):
            record.lift(world.person(name), made.id, reason="I did not.")
    record.lift(olga, made.id, reason="The source was named on page 2.")
    (view,) = record.page(None).breaches
    assert view.lifted == "The source was named on page 2."
    assert world.sandbox.transparency().breaches_by_measure == {}
    with pytest.raises(Conflict):
        record.lift(olga, made.id, reason="The source was named.")


# openness


def test_the_register_has_signed_agreements_only_and_counts_people(world: Any) -> None:
    access, ben = world.sandbox.request_access, world.person("ben")
    wish = Wish(
        project="second",
        organisation="Example University",
        purpose="Another study of these loans.",
        days=30,
        output_plan="Counts by sex.",
    )
    asked = access.apply(ben, dataset="loans", wish=wish)
    assert [line.project for line in world.sandbox.project_register.all()] == ["model"]
    access.approve(world.person("olga"), asked.id)
    assert world.sandbox.project_register.page().total == 1
    access.sign(ben, asked.id)
    lines = {line.project: line for line in world.sandbox.project_register.all()}
    assert lines["model"].purposes == ("Model the default risk of loans.",)
    assert (lines["model"].people, lines["model"].names, lines["model"].state) == (1, (), "active")
    assert lines["model"].spent_percent == 0
    assert (lines["model"].organisations, lines["second"].organisations) == ((), ("Example University",))
    world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5
    )
    spent = {line.project: line.spent_percent for line in world.sandbox.project_register.all()}
    assert spent["model"] > 0 == spent["second"]


def test_people_are_named_where_policy_says_so(world: Any) -> None:
    from dataclasses import replace

    naming = replace(world.sandbox.project_register, terms=SocietyTerms(name_members=True))
    assert naming.all()[0].names == ("ana",)


def test_a_policy_is_read_once_for_each_version(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, store = world.sandbox.listed, world.sandbox.store
    assert listed.all()["loans"].title == "Loans"
    with monkeypatch.context() as counting:
        counting.setattr(type(store.datasets), "get", lambda *_: pytest.fail("it was read again"))
        held = Suspension(dataset="loans", reason="A table was wrong.", made_by="olga")
        held = store.suspensions.begin(held, event=Event("olga", "dataset.suspended", "dataset:loans"))
        assert listed.all()["loans"].suspended  # this is looked up each time
        store.suspensions.end(held, event=Event("olga", "dataset.resumed", "dataset:loans"))
    world.policy_file.write_text(world.policy_file.read_text().replace("title: Loans", "title: New loans"))
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    assert listed.all()["loans"].title == "New loans"
    with pytest.raises(NotFound):
        listed.get("nothing")


def test_states_follow_the_calendar_the_owner_and_the_dataset(world: Any, clock: list[datetime]) -> None:
    def state() -> str:
        return world.sandbox.project_register.all()[0].state

    olga = world.person("olga")
    world.sandbox.suspend_dataset.suspend(olga, "loans", reason="A table was wrong.")
    assert state() == "suspended"
    world.sandbox.suspend_dataset.resume(olga, "loans", reason="It was mended.")
    clock[0] += timedelta(days=60)
    assert state() == "ended"
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="It is over.")
    assert state() == "revoked"


def test_the_report_sums_up_the_books(world: Any) -> None:
    ask = world.sandbox.answer_question.ask
    ask(world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5)
    report = world.sandbox.transparency()
    assert report.datasets_by_class == {"conditional": 1}
    assert report.projects_by_state == {"active": 1}
    assert report.questions == 1
    assert list(report.questions_by_month.items())[-1] == ("2026-01", 1)
    assert len(report.questions_by_month) == 12
    assert report.budgets[0].spent_percent > 0
    assert report.policy_changes_total == 1
    assert (report.head.size, report.head.root) == (0, "")  # none was kept yet


def test_the_report_shows_the_kept_head_and_not_the_chain_s(world: Any) -> None:
    """A name can be tried against the hash of the newest entry; nothing can be tried against a blinded tree."""
    kept = world.sandbox.store.log_tree.keep_head()
    world.granted(project="another")
    report = world.sandbox.transparency()
    assert (report.head.size, report.head.root, report.head.at) == (kept.size, kept.root, kept.at)
    chain = world.sandbox.store.log.head()
    assert report.head.size < chain.seq
    assert chain.hash not in str(report)


def test_the_report_is_made_anew_only_when_something_happened(world: Any) -> None:
    first = world.sandbox.transparency()
    assert world.sandbox.transparency() is first
    world.sandbox.demand_data.ask(HOME, **WISH)
    again = world.sandbox.transparency()
    assert again is not first
    assert again.demands_by_state == {"asked": 1}


def test_objections_are_read_off_the_log(world: Any, clock: list[datetime]) -> None:
    assert world.sandbox.transparency().objections.received == 0
    record = world.sandbox.store.log.record
    for number, days in ((1, 2), (2, 4), (3, 0)):
        start = clock[0]
        record(Event("system:visitor", "objection.received", f"objection:{number}"))
        if days:
            clock[0] = start + timedelta(days=days)
            record(
                Event("olga", ("objection.upheld", "objection.dismissed")[number % 2], f"objection:{number}")
            )
    found = world.sandbox.transparency().objections
    assert (found.received, found.decided, found.open) == (3, 2, 1)
    assert (found.median_days, found.longest_days) == (3.0, 4.0)


def test_no_figure_depends_on_private_rows(world: Any) -> None:
    """The same acts on other rows: the same report, but for hashes and times."""
    from sandbox.portal import documents

    def report() -> dict[str, Any]:
        document = documents.transparency(world.sandbox.transparency())
        del document["log_head"], document["policy_changes"]
        return document

    before = report()
    world.raw_file.write_text("id,sex,amount\n" + "".join(f"{n},male,{n}\n" for n in range(500)))
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    assert report() == before
    world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5
    )
    assert report() != before  # the control: what is in the books does change it
