"""64 different questions at once on a budget for 4: exactly 4 are granted. Each with a ledger that must be caught."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.domain.privacy_loss import Loss
from sandbox.store import Store
from sandbox.store.accounts import take
from tests.store.child import granted
from tests.store.world import answer, ask, furnish, open_store

ROOT = Path(__file__).resolve().parents[2]
ASKED, AFFORDABLE = 64, 4


def by_threads(store: Store, url: str, home: Path, how: str) -> int:
    """Every question in a thread of its own."""
    grant = store.grants.of_person("ana")[0]
    with ThreadPoolExecutor(ASKED) as pool:
        return sum(pool.map(lambda i: granted(store, grant, f"question {i}", how), range(ASKED)))


def by_processes(store: Store, url: str, home: Path, how: str) -> int:
    """Four processes that start asking at the same moment."""
    go, share = home / "go", ASKED // 4
    command = [sys.executable, "-W", "error", "-m", "tests.store.child", "many", url, str(home), how]
    children = [
        subprocess.Popen(
            [*command, str(share * i), str(share), str(go)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    go.touch()
    results = [child.communicate(timeout=90)[0] for child in children]
    assert all(child.returncode == 0 for child in children)
    return sum(int(result) for result in results)


TOGETHER = [
    pytest.param(by_threads, id="threads"),
    pytest.param(by_processes, id="processes", marks=pytest.mark.e2e),
]


@pytest.mark.parametrize("together", TOGETHER)
@pytest.mark.parametrize("account", ["lineage", "project"])
def test_64_questions_on_a_budget_for_4_grant_exactly_4(
    url: str, home: Path, together: object, account: str
) -> None:
    store = open_store(url, home)
    four, plenty = Loss(4_000), Loss(1_000_000)
    if account == "lineage":
        furnish(store, cap=four, project_cap=plenty)
    else:
        furnish(store, cap=plenty, project_cap=four)
    assert together(store, url, home, "sound") == AFFORDABLE  # type: ignore[operator]
    lineage, project = store.ledger.accounts("loans", "credit risk")
    assert (lineage.spent, project.spent) == (four, four)
    assert len(store.ledger.charges_of("credit risk", "loans")) == AFFORDABLE
    assert store.ledger.check_sums() == 1
    assert store.log.verify() == store.log.head().seq
    store.close()


@pytest.mark.parametrize("together", TOGETHER)
def test_a_ledger_that_looks_and_then_writes_is_caught(url: str, home: Path, together: object) -> None:
    store = open_store(url, home)
    furnish(store, cap=Loss(4_000))
    assert together(store, url, home, "naive") > AFFORDABLE  # type: ignore[operator]
    store.close()


def test_the_same_question_from_32_threads_is_charged_once(url: str, home: Path) -> None:
    store = open_store(url, home)
    grant = furnish(store, cap=Loss(1_000_000))

    def once(_: int) -> bytes:
        reservation = ask(store, grant, "the same", wait_s=60)
        if reservation.answer is not None:
            return reservation.answer
        answer(store, reservation.question_id, b"the one answer")
        return b"the one answer"

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(once, range(32))) == {b"the one answer"}
    assert store.ledger.accounts("loans", "credit risk")[0].spent == Loss(1_000)
    store.close()


def test_the_accounts_own_condition_holds_without_the_queue_of_writers(url: str, home: Path) -> None:
    """The second lock: the UPDATE carries its condition, should a transaction ever not wait for the log's head."""
    store = open_store(url, home)
    furnish(store, cap=Loss(4_000))
    with store.database.transaction() as connection:
        take(connection, "loans", "credit risk", Loss(0))  # opens the project's account

    def charge(_: int) -> bool:
        with store.database.engine.begin() as connection:
            return take(connection, "loans", "credit risk", Loss(1_000))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(charge, range(ASKED))) == AFFORDABLE
    store.close()
