"""Facts of the log as people read them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.domain.audit import Event, Fact
from sandbox.domain.privacy_loss import Accounting
from sandbox.isolation.gate_record import GateRecord, RecordKind, Shown
from sandbox.language import spoken
from sandbox.portal.pages.log_facts import NAMES, shown_facts
from tests.portal.example_world import World
from tests.portal.markup import text_of

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "flows", "store")
SHA = "ab" * 32


def _shown(name: str, value: Fact, about: str = "lineage:loans", **more: Fact) -> tuple[str, str]:
    accountings = {"loans": Accounting.ZCDP, "taxes": Accounting.PURE}
    facts = shown_facts(Event("olga", "x.done", about, {name: value, **more}), accountings, title=str.title)
    found = next(fact for fact in facts if fact.name == shown_name(name))
    return found.name, found.whole


def shown_name(name: str) -> str:
    return NAMES[name].removeprefix("named: ")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("was_sha256", "", ("policy before, SHA-256", "–")),
        ("stars_were", None, ("stars before", "–")),
        ("later", [], ("later releases", "–")),
        ("nano", 526_179_002, ("cost", "ρ = 0.526179002")),
        ("nano", 0, ("cost", "ρ = 0")),
        ("atto_delta", 2 * 10**12, ("cost in δ", "δ = 2e-06")),
        ("bytes", 48_200, ("size", "48.2 kB")),
        ("at_once", 1, ("data stopped at once", "yes")),
        ("good", False, ("all refused", "no")),
        ("due", "2025-04-09", ("due on", "9 April 2025")),
        ("due", "some day", ("due on", "some day")),
        ("dataset", "loans", ("dataset", "Loans")),
        ("grant", 12_345, ("grant", "12345")),
        ("decisions", ["rita:approve", "ravi:return"], ("votes", "rita: approve, ravi: return")),
    ],
)
def test_a_fact_is_shown_with_its_unit(name: str, value: Fact, told: tuple[str, str]) -> None:
    assert _shown(name, value) == told


def test_a_loss_is_of_its_lineages_accounting() -> None:
    assert _shown("nano", 10**8, "dataset:x", lineage="taxes") == ("cost", "ε = 0.1")
    assert _shown("nano", 10**8, "dataset:gone") == ("cost", "ρ / ε = 0.1")


def test_a_hash_is_short_in_a_line_and_whole_on_its_page() -> None:
    fact = shown_facts(Event("a", "b.c", "d", {"files_sha256": [SHA, "<b>"]}), {}, title=str)[0]
    assert str(fact.short) == f'<code title="{SHA}">{SHA[:12]}…</code>, &lt;b&gt;'
    assert fact.whole == f"{SHA}, <b>"


def _facts_of_the_source() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((ROOT / "sandbox" / room).glob("**/*.py")):
            yield from _facts_in(ast.parse(path.read_text()))


def _facts_in(tree: ast.AST) -> Iterator[str]:
    """The names in what is handed to an event, or is called facts."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            given += node.args[3:4] if ast.unparse(node.func) == "Event" else []
            given += [keyword.value for keyword in node.keywords if keyword.arg == "facts"]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            given += [node.value for target in targets if ast.unparse(target) == "facts"]
        elif isinstance(node, ast.FunctionDef) and node.name == "_facts":
            given += [said.value for said in ast.walk(node) if isinstance(said, ast.Return) and said.value]
        for value in given:
            for literal in ast.walk(value):
                if isinstance(literal, ast.Dict):
                    yield from (key.value for key in literal.keys if isinstance(key, ast.Constant))


def test_every_fact_that_the_source_names_has_a_name_for_people() -> None:
    found = set(_facts_of_the_source())
    assert {"was_sha256", "clause", "votes_missing", "column"} <= found  # it looks where facts are
    totals = GateRecord(
        kind=RecordKind.TOTALS, person="ana", server="x", shown=Shown(rows=1, bytes=1, page_bytes=1)
    )
    assert (found | set(totals.facts)) - set(NAMES) == set()


def test_the_pages_of_the_log_show_facts_so(world: World) -> None:
    application = world.granted().application
    page = text_of(world.browser("august").get("/log").text)
    assert "policy before, SHA-256 –" in page  # the first policy of a dataset has none before it
    assert "was sha256" not in page
    assert re.search(r"budget ρ = \d\.\d+", page)
    entry = world.sandbox.store.log.entries(
        action="grant.began", object=f"application:{application}", limit=1
    )[0]
    door = world.browser("august")
    door.headers["Accept-Language"] = "zh-CN"
    page = text_of(door.get(f"/log/{entry.seq}").text)
    assert "依据条款 人员" in page
    assert "协议的 SHA-256" in page
    with spoken("zh-Hans"):
        assert (
            shown_facts(Event("a", "b", "c", {"class": "conditional"}), {}, title=str)[0].whole
            == "有条件开放"
        )


def test_a_long_text_is_cut_in_a_list_and_whole_on_its_own_page() -> None:
    event = Event(
        "system:review", "release.unveiled", "release:1", {"statement": "x" * 400, "salt": "0" * 20}
    )
    salt, statement = shown_facts(event, {}, title=str)
    assert (salt.short, salt.whole) == ("0" * 20, "0" * 20)
    assert len(statement.short) == 161
    assert statement.whole == "x" * 400
