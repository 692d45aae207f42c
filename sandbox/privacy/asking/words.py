"""Text → parse tree, for text of any ill will: the caps stand here, before and around the parser."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from sandbox.domain.errors import QuestionRefused
from sandbox.privacy.asking.options import Options, take_options

MAX_CHARACTERS = 10_000
MAX_DEPTH = 32  # brackets within brackets; also a row of NOT or of signs, each of which the parser nests
MAX_TREE = 150  # parts within one another: also of arithmetic, which needs no brackets

_OPENING = {"(", "[", "{"}
_CLOSING = {")", "]", "}"}
_PREFIX = {"NOT", "-", "+", "~"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u2028\u2029\ud800-\udfff\ufeff]")
_FIRST_WORD_FIX = {
    "FROM": "Begin with SELECT, such as SELECT COUNT(*) FROM …",
    "EXPLAIN": "Ask for an estimate instead: it shows bounds, noise and price.",
    "SHOW": "Look at the dataset's page for its tables and columns.",
    "DESCRIBE": "Look at the dataset's page for its tables and columns.",
}


def read_tree(sql: str) -> tuple[exp.Select, Options]:
    """The parse tree of the one SELECT that the text holds, and the options that stand in it.

    Raises:
        QuestionRefused: too long, too deep, not SQL, not one SELECT.
    """
    if len(sql) > MAX_CHARACTERS:
        raise QuestionRefused(
            f"The question has {len(sql)} characters; at most {MAX_CHARACTERS} are read.",
            position=MAX_CHARACTERS,
            fix="Shorten it.",
        )
    if control := _CONTROL.search(sql):
        raise QuestionRefused(
            f"Character U+{ord(control.group()):04X} cannot stand in a question.",
            position=control.start(),
            fix="Remove it.",
        )
    sql, options = take_options(sql, _checked_words(sql))
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if not isinstance(s, exp.Semicolon | None)]
    except ParseError as error:
        raise _misread(sql, error) from None
    except (RecursionError, SqlglotError, ValueError, TypeError, LookupError, AttributeError):
        # The parser is not ours: whatever it trips over is a question that nobody can read.
        raise QuestionRefused(
            "The question cannot be read.", position=0, fix="Write it as SELECT … FROM … WHERE … GROUP BY …"
        ) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise QuestionRefused(
            "This is not a single SELECT.", position=0, fix="Write one SELECT … FROM … WHERE … GROUP BY …"
        )
    _check_depth(statements[0])
    return statements[0], options


def _check_depth(tree: exp.Expression) -> None:
    """Raise where a tree is too deep to be walked: a row of ``+ 1`` nests without any bracket.

    Rows of AND and of OR do not count: they are read as lists.
    """
    waiting: list[tuple[exp.Expression, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_TREE:
            raise QuestionRefused(
                f"The question has more than {MAX_TREE} signs within one another.",
                position=0,
                fix="Write it flatter.",
            )
        for child in node.iter_expressions():
            if isinstance(child, exp.Expression):
                same = isinstance(node, exp.And | exp.Or) and type(child) is type(node)
                waiting.append((child, depth if same else depth + 1))


def _checked_words(sql: str) -> list[Any]:
    """The words, or a refusal by them alone of what the parser need not see."""
    words = _words(sql)
    if not words:
        raise QuestionRefused("The question is empty.", position=0, fix="Try SELECT COUNT(*) FROM …")
    first = words[0]
    if first.text.upper() not in ("SELECT", "WITH"):
        fix = _FIRST_WORD_FIX.get(first.text.upper(), "Begin with SELECT, such as SELECT COUNT(*) FROM …")
        raise QuestionRefused("Only SELECT can be asked.", position=first.start, fix=fix)
    depth, cases, prefixes = 0, 0, 0
    for i, word in enumerate(words):
        quoted = sql[word.start : word.start + 1] in ("'", '"')
        text = "" if quoted else word.text.upper()
        if text == ";" and i + 1 < len(words):
            raise QuestionRefused(
                "There is more than one question here.", position=words[i + 1].start, fix="Ask one at a time."
            )
        depth += (text in _OPENING) - (text in _CLOSING)
        cases = max(0, cases + (text == "CASE") - (text == "END"))
        prefixes = prefixes + 1 if text in _PREFIX else 0
        if max(depth, cases, prefixes) > MAX_DEPTH:
            raise QuestionRefused(
                f"The question is nested more than {MAX_DEPTH} deep.",
                position=word.start,
                fix="Write the condition flatter.",
            )
    return words


def _words(sql: str) -> list[Any]:
    try:
        return [word for word in sqlglot.tokenize(sql, read="duckdb") if word.text or word.start < len(sql)]
    except (RecursionError, SqlglotError, ValueError, TypeError, LookupError):
        raise QuestionRefused(
            "A quoted text or a comment does not end.",
            position=_unclosed(sql),
            fix="Close it; a quote inside a text is written twice: 'it''s'.",
        ) from None


def _unclosed(sql: str) -> int:
    """Where the last piece of text begins that is never closed."""
    end = 0
    for piece in re.finditer(
        r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^'\"/-]+|.", sql, re.DOTALL
    ):
        if piece.group() in ("'", '"') or (
            piece.group() == "/" and sql[piece.end() : piece.end() + 1] == "*"
        ):
            return piece.start()
        end = piece.start()
    return end


def _misread(sql: str, error: ParseError) -> QuestionRefused:
    """The parser's own complaint, with its place but not its wording, which is about its insides."""
    detail = error.errors[0] if error.errors else {}
    line, column = detail.get("line") or 1, detail.get("col") or 1
    word = str(detail.get("highlight") or "")
    before = sum(len(text) for text in sql.splitlines(keepends=True)[: line - 1])
    position = min(max(0, before + column - max(1, len(word))), max(0, len(sql) - 1))
    near = f" near {word[:40]!r}" if word else ""
    return QuestionRefused(
        f"The question cannot be read{near}.",
        position=position,
        fix="Write it as SELECT … FROM … WHERE … GROUP BY …",
    )
