"""The catalogue's journey: what is hidden, what leaves, and what versions tell."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from sandbox.domain.application import Wish
from sandbox.domain.errors import BadInput, Busy, CallerError, NotAllowed, NotFound
from sandbox.domain.people import Person, Role
from sandbox.domain.search import search
from sandbox.flows.open_data import AT_ONCE, FileFormat
from tests.flows.conftest import POLICY, World

ADMINISTRATOR = Person("alma", frozenset({Role.ADMINISTRATOR}))

STOPS = """\
name: stops
title: Bus stops
open_class: unconditional
provider: a town
source: a town
licence: CC0
owner: olga
tables:
  stops:
    max_rows: 1000
    columns:
      name: {type: text}
      riders: {type: integer, lower: 0, upper: 100}
"""
PRISONS = """\
name: prisons
title: Prisons
open_class: closed
listed: false
provider: a ministry
source: a ministry
licence: none
owner: olga
"""


def publish(world: World, policy: str, raw: str = "") -> None:
    file = world.policy_file.with_name("other.yaml")
    file.write_text(policy)
    table = world.raw_file.with_name("stops.csv")
    table.write_text(raw)
    world.sandbox.publish_dataset(ADMINISTRATOR, policy_file=file, files={"stops": table} if raw else {})


def refusal(world: World, name: str, way: str) -> dict[str, str]:
    """What a caller is told about a dataset, by one of the ways to ask for it."""
    sandbox = world.sandbox
    ways = {
        "look": lambda: sandbox.browse_catalogue.dataset(name),
        "history": lambda: sandbox.browse_catalogue.history(name),
        "download": lambda: sandbox.open_data.file(name, "stops", FileFormat.CSV),
        "rows": lambda: sandbox.open_data.rows(name, "stops"),
        "sample": lambda: sandbox.buy_base.sample(name, None),
        "apply": lambda: sandbox.request_access.apply(
            world.person("ana"),
            dataset=name,
            wish=Wish(
                project="model", purpose="Model the default risk of loans.", output_plan="Counts by sex."
            ),
        ),
    }
    with pytest.raises(CallerError) as refused:
        ways[way]()
    error = refused.value
    return {
        "code": error.code,
        "message": error.message.replace(name, "NAME"),
        "fix": error.fix.replace(name, "NAME"),
    }


@pytest.mark.parametrize("way", ["look", "history", "download", "rows", "sample", "apply"])
def test_what_is_hidden_is_refused_in_the_words_for_what_does_not_exist(world: World, way: str) -> None:
    publish(world, PRISONS)
    assert refusal(world, "prisons", way) == refusal(world, "dragons", way)
    publish(world, PRISONS.replace("prisons", "archives").replace("listed: false", "listed: true"))
    if way not in ("look", "history"):  # the control: a listed one is refused in other words
        assert refusal(world, "archives", way) != refusal(world, "dragons", way)
    else:
        assert world.sandbox.browse_catalogue.dataset("archives").policy.title == "Prisons"


def test_no_message_lists_what_is_hidden(world: World) -> None:
    publish(world, PRISONS)
    with pytest.raises(NotFound) as refused:
        world.sandbox.open_data.rows("dragons", "stops")
    assert "prisons" not in str(refused.value)
    page = world.sandbox.browse_catalogue.search(search("prisons"))
    assert (page.entries, page.total) == ((), 0)
    assert world.sandbox.browse_catalogue.search(search("prisons"), hidden=True).total == 1


def test_a_closed_dataset_takes_no_rows(world: World) -> None:
    with pytest.raises(BadInput, match="stay where they are"):
        publish(world, PRISONS, "name,riders\na,1\n")
    assert world.sandbox.store.datasets.get("prisons") is None


def test_what_was_open_and_is_closed_now_cannot_be_taken_any_more(world: World) -> None:
    publish(world, STOPS, "name,riders\na,1\n")
    publish(world, STOPS.replace("unconditional", "closed"))
    entry = world.sandbox.browse_catalogue.dataset("stops")
    assert (entry.files, entry.allowed_actions) == ((), ())
    with pytest.raises(NotAllowed) as refused:
        world.sandbox.open_data.file("stops", "stops", FileFormat.CSV)
    assert refused.value.clause == "open_class"
    assert world.sandbox.browse_catalogue.history("stops") == ()


def test_an_owner_may_open_by_interface_alone(world: World) -> None:
    publish(world, STOPS + "opened_by: [interface]\n", "name,riders\na,1\n")
    assert world.sandbox.browse_catalogue.dataset("stops").allowed_actions == ("read_rows",)
    assert world.sandbox.open_data.rows("stops", "stops").found.total == 1
    with pytest.raises(NotAllowed) as refused:
        world.sandbox.open_data.file("stops", "stops", FileFormat.CSV)
    assert refused.value.clause == "opened_by"


def test_suspension_stops_files_and_rows_until_it_is_resumed(world: World) -> None:
    publish(world, STOPS, "name,riders\na,1\n")
    suspending, open_data, olga = world.sandbox.suspend_dataset, world.sandbox.open_data, world.person("olga")
    suspending.suspend(olga, "stops", reason="A table was wrong.")
    for act in (
        lambda: open_data.file("stops", "stops", FileFormat.PARQUET),
        lambda: open_data.rows("stops", "stops"),
    ):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.clause == "suspension"
    entry = world.sandbox.browse_catalogue.dataset("stops")
    assert (entry.suspended, entry.allowed_actions) == (True, ())
    suspending.resume(olga, "stops", reason="It was mended.")
    assert open_data.rows("stops", "stops").found.total == 1


def test_a_private_datasets_entry_and_history_are_the_same_whatever_its_rows_are(
    tmp_path: Path, world: World
) -> None:
    before = [asdict(v) for v in world.sandbox.browse_catalogue.history("loans")]
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert before[0]["snapshot"] != row.snapshot
    world.raw_file.write_text("id,sex,amount\n9,female,999\n")
    world.sandbox.publish_dataset(
        ADMINISTRATOR, policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    newer = world.sandbox.store.datasets.get("loans")
    assert newer is not None
    assert newer.snapshot != row.snapshot  # the control: the rows are others
    told = repr(world.sandbox.browse_catalogue.dataset("loans")) + repr(
        world.sandbox.browse_catalogue.history("loans")
    )
    assert row.snapshot not in told
    assert newer.snapshot not in told


def test_versions_tell_their_day_and_what_changed(world: World) -> None:
    changed = POLICY.replace("upper: 1000}", "upper: 2000}")
    world.policy_file.write_text(changed)
    world.sandbox.publish_dataset(
        ADMINISTRATOR, policy_file=world.policy_file, files={"loans": world.raw_file}
    )
    newest, first = world.sandbox.browse_catalogue.history("loans")
    assert (newest.version, newest.changes) == (2, ("Column loans.amount: upper from 1000 to 2000.",))
    assert (first.version, first.changes) == (1, ())
    assert first.snapshot != newest.snapshot
    page = world.sandbox.browse_catalogue.history("loans", limit=1)
    assert page == (newest,)  # also what changed is told, which the next page holds
    for paging in ({"offset": -1}, {"limit": 0}, {"limit": 10**6}, {"offset": 10**12}):
        with pytest.raises(BadInput):
            world.sandbox.browse_catalogue.history("loans", **paging)


def test_the_same_rows_make_no_new_version_and_others_do(world: World) -> None:
    for raw, version in (("a,1\n", 1), ("a,1\n", 1), ("a,2\n", 2)):
        publish(world, STOPS, f"name,riders\n{raw}")
        assert world.sandbox.browse_catalogue.dataset("stops").version == version


def test_what_was_published_before_there_was_parquet_is_published_anew_by_the_same_rows(world: World) -> None:
    publish(world, STOPS, "name,riders\na,1\n")
    with world.sandbox.store.database.engine.begin() as connection:
        only = "UPDATE dataset_versions SET public_files = json_remove(public_files, '$.\"stops.parquet\"')"
        connection.exec_driver_sql(only + " WHERE dataset = 'stops'")
    assert world.sandbox.browse_catalogue.dataset("stops").allowed_actions == ("download",)
    with pytest.raises(NotFound, match="earlier version"):
        world.sandbox.open_data.rows("stops", "stops")
    publish(world, STOPS, "name,riders\na,1\n")
    assert world.sandbox.open_data.rows("stops", "stops").found.total == 1


def test_an_owner_is_told_what_does_not_fit(world: World) -> None:
    file = world.policy_file.with_name("stops.yaml")
    file.write_text(STOPS)
    raw = world.raw_file.with_name("stops.csv")
    raw.write_text("name,riders,secret\na,1,x\nb,many,x\n")
    report = world.sandbox.publish_dataset(ADMINISTRATOR, policy_file=file, files={"stops": raw})
    assert report.lines == (
        "stops: 2 rows are open to all.",
        "1 cells of riders do not fit its declaration and are empty now.",
    )


def test_too_many_readers_at_once_are_asked_to_come_back(world: World) -> None:
    publish(world, STOPS, "name,riders\na,1\n")
    places = world.sandbox.open_data.places
    for _ in range(AT_ONCE):
        assert places.acquire(timeout=1)
    with pytest.raises(Busy):
        world.sandbox.open_data.rows("stops", "stops")
    for _ in range(AT_ONCE):
        places.release()
    assert (
        world.sandbox.open_data.rows("stops", "stops").found.total == 1
    )  # and a place is given back after each
    for _ in range(2 * AT_ONCE):
        with pytest.raises(BadInput):
            world.sandbox.open_data.rows("stops", "stops", columns="nothing")
    assert world.sandbox.open_data.rows("stops", "stops").found.total == 1


def test_another_owners_lineage_is_refused_without_reading_every_policy(world: World) -> None:
    oscar = Person("oscar", frozenset({Role.OWNER}))
    file = world.policy_file.with_name("copy.yaml")
    file.write_text(
        POLICY.replace("name: loans", "name: copy\nlineage: loans").replace("owner: olga", "owner: oscar")
    )
    with pytest.raises(NotAllowed) as refused:
        world.sandbox.publish_dataset(oscar, policy_file=file, files={"loans": world.raw_file})
    assert refused.value.clause == "lineage"
