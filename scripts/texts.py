"""The texts that people read, gathered from the source into the catalogues of ``sandbox/language/locale``.

    python scripts/texts.py                     gather; keep what is translated; say what is missing
    python scripts/texts.py --missing           print what is not translated yet, as JSON
    python scripts/texts.py --put FILE.json     take translations: {text: translation} or {text: [form, …]}

Gathered are: what templates mark (``_("…")``, ``{% trans %}``), what Python marks (``_("…")``, ``marked("…")``), whole
sentences in Python, whose values become places ({1}, {2}), the values of the domain's enumerations and the names of the
checks' rules and their sources, which pages show, what clauses and fields are called (``named: …``), and how a spot in
a table is called. A test fails when a catalogue is behind.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_python
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "sandbox" / "language" / "locale"
FILE = "messages.po"
TEMPLATES = "sandbox/portal/templates"
# Rooms whose sentences reach a page. What the command line, set-up and the red team say stays English.
SPEAKING = ("domain", "flows", "store", "privacy", "disclosure", "isolation", "portal", "language")
SILENT = (
    "sandbox/isolation/probe/",
    "sandbox/store/migrations/",
    "sandbox/isolation/packages_reference.py",
    "sandbox/isolation/reference.py",
    "sandbox/privacy/asking/sql_reference.py",
    "sandbox/store/policy_reference.py",
)
SOURCES = "sandbox/disclosure/sources.py"  # what findings name as their rule's source
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
_SENTENCE = re.compile(
    r"(?:[A-Z0-9\"“ε]|\{1\}|(?:a|accuracy|delta|epsilon)\b).*(?:[A-Za-z0-9_%})'\"”…*][.?!]| …|: \{\d+\})",
    re.DOTALL,
)
_PLACE = re.compile(r"\{\d+\}")
_OF_A_KEY = re.compile(r"(?:(?:\{\d+\})+ )?(?:is|has) ")
_TAIL = re.compile(r"(?<=[.?!]) \{\d+\}")  # what another sentence is put into
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # a catalogue changes when its texts do
_SPOT = re.compile(
    r"(?:row|column|header,|reviewer|person|image) [^.]*"
)  # where in a table something stands, or who
_NAME = re.compile(r"[A-Za-z][A-Za-z _.-]*")
_NAME_AT = {"Decision": 1, "_Clauses": 0}  # call -> which of its arguments is the name of a clause
_OPTIONS = {
    "trimmed": "true",
    "extensions": "jinja2.ext.i18n",
    "newstyle_gettext": "true",
}  # as pages are rendered


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the program.

    Attributes:
        id: the text, or singular and plural.
        about: what its places stand for.
        at: the file it stands in.
    """

    id: str | tuple[str, str]
    at: str
    about: str = ""


def gathered() -> Iterator[Text]:
    """Every text of the source, in the order of files."""
    for path in sorted((ROOT / TEMPLATES).glob("**/*.html")):
        with path.open("rb") as file:
            for _, message, _, _ in extract(babel_extract, file, KEYWORDS, options=_OPTIONS):
                yield Text(message, _name(path))
    for room in SPEAKING:
        for path in sorted((ROOT / "sandbox").glob(f"{room}/**/*.py")):
            if not _name(path).startswith(SILENT):
                yield from _python(path)


def _python(path: Path) -> Iterator[Text]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(extract_python, file, KEYWORDS):
            yield Text(message, _name(path))
    tree = ast.parse(path.read_text())
    if _name(path) == SOURCES:
        yield from (Text(text, SOURCES) for node in tree.body for text in _set_to(node))
    passed_over = {id(node) for node in _not_said(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "sandbox/domain" in str(path):
            yield from (Text(value, _name(path)) for value in _words(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Rule" and node.args:
            yield Text(ast.literal_eval(node.args[0]).replace("_", " "), _name(path))
        yield from (Text(f"named: {name}", _name(path)) for name in _names(node))
        for part in _of_a_mistake(node):
            text, about = _with_places(part)
            if " " in text.strip() and text == text.strip() and any(map(str.isalpha, _PLACE.sub("", text))):
                yield Text(text, _name(path), about)
        if id(node) in passed_over or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        text, about = _with_places(node)
        text = _TAIL.sub("", text) if _TAIL.search(text, len(text) - 5) else text
        own = any(map(str.isalpha, _PLACE.sub("", text)))
        if (own and " " in text.strip() and _SENTENCE.fullmatch(text)) or (about and _SPOT.fullmatch(text)):
            yield Text(text, _name(path), about)


def _of_a_mistake(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """What is wrong with a key of a policy, and what would be accepted: no sentences, and shown after the key."""
    given: list[Any] = []
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Mistake":
        given = node.args[1:3]
    elif isinstance(node, ast.FunctionDef) and node.name.endswith(("_problem", "_mistakes")):
        said = [
            y.value for y in ast.walk(node) if isinstance(y, ast.Yield) and isinstance(y.value, ast.Tuple)
        ]
        given = [part for row in said for part in row.elts[1:3]]
        # What pydantic found is put together from its own words.
        given += [part for part in ast.walk(node) if _OF_A_KEY.match(_with_places(part)[0])]
    yield from (part for part in given if isinstance(part, (ast.Constant, ast.JoinedStr)))


def _set_to(node: ast.stmt) -> Iterator[str]:
    """What text a name is given."""
    if isinstance(node, ast.Assign):
        yield from _constants(node.value)


def _names(node: ast.AST) -> Iterator[str]:
    """What clauses and fields are called, where an error, a decision or an event says them by their name."""
    given: list[ast.expr | None] = []
    if isinstance(node, ast.Call):
        given += [keyword.value for keyword in node.keywords if keyword.arg in ("clause", "where")]
        place = _NAME_AT.get(ast.unparse(node.func))
        given += [] if place is None else node.args[place : place + 1]
    elif isinstance(node, ast.Dict):
        names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        given += [value for name, value in zip(names, node.values, strict=True) if name == "clause"]
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        given += [node.value for target in targets if ast.unparse(target).strip("_").startswith("CLAUSE")]
    elif isinstance(node, ast.FunctionDef) and node.name == "clause":
        given += [said.value for said in ast.walk(node) if isinstance(said, ast.Return)]
    elif (
        isinstance(node, ast.FunctionDef) and node.name == "in_words"
    ):  # the agreement's clauses, with their words
        given += [
            pair.elts[0] for pair in ast.walk(node) if isinstance(pair, ast.Tuple) and len(pair.elts) == 2
        ]
    for value in filter(None, given):
        for name in _constants(value):
            if _NAME.fullmatch(name):
                yield name.replace("_", " ")


def _constants(value: ast.expr) -> Iterator[str]:
    """The texts that an expression can be; not what it is chosen by, and no piece of a longer one."""
    if isinstance(value, ast.Constant):
        yield from [value.value] if isinstance(value.value, str) else ()
    elif isinstance(value, ast.IfExp):
        yield from (*_constants(value.body), *_constants(value.orelse))
    elif isinstance(value, ast.Dict):
        for one in value.values:
            yield from _constants(one)
    elif isinstance(value, ast.Call) and ast.unparse(value.func).endswith((".fromkeys", ".get")):
        for one in value.args[1:]:
            yield from _constants(one)


def _not_said(tree: ast.AST) -> Iterator[ast.AST]:
    """Descriptions of code, and the pieces of a text that is taken as a whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            for value in node.values:
                yield from ast.walk(value) if isinstance(value, ast.Constant) else ()
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("re.", "_log.", "log.")):
            yield from ast.walk(node)


def _words(node: ast.ClassDef) -> Iterator[str]:
    if not any("Enum" in ast.unparse(base) for base in node.bases):
        return
    for statement in node.body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.strip():
            yield value.value.replace("_", " ")


def _with_places(node: ast.AST) -> tuple[str, str]:
    if isinstance(node, ast.Constant):
        return (node.value, "") if isinstance(node.value, str) else ("", "")
    if not isinstance(node, ast.JoinedStr):
        return "", ""
    text, about = "", []
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
        elif isinstance(value, ast.FormattedValue):
            about.append(f"{{{len(about) + 1}}} = {ast.unparse(value.value)}")
            text += f"{{{len(about)}}}"
    return text, "; ".join(about)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fresh(language: str) -> Catalog:
    """The source's texts with the translations that there are."""
    kept = _read(language)
    catalog = Catalog(
        locale=language,
        header_comment="# Gathered by scripts/texts.py, which keeps the translations.",
        project="sandbox",
        version="1",
        msgid_bugs_address="the project",
        last_translator="the project",
        language_team="the project",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        fuzzy=False,
    )
    for text in sorted(gathered(), key=_is_plain):  # a text that is counted somewhere is counted everywhere
        known = catalog.get(text.id) or kept.get(text.id)
        id = known.id if known is not None and isinstance(known.id, tuple) else text.id
        catalog.add(
            id,
            _forms(known.string if known else "", plural=isinstance(id, tuple), count=catalog.num_plurals),
            locations=[(text.at, None)],
            auto_comments=[text.about] if text.about else (),
            flags=("python-format",) if "%(" in str(id) else (),
        )
    return catalog


def _is_plain(text: Text) -> bool:
    return not isinstance(text.id, tuple)


def _forms(string: str | tuple[str, ...] | None, *, plural: bool, count: int) -> str | tuple[str, ...]:
    """A translation as the catalogue wants it for one text, or for singular and plural."""
    first = string[0] if isinstance(string, tuple) and string else string
    if not plural:
        return str(first or "")
    return string if isinstance(string, tuple) and len(string) == count else (str(first or ""),) * count


def missing(catalog: Catalog) -> list[str | list[str]]:
    """What has no translation."""
    return [
        list(message.id) if isinstance(message.id, tuple) else message.id
        for message in catalog
        if message.id and not any(message.string if isinstance(message.string, tuple) else (message.string,))
    ]


def put(catalog: Catalog, given: dict[str, str | list[str]]) -> int:
    """Translations by text; returns how many were new."""
    count = 0
    for message in catalog:
        first = message.id[0] if isinstance(message.id, tuple) else message.id
        if first and first in given and given[first]:
            text = given[first]
            forms = tuple(text) if isinstance(text, list) else (text,) * catalog.num_plurals
            message.string = forms if isinstance(message.id, tuple) else forms[0]
            count += 1
    return count


def _read(language: str) -> Catalog:
    path = LOCALE / language / FILE
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalog: Catalog) -> None:
    """The catalogue's file: sorted, with file names and no line numbers, so that a change is a small difference."""
    with (LOCALE / language / FILE).open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, omit_header=False, include_lineno=False)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(arguments: list[str]) -> int:
    for language in sorted(path.name for path in LOCALE.iterdir() if path.is_dir()):
        catalog = fresh(language)
        if "--missing" in arguments:
            _say(json.dumps(missing(catalog), ensure_ascii=False, indent=1))
            continue
        if "--put" in arguments:
            given = json.loads(Path(arguments[arguments.index("--put") + 1]).read_text())
            _say(f"{language}: {put(catalog, given)} of {len(given)} taken")
        write(language, catalog)
        _say(f"{language}: {len(catalog)} texts, {len(missing(catalog))} without translation")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
