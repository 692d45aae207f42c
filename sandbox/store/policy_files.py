"""Policy files: read, and every mistake named at once with its file, line, key and what would be accepted.

YAML in, the domain's frozen values out. Types are checked by pydantic from the domain's own dataclasses, the rules
no type can say by ``domain.policy.check``. A key that nobody declared is a mistake: a misspelt limit must not
silently become its default.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sandbox.domain.errors import BadInput, PolicyMistake, PolicyRefused
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_bounds import check_bounds, site_mistakes
from sandbox.domain.policy_document import plain
from sandbox.domain.policy_rules import Mistake, check, check_site
from sandbox.domain.site_policy import SitePolicy
from sandbox.store.policy_reference import json_schema, keys_at, meaning_at, reference_markdown, values_at

__all__ = [
    "Site",
    "json_schema",
    "meaning_at",
    "read_dataset_policy",
    "read_dataset_text",
    "read_plain",
    "read_site",
    "read_site_policy",
    "reference_markdown",
    "written_policy",
]

MAX_BYTES = 1_000_000
MAX_NODES, MAX_DEPTH = 100_000, 30  # a few aliases can name more values than memory holds
MAX_BITS = 64  # of a whole number: no key takes a longer one
MAX_BRACKETS = 200  # those in texts count too

P = TypeVar("P", DatasetPolicy, SitePolicy)
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """The installation's policy, and where each of its keys stands.

    Attributes:
        place: a key's path as ``site.yaml:14``.
    """

    policy: SitePolicy
    place: Callable[[Path_], str]


def read_dataset_policy(path: Path, site: Site | None = None, *, by_name: bool = False) -> DatasetPolicy:
    """A dataset's policy.

    Args:
        site: whose bounds it has to keep.
        by_name: the file has to be called as the dataset is, so that no two files speak for one.

    Raises:
        PolicyRefused: all its mistakes.
        BadInput: no such file, or one that is too large.
    """
    return _dataset_policy(path, _tree(path), site, by_name=by_name)


def read_dataset_text(text: str, site: Site | None = None, *, name: str = "policy.yaml") -> DatasetPolicy:
    """The same of a text that is in no file.

    Args:
        name: what its mistakes call it.
    """
    return _dataset_policy(Path(name), tree_of(text, Path(name)), site)


def _dataset_policy(
    path: Path, tree: CommentedMap, site: Site | None, *, by_name: bool = False
) -> DatasetPolicy:
    policy = _typed(path, tree, DatasetPolicy)
    mistakes = [*check(policy)]
    if by_name and path.stem != policy.name:
        allowed = f"{path.stem}, or a file {policy.name}.yaml"
        mistakes.append(Mistake(("name",), f"{policy.name!r} stands in the file of {path.stem!r}", allowed))
    if site is not None:
        mistakes += (
            Mistake(looser.path, looser.problem, f"{looser.allowed} ({site.place(looser.bound)})")
            for looser in check_bounds(policy, site.policy)
            if looser.path not in {mistake.path for mistake in mistakes}
        )
    _refuse(path, tree, mistakes)
    return policy


def read_site_policy(path: Path) -> SitePolicy:
    """The installation's policy. Raises as ``read_dataset_policy``."""
    return read_site(path).policy


def read_site(path: Path) -> Site:
    """The installation's policy with the lines of its keys. Raises as ``read_dataset_policy``."""
    tree = _tree(path)
    policy = _typed(path, tree, SitePolicy)
    _refuse(path, tree, (*_not_positive(policy), *check_site(policy), *site_mistakes(policy)))

    def place(key: Path_) -> str:
        return f"{path}:{_line(tree, key)}" if _has(tree, key) else f"{path}, default of {_dotted(key)}"

    return Site(policy, place)


def written_policy(policy: DatasetPolicy | SitePolicy) -> str:
    """A policy as the text of a file; keys that have their defaults are left out."""
    text = StringIO()
    writer = YAML()
    writer.width = 110
    writer.dump(_told(policy), text)
    return text.getvalue()


def _told(value: Any) -> Any:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        if isinstance(value, Mapping):
            return {name: _told(item) for name, item in value.items()}
        return [_told(item) for item in value] if isinstance(value, tuple) else plain(value)
    told = {}
    for key in dataclasses.fields(value):
        item = getattr(value, key.name)
        default = key.default_factory() if callable(key.default_factory) else key.default
        if item != default:
            told[key.name] = _told(item)
    return told


def _typed(path: Path, tree: CommentedMap, kind: type[P]) -> P:
    adapter: TypeAdapter[P] = TypeAdapter(kind)
    try:
        document = _plain(tree, _Counter())
    except _TooMuch as wild:
        raise _refused(path, 0, "file", str(wild)) from None
    except _NotPlain as odd:
        raise _refused(path, _line(tree, odd.path), _dotted(odd.path), odd.problem) from None
    try:
        return adapter.validate_json(json.dumps(document), strict=True, extra="forbid")
    except ValidationError as wrong:
        mistakes = _mistakes(wrong, kind)
    raise PolicyRefused(
        tuple(
            PolicyMistake(str(path), _line(tree, place), _dotted(place) or "file", problem, allowed)
            for place, problem, allowed in sorted(mistakes, key=lambda m: _line(tree, m[0]))
        )
    )


def _refuse(path: Path, tree: CommentedMap, mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise PolicyRefused(
            tuple(
                PolicyMistake(str(path), _line(tree, m.path), _dotted(m.path), m.problem, m.allowed)
                for m in sorted(mistakes, key=lambda m: _line(tree, m.path))
            )
        )


def _refused(path: Path, line: int, key: str, problem: str) -> PolicyRefused:
    return PolicyRefused((PolicyMistake(str(path), line, key, problem),))


# YAML


def _tree(path: Path) -> CommentedMap:
    """The file with the line of every key."""
    if not path.is_file():
        raise BadInput(f"There is no policy file {path}.", where=str(path), fix="Check the path.")
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(
            f"{path} is larger than {MAX_BYTES} bytes.", where=str(path), fix="A policy is a page or two."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as broken:
        raise _refused(path, 0, "file", f"is not UTF-8 text (at byte {broken.start})") from None
    return tree_of(text, path)


def tree_of(text: str, path: Path) -> CommentedMap:
    """A policy's text with its comments, and the line of every key.

    Raises:
        PolicyRefused: it is no YAML, or not a group of keys.
    """
    if len(text.encode()) > MAX_BYTES:
        raise BadInput(
            f"It is longer than {MAX_BYTES} bytes.", where="policy", fix="A policy is a page or two."
        )
    if _brackets(text) > MAX_BRACKETS:
        raise _refused(path, 0, "file", "is nested too deeply")
    loader = YAML(typ="rt")  # builds no objects, and refuses a key given twice
    loader.preserve_quotes = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor's name used twice is odd, and harmless
            tree = loader.load(text)
    except MarkedYAMLError as broken:
        mark = broken.problem_mark or broken.context_mark
        problem = (broken.problem or broken.context or "is not YAML").splitlines()[0]
        raise _refused(path, mark.line + 1 if mark else 0, "file", problem) from None
    except RecursionError:
        raise _refused(path, 0, "file", "is nested too deeply") from None
    except (YAMLError, ValueError) as broken:
        raise _refused(path, 0, "file", f"is not YAML: {str(broken).splitlines()[0]}") from None
    if not isinstance(tree, CommentedMap):
        raise _refused(path, 1, "file", "has to be a list of keys and values, such as 'name: …'")
    return tree


def _brackets(text: str) -> int:
    """The most brackets open at once: the loader takes minutes over a file of nothing else."""
    opened = most = 0
    for sign in re.findall(r"[][{}]", text):
        opened += 1 if sign in "[{" else -1
        most = max(most, opened)
    return most


class _TooMuch(Exception):
    pass


class _NotPlain(Exception):
    def __init__(self, path: Path_, problem: str) -> None:
        super().__init__(problem)
        self.path, self.problem = path, problem


class _Counter:
    def __init__(self) -> None:
        self.nodes = 0

    def one_more(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _TooMuch(f"holds more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise _TooMuch("is nested too deeply")


def _plain(node: Any, counter: _Counter, place: Path_ = ()) -> Any:
    """The tree as JSON's own kinds of values."""
    counter.one_more(len(place))
    if isinstance(node, Mapping):
        for key in node:
            if not isinstance(key, str):
                raise _NotPlain(place, f"the key {key!r} is not text; write it in quotes")
        return {str(key): _plain(item, counter, (*place, str(key))) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(item, counter, (*place, i)) for i, item in enumerate(node)]
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, int):
        if node.bit_length() > MAX_BITS:
            raise _NotPlain(place, "is a number that is too long")
        return int(node)
    if isinstance(node, str):
        return str(node)
    if isinstance(node, float):
        # As text it fails on its type, with the line; JSON has no word for NaN.
        return float(node) if node == node and abs(node) != float("inf") else str(node)
    if isinstance(node, date):
        return node.isoformat()[:10]
    raise _NotPlain(place, "has a tag or kind of value that policies do not have")


def _line(tree: Any, place: Sequence[str | int]) -> int:
    """The line of the deepest key of the path that the file has; 1-based."""
    line, node = 1, tree
    for step in place:
        if (isinstance(node, CommentedMap) and step in node) or (
            isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node)
        ):
            found = node.lc.data.get(step) if node.lc.data else None
        else:
            break
        if found:  # keys merged from an anchor have no line of their own
            line = found[0] + 1
        node = node[step]
    return line


def _has(tree: Any, place: Path_) -> bool:
    node = tree
    for step in place:
        if not isinstance(node, CommentedMap) or step not in node:
            return False
        node = node[step]
    return True


def _dotted(place: Path_) -> str:
    """``tables.loans.columns.age``; a list's items are told in the problem."""
    return ".".join(step for step in place if isinstance(step, str))


# Mistakes of type


def _mistakes(wrong: ValidationError, kind: type[Any]) -> list[tuple[Path_, str, str]]:
    found: dict[Path_, tuple[str, str]] = {}
    unknown: dict[Path_, str] = {}
    for error in wrong.errors(include_url=False):
        place: Path_ = tuple(error["loc"])
        if error["type"] in ("int_type", "string_type", "bool_type") and place[-1] in ("int", "str", "bool"):
            place = place[:-1]  # one value that fits none of several kinds is one mistake
            found[place] = (
                f"{_item(place)}{_shown(error['input'])} is not a value",
                "a whole number, text, true, false",
            )
        elif error["type"] == "unexpected_keyword_argument":
            keys = keys_at(kind, place[:-1])
            near = difflib.get_close_matches(str(place[-1]), keys, n=1)
            problem = f"is not a key here; did you mean {near[0]!r}?" if near else "is not a key here"
            found[place] = (problem, ", ".join(keys))
            if near:
                unknown[(*place[:-1], near[0])] = near[0]
        else:
            found[place] = _problem(error["type"], error["msg"], error["input"], place, kind)
    for place in unknown:
        if found.get(place, ("", ""))[0] == "is missing":
            del found[place]  # the misspelt key says it already
    return [(place, problem, allowed) for place, (problem, allowed) in found.items()]


def _problem(code: str, message: str, value: Any, place: Path_, kind: type[Any]) -> tuple[str, str]:
    allowed = values_at(kind, place)
    if code == "missing":
        return "is missing", allowed
    what = f"{_item(place)}{_shown(value)}"
    if code == "enum":
        near = difflib.get_close_matches(str(value), allowed.split(" | "), n=1)
        if near:
            return f"{what} is not one of its values; did you mean {near[0]!r}?", allowed
        return f"{what} is not one of its values", allowed
    if code == "string_type" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{what} has to be text", f"'{value}', in quotes"
    whole, group = f"{what} has to be a whole number", f"{what} has to be a group of keys"
    problem = {
        "string_type": f"{what} has to be text",
        "int_type": whole,
        "int_from_float": whole,
        "bool_type": f"{what} has to be true or false",
        "tuple_type": f"{what} has to be a list",
        "dataclass_type": group,
        "dict_type": group,
        "mapping_type": group,
    }.get(code, f"{what} is refused: {message}")
    return problem, allowed


def _item(place: Path_) -> str:
    return f"item {place[-1] + 1}, " if place and isinstance(place[-1], int) else ""


def _shown(value: Any) -> str:
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return "a group" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _not_positive(policy: SitePolicy) -> Iterator[Mistake]:
    for group, least in (
        ("notebook", 1),
        ("jobs", 1),
        ("answers", 1),
        ("society", 0),
        ("objections", 1),
        ("imports", 1),
    ):
        limits = getattr(policy, group)
        for key in keys_at(SitePolicy, (group,)):
            if type(getattr(limits, key)) is int and getattr(limits, key) < least:
                yield Mistake((group, key), f"has to be at least {least}", f"{least}, {least + 1} …")


# Other YAML


def read_plain(path: Path) -> dict[str, Any]:
    """A YAML file of another kind as plain values.

    Raises:
        PolicyRefused: it cannot be read; with file and line.
        BadInput: no such file, or one that is too large.
    """
    tree = _tree(path)
    try:
        values: dict[str, Any] = _plain(tree, _Counter())
    except _TooMuch as wild:
        raise _refused(path, 0, "file", str(wild)) from None
    except _NotPlain as odd:
        raise _refused(path, _line(tree, odd.path), _dotted(odd.path), odd.problem) from None
    return values
