"""What passes a notebook's websockets: ``Screen`` where no raw row is in the container, ``RoomScreen`` where some are.

In a room everything inside may have been taken over by code that wants rows out, so nothing of a message is taken on
trust: its numbers, names and times are the gate's own, its parent is what the browser itself sent, and the rest is
counted. When the budget is used up, a line says so in its place, and the lab goes on working.
"""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sandbox.domain.policy import Mode
from sandbox.isolation.gate_display import SPENT, Amount, DisplayBudget, rows_of_message
from sandbox.isolation.gate_messages import RESULTS, Judged, judge_answered, judge_asked, kind_of

WITHHELD = f"[gate: output withheld: {SPENT}]"
REMEMBERED = 4096  # questions whose answers are still told apart
_STATES = frozenset({"busy", "idle", "starting", "restarting", "autorestarting", "dead", "terminating"})
_SHOWING = RESULTS | {"stream", "error"}
# What takes the place of a reply that is withheld: the lab waits for one.
_BARE: Mapping[str, dict[str, Any]] = {
    "execute_reply": {"status": "ok", "execution_count": None, "payload": [], "user_expressions": {}},
    "complete_reply": {"status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}},
    "inspect_reply": {"status": "ok", "found": False, "data": {}, "metadata": {}},
    "is_complete_reply": {"status": "unknown"},
    "history_reply": {"status": "ok", "history": []},
    "comm_info_reply": {"status": "ok", "comms": {}},
    "interrupt_reply": {"status": "ok"},
    "shutdown_reply": {"status": "ok", "restart": False},
    "kernel_info_reply": {
        "status": "ok",
        "protocol_version": "5.3",
        "implementation": "",
        "implementation_version": "",
        "banner": "",
        "language_info": {
            "name": "python",
            "version": "3",
            "mimetype": "text/x-python",
            "file_extension": ".py",
        },
        "help_links": [],
        "debugger": False,
        "supported_features": [],
    },
}


class Frames(Protocol):
    """The rules of one websocket."""

    def asked(self, message: Mapping[str, Any]) -> Judged:
        """What goes along of a message from the browser."""
        ...

    def shown(self, message: Mapping[str, Any]) -> Judged:
        """What goes along of a message from the notebook."""
        ...


class Screen:
    """A kernel without raw rows: by the lists alone."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode

    def asked(self, message: Mapping[str, Any]) -> Judged:
        return judge_asked(message)

    def shown(self, message: Mapping[str, Any]) -> Judged:
        return judge_answered(message, self.mode)


class RoomScreen(Screen):
    """A kernel that may read raw rows.

    Args:
        now: the time that messages carry.
    """

    def __init__(self, budget: DisplayBudget, *, now: Callable[[], datetime]) -> None:
        super().__init__(Mode.ROOM)
        self._budget, self._now = budget, now
        self._asked: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()

    def asked(self, message: Mapping[str, Any]) -> Judged:
        judged = super().asked(message)
        if judged.message is not None:
            header = judged.message["header"]
            _remember(self._asked, str(header.get("msg_id")), header)
        return judged

    def shown(self, message: Mapping[str, Any]) -> Judged:
        judged = super().shown(message)
        if judged.message is None:
            return judged
        parent = self._asked.get(str(judged.message["parent_header"].get("msg_id")), {})
        kind, content = kind_of(judged.message), judged.message["content"]
        if kind == "status":
            state = content.get("execution_state")
            if state not in _STATES:
                return Judged(None, ("a status that there is not",))
            return Judged(self._anew("status", "iopub", {"execution_state": state}, parent), judged.refused)
        whole = self._anew(kind, judged.message["channel"], content, parent)
        whole["metadata"] = judged.message["metadata"]
        amount = Amount(rows=rows_of_message(whole), bytes=len(json.dumps(whole).encode()))
        if self._budget.take(amount):
            return Judged(whole, judged.refused)
        return Judged(self._instead(kind, whole["channel"], content, parent), (*judged.refused, SPENT))

    def _instead(
        self, kind: str, channel: str, content: Mapping[str, Any], parent: dict[str, Any]
    ) -> dict[str, Any] | None:
        """What is sent in the place of something withheld: one line for each cell, and bare replies."""
        if kind in _SHOWING:
            cell = str(parent.get("msg_id", ""))
            if cell in self._told:
                return None
            _remember(self._told, cell, None)
            return self._anew("stream", "iopub", {"name": "stderr", "text": f"{WITHHELD}\n"}, parent)
        bare = _BARE.get(kind)
        if bare is None:
            return None
        if kind == "execute_reply" and content.get("status") in ("error", "aborted"):
            bare = {
                "status": content["status"],
                "execution_count": None,
                "ename": "",
                "evalue": "",
                "traceback": [],
            }
        return self._anew(kind, channel, bare, parent)

    def _anew(
        self, kind: str, channel: str, content: dict[str, Any], parent: dict[str, Any]
    ) -> dict[str, Any]:
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": kind,
            "username": "",
            "session": "",
            "date": self._now().isoformat(),
            "version": "5.3",
        }
        return {
            "header": header,
            "msg_id": number,
            "msg_type": kind,
            "parent_header": parent,
            "metadata": {},
            "content": content,
            "channel": channel,
        }


class Events:
    """What changed on the server: one way only.

    Args:
        budget: counts them where raw rows are inside.
    """

    def __init__(self, budget: DisplayBudget | None) -> None:
        self._budget = budget

    def asked(self, message: Mapping[str, Any]) -> Judged:
        return Judged(None, ("a message to where only events come from",))

    def shown(self, message: Mapping[str, Any]) -> Judged:
        if self._budget is not None and not self._budget.take_page(len(json.dumps(message).encode())):
            return Judged(None, (SPENT,))
        return Judged(dict(message))


def _remember(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
