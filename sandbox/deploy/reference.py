"""``docs/reference/kubernetes.md``, made from the program itself.

python -m sandbox.deploy.reference > docs/reference/kubernetes.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from sandbox.deploy.admission import validations
from sandbox.deploy.network import WAYS
from sandbox.deploy.terms import Terms
from sandbox.isolation.kubernetes import COUNTERPARTS, LOST, NO_COUNTERPART

HEAD = """\
# What a cluster is told

Made from the program by `python -m sandbox.deploy.reference > docs/reference/kubernetes.md`; a test fails when it is
stale. How it is put onto a cluster, and what was not tried on one, is in [Run on Kubernetes](../how-to/kubernetes.md).
"""


def page() -> str:
    """The whole page, Markdown."""
    terms = Terms(
        public_url="https://data.example.org",
        registry="registry",
        tag="tag",
        api_server=("192.0.2.1/32",),
        runtime_class="gvisor",
        seccomp_profile="PROFILE",
        user_namespaces=True,
    )
    return "\n".join(
        [
            HEAD,
            "## A container's settings, in a pod\n",
            "The rows are those of [the gate's page](../explanation/gate.md). Each has a counterpart, or a reason\n"
            "why it has none; one that had neither would stop the program.\n",
            _table(("setting", "in a pod", "what is lost"), _rows()),
            "## Who may reach whom\n",
            "Everything else is denied, at both ends. The gate and the carrier are in the hub's pod; the engine is in "
            "no row.\n",
            _table(
                ("from", "to", "ports", "why"),
                ((w.from_, w.to, ", ".join(str(p) for p in w.ports), w.reason) for w in WAYS),
            ),
            "## Which pods the API server takes among the notebooks\n",
            "A ValidatingAdmissionPolicy refuses every pod of which one of these does not hold. The last three are\n"
            "there when the installation chose a runtime, a list of system calls, ids of its own.\n",
            "\n".join(f"- {message}" for _, message in validations(terms)) + "\n",
        ]
    )


def _rows() -> Iterable[tuple[str, str, str]]:
    for key, place in COUNTERPARTS.items():
        yield f"`{key}`", place, LOST.get(key, "")
    for key, reason in NO_COUNTERPART.items():
        yield f"`{key}`", "none", reason


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
