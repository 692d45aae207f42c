"""The red team that runs inside: each attack says what it would win, what has to refuse it, and where it succeeds.

attack       what an attack is
network … notebook   the attacks, one file a subject; elsewhere: those that are tests of their own
inside       the program that makes them in a container
weak         the container and the stand-ins in which each of them succeeds
rooms        the containers that are attacked: mode and runtime
run          makes a whole round
report       what came of it, as words, table and file
reference    ``docs/reference/attacks.md``
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.isolation.probe.attack import Attack, Place
from sandbox.isolation.probe.files import FILES
from sandbox.isolation.probe.kernel import KERNEL
from sandbox.isolation.probe.limits import LIMITS
from sandbox.isolation.probe.neighbours import NEIGHBOURS
from sandbox.isolation.probe.network import NETWORK
from sandbox.isolation.probe.notebook import NOTEBOOK
from sandbox.isolation.probe.processes import PROCESSES
from sandbox.isolation.probe.sockets import SOCKETS

__all__ = ["ATTACKS", "IN_A_CONTAINER", "IN_A_NOTEBOOK", "SUBJECTS", "Attack", "Place"]

SUBJECTS: dict[str, tuple[Attack, ...]] = {
    "network": NETWORK,
    "sockets": SOCKETS,
    "kernel": KERNEL,
    "processes": PROCESSES,
    "files and devices": FILES,
    "limits": LIMITS,
    "neighbours": NEIGHBOURS,
    "hub, portal and gate": NOTEBOOK,
}

ATTACKS: tuple[Attack, ...] = tuple(
    replace(attack, subject=subject) for subject, attacks in SUBJECTS.items() for attack in attacks
)
IN_A_CONTAINER = tuple(a for a in ATTACKS if a.place is Place.CONTAINER)
IN_A_NOTEBOOK = tuple(a for a in ATTACKS if a.place is Place.NOTEBOOK)
