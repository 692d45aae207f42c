"""A process that asks, for the tests that run many of them or kill one: ``python -m tests.store.child …``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import update

from sandbox.domain.access import Grant
from sandbox.domain.audit import Entry
from sandbox.domain.errors import OverBudget
from sandbox.store import Store
from sandbox.store.schema import lineage_accounts
from tests.store.world import COST, ask, did, open_store


def reserve_soundly(store: Store, grant: Grant, name: str) -> None:
    """As the product does."""
    ask(store, grant, name, wait_s=60)


def reserve_naively(store: Store, grant: Grant, name: str) -> None:
    """The control: look, then write what was computed from the look. Every budget test has to catch this one."""
    account, _ = store.ledger.accounts("loans", grant.project)
    if not COST.fits_in(account.left):
        raise OverBudget("Nothing is left.")
    time.sleep(0.1)  # a planner thinks, a page is drawn
    with store.database.transaction() as connection:
        spent = account.spent + COST
        connection.execute(update(lineage_accounts).values(spent_nano=spent.nano))
        store.log.append(connection, did("question.reserved", name))


RESERVE: dict[str, Callable[[Store, Grant, str], None]] = {"sound": reserve_soundly, "naive": reserve_naively}


def granted(store: Store, grant: Grant, name: str, how: str) -> bool:
    """Ask once; True when the budget gave."""
    try:
        RESERVE[how](store, grant, name)
    except OverBudget:
        return False
    return True


def ask_many(store: Store, grant: Grant, how: str, first: int, count: int, go: Path) -> None:
    """Wait for the others, ask ``count`` different questions, print how many were granted."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not go.exists():
        time.sleep(0.01)
    given = sum(granted(store, grant, f"question {first + i}", how) for i in range(count))
    sys.stdout.write(f"{given}\n")


def stop_at(store: Store, grant: Grant, step: str) -> None:
    """Go on with one question until ``step``, say so, and wait to be killed."""
    append = store.log.append

    def stop() -> None:
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        time.sleep(120)

    def within(action: str) -> None:
        def appended(*args: object, **named: object) -> Entry:
            entry = append(*args, **named)  # type: ignore[arg-type]
            if entry.event.action == action:
                stop()  # all is written, nothing is committed
            return entry

        store.log.append = appended  # type: ignore[method-assign]

    if step == "inside reserve":
        within("question.reserved")
    if step == "inside settle":
        within("question.answered")
    number = ask(store, grant, "the question").question_id
    if step == "reserved":
        stop()
    store.ledger.start(number, event=did("question.started"))
    if step == "running":
        stop()
    store.ledger.settle(number, b"the answer", event=did("question.answered"))
    if step == "released":
        stop()


def main(task: str, url: str, home: str, *rest: str) -> None:
    store = open_store(url, Path(home))
    grant = store.grants.of_person("ana")[0]
    if task == "many":
        how, first, count, go = rest
        ask_many(store, grant, how, int(first), int(count), Path(go))
    else:
        stop_at(store, grant, rest[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
