"""What a kernel may show, and which messages go between it and the browser: lists, each row with its reason.

What is not listed does not pass. A row says in which modes it holds; modes query and job have no raw row in the
container, mode room does.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.policy import Mode

ALL = frozenset(Mode)
NO_ROWS = frozenset({Mode.QUERY, Mode.JOB})


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A kind of result, by its MIME type."""

    kind: str
    modes: frozenset[Mode]  # where it passes; nowhere: named so that its reason can be read
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A kind of message of Jupyter's protocol (5.4)."""

    kind: str
    channels: tuple[str, ...]
    reason: str


SHOWN: tuple[Show, ...] = (
    Show(kind="text/plain", modes=ALL, reason="what every result has"),
    Show(
        kind="text/html",
        modes=ALL,
        reason="tables; the page's own rules keep it from running or loading anything",
    ),
    Show(kind="text/markdown", modes=ALL, reason="formatted text"),
    Show(kind="text/latex", modes=ALL, reason="formulas"),
    Show(kind="application/json", modes=ALL, reason="a tree that can be folded"),
    Show(kind="image/png", modes=ALL, reason="plots"),
    Show(kind="image/jpeg", modes=ALL, reason="pictures"),
    Show(
        kind="application/vnd.jupyter.stdout", modes=ALL, reason="what a program prints, in a saved notebook"
    ),
    Show(kind="application/vnd.jupyter.stderr", modes=ALL, reason="the same for its messages"),
    Show(kind="application/vnd.jupyter.error", modes=ALL, reason="an exception, in a saved notebook"),
    Show(
        kind="image/svg+xml",
        modes=NO_ROWS,
        reason="plots as drawings; with raw rows not: a drawing holds each point as a number, however small it looks",
    ),
    Show(
        kind="image/gif",
        modes=NO_ROWS,
        reason="moving pictures; with raw rows not: a thousand screens would count as one",
    ),
    Show(
        kind="application/javascript",
        modes=frozenset(),
        reason="a result runs no program in the page: it could read and send what the page can",
    ),
    Show(kind="text/javascript", modes=frozenset(), reason="the same under its other name"),
    Show(
        kind="application/vnd.jupyter.widget-view+json",
        modes=frozenset(),
        reason="widgets speak through comms, which do not pass; the image has none",
    ),
    Show(kind="application/vnd.jupyter.widget-state+json", modes=frozenset(), reason="the same, saved"),
    Show(
        kind="application/pdf",
        modes=frozenset(),
        reason="a document is a file: it leaves by a release",
    ),
    Show(
        kind="application/vnd.vegalite.v5+json",
        modes=frozenset(),
        reason="a chart that carries its rows, for a program in the page to draw",
    ),
    Show(kind="application/vnd.plotly.v1+json", modes=frozenset(), reason="the same"),
    Show(
        kind="application/geo+json",
        modes=frozenset(),
        reason="the same, for maps, whose tiles come from elsewhere",
    ),
)

# From the browser to the kernel.
ASKED: tuple[Message, ...] = (
    Message(kind="execute_request", channels=("shell",), reason="code"),
    Message(kind="complete_request", channels=("shell",), reason="the rest of a word"),
    Message(kind="inspect_request", channels=("shell",), reason="help on a name"),
    Message(kind="is_complete_request", channels=("shell",), reason="is this line all?"),
    Message(kind="history_request", channels=("shell",), reason="what was typed before"),
    Message(kind="kernel_info_request", channels=("shell", "control"), reason="which language it speaks"),
    Message(kind="comm_info_request", channels=("shell",), reason="the lab asks; the answer names none"),
    Message(kind="input_reply", channels=("stdin",), reason="what was typed where a program asked"),
    Message(kind="interrupt_request", channels=("control",), reason="stop a calculation"),
    Message(kind="shutdown_request", channels=("control",), reason="end the kernel"),
)

# From the kernel to the browser.
ANSWERED: tuple[Message, ...] = (
    Message(kind="status", channels=("iopub",), reason="busy or idle"),
    Message(kind="stream", channels=("iopub",), reason="what a program prints, progress bars included"),
    Message(kind="display_data", channels=("iopub",), reason="a result; its kinds are listed above"),
    Message(
        kind="update_display_data", channels=("iopub",), reason="a newer form of it, such as a progress bar"
    ),
    Message(kind="execute_result", channels=("iopub",), reason="the value of a cell"),
    Message(kind="error", channels=("iopub",), reason="an exception"),
    Message(kind="clear_output", channels=("iopub",), reason="a newer result takes the place of this one"),
    Message(kind="execute_input", channels=("iopub",), reason="the code that runs, for a second window"),
    Message(kind="execute_reply", channels=("shell",), reason="the cell has run"),
    Message(kind="complete_reply", channels=("shell",), reason="the rest of a word"),
    Message(kind="inspect_reply", channels=("shell",), reason="help on a name"),
    Message(kind="is_complete_reply", channels=("shell",), reason="whether the line is all"),
    Message(kind="history_reply", channels=("shell",), reason="what was typed before"),
    Message(kind="kernel_info_reply", channels=("shell", "control"), reason="which language it speaks"),
    Message(kind="comm_info_reply", channels=("shell",), reason="without what it says: comms do not pass"),
    Message(kind="input_request", channels=("stdin",), reason="a program asks for a line"),
    Message(kind="interrupt_reply", channels=("control",), reason="it was stopped"),
    Message(kind="shutdown_reply", channels=("control", "iopub"), reason="it ends"),
)

# Named so that their reasons can be read; like everything that is not listed they do not pass.
REFUSED: tuple[Message, ...] = (
    Message(
        kind="comm_open, comm_msg, comm_close",
        channels=("shell", "iopub"),
        reason="a channel whose content no rule can read; widgets need it, and the image has none",
    ),
    Message(
        kind="debug_request, debug_reply, debug_event",
        channels=("control", "iopub"),
        reason="reads any variable, around the rules on results",
    ),
    Message(
        kind="create_subshell_request, list_subshell_request, delete_subshell_request",
        channels=("control",),
        reason="only comms use them",
    ),
)

_ASKED = {row.kind: row for row in ASKED}
_ANSWERED = {row.kind: row for row in ANSWERED}


def kinds_shown(mode: Mode) -> frozenset[str]:
    """The kinds of results that pass in a mode."""
    return frozenset(row.kind for row in SHOWN if mode in row.modes)


def may_ask(kind: str, channel: str) -> bool:
    """Whether the browser may send such a message."""
    return kind in _ASKED and channel in _ASKED[kind].channels


def may_answer(kind: str, channel: str) -> bool:
    """Whether the kernel may send such a message."""
    return kind in _ANSWERED and channel in _ANSWERED[kind].channels
