"""Text that strangers write and everybody reads: plain, visible, of a decent length; and the links beside it.

- No invisible character, mark of direction or pile of accents: what is stored is what a reader sees.
- A link is an https address or a DOI in plain characters. Nothing within a text ever becomes a link.
- A cell of a table that leaves for a spreadsheet never starts a formula.
"""

from __future__ import annotations

import re
import unicodedata

from sandbox.domain.errors import BadInput

# Controls, marks of direction, halves of characters, unassigned ones, odd line ends.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by their kind, nothing on the screen
_MOST_MARKS = 4  # accents on one letter; no script needs more
LINK_CHARACTERS = 500

_HTTPS = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](?::[0-9]{1,5})?"
    r"(?:[/?#][A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*)?(10\.[0-9]{4,9}/[A-Za-z0-9._;()/:+-]+)", re.IGNORECASE)
_FORMULA = "=+-@\t\r|%＝＋－＠"


def plain_text(text: str, *, where: str, least: int, most: int, lines: bool = False) -> str:
    """A text as it is kept: one spelling of each character, no blanks around it.

    Args:
        where: the field, for the error.
        least, most: its length, in characters. 0: it may be left out.
        lines: whether it may have several lines.

    Raises:
        BadInput: invisible characters, or too short, or too long.

    >>> plain_text("  Air quality\\r\\nby district ", where="title", least=3, most=80)
    'Air quality by district'
    """
    named = where.replace("_", " ")
    if len(text) > 4 * most + 100:  # before it is looked at letter by letter
        raise _too_long(named, where, most)
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    if not lines:
        kept = kept.replace("\n", " ")
    kept = kept.strip()
    if any(c != "\n" and (unicodedata.category(c) in HIDDEN or c in _BLANK_LETTERS) for c in kept):
        raise BadInput(
            f"{named} holds invisible characters.", where=where, fix="Type it again, in plain words."
        )
    if _piled(kept):
        raise BadInput(f"{named} piles accents on one letter.", where=where, fix="Leave them out.")
    if length(kept) < least:
        raise BadInput(
            f"{named} is too short ({len(kept)} characters).",
            where=where,
            fix=f"Write at least {least} characters.",
        )
    if len(kept) > most:
        raise _too_long(named, where, most)
    return kept


def length(text: str) -> int:
    """How much is written, in letters: a Chinese character says as much as two of them at least.

    >>> length(" It is mended. "), length("已修正。")
    (13, 8)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text.strip())


def public_link(text: str, *, where: str = "link") -> str:
    """An https address, or a DOI as one; empty when none is given.

    Raises:
        BadInput: anything else, such as ``http://``, ``javascript:``, a name and password, a number for a host.

    >>> public_link("doi:10.1000/182")
    'https://doi.org/10.1000/182'
    """
    given = text.strip()
    if not given:
        return ""
    doi = _DOI.fullmatch(given)
    link = f"https://doi.org/{doi[1]}" if doi else given
    if len(link) > LINK_CHARACTERS or not _HTTPS.fullmatch(link):
        raise BadInput(
            "The link is neither an https address nor a DOI.",
            where=where,
            fix="Write https://… in plain characters, or a DOI such as 10.1000/182.",
        )
    return link


def harmless_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what could start one.

    >>> harmless_cell('=HYPERLINK("https://a.example")'), harmless_cell("a = b")
    ('\\'=HYPERLINK("https://a.example")', 'a = b')
    """
    flat = text.replace("\n", " ").replace("\r", " ")
    return f"'{flat}" if flat.lstrip()[:1] in tuple(_FORMULA) else flat


def _piled(text: str) -> bool:
    run = 0
    for c in text:
        run = run + 1 if unicodedata.category(c) in ("Mn", "Me") else 0
        if run > _MOST_MARKS:
            return True
    return False


def _too_long(named: str, where: str, most: int) -> BadInput:
    return BadInput(f"{named} is longer than {most} characters.", where=where, fix="Shorten it.")
