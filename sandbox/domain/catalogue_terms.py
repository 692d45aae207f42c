"""The words of the catalogue: how often data come, how they are opened, whom to ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.policy_keys import Way, doc


class Frequency(StrEnum):
    """How often a new version comes. ``eu_code`` is its name in the European Union's frequency vocabulary."""

    CONTINUOUS = "continuous"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    FORTNIGHTLY = "every two weeks"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "twice a year"
    YEARLY = "yearly"
    TWO_YEARLY = "every two years"
    FIVE_YEARLY = "every five years"
    TEN_YEARLY = "every ten years"
    AS_NEEDED = "as needed"
    IRREGULAR = "irregular"
    NEVER = "never"
    UNKNOWN = "unknown"

    @property
    def eu_code(self) -> str:
        """The last part of http://publications.europa.eu/resource/authority/frequency/…"""
        return _EU_FREQUENCY[self]


_EU_FREQUENCY = {
    Frequency.CONTINUOUS: "UPDATE_CONT",
    Frequency.HOURLY: "HOURLY",
    Frequency.DAILY: "DAILY",
    Frequency.WEEKLY: "WEEKLY",
    Frequency.FORTNIGHTLY: "BIWEEKLY",
    Frequency.MONTHLY: "MONTHLY",
    Frequency.QUARTERLY: "QUARTERLY",
    Frequency.HALF_YEARLY: "ANNUAL_2",
    Frequency.YEARLY: "ANNUAL",
    Frequency.TWO_YEARLY: "BIENNIAL",
    Frequency.FIVE_YEARLY: "QUINQUENNIAL",
    Frequency.TEN_YEARLY: "DECENNIAL",
    Frequency.AS_NEEDED: "AS_NEEDED",
    Frequency.IRREGULAR: "IRREG",
    Frequency.NEVER: "NEVER",
    Frequency.UNKNOWN: "UNKNOWN",
}


class OpenMode(StrEnum):
    """The three ways of opening that Shanghai's rules for opening public data name (2019, article 13)."""

    DOWNLOAD = "download"  # whole files
    INTERFACE = "interface"  # rows, page by page, for programs
    SANDBOX = "sandbox"  # inside, under an agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask about the dataset. Shown to everybody."""

    name: str = doc("An office or a person.", Way.NEVER)
    email: str = doc("An address that mail may be sent to.", Way.NEVER, default="")
    url: str = doc("A page, starting with https://.", Way.NEVER, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassNames:
    """What the three classes are called on pages and at the terminal. Files and the API keep the keys."""

    unconditional: str = doc("Open to everybody.", Way.NEVER, default="unconditional")
    conditional: str = doc("Open on conditions.", Way.NEVER, default="conditional")
    closed: str = doc("Not opened.", Way.NEVER, default="closed")

    def __getitem__(self, open_class: str) -> str:
        """The name of a class.

        >>> ClassNames(closed="prohibited")["closed"]
        'prohibited'
        """
        return {
            "unconditional": self.unconditional,
            "conditional": self.conditional,
            "closed": self.closed,
        }[open_class]
