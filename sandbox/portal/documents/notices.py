"""Notices and how a person is reached."""

from __future__ import annotations

from typing import Any

from sandbox.domain.notice_rule import Notice
from sandbox.domain.notices import subject_of, text_of
from sandbox.flows.my_notices import NoticesPage, Reached


def notices_page(page: NoticesPage) -> dict[str, Any]:
    return {
        "total": page.total,
        "unread": page.unread,
        "offset": page.offset,
        "limit": page.limit,
        "notices": [notice(one, over=one.id in page.over) for one in page.notices],
        "allowed_actions": list(page.allowed_actions),
    }


def notice(one: Notice, *, over: bool) -> dict[str, Any]:
    return {
        "notice": one.id,
        "topic": str(one.topic),
        "urgency": str(one.urgency),
        "kind": one.kind,
        "values": dict(one.values),
        "subject": subject_of(one, str),
        "text": text_of(one, str),
        "link": one.link,
        "at": one.at,
        "read": bool(one.read_at),
        "dealt_with": over,
        "allowed_actions": [] if one.read_at else ["read"],
    }


def reached(how: Reached) -> dict[str, Any]:
    return {
        "channels": {str(channel): str(how.choices.pace(channel)) for channel in how.channels},
        "language": how.choices.language,
        "languages": list(how.languages),
        "address": how.mail.address,
        "address_to_confirm": how.mail.asked,
        "allowed_actions": list(how.allowed_actions),
    }
