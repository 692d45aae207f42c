"""SACRO-ML's membership attack, in an environment of its own: its pins differ from ours."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.domain.errors import OperatorError
from sandbox.domain.trained_model import ModelScores

PEER = Path(__file__).with_name("membership_peer.py")
TIMEOUT_S = 300
_FIX = "Run scripts/setup_attack.sh; until then models are for people alone."


@dataclass(frozen=True, slots=True)
class Attacked:
    """How it went.

    Attributes:
        auc: the mean area under the attacker's curve: 0.5 is guessing, 1 is certainty.
        version: SACRO-ML's.
    """

    auc: float
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipAttack:
    """The attack as a process.

    Args:
        python: of the environment that SACRO-ML is in.
    """

    python: Path
    timeout_s: float = TIMEOUT_S

    def __call__(self, scores: ModelScores) -> Attacked:
        """Attack.

        Raises:
            OperatorError: it is not set up, or ended without a result.
        """
        if not self.python.exists():
            raise OperatorError("The attack on models is not set up.", fix=_FIX)
        sides = ("members", "others", "members_right", "others_right")
        told = json.dumps({side: getattr(scores, side) for side in sides})
        try:
            ended = subprocess.run(  # noqa: S603 - our own program, in an environment that we set up
                [str(self.python), "-I", str(PEER)],
                input=told.encode(),
                capture_output=True,
                timeout=self.timeout_s,
                env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
                cwd="/",
                check=True,
            )
            return _read(json.loads(ended.stdout))
        except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError):
            # Its own words may quote the numbers that it was told.
            raise OperatorError("The attack on a model ended without a result.", fix=_FIX) from None


def _read(document: Any) -> Attacked:
    found = [float(auc) for auc in document["auc"]]
    if not found or not all(math.isfinite(auc) and 0 <= auc <= 1 for auc in found):
        raise ValueError("no areas")
    return Attacked(auc=sum(found) / len(found), version=str(document["version"]))
