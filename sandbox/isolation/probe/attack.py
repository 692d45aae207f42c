"""What one attack is, and where the addresses in it lead: to nobody.

An attack is a few lines of Python that end normally when they got in, and raise when they were refused. The same
lines are run in a locked container (all must be refused) and in a weak one (all must get in): an attack that cannot
succeed anywhere proves nothing.

Addresses are of the blocks that are kept for documentation and for link-local use, so that even a success reaches
nobody: in the weak container they belong to a trap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

INTERNET = "203.0.113.1"  # RFC 5737, never routed
INTERNET_6 = "2001:db8::1"  # RFC 3849, never routed
NAME_SERVER = "203.0.113.53"
METADATA = "169.254.169.254"  # where clouds tell their machines secrets
BRIDGE = "172.17.0.1"  # the host, as seen from the engine's default network
NEIGHBOUR = "172.17.0.2"  # another container there
ENGINE_NAMES = "127.0.0.11"  # where the engine's own name server listens in a container

ROOMS = ("query", "job", "room")


class Place(StrEnum):
    """Where an attack starts from."""

    CONTAINER = "container"  # any container with the profile: nothing else has to run
    NOTEBOOK = "notebook"  # an open notebook of a running installation, behind its gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        would: what its success would mean.
        code: see ``inside`` for what it may call. A success does no harm to anybody.
        refused_by: the setting of the profile, or the part of the system, that refuses it.
        planted: what a neighbour (another person's container of the same project) does first, and keeps up.
        rooms: the modes in which it is an attack.
        needs: the capability without which it succeeds nowhere, not even in the weak container.
        by_design: why it may succeed, for a mode or a runtime. Everything else that succeeds is open.
    """

    name: str
    would: str
    code: str
    refused_by: str
    planted: str = ""
    place: Place = Place.CONTAINER
    rooms: tuple[str, ...] = ROOMS
    needs: str = ""
    by_design: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""  # set where all of them are put together


def reached(address: str, port: int) -> str:
    """Code that gets in when a TCP connection is taken there."""
    return f"socket.create_connection(({address!r}, {port}), timeout=2).close()"
