"""Runs in an environment of its own: probabilities in, how well an attacker tells members from others out.

    {"members": [[0.9, 0.1], …], "others": [[0.6, 0.4], …], "members_right": [true, …], "others_right": [false, …]}
    -> {"version": "2.0.1", "auc": [0.51, …]}

The attack is the worst case of SACRO-ML: somebody who knows for half of the rows whether they were in the training
learns from the model's probabilities, and from whether it is right, to tell it for the others. Nothing is read but
numbers, and nothing is written.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import sys
import tempfile
import types
from typing import Any

SEED = 20240229
REPETITIONS = 10


def stand_in_for_torch() -> None:
    """What SACRO-ML asks of PyTorch when it is imported; this attack never uses it, and it takes five gigabytes."""
    never = type("Never", (), {})
    parts: dict[str, dict[str, Any]] = {
        "torch": {"Tensor": never},
        "torch.nn": {"Module": never},
        "torch.nn.functional": {"softmax": None},
        "torch.utils": {},
        "torch.utils.data": dict.fromkeys(("DataLoader", "Dataset", "TensorDataset"), never),
        "torch.cuda": {},
    }
    for name, members in parts.items():
        module = types.ModuleType(name)
        for member, value in members.items():
            setattr(module, member, value)
        sys.modules[name] = module
    for name in ("nn", "cuda", "utils"):
        setattr(sys.modules["torch"], name, sys.modules[f"torch.{name}"])


def attack(told: dict[str, Any]) -> list[float]:
    """The area under the attacker's curve, in each repetition."""
    stand_in_for_torch()
    import numpy as np
    from sacroml.attacks.worst_case_attack import WorstCaseAttack

    logging.disable(logging.CRITICAL)
    np.random.seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        attacker = WorstCaseAttack(
            output_dir=os.path.join(folder, "out"),
            write_report=False,
            n_reps=REPETITIONS,
            n_dummy_reps=0,
            test_prop=0.5,
            include_model_correct_feature=True,
        )
        attacker.attack_from_preds(
            np.array(told["members"]),
            np.array(told["others"]),
            train_correct=np.array(told["members_right"], dtype=float),
            test_correct=np.array(told["others_right"], dtype=float),
        )
    return [float(found["AUC"]) for found in attacker.attack_metrics]


def main() -> None:
    found = attack(json.load(sys.stdin))
    json.dump({"version": importlib.metadata.version("sacroml"), "auc": found}, sys.stdout)


if __name__ == "__main__":
    main()
