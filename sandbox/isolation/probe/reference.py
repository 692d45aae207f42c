"""``docs/reference/attacks.md``, made from the attacks themselves.

python -m sandbox.isolation.probe.reference > docs/reference/attacks.md
"""

from __future__ import annotations

import sys

from sandbox.isolation.probe import ATTACKS, SUBJECTS, Attack
from sandbox.isolation.probe.attack import ROOMS
from sandbox.isolation.probe.elsewhere import ELSEWHERE

HEAD = """\
# The attacks

Made from the program by `python -m sandbox.isolation.probe.reference > docs/reference/attacks.md`; a test fails when it
is stale. How to make them, and how to read what they find: [attack it yourself](../how-to/red-team.md).

{count} attacks are programs (`sandbox/isolation/probe`), {elsewhere} more are tests of their own. Each program is also
run where it has to succeed: its control.
"""

BY_PROGRAM = """\
Control of all of these: a second container without any of the settings, in a network that is a trap, beside a neighbour
with whom it shares processes, memory and folders (`probe/weak.py`).
"""

FROM_A_NOTEBOOK = """\
Made from an open notebook, with its own real token. Control: a hub without scopes behind a gate without lists
(`probe/stand_in.py`).
"""

BY_TEST = """\
## From elsewhere

These begin outside of a container, or need a browser or a server that lies. Each test has its control.

| attack | test |
|---|---|
"""


def page() -> str:
    """The whole page, Markdown."""
    parts = [HEAD.format(count=len(ATTACKS), elsewhere=len(ELSEWHERE)), BY_PROGRAM]
    for subject, attacks in SUBJECTS.items():
        parts.append(f"## {subject.capitalize()}\n")
        if subject == tuple(SUBJECTS)[-1]:
            parts.append(FROM_A_NOTEBOOK)
        parts.append("| attack | its success would | refused by | allowed by design |\n|---|---|---|---|")
        parts[-1] += "".join(f"\n{_row(attack)}" for attack in attacks) + "\n"
    rows = "".join(f"| {one.name} | `{one.test}` |\n" for one in ELSEWHERE)
    return "\n".join([*parts, BY_TEST + rows])


def _row(attack: Attack) -> str:
    allowed = "<br>".join(f"{where}: {why}" for where, why in attack.by_design.items())
    if attack.rooms != ROOMS:
        allowed = f"(only made in {', '.join(attack.rooms)}) {allowed}".strip()
    return f"| {attack.name} | {attack.would} | {attack.refused_by} | {allowed or '–'} |"


if __name__ == "__main__":
    sys.stdout.write(page())
