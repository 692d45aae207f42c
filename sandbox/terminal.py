"""How things are laid out on a terminal: no boxes, nothing cut off."""

from __future__ import annotations

import textwrap

from rich import box
from rich.table import Table


def plain_table(
    *heads: str,
    title: str = "",
    numeric: frozenset[int] = frozenset(),
    whole: frozenset[int] = frozenset(),
) -> Table:
    """An empty table with these heads; long cells go on in the next line instead of ending in dots.

    Args:
        numeric: columns to align right, from 0.
        whole: columns whose cells stay in one line, from 0; the others give way.
    """
    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for place, head in enumerate(heads):
        table.add_column(
            head, overflow="fold", justify="right" if place in numeric else "left", no_wrap=place in whole
        )
    return table


def indented(text: str, *, indent: str, width: int) -> str:
    """Lines that are too long go on below themselves, two blanks further in; all are indented.

    Args:
        width: of the terminal, in characters.
    """
    lines = []
    for line in text.rstrip().splitlines():
        own = indent + line[: len(line) - len(line.lstrip())]
        # Words and hashes that fit no line stay whole: they are copied from here.
        wrapped = textwrap.wrap(
            line.strip(),
            width=max(20, width - 1),
            initial_indent=own,
            subsequent_indent=own + "  ",
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )
        # What fits is left as it is, with the blanks that align its columns.
        lines += [indent + line] if len(indent + line) < width else wrapped or [""]
    return "\n".join(lines)


def plain(text: object) -> str:
    """Words that somebody else wrote, so that they stay words: control characters could rewrite the screen.

    >>> plain("a\x1b[2Jb\nc")
    'a?[2Jb\\nc'
    """
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(text))
