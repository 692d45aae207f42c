"""How each person is told: by which channel, how often; when a message is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Channel(StrEnum):
    """A way out of the portal; in it, notices are always shown."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class Pace(StrEnum):
    AT_ONCE = "at once"
    DAILY = "daily"
    NEVER = "never"


class Sending(StrEnum):
    """How a message to the outside stands."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"  # nobody wants it any more: read before, chosen otherwise, the account closed
    GIVEN_UP = "given up"


DEFAULT_PACE = Pace.AT_ONCE
_FIRST_WAIT_S = 60
_LONGEST_WAIT_S = 6 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What one person chose.

    Attributes:
        paces: by channel; one that is not there has ``DEFAULT_PACE``.
        language: of what is sent to them; empty: the site's.
    """

    paces: Mapping[Channel, Pace] = field(default_factory=lambda: MappingProxyType({}))
    language: str = ""

    def pace(self, channel: Channel) -> Pace:
        return self.paces.get(channel, DEFAULT_PACE)


def next_digest(now: datetime, *, hour: int) -> datetime:
    """When the next digest is due.

    Args:
        hour: of the day, UTC.

    >>> next_digest(datetime.fromisoformat("2026-01-05T12:00:00+00:00"), hour=6).isoformat()
    '2026-01-06T06:00:00+00:00'
    """
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if now < today else today + timedelta(days=1)


def wait_s(attempts: int) -> int:
    """How long to wait after so many attempts, in seconds: twice as long each time.

    >>> [wait_s(n) for n in (1, 2, 3, 9, 50)]
    [60, 120, 240, 15360, 21600]
    """
    return int(min(_FIRST_WAIT_S * 2 ** min(attempts - 1, 20), _LONGEST_WAIT_S))
