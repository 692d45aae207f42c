"""What leaves the portal, word by word: the subject of each notice and where to read it; nothing else.

No value of a notice, no name of a dataset or a person stands in an e-mail or a webhook. Whom a webhook is for is told
by a pseudonym, which only who holds the webhook's secret can make: the names of reviewers stay here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from sandbox.domain.errors import OperatorError
from sandbox.domain.notice_rule import Message, Notice, marked
from sandbox.domain.notices import subject_of

Translate = Callable[[str], str]

_SEVERAL = marked("{count} notices")
_READ_HERE = marked("Read it here:")
_WHY = marked("You get this because you have an account here. How often is yours to choose:")
_CONFIRM_SUBJECT = marked("Confirm your address")
_CONFIRM = marked(
    "Somebody gave this address for their notices. If it was you, type this code on your account's page:"
)
_CONFIRM_NOT = marked("If it was not you, do nothing: nothing more will come.")
_TRIAL_SUBJECT = marked("A trial")
_TRIAL = marked("This is a trial. Notices of this installation arrive here.")

_STYLE = "font-family:sans-serif;line-height:1.5;color:#1b2330"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An e-mail, before it is one."""

    key: str
    to: str
    subject: str
    text: str
    html: str
    language: str


class Undelivered(OperatorError):
    """It could not be sent.

    Args:
        lasting: it never will be: its receiver does not exist.
        down: nothing else would arrive now either.
    """

    def __init__(self, message: str, *, lasting: bool = False, down: bool = False) -> None:
        super().__init__(message)
        self.lasting, self.down = lasting, down


def telling(
    message: Message,
    notices: Sequence[Notice],
    *,
    to: str,
    site: str,
    portal: str,
    language: str,
    translate: Translate,
) -> Letter:
    """The e-mail of one notice or of several.

    Args:
        site: the installation's name.
        portal: its address, without a slash at the end.
    """
    lines = [(subject_of(notice, translate), f"{portal}{notice.link}") for notice in notices]
    subject = lines[0][0] if len(lines) == 1 else translate(_SEVERAL).format(count=len(lines))
    return _letter(
        message, to=to, subject=subject, lines=lines, site=site, portal=portal, language=language, t=translate
    )


def confirming(
    message: Message, *, to: str, code: str, site: str, portal: str, language: str, translate: Translate
) -> Letter:
    """The e-mail that brings the code for an address. It names nobody: it may reach a stranger."""
    first, last = translate(_CONFIRM), translate(_CONFIRM_NOT)
    return Letter(
        key=message.key,
        to=to,
        subject=_headed(site, translate(_CONFIRM_SUBJECT)),
        text=f"{first}\n\n    {code}\n\n{portal}/account\n\n{last}\n",
        html=_page(
            language,
            f"<p>{escape(first)}</p><p><strong>{escape(code)}</strong></p>"
            f'<p><a href="{escape(portal)}/account">{escape(portal)}/account</a></p><p>{escape(last)}</p>',
        ),
        language=language,
    )


def trial(*, key: str, to: str, site: str, portal: str, language: str, translate: Translate) -> Letter:
    """The e-mail by which an operator tries whether they arrive."""
    words = translate(_TRIAL)
    return Letter(
        key=key,
        to=to,
        subject=_headed(site, translate(_TRIAL_SUBJECT)),
        text=f"{words}\n\n{portal}/\n",
        html=_page(
            language, f'<p>{escape(words)}</p><p><a href="{escape(portal)}/">{escape(portal)}/</a></p>'
        ),
        language=language,
    )


def posted(message: Message, notices: Sequence[Notice], *, portal: str, secret: bytes) -> dict[str, Any]:
    """The body of a webhook."""
    return {
        "id": message.key,
        "to": pseudonym(message.person, secret=secret),
        "notices": [
            {
                "topic": str(notice.topic),
                "urgency": str(notice.urgency),
                "subject": subject_of(notice, str),
                "link": f"{portal}{notice.link}",
            }
            for notice in notices
        ],
    }


def posted_trial(*, key: str, portal: str) -> dict[str, Any]:
    """The body by which an operator tries a webhook."""
    return {
        "id": key,
        "to": "",
        "notices": [{"topic": "trial", "urgency": "note", "subject": _TRIAL, "link": f"{portal}/"}],
    }


def outward(message: Message, *, secret: bytes) -> Message:
    """The message under a key that says nothing: 32 hex digits of HMAC-SHA256 over its own, which can hold a name."""
    key = hmac.new(secret, f"message:{message.key}".encode(), hashlib.sha256).hexdigest()[:32]
    return replace(message, key=key)


def pseudonym(person: str, *, secret: bytes) -> str:
    """Whom a webhook is for: 32 hex digits of HMAC-SHA256 over the name, for who holds the secret to compare."""
    return hmac.new(secret, f"person:{person}".encode(), hashlib.sha256).hexdigest()[:32]


def signature(body: bytes, *, at: int, secret: bytes) -> str:
    """A webhook's signature: ``t=…,v1=…``.

    Args:
        at: the second of sending (Unix time), so that a receiver can refuse what is old.
    """
    mac = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def _letter(
    message: Message,
    *,
    to: str,
    subject: str,
    lines: Sequence[tuple[str, str]],
    site: str,
    portal: str,
    language: str,
    t: Translate,
) -> Letter:
    here, why, choose = t(_READ_HERE), t(_WHY), f"{portal}/account"
    text = "\n\n".join(f"{words}\n{here} {link}" for words, link in lines)
    items = "".join(
        f'<p><strong>{escape(words)}</strong><br><a href="{escape(link)}">{escape(here)} {escape(link)}</a></p>'
        for words, link in lines
    )
    foot = f'<p style="color:#5a6472">{escape(why)} <a href="{escape(choose)}">{escape(choose)}</a></p>'
    return Letter(
        key=message.key,
        to=to,
        subject=_headed(site, subject),
        text=f"{text}\n\n-- \n{why} {choose}\n",
        html=_page(language, items + foot),
        language=language,
    )


def _headed(site: str, subject: str) -> str:
    """One line, whatever the site calls itself."""
    return " ".join(f"[{site}] {subject}".split())


def _page(language: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8"></head>'
        f'<body style="{_STYLE}">{body}</body></html>\n'
    )
