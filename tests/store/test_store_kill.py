"""kill -9 at every step of a question: the charge stands, and no answer is out that was not kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.domain.budget import ChargeState
from sandbox.domain.privacy_loss import Loss
from tests.store.world import ask, did, furnish, open_store

ROOT = Path(__file__).resolve().parents[2]

# (killed when, its state found at the next start, its state after recovery)
STEPS = [
    ("inside reserve", None, None),
    ("reserved", ChargeState.RESERVED, ChargeState.FAILED),
    ("running", ChargeState.RUNNING, ChargeState.FAILED),
    ("inside settle", ChargeState.RUNNING, ChargeState.FAILED),
    ("released", ChargeState.RELEASED, ChargeState.RELEASED),
]


@pytest.mark.parametrize(("step", "found", "recovered"), STEPS, ids=[step for step, *_ in STEPS])
def test_a_killed_process_leaves_its_charge_and_nothing_half_done(
    url: str, home: Path, step: str, found: ChargeState | None, recovered: ChargeState | None
) -> None:
    store = open_store(url, home)
    grant = furnish(store, cap=Loss(10_000))
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.store.child", "stop", url, str(home), step],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == f"{step}\n"
    if "inside" not in step:  # alive: not taken from it
        assert store.ledger.recover(event=did("ledger.recovered")) == ()
    child.kill()
    child.wait()
    child.stdout.close()

    lines = store.ledger.history(project="credit risk", lineage="loans")
    assert [line.state for line in lines] == ([found] if found else [])
    store.ledger.recover(event=did("ledger.recovered"))
    lines = store.ledger.history(project="credit risk", lineage="loans")
    assert [line.state for line in lines] == ([recovered] if recovered else [])
    spent = store.ledger.accounts("loans", "credit risk")[0].spent
    assert spent == (Loss(1_000) if found else Loss(0))
    assert store.ledger.check_sums() == 1
    assert store.log.verify() == store.log.head().seq

    again = ask(store, grant, "the question")  # and the system goes on
    if recovered is ChargeState.RELEASED:
        assert again.answer == b"the answer"
    else:
        assert again.charged == Loss(1_000)
    store.close()
