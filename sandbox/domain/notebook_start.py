"""How a notebook is, and how far its start is."""

from __future__ import annotations

from enum import StrEnum


class NotebookState(StrEnum):
    """How it is, as the hub says."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class Stage(StrEnum):
    """What is being done at its start, in this order."""

    WAITING = "waiting"  # for its turn, or for the one that ran before to end
    ROWS = "rows"  # what it may read is prepared
    GATE = "gate"  # its door is opened
    CONTAINER = "container"  # its image is started
    SERVER = "server"  # the container runs; its own server starts up, and then answers


STAGES = tuple(Stage)
