"""The attack on trained models with its real parts: an engine's extract, scikit-learn's training, SACRO-ML's attack.

``scripts/setup_attack.sh`` gives it its environment.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import duckdb
import pytest

from sandbox.disclosure.table import Table, read_table
from sandbox.domain.findings import Verdict
from sandbox.domain.outputs import Declared, OutputKind
from sandbox.domain.policy import ReleaseTerms
from sandbox.domain.trained_model import ModelScores
from sandbox.flows.attack_models import AttackModels
from sandbox.flows.published import Published
from sandbox.isolation.membership_attack import Attacked, MembershipAttack
from sandbox.privacy.engine import LocalEngine
from sandbox.settings import CHECKOUT
from tests.privacy.made_up import LIMITS, hospital, row, write_csv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

PYTHON = CHECKOUT / ".sandbox" / "attack" / "bin" / "python"
TRAIN = "01234567"
POLICY = hospital()


class Told:
    """The attack, and what it came to."""

    def __init__(self) -> None:
        self.auc = 0.0

    def __call__(self, scores: ModelScores) -> Attacked:
        attacked = MembershipAttack(python=PYTHON)(scores)
        self.auc = attacked.auc
        return attacked


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalEngine, Published, Path]:
    """An engine with visits, and the models that were trained on half of them."""
    folder = tmp_path_factory.mktemp("models")
    lot = random.Random(8)
    visits = [
        row(f"p{n}", sex=lot.choice(["female", "male"]), ward=lot.choice([1, 2, 3]), age=lot.randrange(18, 95), cost=f"{lot.uniform(0, 490):.2f}", smoker=lot.choice(["true", "false"]))
        for n in range(900)
    ]  # fmt: skip
    engine = LocalEngine(folder / "views", limits=LIMITS, extracts=folder / "extracts")
    (folder / "extracts").mkdir()
    report = engine.publish(policy=POLICY, table="visits", file=str(write_csv(folder / "raw.csv", visits)))
    columns = ["age", "cost", "ward", "sex", "smoker"]  # smoking is noise: who tells it has seen the row
    engine.extract(
        dataset="hospital",
        snapshot=report.snapshot,
        tables={"visits": columns},
        target="room-1",
        max_bytes=10**7,
    )
    rows = folder / "rows.csv"
    duckdb.sql(f"COPY (FROM read_parquet('{folder}/extracts/room-1/visits.parquet')) TO '{rows}' (HEADER)")
    script = Path(__file__).with_name("train_models.py")
    subprocess.run([PYTHON, script, CHECKOUT, rows, TRAIN, folder], check=True, timeout=120)
    return engine, Published(policy=POLICY, policy_hash="", snapshot=report.snapshot, files={}), folder


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        ("deep_tree", Verdict.FAIL),
        ("forest", Verdict.FAIL),
        ("wide_tree", Verdict.PASS),
        ("regression", Verdict.PASS),
    ],
)
def test_a_model_that_learned_noise_by_heart_is_told_from_one_that_did_not(
    trained: tuple[LocalEngine, Published, Path], model: str, verdict: Verdict
) -> None:
    engine, dataset, folder = trained
    table, _ = read_table("model.csv", (folder / f"{model}.csv").read_bytes())
    assert isinstance(table, Table)
    declared = Declared(
        kind=OutputKind.MODEL, method=(folder / f"{model}.method").read_text(), train=TRAIN, outcome="smoker"
    )
    attack = Told()
    found = AttackModels(engine=engine, attack=attack)(dataset, "model.csv", table, declared, ReleaseTerms())
    assert [(f.check, f.verdict) for f in found] == [("membership_attack", verdict)], attack.auc


def test_a_tree_said_to_be_of_other_folds_is_found_out(trained: tuple[LocalEngine, Published, Path]) -> None:
    engine, dataset, folder = trained
    table, _ = read_table("model.csv", (folder / "deep_tree.csv").read_bytes())
    assert isinstance(table, Table)
    declared = Declared(kind=OutputKind.MODEL, method="decision tree", train="01238f", outcome="smoker")
    found = AttackModels(engine=engine, attack=Told())(dataset, "model.csv", table, declared, ReleaseTerms())
    assert found[0].check == "training_not_reproduced"
