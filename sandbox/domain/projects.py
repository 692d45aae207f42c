"""A project's name: it has a quota, and keeps its members from reviewing it, so no two may look alike."""

from __future__ import annotations

import re
import unicodedata

from sandbox.domain.errors import BadInput

_PROJECT = re.compile(r"\w(?:[\w .,:()&'+/-]*[\w.)])?")
_PROJECT_CHARACTERS = 80
# Scripts with letters that look alike; one name uses one of them.
_LOOKALIKES = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


def project_name(text: str) -> str:
    """A project's name as it is kept: one spelling of each character, single blanks.

    A project has a quota, and keeps its members from reviewing it: a name that only looks like another one's would be
    a project of its own.

    >>> project_name("  Fair\u00a0 credit ")
    'Fair credit'

    Raises:
        BadInput: other characters than letters, digits and simple signs; or letters of scripts that look alike.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not name:
        raise BadInput("The project has no name.", where="project", fix="Give it one, such as Fair credit.")
    if not _PROJECT.fullmatch(name) or len(name) > _PROJECT_CHARACTERS:
        raise BadInput(
            "The project's name is not a plain name.",
            where="project",
            fix=f"Use letters, digits, blanks and . , : ( ) & ' + / - _, at most {_PROJECT_CHARACTERS} characters.",
        )
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in name if c.isalpha()} & _LOOKALIKES
    if len(scripts) > 1:
        raise BadInput(
            "The project's name mixes scripts whose letters look alike.",
            where="project",
            fix="Write it in one script.",
        )
    return name


def same_project(one: str, other: str) -> bool:
    """True when a reader would take two names for one: they differ in case, blanks or signs only.

    >>> same_project("SME credit-model", "sme_credit_model")
    True
    """
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c.isalnum())
