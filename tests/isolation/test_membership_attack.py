"""The attack as a process: numbers in, numbers out, and nothing else of either side."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox.domain.errors import OperatorError
from sandbox.domain.trained_model import ModelScores
from sandbox.isolation.membership_attack import PEER, Attacked, MembershipAttack

SIDES = ModelScores(
    members=((0.7, 0.3),), others=((0.6, 0.4),), members_right=(True,), others_right=(False,), reached=(1,)
)


def python(folder: Path, body: str) -> Path:
    """Something that is run in the place of a Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_mean_of_its_repetitions_is_how_it_went(tmp_path: Path) -> None:
    told = python(
        tmp_path,
        f'echo "$1 $2" > {tmp_path}/args; env > {tmp_path}/env; cat > {tmp_path}/in; echo \'{{"version": "2", "auc": [0.5, 0.7]}}\'',
    )
    assert MembershipAttack(python=told)(SIDES) == Attacked(auc=0.6, version="2")
    assert (
        (tmp_path / "in").read_text()
        == '{"members": [[0.7, 0.3]], "others": [[0.6, 0.4]], "members_right": [true], "others_right": [false]}'
    )
    assert (tmp_path / "args").read_text() == f"-I {PEER}\n"
    assert "SANDBOX" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    "body",
    [
        "exit 3",
        "echo 0.7 >&2; exit 1",
        "echo nothing",
        """echo '{"version": "2", "auc": []}'""",
        """echo '{"version": "2", "auc": [1.5]}'""",
        """echo '{"version": "2", "auc": [NaN]}'""",
        "sleep 9",
    ],
)
def test_whatever_goes_wrong_is_one_error_that_says_no_number(tmp_path: Path, body: str) -> None:
    with pytest.raises(OperatorError) as failed:
        MembershipAttack(python=python(tmp_path, body), timeout_s=0.5)(SIDES)
    assert "0.7" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_without_its_environment_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as missing:
        MembershipAttack(python=tmp_path / "none")(SIDES)
    assert "setup_attack.sh" in missing.value.fix
