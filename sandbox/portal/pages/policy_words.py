"""A changed key of a policy, as people read it: what the key means, and the change in the reader's language."""

from __future__ import annotations

from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.site_policy import SitePolicy
from sandbox.language import gettext
from sandbox.language import marked as _
from sandbox.store.policy_files import meaning_at

_WHOLE = (_("is added"), _("is taken away"), _("in another order"), _("nothing"), _("a group of keys"))
# What a key accepts, as the manual's types are called (``store.policy_reference``); pages find them again.
ACCEPTED = (_("whole number"), _("true or false"))
_LED = {"adds ": _("adds %s"), "drops ": _("drops %s")}


def meaning(key: str, *, site: bool) -> str:
    """What a key is for: the manual's own sentence; empty for a name that somebody gave, such as a table's.

    Args:
        key: dotted, such as ``budget.epsilon``.
        site: of the site's policy; else of a dataset's.

    >>> meaning("budget.epsilon", site=False)[:27]
    "The lineage's cap for its w"
    """
    return meaning_at(SitePolicy if site else DatasetPolicy, key.split("."))


def changed(words: str) -> str:
    """The words of a change, which the domain made: ``nothing → 5``, ``adds csv; drops png``.

    >>> changed("'8' → '9'; x")
    "'8' → '9'; x"
    """
    return "; ".join(_part(part) for part in words.split("; "))


def _part(words: str) -> str:
    for beginning, text in _LED.items():
        if words.startswith(beginning):
            return gettext(text) % words.removeprefix(beginning)
    return " → ".join(gettext(end) if end in _WHOLE else end for end in words.split(" → "))
