"""What was measured behind an answer, kept beside it: the noisy vectors, their noise, and how they were bounded.

All of it is post-noise, and so as public as the answer. It is the last member of an answer's stored bytes, and is left
out of what people see (``sandbox.domain.answer.shown``). With it an answer can be refined for the difference of two
prices, and others can be derived from it for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.domain.answer import measured_part
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import BadInput
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.privacy.mechanisms.combined import Vector
from sandbox.privacy.mechanisms.noise import Noise
from sandbox.privacy.planning.measurements import Plan

_FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measurements of one answer.

    Attributes:
        planned_at: the price that the answer was planned at; with a refined one, that of the first. At it the question
            has the same plan again.
        how: what was measured and how it was bounded, by its hash: another version may plan differently.
        vectors: by the targets' names.
        bounds: what else the plan followed from, in one form: the profile, and what the asker limited.
    """

    planned_at: int  # nanos
    how: str
    vectors: Mapping[str, Vector]
    bounds: str

    @property
    def nano(self) -> int:
        """What all of it cost."""
        return sum(vector.noise.nano for vector in self.vectors.values())

    @property
    def noises(self) -> Mapping[str, Noise]:
        return {name: vector.noise for name, vector in self.vectors.items()}

    def is_of(self, plan: Plan) -> bool:
        """True when it was measured just as the plan says, whatever the noise."""
        return self.how == how_of(plan)


def how_of(plan: Plan) -> str:
    """Names what a plan measures and how it bounds, whatever the noise."""
    targets = tuple(m.target for m in plan.measurements)
    return sha256_hex(repr((plan.bounding, targets, plan.recipes)).encode())


def measured_by(
    plan: Plan,
    vectors: Mapping[str, Sequence[int]],
    *,
    planned_at: int,
    profile: str,
    limits: Limits = NO_LIMITS,
) -> Measured:
    """The measurements of a fresh draw."""
    return Measured(
        planned_at=planned_at,
        how=how_of(plan),
        vectors={
            m.target.name: Vector(values=tuple(vectors[m.target.name]), parts=1, noise=m.noise)
            for m in plan.measurements
        },
        bounds=bounds_text(profile, limits),
    )


def bounds_text(profile: str, limits: Limits) -> str:
    """What a plan follows from besides question, policy and price, in one form."""
    return " ".join(part for part in (profile, limits.text) if part)


def measured_bytes(measured: Measured) -> bytes:
    """As JSON."""
    document = {
        "form": _FORM,
        "planned_at": measured.planned_at,
        "how": measured.how,
        "bounds": measured.bounds,
        "vectors": {
            name: {
                "accounting": str(vector.noise.accounting),
                "scales": [scale.hex() for scale in vector.noise.scales],
                "scale": vector.noise.scale.hex(),
                "sensitivity": vector.noise.sensitivity.hex(),
                "nano": vector.noise.nano,
                "parts": vector.parts,
                "values": vector.values,
            }
            for name, vector in measured.vectors.items()
        },
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def measured_of(stored: bytes) -> Measured | None:
    """The measurements behind stored bytes; None where they were not kept, or in a form that is not read any more."""
    line = measured_part(stored)
    if line is None:
        return None
    try:
        document = json.loads(line)
        if document["form"] != _FORM:
            return None
        return Measured(
            planned_at=Loss(document["planned_at"]).nano,
            how=document["how"],
            vectors={name: _vector(vector) for name, vector in document["vectors"].items()},
            bounds=document["bounds"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, BadInput):
        return None


def _vector(document: Mapping[str, Any]) -> Vector:
    noise = Noise(
        accounting=Accounting(document["accounting"]),
        scale=float.fromhex(document["scale"]),
        sensitivity=float.fromhex(document["sensitivity"]),
        nano=document["nano"],
        scales=tuple(float.fromhex(scale) for scale in document["scales"]),
    )
    return Vector(values=tuple(document["values"]), parts=document["parts"], noise=noise)
