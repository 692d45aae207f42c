"""Sentences with values in them, found again in the catalogue of what the program can say.

The program says ``f"The dataset {name} is closed."`` in a hundred rooms, and what was said is stored, sent between
processes and shown later to somebody who reads another language. So a sentence is not taken apart where it is made. It
is recognized where it is shown: the catalogue has ``The dataset {1} is closed.`` (``scripts/texts.py`` reads it out of
the source), and a text that has those words in that order is that sentence. Its values are put into the translation;
a value that is itself a known text is translated too.

Finding is by substrings from the left and takes time linear in the text: no text, however made, makes it slow.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

MAX_TEXT = 4_000  # characters; longer texts are somebody's own words
_PLACE = re.compile(r"\{(\d+)\}")
_BETWEEN = re.compile(r"(?<=[.?!])\s+(?=[^\sa-z])")
_LISTED = re.compile(r"( or | and |, )")
_ROLES = frozenset({"administrator", "auditor", "owner", "researcher", "reviewer"})
_FULL_WIDTH = tuple("。？！，；：）")


class Sentences:
    """What can be said, and how it is said in one language.

    Args:
        texts: message -> its translation; places are ``{1}``, ``{2}`` in both.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._exact = {message: text for message, text in texts.items() if not _PLACE.search(message)}
        by_first: dict[str, list[_Form]] = defaultdict(list)
        for message, text in texts.items():
            if _PLACE.search(message):
                form = _Form(message, text)
                if not any(map(str.isalpha, "".join(form.parts))):
                    continue  # '{1}: {2}.' has no words of its own, and would be found in anybody's
                by_first[_first(form.parts[0])].append(form)
        # The one with the most words of its own is the closest.
        self._by_first = {word: sorted(forms, key=_own, reverse=True) for word, forms in by_first.items()}
        self.said = lru_cache(maxsize=4_096)(self._said)

    def _said(self, text: str) -> str:
        if (not self._exact and not self._by_first) or len(text) > MAX_TEXT:
            return text
        own, whole = self._sentence(text)
        parts = _BETWEEN.split(text)
        if len(parts) == 1 or own == len(text):
            return whole
        found = [self._sentence(part) for part in parts]
        # One sentence, or several: whichever leaves fewer words to values.
        return whole if own > sum(known for known, _ in found) else _joined([said for _, said in found])

    def _sentence(self, text: str) -> tuple[int, str]:
        """How many characters of it are known, and what it is; itself when none are."""
        exact = self._exact.get(text)
        if exact is not None:
            return len(text), exact
        found: list[tuple[int, str]] = [(0, text)]
        for word in dict.fromkeys((_first(text), "")):
            for form in self._by_first.get(word, ()):
                values = form.values(text)
                if values is not None:
                    found.append((form.own, form.put([self._value(value) for value in values])))
                    break
        return max(found, key=lambda one: one[0])

    def _value(self, value: str) -> str:
        return (
            self._exact.get(value)
            or self._listed(value)
            or (self._said(value) if _BETWEEN.search(f"{value} A") else value)
        )

    def _listed(self, value: str) -> str:
        """Roles in a row, such as ``owner or administrator``. No other words: columns may be called like them."""
        pieces = _LISTED.split(value)
        words, joints = pieces[::2], pieces[1::2]
        if not joints or not all(word in _ROLES and word in self._exact for word in words):
            return ""
        joined = (self._exact.get(f"joined: {joint.strip()}", joint) for joint in joints)
        return self._exact[words[0]] + "".join(
            joint + self._exact[word] for joint, word in zip(joined, words[1:], strict=True)
        )


class _Form:
    """One sentence with places."""

    def __init__(self, message: str, text: str) -> None:
        pieces = _PLACE.split(message)
        self.parts: Sequence[str] = pieces[::2]  # its own words, around the values
        self.places = [int(number) for number in pieces[1::2]]
        self.own = sum(map(len, self.parts))
        self._text = text

    def values(self, text: str) -> list[str] | None:
        first, *inner, last = self.parts
        if len(text) < self.own or not text.startswith(first) or not text.endswith(last):
            return None
        at, end, values = len(first), len(text) - len(last), []
        for part in inner:
            found = text.find(part, at, end)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(part)
        return [*values, text[at:end]] if at <= end else None

    def put(self, values: Sequence[str]) -> str:
        by_place = dict(zip(self.places, values, strict=True))
        return _PLACE.sub(lambda place: by_place.get(int(place.group(1)), ""), self._text)


def _own(form: _Form) -> int:
    return form.own


def _first(text: str) -> str:
    """The first word when a space ends it; nothing when a value may go on in it."""
    word, space, _ = text.partition(" ")
    return word if space else ""


def _joined(sentences: Sequence[str]) -> str:
    """No space follows a full-width stop."""
    text = sentences[0]
    for sentence in sentences[1:]:
        text += sentence if text.endswith(_FULL_WIDTH) else f" {sentence}"
    return text
