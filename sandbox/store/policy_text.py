"""A policy's text, changed key by key: comments, order and what nobody touched stay as they are.

What a form shows is read out of the text, and what it changes is written into it; there is no second copy.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from sandbox.store.policy_files import tree_of

Place = tuple[str, ...]
_WIDTH = 110
_LONGEST_LINE_LIST = 80  # characters of a list that stands in one line


def tree_in(text: str) -> Mapping[str, Any]:
    """What a text says, key by key; for ``at``.

    Raises:
        PolicyRefused: it is no YAML, with the line.
    """
    tree: Mapping[str, Any] = tree_of(text, Path("policy.yaml"))
    return tree


def at(tree: Any, place: Place) -> Any:
    """The value of a key; None where there is none."""
    for step in place:
        if not isinstance(tree, Mapping) or step not in tree:
            return None
        tree = tree[step]
    return tree


def edited(text: str, changes: Mapping[Place, Any]) -> str:
    """The text with other values.

    Args:
        changes: key's path -> text, whole number, boolean, list or group of these; None takes the key out.

    Raises:
        PolicyRefused: the text is no YAML.
    """
    if not changes:
        return text
    tree = tree_of(text, Path("policy.yaml"))
    for place, value in changes.items():
        _put(tree, place, value)
    out = StringIO()
    writer = YAML()
    writer.width = _WIDTH
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(tree, out)
    return out.getvalue()


def _put(tree: MutableMapping[str, Any], place: Place, value: Any) -> None:
    *groups, last = place
    chain: list[tuple[MutableMapping[str, Any], str]] = []
    node = tree
    for step in groups:
        inner = node.get(step)
        if not isinstance(inner, MutableMapping):
            if value is None:
                return
            inner = node[step] = CommentedMap()
        chain.append((node, step))
        node = inner
    if value is None:
        node.pop(last, None)
        for outer, step in reversed(chain):  # a group without keys says nothing
            if outer[step]:
                break
            del outer[step]
    else:
        node[last] = _written(value)


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap({name: _written(item) for name, item in value.items()})
    if isinstance(value, (list, tuple)):
        listed = CommentedSeq(_written(item) for item in value)
        if all(isinstance(item, (int, str)) for item in value) and len(str(value)) <= _LONGEST_LINE_LIST:
            listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and _like_a_number(value):
        return DoubleQuotedScalarString(value)
    return copy.copy(value)


def _like_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
