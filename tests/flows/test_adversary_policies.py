"""Ways round the second person: publish looser, apply looser, approve oneself, edit what was proposed, loosen the site."""

from __future__ import annotations

import ast
import dataclasses
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain import agreement
from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, PolicyRefused, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.proposal import OPERATOR, Proposal, ProposalState
from sandbox.domain.release import Status
from sandbox.flows.policy_views import Note
from sandbox.wiring import build
from tests.flows.conftest import ALMA, World

THE_OPERATOR = Person(OPERATOR, frozenset({Role.ADMINISTRATOR}))
ROOT = Path(__file__).resolve().parents[2]
SQL = "SELECT COUNT(*) AS n FROM loans"


def edit(world: World, before: str, after: str) -> None:
    text = world.policy_file.read_text()
    assert before in text
    world.policy_file.write_text(text.replace(before, after))


def looser(world: World) -> None:
    edit(world, "epsilon: '4'", "epsilon: '6'")


def proposed(world: World, by: str = "olga") -> Proposal:
    looser(world)
    made = world.sandbox.change_policy.apply(world.person(by), world.policy_file).proposal
    assert made is not None
    return made


def publish(world: World) -> None:
    world.sandbox.publish_dataset(
        world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
    )


def held(world: World) -> tuple[int, str]:
    """Version and epsilon that hold."""
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.budget is not None
    return row.version, row.policy.budget.epsilon


def cap(world: World) -> int:
    return world.sandbox.store.ledger.accounts("loans", "")[0].cap.nano


def refused(clause: str, act: Callable[[], object]) -> None:
    with pytest.raises(NotAllowed) as caught:
        act()
    assert caught.value.clause == clause


# the journey


def test_what_tightens_holds_at_once_without_the_data(world: World) -> None:
    before = world.sandbox.store.datasets.get("loans")
    edit(world, "release: {", "release: {threshold: 20, ")
    edit(world, "title: Loans", "title: The loans")
    done = world.sandbox.change_policy.apply(world.person("olga"), world.policy_file)
    after = world.sandbox.store.datasets.get("loans")
    assert before is not None
    assert after is not None
    assert (done.version, done.proposal, after.snapshot) == (2, None, before.snapshot)
    assert after.policy.release.threshold == 20
    (entry,) = world.sandbox.store.log.newest(limit=1)
    assert (entry.event.action, entry.event.object) == ("policy.applied", "dataset:loans")
    assert entry.event.facts["was_sha256"] == before.policy_hash
    assert entry.event.facts["policy_sha256"] == after.policy_hash
    assert world.sandbox.change_policy.apply(world.person("olga"), world.policy_file).version == 2  # once
    world.sandbox.verify_books(world.person("ada"))


def test_a_raised_budget_waits_for_a_second_person_and_then_holds(world: World) -> None:
    small = cap(world)
    waiting = proposed(world)
    assert held(world) == (1, "4")
    assert [c["key"] for c in waiting.difference] == ["budget.epsilon"]
    done = world.sandbox.change_policy.approve(ALMA, waiting.id, comment="Agreed.")
    assert done.state is ProposalState.APPLIED
    assert held(world) == (2, "6")
    assert cap(world) > small
    assert [e for e in world.actions() if e.startswith(("policy.", "budget."))] == [
        "budget.opened",
        "policy.proposed",
        "policy.approved",
        "budget.raised",
        "policy.applied",
        "policy.settled",
    ]
    books = world.sandbox.verify_books(world.person("ada"))
    assert books.policies == 1


def test_a_rejected_proposal_changes_nothing_and_its_proposer_may_take_it_back(world: World) -> None:
    first = proposed(world)
    world.sandbox.change_policy.reject(ALMA, first.id, comment="Not this year.")
    again = world.sandbox.change_policy.apply(world.person("olga"), world.policy_file).proposal
    assert again is not None
    assert again.id != first.id
    world.sandbox.change_policy.reject(world.person("olga"), again.id)
    for proposal in (first, again):
        with pytest.raises(Conflict, match="rejected"):
            world.sandbox.change_policy.approve(ALMA, proposal.id)
    assert held(world) == (1, "4")
    world.sandbox.verify_books(world.person("ada"))


def test_proposing_twice_is_one_proposal(world: World) -> None:
    first = proposed(world)
    again = world.sandbox.change_policy.apply(THE_OPERATOR, world.policy_file).proposal
    assert again == first


def test_what_views_are_made_by_is_approved_first_and_holds_when_it_is_published(world: World) -> None:
    edit(world, "{type: integer, lower: 0, upper: 1000}", "{type: integer}")
    with pytest.raises(Conflict, match=r"tables\.loans\.columns\.amount\.lower"):
        world.sandbox.change_policy.apply(world.person("olga"), world.policy_file)
    edit(world, "max_rows: 1000", "max_rows: 1000\n    max_rows_per_unit: 2")
    refused("second person", lambda: publish(world))
    done = world.agreed()
    assert done is not None
    assert (done.state, held(world)[0]) == (ProposalState.APPROVED, 1)
    publish(world)
    found = world.sandbox.store.policies.proposal(done.id)
    assert found is not None
    assert (found.state, held(world)[0]) == (ProposalState.APPLIED, 2)
    publish(world)
    world.sandbox.verify_books(world.person("ada"))


# ways round it


def test_publishing_a_looser_policy_is_no_way_round(world: World) -> None:
    looser(world)
    seen = world.sandbox.store.log.head()
    refused("second person", lambda: publish(world))
    refused(
        "second person",
        lambda: world.sandbox.publish_dataset(
            ALMA, policy_file=world.policy_file, files={"loans": world.raw_file}
        ),
    )
    assert (held(world), world.sandbox.store.log.head()) == ((1, "4"), seen)
    world.agreed()
    publish(world)  # the control
    assert held(world)[1] == "6"


def test_the_store_itself_refuses_a_looser_version(world: World) -> None:
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    loose = dataclasses.replace(row.policy, release=dataclasses.replace(row.policy.release, threshold=3))
    refused(
        "second person",
        lambda: world.sandbox.store.datasets.publish(
            loose,
            policy_hash=content_hash(policy_to_document(loose)),
            snapshot=row.snapshot,
            public_files={},
            event=Event("olga", "dataset.published", "dataset:loans"),
        ),
    )


def test_nobody_approves_what_they_proposed(world: World) -> None:
    waiting = proposed(world)
    refused("second person", lambda: world.sandbox.change_policy.approve(world.person("olga"), waiting.id))
    mighty = Person("olga", frozenset(Role))
    refused("second person", lambda: world.sandbox.change_policy.approve(mighty, waiting.id))
    assert held(world) == (1, "4")


def test_the_operator_proposes_and_never_approves(world: World) -> None:
    waiting = proposed(world)
    refused("second person", lambda: world.sandbox.change_policy.approve(THE_OPERATOR, waiting.id))
    named = Person("operator", frozenset({Role.ADMINISTRATOR}))  # somebody who took the name as an account
    refused("second person", lambda: world.sandbox.change_policy.approve(named, waiting.id))
    world.sandbox.change_policy.approve(ALMA, waiting.id)  # the control


def test_strangers_approve_and_see_nothing(world: World) -> None:
    waiting = proposed(world)
    other = Person("oscar", frozenset({Role.OWNER}))
    for person in (other, world.person("ana"), world.person("rita"), world.person("ada")):
        refused("role", lambda person=person: world.sandbox.change_policy.approve(person, waiting.id))
        refused("role", lambda person=person: world.sandbox.change_policy.reject(person, waiting.id))
    with pytest.raises(NotFound):
        world.sandbox.policy_views.proposal(other, waiting.id)
    assert world.sandbox.policy_views.proposals(other) == ()
    refused("role", lambda: world.sandbox.policy_views.proposals(world.person("ana")))
    assert world.sandbox.policy_views.proposal(ALMA, waiting.id).allowed_actions == ("approve", "reject")
    assert world.sandbox.policy_views.proposal(world.person("olga"), waiting.id).allowed_actions == (
        "reject",
    )
    assert world.sandbox.policy_views.proposal(world.person("ada"), waiting.id).allowed_actions == ()


def test_names_that_look_alike_are_not_a_second_person(world: World) -> None:
    for name in ("оlga", "olga ", "Olga", "ol\u200bga", "ｏlga"):
        with pytest.raises(BadInput):
            Person(name, frozenset({Role.ADMINISTRATOR}))


@pytest.mark.parametrize("name", ["l0ans", "loan5", "lo_ans"])
def test_a_copy_under_a_name_that_looks_alike_is_refused(world: World, name: str) -> None:
    copy = world.policy_file.with_name(f"{name}.yaml")
    copy.write_text(world.policy_file.read_text().replace("name: loans", f"name: {name}"))
    act = lambda: world.sandbox.publish_dataset(  # noqa: E731
        world.person("olga"), policy_file=copy, files={"loans": world.raw_file}
    )
    refused("look-alike name", act)
    copy.write_text(copy.read_text().replace(f"name: {name}", "name: mortgages\nlineage: " + name))
    refused("look-alike name", act)
    copy.write_text(copy.read_text().replace(f"lineage: {name}", "lineage: l\u043eans"))  # a Cyrillic o
    with pytest.raises(PolicyRefused, match=r"lineage: .* is not a name"):
        act()
    copy.write_text(copy.read_text().replace("lineage: l\u043eans", "lineage: loans"))
    act()  # the control


def test_a_copy_on_the_same_budget_is_no_looser(world: World) -> None:
    copy = world.policy_file.with_name("copy.yaml")
    text = world.policy_file.read_text().replace("name: loans", "name: copy\nlineage: loans")
    copy.write_text(text.replace("release: {", "release: {threshold: 3, "))
    act = lambda: world.sandbox.publish_dataset(  # noqa: E731
        world.person("olga"), policy_file=copy, files={"loans": world.raw_file}
    )
    refused("second person", act)
    copy.write_text(text)
    act()  # the control


def test_what_was_proposed_holds_whatever_becomes_of_the_file(world: World) -> None:
    waiting = proposed(world)
    edit(world, "epsilon: '6'", "epsilon: '60'")
    edit(world, "release: {", "release: {threshold: 3, ")
    world.sandbox.change_policy.approve(ALMA, waiting.id)
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert (row.policy_hash, held(world), row.policy.release.threshold) == (waiting.policy_hash, (2, "6"), 10)
    refused("second person", lambda: publish(world))


def test_an_approved_change_is_no_approval_of_a_larger_one(world: World) -> None:
    edit(world, "max_rows: 1000", "max_rows: 1000\n    max_rows_per_unit: 2")
    world.agreed()
    edit(world, "max_rows_per_unit: 2", "max_rows_per_unit: 3")
    refused("second person", lambda: publish(world))
    edit(world, "max_rows_per_unit: 3", "max_rows_per_unit: 2")
    publish(world)  # the control


def test_an_approved_change_may_be_taken_back_before_it_is_published(world: World) -> None:
    edit(world, "max_rows: 1000", "max_rows: 1000\n    max_rows_per_unit: 2")
    done = world.agreed()
    assert done is not None
    world.sandbox.change_policy.reject(ALMA, done.id, comment="I thought again.")
    refused("second person", lambda: publish(world))


def test_a_proposal_is_void_when_what_it_changes_holds_no_more(world: World) -> None:
    waiting = proposed(world)
    edit(world, "epsilon: '6'", "epsilon: '3'")
    world.sandbox.change_policy.apply(world.person("olga"), world.policy_file)
    found = world.sandbox.store.policies.proposal(waiting.id)
    assert found is not None
    assert found.state is ProposalState.VOID
    with pytest.raises(Conflict, match="void"):
        world.sandbox.change_policy.approve(ALMA, waiting.id)
    assert held(world) == (2, "3")
    # Back where it was proposed, it stays void: the yes would be to something that nobody looks at any more.
    edit(world, "epsilon: '3'", "epsilon: '4'")
    world.agreed()
    with pytest.raises(Conflict, match="void"):
        world.sandbox.change_policy.approve(ALMA, waiting.id)
    world.sandbox.verify_books(world.person("ada"))


def test_new_rows_under_the_same_policy_leave_a_proposal_alone(world: World) -> None:
    before = world.policy_file.read_text()
    waiting = proposed(world)
    world.policy_file.write_text(before)
    world.raw_file.write_text("id,sex,amount\n1,female,11\n")
    publish(world)
    world.sandbox.change_policy.approve(ALMA, waiting.id)
    assert held(world) == (3, "6")


def database(world: World, *statements: tuple[str, tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(world.sandbox.settings.home / "state.db")) as db, db:
        for statement, values in statements:
            assert db.execute(statement, values).rowcount == 1


def with_larger_policy(world: World, waiting: Proposal) -> None:
    document = json.loads(json.dumps(waiting.policy))
    document["budget"]["epsilon"] = "60"
    database(
        world,
        (
            "UPDATE policy_proposals SET policy = ?, policy_hash = ?",
            (json.dumps(document), content_hash(document)),
        ),
    )


EDITS: dict[str, Callable[[World, Proposal], None]] = {
    "another policy, with its hash": with_larger_policy,
    "another proposer": lambda w, _: database(w, ("UPDATE policy_proposals SET proposed_by = 'alma2'", ())),
    "another dataset": lambda w, _: database(w, ("UPDATE policy_proposals SET about = 'dataset:x'", ())),
    "another reason": lambda w, _: database(w, ("UPDATE policy_proposals SET reason = 'safe'", ())),
    "another difference": lambda w, _: database(w, ("UPDATE policy_proposals SET difference = '[]'", ())),
    "approved by a hand": lambda w, _: database(
        w, ("UPDATE policy_proposals SET state = 'approved', decided_by = 'alma'", ())
    ),
    "no JSON": lambda w, _: database(w, ("UPDATE policy_proposals SET policy = '{'", ())),
}


@pytest.mark.parametrize("how", EDITS)
def test_a_proposal_that_was_edited_in_the_database_is_no_proposal(world: World, how: str) -> None:
    waiting = proposed(world)
    EDITS[how](world, waiting)
    with pytest.raises((Tampered, Conflict)):
        world.sandbox.change_policy.approve(ALMA, waiting.id)
    with pytest.raises((Tampered, NotAllowed)):
        publish(world)
    with pytest.raises(Tampered):
        world.sandbox.verify_books(world.person("ada"))
    assert held(world) == (1, "4")


def test_a_decided_proposal_that_is_opened_again_by_hand_is_found(world: World) -> None:
    waiting = proposed(world)
    world.sandbox.change_policy.reject(ALMA, waiting.id)
    database(world, ("UPDATE policy_proposals SET state = 'open', decided_by = ''", ()))
    with pytest.raises(Tampered, match="the log says rejected"):
        world.sandbox.change_policy.approve(ALMA, waiting.id)


def test_a_forgotten_proposal_or_site_version_is_found(world: World) -> None:
    proposed(world)
    world.sandbox.verify_books(world.person("ada"))  # the control
    database(world, ("DELETE FROM policy_proposals", ()))
    with pytest.raises(Tampered, match="proposal:1"):
        world.sandbox.verify_books(world.person("ada"))


def test_an_account_that_was_taken_over_meanwhile_does_not_approve(world: World) -> None:
    world.sandbox.store.people.add(
        ALMA, password="a long password", event=Event("operator", "person.added", "person:alma")
    )
    looser(world)
    waiting = world.sandbox.change_policy.apply(THE_OPERATOR, world.policy_file).proposal
    assert waiting is not None
    world.sandbox.store.people.set_password(
        "alma", "another password", event=Event("operator", "person.password_set", "person:alma")
    )
    refused("second person", lambda: world.sandbox.change_policy.approve(ALMA, waiting.id))
    world.sandbox.change_policy.approve(world.person("olga"), waiting.id)  # the control: hers was not touched


@pytest.mark.parametrize(
    "action", ["person.activated", "person.second_factor_set", "person.second_factor_reset", "person.unbound"]
)
def test_an_account_that_was_opened_for_it_does_not_approve(world: World, action: str) -> None:
    """A sleeping account is woken, or given another device or identity, by the one who proposed."""
    looser(world)
    waiting = world.sandbox.change_policy.apply(THE_OPERATOR, world.policy_file).proposal
    assert waiting is not None
    world.sandbox.store.log.record(Event("operator", action, "person:alma"))
    refused("second person", lambda: world.sandbox.change_policy.approve(ALMA, waiting.id))
    world.sandbox.store.log.record(Event("olga", action, "person:olga"))  # her own doing
    world.sandbox.change_policy.approve(world.person("olga"), waiting.id)  # the control


def test_a_budget_that_another_dataset_lowered_is_not_raised_from_there(world: World) -> None:
    copy = world.policy_file.with_name("copy.yaml")
    text = world.policy_file.read_text().replace("name: loans", "name: copy\nlineage: loans")
    copy.write_text(text.replace("epsilon: '4'", "epsilon: '1'"))
    world.sandbox.publish_dataset(world.person("olga"), policy_file=copy, files={"loans": world.raw_file})
    low = cap(world)
    waiting = proposed(world)  # says 4 → 6, and the account holds 1
    with pytest.raises(Conflict, match="another dataset lowered it"):
        world.sandbox.change_policy.approve(ALMA, waiting.id)
    assert cap(world) == low


def callers_of(*names: str) -> set[str]:
    """The modules that call a method of one of these names."""
    found = set()
    for path in ROOT.glob("sandbox/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in names
                and ast.unparse(node.func.value).endswith(("datasets", "ledger", "policies"))
            ):
                found.add(str(path.relative_to(ROOT / "sandbox")))
    return found


def test_one_place_makes_versions_and_raises_budgets() -> None:
    assert callers_of("publish", "raise_cap") == {"flows/policy_version.py"}
    assert callers_of("publish_site") == {"flows/change_policy.py", "flows/site_policy.py"}


# the site


def site_says(world: World, text: str) -> None:
    (world.sandbox.settings.policies / "site.yaml").write_text(text)


def restart(world: World) -> Any:
    now = world.sandbox.store.now
    return build(world.sandbox.settings, engine=world.engine, store=world.sandbox.store, clock=now)


BOUNDS = "name: Test\nbounds:\n  max_epsilon: '5'\n  min_threshold: 8\n"


def test_a_site_that_tightens_holds_at_the_next_start_and_a_looser_one_does_not(world: World) -> None:
    site_says(world, BOUNDS)
    assert restart(world).site.bounds.min_threshold == 8
    site_says(world, BOUNDS.replace("8", "3"))
    again = restart(world)  # nobody is locked out: it runs on under what was in force
    assert again.site.bounds.min_threshold == 8
    (note,) = [n for n in again.policy_views.standing(again.settings.policies) if n.about == "site"]
    assert not note.good
    assert "loosens bounds.min_threshold, without effect" in note.state
    versions = world.sandbox.store.policies.site_versions()
    assert [v.version for v in versions] == [1, 2]
    world.sandbox.verify_books(world.person("ada"))


def test_a_looser_site_needs_a_second_person_as_well(world: World) -> None:
    site_says(world, BOUNDS)
    box = restart(world)
    file = box.settings.policies / "site.yaml"
    looser(world)
    with pytest.raises(
        PolicyRefused, match=r"loans.yaml:16: budget.epsilon: 6 is looser .* at most 5 \(.*site.yaml:3\)"
    ):
        box.change_policy.apply(world.person("olga"), world.policy_file)
    site_says(world, BOUNDS.replace("'5'", "'6'"))
    with pytest.raises(
        PolicyRefused, match="version 2 of the site's policy"
    ):  # the file alone allows nothing
        publish(world)
    waiting = box.change_policy.apply(THE_OPERATOR, file, reason="More is needed.").proposal
    refused("role", lambda: box.change_policy.approve(world.person("olga"), waiting.id))
    refused("second person", lambda: box.change_policy.approve(THE_OPERATOR, waiting.id))
    box.change_policy.approve(ALMA, waiting.id)
    assert box.store.policies.site().policy.bounds.max_epsilon == "6"
    assert (
        box.change_policy.apply(world.person("olga"), world.policy_file).proposal is not None
    )  # the control
    assert restart(world).site.bounds.max_epsilon == "6"
    world.sandbox.verify_books(world.person("ada"))


def test_a_site_that_tightened_meanwhile_stops_what_waits(world: World) -> None:
    waiting = proposed(world)
    site_says(world, BOUNDS)
    box = restart(world)
    refused("site bounds", lambda: box.change_policy.approve(ALMA, waiting.id))
    assert held(world) == (1, "4")


def test_a_site_policy_edited_in_the_database_is_found(world: World) -> None:
    database(world, ("UPDATE site_versions SET policy = replace(policy, 'Test', 'Best')", ()))
    with pytest.raises(Tampered, match="site's policy"):
        restart(world)


def test_only_administrators_change_the_site(world: World) -> None:
    site_says(world, BOUNDS)
    file = world.sandbox.settings.policies / "site.yaml"
    refused("role", lambda: world.sandbox.change_policy.apply(world.person("olga"), file))
    assert world.sandbox.change_policy.apply(THE_OPERATOR, file).version == 2


# what was signed, and what was published


def test_grants_keep_what_their_agreements_say(world: World) -> None:
    edit(world, "project_percent: 100", "project_percent: 100, per_question_percent: 5")
    edit(world, "release: {", "release: {threshold: 30, ")
    world.sandbox.change_policy.apply(world.person("olga"), world.policy_file)
    ask = world.sandbox.answer_question.ask
    ask(world.person("ana"), world.grant, sql=SQL, epsilon=1.5)  # a fifth would be too much by now
    for men, status in ((b"20", Status.SUBMITTED), (b"5", Status.BLOCKED)):
        done = world.sandbox.review_release.submit(
            world.person("ana"),
            world.grant,
            files=[("t.csv", b"sex,n\nfemale,20\nmale," + men + b"\n")],
            context="Counts of applicants by sex.",
            sql={},
        )
        assert done.release.status is status
    agreed = world.sandbox.store.access.agreement_by_hash(world.grant.agreement_hash).document()
    assert agreement.release_terms(agreed).threshold == 10


def notes(world: World) -> list[Note]:
    """About the datasets, from a folder laid out as policies are."""
    folder = world.sandbox.settings.policies
    (folder / "datasets").mkdir(exist_ok=True)
    return [n for n in world.sandbox.policy_views.standing(folder) if n.about == "loans"]


def test_removing_a_file_removes_nothing_and_is_told(world: World) -> None:
    (note,) = notes(world)
    assert not note.good
    assert "has no file loans.yaml; what is published holds, with 1 live grants" in note.state
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=SQL, epsilon=0.1)
    file = world.sandbox.settings.policies / "datasets" / "loans.yaml"
    file.write_text(world.policy_file.read_text())
    (note,) = notes(world)
    assert note.good
    file.write_text(file.read_text().replace("epsilon: '4'", "epsilon: '5'"))
    (note,) = notes(world)
    assert "differs from version 1 in 1 keys, 1 of them loosen" in note.state
    file.write_text(file.read_text().replace("epsilon: '5'", "epsilon: 5"))
    (note,) = notes(world)
    assert "1 mistakes" in note.state


def test_a_base_is_charged_by_the_budget_that_its_views_were_made_under(world: World) -> None:
    """The engine draws by the view's own policy: a budget lowered since must not pay less than is drawn."""
    edit(world, "project_percent: 100", "project_percent: 100, base_percent: 20")
    publish(world)
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.budget is not None
    paid = row.policy.budget.base
    edit(world, "epsilon: '4'", "epsilon: '2'")
    world.sandbox.change_policy.apply(world.person("olga"), world.policy_file)
    world.sandbox.buy_base.engine.base = _breaks_off  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        world.sandbox.buy_base(world.person("olga"), "loans")
    assert world.spent() == paid.nano


def _breaks_off(**_: Any) -> Any:
    raise RuntimeError
