"""What the catalogue may say: rules of policies, public terms, changes between versions, citations."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest

from sandbox.domain.catalogue_terms import Contact, OpenMode
from sandbox.domain.citation import Citation
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Lookup,
    LookupColumn,
    OpenClass,
    ReleaseTerms,
    Table,
    Unit,
)
from sandbox.domain.policy_document import policy_from_document, policy_to_document
from sandbox.domain.policy_rules import check
from sandbox.domain.public_view import public_snapshot, public_terms
from sandbox.domain.schema_change import MOST, schema_changes

AMOUNT = Column(type=ColumnType.INTEGER, lower=0, upper=100)
LOANS = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="A bank",
    source="A bank, 2026",
    licence="On conditions",
    owner="olga",
    unit=Unit(column="firm", noun="firm"),
    tables={
        "loans": Table(max_rows=100, columns={"firm": Column(type=ColumnType.INTEGER), "amount": AMOUNT})
    },
    budget=BudgetTerms(epsilon="1"),
    release=ReleaseTerms(pool=("rita", "rosa")),
)
OPEN = replace(LOANS, open_class=OpenClass.UNCONDITIONAL, unit=None, budget=None)
CLOSED = replace(LOANS, open_class=OpenClass.CLOSED, unit=None, budget=None)


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        (replace(LOANS, listed=False), ("listed",)),
        (replace(OPEN, listed=False), ("listed",)),
        (replace(LOANS, opened_by=(OpenMode.DOWNLOAD,)), ("opened_by", 0)),
        (replace(OPEN, opened_by=(OpenMode.DOWNLOAD, OpenMode.SANDBOX)), ("opened_by", 1)),
        (replace(CLOSED, opened_by=(OpenMode.INTERFACE,)), ("opened_by", 0)),
        (replace(LOANS, title="Lo\u202eans"), ("title",)),  # read from right to left
        (replace(LOANS, title="\u200b"), ("title",)),
        (replace(LOANS, provider=" "), ("provider",)),
        (replace(LOANS, source="x" * 1001), ("source",)),
        (replace(LOANS, keywords=("credit", "")), ("keywords", 1)),
        (replace(LOANS, keywords=tuple(f"k{n}" for n in range(51))), ("keywords",)),
        (replace(LOANS, quality=("fine", "a\x07b")), ("quality", 1)),
        (replace(LOANS, contact=Contact(name="")), ("contact", "name")),
        (replace(LOANS, contact=Contact(name="x", email="no address")), ("contact", "email")),
        (
            replace(LOANS, contact=Contact(name="x", email="a@b.example?bcc=c@d.example")),
            ("contact", "email"),
        ),
        (replace(LOANS, contact=Contact(name="x", url="javascript:alert(1)")), ("contact", "url")),
        (replace(LOANS, contact=Contact(name="x", url="http://a.example/")), ("contact", "url")),
        (replace(LOANS, contact=Contact(name="x", url='https://a.example/"> <b>')), ("contact", "url")),
    ],
)
def test_what_the_catalogue_may_not_say_is_named_with_its_key(
    policy: DatasetPolicy, key: tuple[str | int, ...]
) -> None:
    assert [mistake.path for mistake in check(policy)] == [key]


@pytest.mark.parametrize(
    "policy",
    [
        LOANS,
        OPEN,
        replace(CLOSED, listed=False),
        replace(OPEN, opened_by=(OpenMode.INTERFACE,)),
        replace(LOANS, title="上海市贷款", keywords=("مى\u200cخواهم",)),  # Persian is written with a joiner
        replace(
            LOANS, contact=Contact(name="Desk", email="data+x@bank.example", url="https://bank.example/a?b=c")
        ),
    ],
)
def test_what_it_may_say_passes(policy: DatasetPolicy) -> None:
    assert check(policy) == ()


def test_a_policy_written_before_there_were_these_keys_can_be_read() -> None:
    document = policy_to_document(LOANS)
    for key in ("keywords", "contact", "quality", "statistics", "listed", "opened_by"):
        document.pop(key)
    assert policy_from_document(document) == LOANS


def test_everybody_reads_of_a_closed_dataset_that_it_exists() -> None:
    told = json.dumps(public_terms(CLOSED))
    for inside in ("amount", "firm", "rita", "olga", "2026"):
        assert inside not in told
        assert inside in json.dumps(policy_to_document(CLOSED))  # the control
    assert public_terms(CLOSED)["tables"] == {}


def test_no_public_term_names_a_reviewer() -> None:
    assert "rita" not in json.dumps(public_terms(LOANS))
    assert public_terms(LOANS)["opened_by"] == ["sandbox"]


def test_a_private_snapshots_public_name_says_nothing_of_rows() -> None:
    names = {
        public_snapshot(LOANS, snapshot=rows, version=1, published_at="2026-01-01")
        for rows in ("a" * 64, "b" * 64)
    }
    assert len(names) == 1
    assert names.isdisjoint({"a" * 64, "b" * 64})
    assert public_snapshot(OPEN, snapshot="a" * 64, version=1, published_at="2026-01-01") == "a" * 64
    assert public_snapshot(LOANS, snapshot="a" * 64, version=2, published_at="2026-01-01") not in names


def _with_columns(**columns: Column) -> DatasetPolicy:
    return replace(LOANS, tables={"loans": Table(max_rows=100, columns=columns)})


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (LOANS, []),
        (replace(LOANS, title="Others"), []),  # no part of the schema
        (
            _with_columns(firm=Column(type=ColumnType.INTEGER), amount=replace(AMOUNT, upper=200)),
            ["Column loans.amount: upper from 100 to 200."],
        ),
        (
            _with_columns(firm=Column(type=ColumnType.INTEGER), age=AMOUNT),
            ["Column loans.age is new.", "Column loans.amount is gone."],
        ),
        (
            _with_columns(firm=Column(type=ColumnType.TEXT), amount=AMOUNT),
            ["Column loans.firm: type from integer to text."],
        ),
        (
            _with_columns(firm=Column(type=ColumnType.INTEGER), amount=replace(AMOUNT, categories=(1, 2))),
            ["Column loans.amount: listed values: 2 new."],
        ),
        (
            replace(LOANS, unit=Unit(column="firm", noun="bank")),
            ["The unit of privacy changed from firm to bank."],
        ),
        (
            OPEN,
            [
                "It was conditional, and is unconditional now.",
                "The unit of privacy changed from firm to nobody.",
            ],
        ),
        (
            replace(LOANS, tables={**LOANS.tables, "visits": LOANS.tables["loans"]}),
            ["Table visits is new."],
        ),
        (
            replace(
                LOANS,
                lookups={
                    "k": Lookup(
                        key="a", columns=(LookupColumn(name="a", type=ColumnType.TEXT),), rows=(("x",),)
                    )
                },
            ),
            ["Lookup k is new."],
        ),
    ],
)
def test_a_new_version_says_what_changed(after: DatasetPolicy, told: list[str]) -> None:
    assert list(schema_changes(LOANS, after)) == told


def test_many_changes_are_counted() -> None:
    many = {f"c{n}": AMOUNT for n in range(100)}
    told = schema_changes(LOANS, _with_columns(firm=Column(type=ColumnType.INTEGER), amount=AMOUNT, **many))
    assert len(told) == MOST + 1
    assert told[-1] == "and 80 more changes."


CITED = Citation(
    name="loans",
    title="Loans",
    provider="Bank of Example",
    source="Register, https://bank.example/.",
    version=3,
    day=date(2026, 3, 2),
    site="Example Sandbox",
    address="https://data.example/services/portal/datasets/loans",
)


def test_a_citation_names_provider_version_day_source_and_place() -> None:
    assert CITED.text == (
        "Bank of Example (2026). Loans, version 3 of 2026-03-02 [Data set]. Example Sandbox. "
        "https://data.example/services/portal/datasets/loans. Source: Register, https://bank.example/."
    )
    assert CITED.csl["type"] == "dataset"
    assert CITED.csl["issued"] == {"date-parts": [[2026, 3, 2]]}
    assert CITED.bibtex.startswith("@misc{loans-v3,\n")


@pytest.mark.parametrize(
    "text",
    [r"}}, \input{/etc/passwd}, {{", "100 % of $5 & #1_2 ~ ^", "two\nlines }\n@misc{other,"],
)
def test_what_an_owner_writes_does_not_leave_its_field_in_bibtex(text: str) -> None:
    entry = replace(CITED, title=text, provider=text, source=text).bibtex
    assert len(re.findall(r"(?m)^@", entry)) == 1
    assert r"\input" not in entry
    bare = re.sub(r"\\[{}%&$#_]", "", entry)  # what stands there as itself
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    for sign in "%&$#":
        assert sign not in bare
