"""An e-mail address: one plain mailbox, as it can stand in a message's head without changing it."""

from __future__ import annotations

import hashlib
import hmac
import re

from sandbox.domain.errors import BadInput

LONGEST = 254  # RFC 5321, 4.5.3.1.3
CODE_HOURS = 24  # how long a code that confirms an address is good
CODE_TRIES = 5
ASKED_A_DAY = 5  # so many addresses may one person have written to in a day
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is taken for another
_CODE_LETTERS = 10

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]", re.ASCII
)
_LOCAL = 64  # characters before the @


def mail_address(text: str) -> str:
    """The address in its one spelling.

    Raises:
        BadInput: anything but ``name@host.example`` in plain letters: no second line, name, comment or quote.

    >>> mail_address(" Ana.Silva@Example.ORG ")
    'Ana.Silva@example.org'
    """
    local, at, host = text.strip().rpartition("@")
    address = f"{local}{at}{host.lower()}"
    if not _ADDRESS.fullmatch(address) or len(address) > LONGEST or len(local) > _LOCAL:
        raise BadInput(
            "That is no e-mail address that can be written to.",
            where="address",
            fix="Write name@host.example, in plain letters.",
        )
    return address


def confirming_code(key: bytes, *, person: str, address: str, asked_at: str) -> str:
    """The code that confirms an address: made again from what is kept, so that it is kept nowhere itself.

    Args:
        key: the installation's own.
        asked_at: when it was asked for: each asking has another code.

    Returns:
        Two groups of five characters, such as ``k3xqa-7mzpe``.
    """
    digest = hmac.new(key, "\n".join((person, address, asked_at)).encode(), hashlib.sha256).digest()
    number, letters = int.from_bytes(digest), []
    for _ in range(_CODE_LETTERS):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return f"{''.join(letters[:5])}-{''.join(letters[5:])}"


def same_code(code: str, typed: str) -> bool:
    """Whether it was typed; capitals, blanks and the dash do not matter."""

    def plain(text: str) -> bytes:
        return "".join(text.lower().split()).replace("-", "").encode("utf-8", "replace")

    return hmac.compare_digest(plain(code), plain(typed))
