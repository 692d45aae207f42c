"""The parts of ``docs/explanation/gate.md`` that differ by mode, made from the lists and limits themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate_display import LINE, PICTURE_ROWS
from sandbox.isolation.gate_kinds import ANSWERED, ASKED, REFUSED, SHOWN, Message

ROOM = """\
## Where raw rows are inside (mode room)

Nothing of such a container is taken on trust: its server and its kernel may have been taken over by code that wants
rows out. So everything that it says is counted, outside of it, and written down before it is shown.

| what | counts as | a day | a session |
|---|---|---|---|
| results, printing, errors, help, files, folders, questions, jobs sent | rows | {display_rows} | {session_rows} |
| the same, with all that is written around them | bytes | {display_bytes} | {session_bytes} |
| pages, settings, lists, events, cookies | bytes | {page_bytes} | – |
| the lab's own program, file by file known by its hash | nothing | – | – |
| the same answer again in one session | nothing | – | – |
| busy and idle, written by the gate itself | nothing | – | – |

A row is a line of text (a longer one counts for each {line} characters) or a row of a table in HTML; a picture counts
as {picture}. What is too much is replaced by *output withheld*, once for each cell, and the lab goes on working. Totals
are kept by the gate: neither a new kernel, a new notebook nor a new gate begins a new day. The numbers are the site's
(`room` in `policies/site.yaml`; the defaults are shown). What is handed in for review does not count.
"""


MODES = """\
| | `query` | `job` | `room` |
|---|---|---|---|
| raw rows in the notebook | none | none | the agreed tables and columns, read-only at `/data` |
| what may come and go | the lists above | the same | the same, and every byte counted |
| results | the kinds above | the same | fewer kinds |
| how much may be shown | not limited: nothing raw is there | the same | the budget above |
| headers of its answers | those listed | the same | the kind alone, sign-in and redirects, counted |
| numbers, times and parents of a kernel's messages | the kernel's | the same | the gate's own |
| code beside raw rows | none | in a container of its own: back by review only | in the notebook |
"""


def sections() -> Iterator[str]:
    """What a result may be, what a kernel may say, how much a room shows, and what differs by mode."""
    yield "## What a result may be\n"
    yield "By its MIME type. A result of several kinds loses those that do not pass.\n"
    yield _shown()
    yield "## What a kernel and a page may say to each other\n"
    yield "Messages of Jupyter's protocol. Progress bars need none but these.\n"
    yield _messages("to the kernel", ASKED)
    yield _messages("to the page", ANSWERED)
    yield _messages("neither way", REFUSED)
    limits = {name: f"{value:,}" for name, value in asdict(RoomLimits()).items()}
    yield ROOM.format(**limits, line=LINE, picture=PICTURE_ROWS)
    yield "## What differs by mode\n"
    yield MODES


def _shown() -> str:
    lines = ["| kind | query, job | room | why |", "|---|---|---|---|"]
    for row in SHOWN:
        passes = ["passes" if mode in row.modes else "–" for mode in (Mode.QUERY, Mode.ROOM)]
        lines.append(f"| `{row.kind}` | {' | '.join(passes)} | {row.reason} |")
    lines.append("| anything else | – | – | nobody looked at it |")
    return "\n".join(lines) + "\n"


def _messages(way: str, rows: Iterable[Message]) -> str:
    lines = [f"| {way} | channels | why |", "|---|---|---|"]
    lines += [
        f"| {', '.join(f'`{kind}`' for kind in row.kind.split(', '))} | {', '.join(row.channels)} | {row.reason} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
