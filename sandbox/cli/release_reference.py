"""``docs/explanation/release-states.md``, made from the table of states.

python -m sandbox.cli.release_reference > docs/explanation/release-states.md
"""

from __future__ import annotations

import sys

from sandbox.domain.release_states import FINAL, LIVE, TRANSITIONS, WAITING, Status, Transition, Verb

HEAD = """\
# How an output leaves: the states

Made from the program (`sandbox/domain/release_states.py`); a test fails when this page is stale.

A draft is a file in the notebook: the platform does not hold it. A request begins when its files are copied;
from then on they are known by their SHA-256. Every step is one row of one table, and writes its event to the
log in the same transaction. A change names the version that it saw.

"""
TAIL = """
## What the rows do not say

- **n approvals of these very bytes.** n is in the signed agreement. A vote's entry on the log names the hashes
  of the files that it was about, and before anything leaves, the log's story is held against the row.
- **A split.** Where n votes are in and just one of them stands against the others, one more person of the pool
  decides (`ask_further`); with n = 1 nothing splits. Who decides sees what the others wrote, neither who they
  are nor how they voted. Where nobody is left to ask, the stricter vote stands.
- **Hidden until then.** Votes and comments of a turn are hidden until it is decided, in every document and in
  the log as people read it. The requester and the project never learn who reviewed.
- **Turns.** What a check stopped or reviewers returned comes again under its number (`resubmit`). Votes and
  comments of the turn before are kept, marked as voided, and count no more.
- **A reviewer who leaves.** The vote of somebody who left the pool, lost the role, joined the project, or whose
  account is closed is voided at the next vote; another one takes its place. What was decided before stays
  decided.
- **Earlier releases.** A request may stand in the place of a release (`supersedes`) and build on others
  (`builds_on`). While one that it builds on is recalled, it does not leave. A recall names everything later
  that rests on what was recalled.
- **Planted outputs** have a known flaw, and end with `unveil` whatever the votes said. Nobody who reviews them
  can tell before; see [ADR 47](../adr/0047-planted-outputs-and-a-hash-that-stands-before-the-votes.md).
- **The fast lane** is closed unless the agreement opens it; see [ADR
  35](../adr/0035-turns-splits-and-a-fast-lane.md).
"""


def page() -> str:
    """The page: a picture, and the table."""
    return f"{HEAD}{_picture()}\n{_table()}{TAIL}"


def _picture() -> str:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> checking: stage"]
    lines += [f"    {t.start} --> {t.end}: {t.verb}" for t in TRANSITIONS if not _holding(t)]
    lines += [f"    {status} --> [*]" for status in sorted(FINAL)]
    held = ", ".join(sorted(LIVE))
    return "\n".join(
        [*lines, "```", "", f"From {held}: `hold` leads to on_hold, and `resume` back to the same state.", ""]
    )


def _table() -> str:
    rows = [
        f"| {t.start} | {t.verb} | {t.end} | {t.by} | `{t.event}` | {t.notice} |"
        for t in TRANSITIONS
        if not _holding(t)
    ]
    for verb in (Verb.HOLD, Verb.RESUME):
        one = next(t for t in TRANSITIONS if t.verb is verb)
        start, end = ("any of these", one.end) if verb is Verb.HOLD else (one.start, "where it was")
        rows.append(f"| {start} | {verb} | {end} | {one.by} | `{one.event}` | {one.notice} |")
    head = ["| from | verb | to | by | on the log | who is told |", "|---|---|---|---|---|---|"]
    waiting = " and ".join(sorted(WAITING))
    return "\n".join([*head, *rows, "", f"Reviewers' clock runs in {waiting}.", ""])


def _holding(row: Transition) -> bool:
    return Status.ON_HOLD in (row.start, row.end)


if __name__ == "__main__":
    sys.stdout.write(page())
