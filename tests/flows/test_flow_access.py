"""From asking to being allowed, and publishing: each event on the log, each guard with its attack."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.domain.application import Wish
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered

WISH = {
    "dataset": "loans",
    "wish": Wish(
        project="second", purpose="Another study of these loans.", output_plan="Counts by sex.", days=30
    ),
}


def test_the_log_tells_the_way_to_a_grant(world: Any) -> None:
    told = [
        a for a in world.actions() if a.startswith(("application", "agreement", "dataset", "budget", "grant"))
    ]
    assert told == [
        "budget.opened",
        "dataset.published",
        "application.submitted",
        "application.approved",
        "agreement.signed",
        "grant.began",
    ]


def test_an_agreement_changed_after_approval_cannot_be_signed(world: Any) -> None:
    from sqlalchemy import text

    access, ana, olga = world.sandbox.request_access, world.person("ana"), world.person("olga")
    made = access.apply(ana, **WISH)
    access.approve(olga, made.id)
    with world.sandbox.store.database.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE agreements SET body = CAST(replace(CAST(body AS TEXT), '\"second\"', '\"thirds\"') AS BLOB) WHERE application_id = :i"
            ),
            {"i": made.id},
        )
    with pytest.raises(Tampered):
        access.sign(ana, made.id)


def test_only_the_owner_decides_and_only_the_applicant_signs(world: Any) -> None:
    access = world.sandbox.request_access
    made = access.apply(world.person("ana"), **WISH)
    for name in ("ana", "ben", "rita", "ada"):
        with pytest.raises(NotAllowed):
            access.approve(world.person(name), made.id)
    access.approve(world.person("olga"), made.id)
    for name in ("ben", "olga"):
        with pytest.raises(NotAllowed):
            access.sign(world.person(name), made.id)
    with pytest.raises(Conflict):
        access.approve(world.person("olga"), made.id)


def test_a_revoked_grant_opens_nothing(world: Any) -> None:
    opening = world.sandbox.open_notebook
    assert opening.allowed("ana", world.grant.server_name).grant == world.grant  # the positive control
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="breach")
    with pytest.raises(NotAllowed) as caught:
        opening.allowed("ana", world.grant.server_name)
    assert caught.value.clause == "revocation"


@pytest.mark.parametrize("server", ["", "grant-2", "grant-01", "grant-1/../x", "grant--1", "GRANT-1", "lab"])
def test_a_server_that_is_no_grant_does_not_open(world: Any, server: str) -> None:
    with pytest.raises(NotFound):
        world.sandbox.open_notebook.allowed("ana", server)


def test_another_persons_grant_does_not_open(world: Any) -> None:
    with pytest.raises(NotFound):
        world.sandbox.open_notebook.allowed("ben", world.grant.server_name)


def test_publishing_the_same_again_is_no_new_version_and_keeps_what_was_spent(world: Any) -> None:
    publish = world.sandbox.publish_dataset
    world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5
    )
    before = world.spent()
    publish(world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file})
    assert world.sandbox.store.datasets.get("loans").version == 1
    world.raw_file.write_text("id,sex,amount\n1,female,11\n")
    publish(world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file})
    assert world.sandbox.store.datasets.get("loans").version == 2
    assert world.spent() == before > 0


def test_a_higher_cap_needs_more_than_publishing_and_nothing_is_half_done(world: Any) -> None:
    world.policy_file.write_text(world.policy_file.read_text().replace("epsilon: '4'", "epsilon: '40'"))
    with pytest.raises(NotAllowed) as caught:
        world.sandbox.publish_dataset(
            world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file}
        )
    assert caught.value.clause == "second person"
    assert world.sandbox.store.datasets.get("loans").version == 1


def test_only_its_owner_publishes_and_every_table_needs_its_file(world: Any) -> None:
    publish = world.sandbox.publish_dataset
    with pytest.raises(NotAllowed):
        publish(world.person("ana"), policy_file=world.policy_file, files={"loans": world.raw_file})
    with pytest.raises(BadInput):
        publish(world.person("olga"), policy_file=world.policy_file, files={})
    with pytest.raises(BadInput):
        publish(
            world.person("olga"), policy_file=world.policy_file, files={"loans": world.raw_file.parent / "no"}
        )


def test_nobody_publishes_on_anothers_lineage(world: Any) -> None:
    """Naming another owner's lineage could lower its cap for everybody."""
    from sandbox.domain.audit import Event
    from sandbox.domain.people import Person, Role

    other = Person("oscar", frozenset({Role.OWNER}))
    world.sandbox.store.people.add(
        other, password="a long password", event=Event("t", "person.added", "person:oscar")
    )
    text = world.policy_file.read_text().replace("name: loans\n", "name: copy\nlineage: loans\n")
    stolen = world.policy_file.with_name("copy.yaml")
    stolen.write_text(text.replace("owner: olga", "owner: oscar").replace("epsilon: '4'", "epsilon: '1'"))
    with pytest.raises(NotAllowed) as caught:
        world.sandbox.publish_dataset(other, policy_file=stolen, files={"loans": world.raw_file})
    assert caught.value.clause == "lineage"
    stolen.write_text(text.replace("epsilon: '4'", "epsilon: '1'"))
    world.sandbox.publish_dataset(world.person("olga"), policy_file=stolen, files={"loans": world.raw_file})
