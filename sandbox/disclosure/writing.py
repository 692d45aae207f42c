"""Texts and logs: plain words leave; markup, addresses of pictures and rows of numbers do not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_OUTPUTS
from sandbox.domain.findings import Finding, Verdict

MAX_LINES = 5000
MAX_LINE = 2000  # characters

ROW_DUMP = Rule(
    "row_dump",
    Verdict.FAIL,
    "Leave the rows out: tables leave as csv, where each cell is checked.",
    HANDBOOK_OUTPUTS,
    says="A run of lines that each hold several numbers: rows of data or a table in a text.",
)
NUMBER_DENSITY = Rule(
    "many_numbers",
    Verdict.REVIEW,
    "Move tables into csv files of their own.",
    HANDBOOK_OUTPUTS,
    says="A text of which a large part is numbers.",
)
IDENTIFYING = Rule(
    "identifying_text",
    Verdict.FAIL,
    "Take it out.",
    HANDBOOK_OUTPUTS,
    says="Something that names a unit: an address of mail, a long number, a value of the unit's column.",
)
ENCODED = Rule(
    "encoded_text",
    Verdict.FAIL,
    "Take it out: words leave, encoded data does not.",
    HANDBOOK_OUTPUTS,
    says="A long stretch without blanks that is no word: encoded data.",
)
LONG_TEXT = Rule(
    "long_text",
    Verdict.FAIL,
    "Shorten it, or break its lines.",
    HANDBOOK_OUTPUTS,
    says="More lines, or longer ones, than a reader reads.",
)
TEXT_NUMBERS = Rule(
    "numbers_in_text",
    Verdict.REVIEW,
    "Say in the context which table each number comes from.",
    HANDBOOK_OUTPUTS,
    says="Numbers in sentences: nothing says how many units are behind them.",
    standing=True,
)

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?![\w])")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_LONG_NUMBER = re.compile(r"(?<!\d)\d{9,}(?!\d)")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{60,}")
_TAG_WITH_CONTENT = re.compile(r"<(script|style|svg|iframe|object|template)\b.*?(</\1\s*>|$)", re.I | re.S)
_TAG = re.compile(r"<!--.*?(-->|$)|</?[A-Za-z!?][^<>]*(>|$)", re.S)
_PICTURE = re.compile(r"!\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])")
_LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\(([^)\n]*)\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]+\]:.*$", re.M)
_SCHEME = re.compile(r"\b(?:data|javascript|vbscript|file|blob):\S*", re.I)
_RUN = 5  # lines of numbers, one below the other, that are a table
_NUMBERS_IN_LINE = 3


def rebuild_text(text: str) -> str:
    """The words of a text: no tags, no pictures, no links but their own words, no blanks at ends of lines.

    >>> rebuild_text("a <script>x()</script><b>bold</b> ![p](http://x/y.png) [word](javascript:x)  ")
    'a bold p word\\n'
    """
    before = None
    while before != text:  # what is left of one tag may make another
        before = text
        text = _TAG.sub("", _TAG_WITH_CONTENT.sub("", text))
    text = _REFERENCE.sub("", _LINK.sub(r"\1", _PICTURE.sub(r"\1", text)))
    text = _SCHEME.sub("", text).replace("\t", "    ").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def check_text(name: str, text: str, *, unit_column: str = "", place: str = "") -> list[Finding]:
    """Judge the words as they will leave.

    Args:
        unit_column: the column that names the units: values beside its name give one away.
        place: of a notebook: which cell.
    """
    return list(_found(name, text, unit_column, place))


def _found(name: str, text: str, unit_column: str, place: str) -> Iterator[Finding]:
    lines = text.split("\n")
    prefix = f"{place}, " if place else ""
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in lines):
        yield LONG_TEXT.file(name, f"At most {MAX_LINES} lines of {MAX_LINE} characters leave.", place=place)
    for at, line in enumerate(lines, start=1):
        if _MAIL.search(line) or _LONG_NUMBER.search(line):
            yield IDENTIFYING.file(name, "The line holds what may name somebody.", place=f"{prefix}line {at}")
        elif unit_column and re.search(rf"\b{re.escape(unit_column)}\b\W{{0,4}}\s*\w*\d", line, re.I):
            yield IDENTIFYING.file(
                name, f"The line holds a value of {unit_column}.", place=f"{prefix}line {at}"
            )
        elif _ENCODED.search(line):
            yield ENCODED.file(name, "The line holds a long stretch of signs.", place=f"{prefix}line {at}")
    run = 0
    for at, line in enumerate(lines, start=1):
        # Rows between them may be rules of dashes, as tables in texts have.
        numbers = _NUMBER.findall(line)
        run = run + 1 if len(numbers) >= _NUMBERS_IN_LINE else 0 if line.strip(" -|+=:") else run
        if run == _RUN:
            yield ROW_DUMP.file(name, f"{_RUN} lines of numbers stand together.", place=f"{prefix}line {at}")
    digits = sum(c.isdigit() for c in text)
    letters = sum(c.isalpha() for c in text)
    if digits > 40 and digits * 3 > letters:
        yield NUMBER_DENSITY.file(name, f"It has {digits} digits beside {letters} letters.", place=place)
    elif _NUMBER.search(text):
        yield TEXT_NUMBERS.file(
            name, "The text holds numbers; a person looks where they come from.", place=place
        )
