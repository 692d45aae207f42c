"""Mode room, whole: raw rows in a notebook on a real hub, only those that were agreed on, and gone with the right to them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.demo.kernel import Kernel
from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.policy import Mode
from sandbox.hub_session import HubRefused, HubSession
from sandbox.settings import CHECKOUT
from tests.e2e.chaos import House

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

NAME = "credit_room"
OPENED = ("risk", "age", "credit_amount")


@dataclass
class Room:
    """Cleo's open room."""

    house: House
    grant: Grant
    session: HubSession

    @property
    def extract(self) -> Path:
        return self.house.sandbox.settings.extracts_dir / self.grant.server_name

    def run(self, *cells: str) -> list[str]:
        return [
            ran.error or ran.text.strip() for ran in Kernel(self.session, self.grant.server_name).run(*cells)
        ]

    def running(self) -> bool:
        name = f"{self.house.prefix}notebook-cleo-{self.grant.server_name}"
        with self.house.containers() as containers:
            return containers.running(name)


@pytest.fixture(scope="module")
def room(staffed: House) -> Iterator[Room]:
    sandbox = staffed.sandbox
    people = {person.name: person for person in sandbox.store.people.all()}
    shipped = (CHECKOUT / "policies" / "datasets" / "german_credit.yaml").read_text()
    policy = shipped.replace("name: german_credit", f"name: {NAME}").replace("[query, job]", "[query, room]")
    file = sandbox.settings.home / f"{NAME}.yaml"
    file.write_text(policy)
    raw = sandbox.settings.home / f"{NAME}.csv"
    shutil.copy(sandbox.settings.home / "loans.csv", raw)
    sandbox.publish_dataset(people["olga"], policy_file=file, files={"loans": raw})
    wish = Wish(
        mode=Mode.ROOM,
        project="credit_room",
        purpose="Look at single loans beside a model, in a room, without taking one out.",
        output_plan="One table of counts.",
        epsilon="0.1",
        tables={"loans": OPENED},
    )
    access = sandbox.request_access
    application = access.apply(people["cleo"], dataset=NAME, wish=wish)
    access.approve(people["olga"], application.id)
    grant = access.sign(people["cleo"], application.id)
    assert grant is not None
    staffed.installation.ready()
    with staffed.installation.session("cleo") as session:
        session.start_notebook(grant.server_name)
        yield Room(staffed, grant, session)
        session.stop_notebook(grant.server_name)


def until(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


def started(room: Room) -> bool:
    try:
        room.session.start_notebook(room.grant.server_name)
    except HubRefused:  # the hub has not finished with the one before
        return False
    return True


def test_the_rows_that_were_agreed_on_are_there_and_no_other(room: Room) -> None:
    shape, columns, listed, write = room.run(
        "import sandbox; loans = sandbox.data('loans'); print(len(loans))",
        "print(sorted(loans.columns))",
        "import os; print(sorted(os.listdir('/data')))",
        "open('/data/loans.parquet', 'ab').close()",
    )
    assert shape == "1000"
    assert set(OPENED) <= set(eval(columns)) <= {*OPENED, "applicant_id"}
    assert listed == "['loans.parquet', 'schema.json']"
    assert "OSError" in write or "PermissionError" in write


def test_no_unit_is_named(room: Room) -> None:
    (told,) = room.run(
        "import sandbox; print(*sandbox.data('loans')['applicant_id'].astype(str).head(20), sep='\\n')"
    )
    assert len(set(told.split())) == 20
    assert not {str(number) for number in range(1, 1001)} & set(told.split())


def test_a_suspended_column_ends_the_room_and_takes_its_rows_away(room: Room) -> None:
    sandbox = room.house.sandbox
    olga = next(p for p in sandbox.store.people.all() if p.name == "olga")
    assert room.running()
    assert room.extract.is_dir()
    sandbox.suspend_dataset.suspend(olga, NAME, reason="A mistake in ages.", table="loans", column="age")
    until(lambda: not room.running())
    until(lambda: not room.extract.exists())
    # Opened again, the others are there.
    room.session.stop_notebook(room.grant.server_name)
    until(lambda: started(room))
    (columns,) = room.run("import sandbox; print(sorted(sandbox.data('loans').columns))")
    assert "age" not in columns
    assert "risk" in columns
