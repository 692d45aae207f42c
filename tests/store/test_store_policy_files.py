"""Policy files: every mistake at once, with its line; nothing in a file can do more than be wrong."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, PolicyRefused
from sandbox.domain.policy import Accounting, ColumnType, DatasetPolicy, Mode, OpenClass
from sandbox.domain.policy_document import policy_from_document, policy_to_document
from sandbox.domain.site_policy import SitePolicy
from sandbox.store.policy_files import (
    json_schema,
    read_dataset_policy,
    read_site_policy,
    reference_markdown,
)

ROOT = Path(__file__).resolve().parents[2]

GOOD = """\
name: loans
title: Loans of a bank
open_class: conditional
domain: inclusive finance
provider: A bank
source: A bank, 2026
licence: on conditions
owner: olga
unit:
  column: firm
  noun: firm
tables:
  loans:
    max_rows: 1000
    columns:
      firm: {type: integer}
      amount:
        type: decimal
        resolution: '0.01'
        lower: 0
        upper: 100000
      sector:
        type: text
        categories: [farm, shop, mill]
budget:
  epsilon: '8'
access:
  modes: [query, room]
release:
  reviewers: 2
  pool: [rita, rosa]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[tuple[int, str, str, str]]:
    path = written(tmp_path, text)
    with pytest.raises(PolicyRefused) as refused:
        read_dataset_policy(path)
    assert all(m.file == str(path) for m in refused.value.mistakes)
    return [(m.line, m.key, m.problem, m.allowed) for m in refused.value.mistakes]


def test_a_good_file_is_a_policy(tmp_path: Path) -> None:
    policy = read_dataset_policy(written(tmp_path, GOOD))
    assert (policy.name, policy.open_class) == ("loans", OpenClass.CONDITIONAL)
    assert policy.access.modes == (Mode.QUERY, Mode.ROOM)
    columns = policy.tables["loans"].columns
    assert list(columns) == ["firm", "amount", "sector"]
    assert (columns["amount"].type, columns["amount"].upper) == (ColumnType.DECIMAL, 100_000)
    assert columns["sector"].categories == ("farm", "shop", "mill")
    assert policy.budget is not None
    assert policy.budget.accounting is Accounting.ZCDP
    assert policy_from_document(policy_to_document(policy)) == policy


# (what is replaced, by what, line, key, a part of the problem, a part of what is allowed)
MISTAKES = [
    ("title: Loans of a bank", "titel: Loans of a bank", 2, "titel", "did you mean 'title'?", "name, title"),
    (
        "open_class: conditional",
        "open_class: conditonal",
        3,
        "open_class",
        "did you mean 'conditional'?",
        "unconditional | conditional | closed",
    ),
    (
        "open_class: conditional",
        "open_class: [closed]",
        3,
        "open_class",
        "a list is not one of its values",
        "unconditional",
    ),
    ("domain: inclusive finance", "domain: 7", 4, "domain", "7 is not one", "transport"),
    ("owner: olga\n", "", 1, "owner", "is missing", "text"),
    ("owner: olga", "owner:", 8, "owner", "an empty value has to be text", "text"),
    ("owner: olga", "owner: 12", 8, "owner", "12 has to be text", "'12', in quotes"),
    ("  column: firm\n", "  colum: firm\n", 10, "unit.colum", "did you mean 'column'?", "column, noun"),
    ("  noun: firm\n", "", 9, "unit.noun", "is missing", "text"),
    (
        "unit:\n  column: firm\n  noun: firm",
        "unit: firm",
        9,
        "unit",
        "'firm' has to be a group of keys",
        "column, noun",
    ),
    (
        "    max_rows: 1000",
        "    max_rows: many",
        14,
        "tables.loans.max_rows",
        "'many' has to be a whole number",
        "whole number",
    ),
    (
        "    max_rows: 1000",
        "    max_rows: 1e3",
        14,
        "tables.loans.max_rows",
        "1000.0 has to be a whole number",
        "whole number",
    ),
    (
        "    max_rows: 1000",
        "    max_rows: true",
        14,
        "tables.loans.max_rows",
        "true has to be a whole number",
        "whole number",
    ),
    ("    max_rows: 1000", "    max_rows: 0", 14, "tables.loans.max_rows", "at least 1", "1, 2, 3"),
    (
        "{type: integer}",
        "{type: int}",
        16,
        "tables.loans.columns.firm.type",
        "did you mean 'integer'?",
        "integer | decimal",
    ),
    (
        "      firm: {type: integer}\n",
        "",
        15,
        "tables.loans.columns",
        "the unit column 'firm' is not among them",
        "",
    ),
    (
        "        resolution: '0.01'",
        "        resolution: 0.01",
        19,
        "tables.loans.columns.amount.resolution",
        "0.01 has to be text",
        "'0.01', in quotes",
    ),
    (
        "        resolution: '0.01'",
        "        resolution: '0.03'",
        19,
        "tables.loans.columns.amount.resolution",
        "is not a step",
        "0.1",
    ),
    (
        "        lower: 0",
        "        lower: 0.5",
        20,
        "tables.loans.columns.amount.lower",
        "0.5 has to be a whole number",
        "whole number",
    ),
    (
        "        upper: 100000",
        "        upper: 0",
        21,
        "tables.loans.columns.amount.upper",
        "not above lower",
        "",
    ),
    ("        upper: 100000\n", "", 17, "tables.loans.columns.amount", "needs both or none", ""),
    (
        "[farm, shop, mill]",
        "[farm, 1.5, mill]",
        24,
        "tables.loans.columns.sector.categories",
        "item 2, 1.5 is not a value",
        "a whole number, text",
    ),
    ("[farm, shop, mill]", "[farm, farm]", 24, "tables.loans.columns.sector.categories", "listed twice", ""),
    ("[farm, shop, mill]", "[farm, 7]", 24, "tables.loans.columns.sector.categories", "not of type text", ""),
    (
        "[farm, shop, mill]",
        "farm",
        24,
        "tables.loans.columns.sector.categories",
        "'farm' has to be a list",
        "list of",
    ),
    ("  epsilon: '8'", "  epsilon: 8", 26, "budget.epsilon", "8 has to be text", "'8', in quotes"),
    ("  epsilon: '8'", "  epsilon: '-1'", 26, "budget.epsilon", "is not a budget", "'0.01' to '100'"),
    ("  epsilon: '8'", "  epsilon: nan", 26, "budget.epsilon", "is not a budget", "'0.01' to '100'"),
    ("  epsilon: '8'", "  epsilon: .nan", 26, "budget.epsilon", "is not a budget", "'0.01' to '100'"),
    ("  epsilon: '8'", "  epsilon: .inf", 26, "budget.epsilon", "is not a budget", "'0.01' to '100'"),
    ("budget:\n  epsilon: '8'\n", "", 1, "budget", "needs a budget", "epsilon and delta"),
    (
        "[query, room]",
        "[query, rom]",
        28,
        "access.modes",
        "item 2, 'rom' is not one of its values; did you mean 'room'?",
        "query | job | room",
    ),
    ("  reviewers: 2", "  reviewers: 0", 30, "release.reviewers", "without a reviewer", "1 or more"),
    ("[rita, rosa]", "[rita]", 31, "release.pool", "1 people for 2 votes", ""),
    ("[rita, rosa]", "[rita, rita]", 31, "release.pool", "1 people for 2 votes", ""),
    ("title: Loans of a bank", "name: again", 2, "file", 'duplicate key "name"', ""),
    ("title: Loans of a bank", "title: [unclosed", 3, "file", "", ""),
    ("title: Loans of a bank", "\ttitle: tab", 2, "file", "", ""),
    ("title: Loans of a bank", "7: Loans", 1, "file", "the key 7 is not text", ""),
    (
        "title: Loans of a bank",
        "title: !!python/object/apply:os.system [id]",
        2,
        "title",
        "a list has to be text",
        "text",
    ),
    ("title: Loans of a bank", "title: !secret Loans", 2, "title", "has a tag", ""),
    ("title: Loans of a bank", "title: *nobody", 2, "file", "undefined alias", ""),
    ("name: loans", "--- \nname: a\n---\nname: b", 3, "file", "another document", ""),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "problem", "allowed"),
    MISTAKES,
    ids=[m[1].strip().replace("\n", "/")[:40] or m[0][:30] for m in MISTAKES],
)
def test_a_mistake_is_named_with_line_key_and_allowed_values(
    tmp_path: Path, old: str, new: str, line: int, key: str, problem: str, allowed: str
) -> None:
    assert GOOD.count(old) == 1
    [found] = mistakes(tmp_path, GOOD.replace(old, new))
    assert (found[0], found[1] or "file") == (line, key)
    assert problem in found[2]
    assert allowed in found[3]


LOOKUP = """\
lookups:
  sectors:
    key: sector
    columns:
      - {name: sector, type: text}
      - {name: risk, type: decimal, resolution: '0.01'}
      - {name: since, type: date}
    rows:
      - [farm, '0.25', '2013-01-01']
      - [shop, '0.5', '2014-01-01']
"""
LOOKUP_MISTAKES = [
    ("    key: sector", "    key: sectr", 27, "lookups.sectors.key", "'sectr' is not among", "sector, risk"),
    ("    key: sector", "    key: since", 27, "lookups.sectors.key", "found by a date", "text or an integer"),
    ("    key: sector", "    kye: sector", 27, "lookups.sectors.kye", "did you mean 'key'", "rows"),
    ("  sectors:", "  loans:", 26, "lookups.loans", "a table 'loans' too", "another name"),
    ("  sectors:", "  Sectors:", 26, "lookups.Sectors", "is not a name", "a-z"),
    ("type: decimal, resolution: '0.01'", "type: number", 30, "lookups.sectors.columns.type",
     "'number' is not one", "decimal"),
    ("resolution: '0.01'", "resolution: '3'", 30, "lookups.sectors.columns.resolution", "not a step", "0.1"),
    ("name: risk", f"name: {'r' * 60}", 30, "lookups.sectors.columns", "not a column name", "short"),
    ("[shop, '0.5', '2014-01-01']", "[shop, '0.5']", 34, "lookups.sectors.rows", "row 2 has 2 cells", "3: sector"),
    ("[shop, '0.5', ", "[farm, '0.5', ", 34, "lookups.sectors.rows", "row 2: 'farm' stands there twice", "once"),
    ("[shop, '0.5', ", "[shop, '0.505', ", 34, "lookups.sectors.rows", "row 2: '0.505' is not a risk", "decimal"),
    ("[shop, '0.5', ", "[shop, '1e3', ", 34, "lookups.sectors.rows", "row 2: '1e3' is not a risk", "decimal"),
    ("[shop, '0.5', ", "[shop, 1, ", 34, "lookups.sectors.rows", "row 2: 1 is not a risk", "decimal"),
    ("'2014-01-01'", "'2014-02-30'", 34, "lookups.sectors.rows", "is not a since", "date"),
    ("      - [shop, '0.5', '2014-01-01']", "      - shop", 34, "lookups.sectors.rows", "item 2", "list of"),
    ("      - [shop, '0.5', '2014-01-01']", "      - [shop, 0.5, x]", 34, "lookups.sectors.rows", "0.5", "text"),
]  # fmt: skip


def test_a_lookup_is_read_with_its_rows(tmp_path: Path) -> None:
    policy = read_dataset_policy(written(tmp_path, GOOD.replace("budget:", LOOKUP + "budget:")))
    assert policy.lookups["sectors"].rows == (("farm", "0.25", "2013-01-01"), ("shop", "0.5", "2014-01-01"))
    other = read_dataset_policy(
        written(tmp_path, GOOD.replace("budget:", LOOKUP + "budget:").replace("0.25", "0.26"))
    )
    assert content_hash(policy_to_document(policy)) != content_hash(policy_to_document(other))


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "problem", "allowed"), LOOKUP_MISTAKES, ids=lambda v: str(v)[:40]
)
def test_a_mistake_in_a_lookup_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, key: str, problem: str, allowed: str
) -> None:
    assert LOOKUP.count(old) == 1
    [found] = mistakes(tmp_path, GOOD.replace("budget:", LOOKUP.replace(old, new) + "budget:"))
    assert found[1] == key, found
    assert problem in found[2], found
    assert allowed in found[3], found
    assert found[0] == line, found


def test_all_mistakes_are_named_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("owner: olga", "ownr: olga")
        .replace("{type: integer}", "{type: int, lowest: 3}")
        .replace("  epsilon: '8'", "  epsilon: 8")
        .replace("[query, room]", "[query, rom, jobb]")
    )
    found = mistakes(tmp_path, text)
    assert [(line, key) for line, key, *_ in found] == [
        (8, "ownr"),
        (16, "tables.loans.columns.firm.type"),
        (16, "tables.loans.columns.firm.lowest"),
        (26, "budget.epsilon"),
        (28, "access.modes"),
        (28, "access.modes"),
    ]


def test_the_errors_text_is_one_line_for_each_mistake(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("open_class: conditional", "open_class: open"))
    with pytest.raises(PolicyRefused) as refused:
        read_dataset_policy(path)
    assert str(refused.value) == (
        f"{path}:3: open_class: 'open' is not one of its values Allowed: unconditional | conditional | closed."
    )


ODD_FILES = {
    "empty": (b"", "has to be"),
    "a list": (b"- a\n", "has to be"),
    "a word": (b"hello\n", "has to be"),
    "not UTF-8": (b"name: \xff\xfe\n", "not UTF-8 text (at byte 6)"),
    "control characters": (b"name: \x00\n", ""),
    "deep lists": (b"name: " + b"[" * 3000 + b"]" * 3000, "deep"),
    "deep groups": (b"name: " + b"{a: " * 60 + b"1" + b"}" * 60, "deep"),
    "a group within itself": (b"&a\nname: *a\n", "deep"),
    "aliases upon aliases": (
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (ord("a") + i, ord("a") + i, b",".join([b"*%c" % (ord("a") + i - 1)] * 10))
            for i in range(1, 9)
        ),
        "more than 100000 values",
    ),
}


@pytest.mark.parametrize(("body", "problem"), ODD_FILES.values(), ids=ODD_FILES)
def test_an_odd_file_is_refused_as_one_mistake(tmp_path: Path, body: bytes, problem: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(body)
    with pytest.raises(PolicyRefused) as refused:
        read_dataset_policy(path)
    assert len(refused.value.mistakes) == 1
    assert problem in str(refused.value)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no policy file"):
        read_dataset_policy(tmp_path / "nothing.yaml")
    with pytest.raises(BadInput, match="There is no policy file"):
        read_dataset_policy(tmp_path)
    large = written(tmp_path, "# " + "x" * 1_000_000)
    with pytest.raises(BadInput, match="larger than"):
        read_dataset_policy(large)


def test_anchors_merges_dates_and_words_like_no_are_read_as_written(tmp_path: Path) -> None:
    text = GOOD.replace(
        "      firm: {type: integer}\n",
        textwrap.indent(
            "firm: &whole {type: integer}\n"
            "branch: {<<: *whole, description: merged}\n"
            "country: {type: text, categories: [NO, SE, 'yes']}\n"
            "day: {type: date, categories: [2026-01-31]}\n"
            "flag: {type: boolean}\n"
            "code: {type: integer, categories: [1, 0x10]}\n",
            " " * 6,
        ),
    )
    columns = read_dataset_policy(written(tmp_path, text)).tables["loans"].columns
    assert (columns["branch"].type, columns["branch"].description) == (ColumnType.INTEGER, "merged")
    assert columns["country"].categories == ("NO", "SE", "yes")
    assert columns["day"].categories == ("2026-01-31",)
    assert columns["code"].categories == (1, 16)


def test_the_site_policy_is_read_the_same_way(tmp_path: Path) -> None:
    assert read_site_policy(written(tmp_path, "name: Test\n")) == SitePolicy(name="Test")
    with pytest.raises(PolicyRefused) as refused:
        read_site_policy(
            written(tmp_path, "notebook:\n  memory_mb: 100\n  cpus: 2\nanswers: {tick_ms: 0.1}\n")
        )
    assert [(m.line, m.key) for m in refused.value.mistakes] == [
        (2, "notebook.memory_mb"),
        (4, "answers.tick_ms"),
    ]
    with pytest.raises(PolicyRefused, match=r"policy.yaml:2: notebook.cpus: has to be at least 1"):
        read_site_policy(written(tmp_path, "notebook:\n  cpus: 0\n"))


# the manual


def test_the_manual_in_policies_is_the_one_the_program_writes() -> None:
    committed = (ROOT / "policies" / "README.md").read_text()
    assert committed == reference_markdown(), (
        "policies/README.md is stale: python -m sandbox.store.policy_reference > policies/README.md"
    )


def test_the_manual_names_every_key_and_meaning() -> None:
    text = reference_markdown()
    for definition in [json_schema(), *json_schema()["$defs"].values()]:
        for key, value in definition.get("properties", {}).items():
            assert f"| `{key}` |" in text
            assert value["description"] in text


def test_the_schema_knows_required_keys_and_refuses_unknown_ones() -> None:
    schema = json_schema()
    assert {"name", "title", "open_class", "owner"} <= set(schema["required"])
    assert schema["additionalProperties"] is False
    assert all(not d["additionalProperties"] for d in schema["$defs"].values() if "properties" in d)
    json.dumps(schema)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "policies" / "datasets").glob("*.yaml")), ids=lambda p: p.stem
)
def test_the_policies_we_ship_are_good(path: Path) -> None:
    policy = read_dataset_policy(path)
    assert isinstance(policy, DatasetPolicy)
    assert policy.name == path.stem


def test_the_site_policy_we_ship_is_good() -> None:
    assert read_site_policy(ROOT / "policies" / "site.yaml").answers.timeout_s > 0


def test_mistakes_about_people_are_named_with_their_lines(tmp_path: Path) -> None:
    text = """\
name: Test
sign_in:
  method: oidc
  code_required_for: [owner, king]
"""
    with pytest.raises(
        PolicyRefused, match=r":4: sign_in.code_required_for: item 2, 'king' is not one of its"
    ):
        read_site_policy(written(tmp_path, text))
    text = """\
sign_in:
  method: oidc
  oidc:
    issuer: http://id.example
    names:
      Olga: olga
      Otto: Otto!
separation:
  pairs:
    - [owner, owner]
training:
  courses:
    Basics: {title: Basics}
"""
    with pytest.raises(PolicyRefused) as refused:
        read_site_policy(written(tmp_path, text))
    found = {(m.line, m.key) for m in refused.value.mistakes}
    assert found == {
        (4, "sign_in.oidc.issuer"),
        (3, "sign_in.oidc.client_id"),
        (7, "sign_in.oidc.names.Otto"),
        (10, "separation.pairs"),
        (13, "training.courses.Basics"),
    }
