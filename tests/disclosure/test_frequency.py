"""Small cells, in the file's own counts and by the platform's recomputation. Each attack has its harmless twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.disclosure.frequency import check_frequency_table
from sandbox.disclosure.table import Table, read_table
from sandbox.domain.evidence import (
    Evidence,
    EvidenceRow,
    Exact,
    MeasureKind,
    evidence_document,
    evidence_from_document,
)
from sandbox.domain.findings import Finding, Verdict, for_requester, worst
from sandbox.domain.policy import Scalar

KEYS: Mapping[str, tuple[Scalar, ...]] = {
    "sex": ("f", "m"),
    "foreign": (False, True),
    "credits": (1, 2, 3, 4),
    "band": ("18-29", "30-49", "50+"),
}


def table_of(text: str) -> Table:
    table, findings = read_table("t.csv", text.encode())
    assert table is not None, findings
    return table


def check(text: str, evidence: Evidence | None = None, threshold: int = 10) -> list[Finding]:
    return check_frequency_table(
        "t.csv",
        table_of(text),
        threshold=threshold,
        evidence=evidence,
        keys=KEYS,
        unit_column="applicant_id",
        noun="applicant",
    )


def failed(findings: list[Finding]) -> set[str]:
    return {f.check for f in findings if f.verdict is Verdict.FAIL}


# Without a question. (attack, the check that fails, the cell, a harmless twin)
ATTACKS: dict[str, tuple[str, str, tuple[int | None, str], str]] = {
    "small count": (
        "sex,n\nf,9\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,10\nm,130\n",
    ),
    "count of one": (
        "sex,n\nf,120\nm,1\n",
        "small_count",
        (1, "n"),
        "sex,n\nf,120\nm,11\n",
    ),
    "count as a float": (
        "sex,n\nf,3.0\nm,\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,30.0\nm,\n",
    ),
    "digits of another script": (
        "sex,n\nf,٣\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,٣٣\nm,130\n",
    ),
    "full-width digits": (
        "sex,n\nf,３\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,３３\nm,130\n",
    ),
    "leading zeros": (
        "sex,n\nf,003\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,033\nm,130\n",
    ),
    "exponent": (
        "sex,n\nf,3e0\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,3e1\nm,130\n",
    ),
    "count with its share": (
        "sex,x\nf,7 (5%)\nm,133 (95%)\n",
        "small_count",
        (0, "x"),
        "sex,x\nf,70 (35%)\nm,130 (65%)\n",
    ),
    "crosstab": (
        "sex,good,bad\nf,100,4\nm,90,40\n",
        "small_count",
        (0, "bad"),
        "sex,good,bad\nf,100,14\nm,90,40\n",
    ),
    "another name": (
        "sex,weight\nf,4\nm,130\n",
        "small_count",
        (0, "weight"),
        "sex,weight\nf,14\nm,130\n",
    ),
    "a key's name over counts": (
        "sex,credits\nf,7\nm,130\n",
        "small_count",
        (0, "credits"),
        "sex,credits,n\nf,1,70\nm,2,130\n",
    ),
    "a tight bound": (
        "sex,n\nf,<3\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,<10\nm,130\n",
    ),
    "a word among counts": (
        "sex,n\nf,4\nm,many\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,40\nm,130\n",
    ),
    "rounded to 5": (
        "sex,n\nf,5\nm,130\n",
        "small_count",
        (0, "n"),
        "sex,n\nf,15\nm,130\n",
    ),
    "mean of a suppressed count": (
        "sex,n,mean\nf,,31.5\nm,130,33.2\n",
        "suppressed_beside",
        (0, "mean"),
        "sex,n,mean\nf,,\nm,130,33.2\n",
    ),
    "suppressed, with the total": (
        "sex,n\nf,\nm,130\nTotal,134\n",
        "implied_count",
        (2, "n"),
        "sex,n\nf,\nm,\nTotal,134\n",
    ),
    "left out, with the total": (
        "band,n\n18-29,50\n30-49,61\nAll,114\n",
        "implied_count",
        (2, "n"),
        "band,n\n18-29,50\n30-49,61\nAll,131\n",
    ),
    "suppressed in a row with its total": (
        "sex,good,bad,total\nf,100,,103\nm,90,41,131\n",
        "implied_count",
        (0, "total"),
        "sex,good,bad,total\nf,100,,123\nm,90,41,131\n",
    ),
    "suppressed within a group": (
        "sex,band,n\nf,18-29,\nf,30-49,41\nf,total,44\nm,18-29,51\nm,30-49,52\nm,total,103\n",
        "implied_count",
        (2, "n"),
        "sex,band,n\nf,18-29,\nf,30-49,41\nf,total,64\nm,18-29,51\nm,30-49,52\nm,total,103\n",
    ),
    "the unit column": (
        "applicant_id,n\n12,130\n",
        "identifier",
        (None, "applicant_id"),
        "sex,n\nf,130\n",
    ),
    "an identifier": (
        "sex,loan_id\nf,88123\n",
        "identifier",
        (None, "loan_id"),
        "sex,n\nf,88123\n",
    ),
    "the largest value": (
        "sex,n,max_amount\nf,120,18424\n",
        "extreme",
        (None, "max_amount"),
        "sex,n,mean_amount\nf,120,2424.5\n",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_small_cells_fails_at_its_cell_and_its_twin_does_not(attack: str) -> None:
    bad, rule, (row, column), good = ATTACKS[attack]
    findings = [f for f in check(bad) if f.check == rule and f.verdict is Verdict.FAIL]
    assert (row, column) in {(f.row, f.column) for f in findings}
    assert all(f.reason and f.fix and f.source and f.place for f in findings)
    assert failed(check(good)) == set()


REVIEWS = {
    "no question": ("sex,n\nf,120\nm,130\n", "not_recomputed"),
    "no count": ("sex,mean\nf,31.5\nm,33.2\n", "no_count"),
    "means without counts": ("sex,mean\nf,31.5\nm,33.2\n", "no_count_beside"),
    "only words": ("sex,note\nf,fine\nm,good\n", "no_count"),
    "a zero": ("sex,n\nf,0\nm,130\n", "zero_cell"),
    "below zero": ("sex,n\nf,-4\nm,130\n", "negative_count"),
    "numbers and words": ("sex,value\nf,12.5\nm,about 13\n", "unreadable"),
    "decimal commas": ('sex,value\nf,"12,5"\nm,13.5\n', "unreadable"),
    "a key by its name only": ("year,n\n2013,120\n2014,130\n", "taken_as_key"),
    "a whole group in one cell": (
        "sex,foreign,n\nf,true,130\nf,false,0\nm,true,60\nm,false,70\n",
        "group_disclosure",
    ),
    "nearly a whole group": (
        "sex,foreign,n\nf,true,330\nf,false,12\nm,true,60\nm,false,70\n",
        "group_disclosure",
    ),
    "rows of people": (",".join("abcdefghij") + ",n\n" + "y," * 10 + "12\n", "many_keys"),
    "a rounded remainder": ("sex,n\nf,\nm,130\nTotal,135\n", "implied_count"),
}


@pytest.mark.parametrize("case", REVIEWS)
def test_what_cannot_be_known_from_the_file_goes_to_a_person(case: str) -> None:
    text, rule = REVIEWS[case]
    findings = check(text)
    assert rule in {f.check for f in findings if f.verdict is Verdict.REVIEW}
    assert worst(findings) is Verdict.REVIEW


@given(st.lists(st.integers(0, 40), min_size=2, max_size=30), st.integers(3, 30))
def test_exactly_the_counts_from_one_to_below_the_threshold_fail(counts: list[int], threshold: int) -> None:
    text = "label,n\n" + "".join(
        f"g{'abcdefghij'[i % 10]}{'abc'[i // 10]},{n}\n" for i, n in enumerate(counts)
    )
    rows = {f.row for f in check(text, threshold=threshold) if f.check == "small_count"}
    assert rows == {i for i, n in enumerate(counts) if 0 < n < threshold}


def test_letters_that_may_mean_suppressed_are_labels_in_a_column_of_labels() -> None:
    assert failed(check("grade,n,mean\nc,20,3.5\ns,30,4.5\n")) == set()
    assert failed(check("sex,n,mean\nf,c,3.5\nm,c,4.5\n")) == {"suppressed_beside"}
    assert failed(check("sex,deaths,mean\nf,,3.5\nm,-,4.5\n")) == {"suppressed_beside"}


# With a question: the platform's own numbers.


def evidence(
    *cells: tuple[tuple[Scalar | None, ...], Mapping[str, Exact], int],
    keys: tuple[str, ...] = ("sex",),
    kinds: Mapping[str, MeasureKind] | None = None,
) -> Evidence:
    rows = tuple(EvidenceRow(key=key, values=values, units=units, rows=units) for key, values, units in cells)
    return Evidence(sql="SELECT …", keys=keys, rows=rows, kinds=kinds or {"n": MeasureKind.COUNT_ROWS})


EXACT = evidence((("f",), {"n": 123}, 123), (("m",), {"n": 131}, 131))


def test_a_file_that_holds_is_reproduced_and_passes() -> None:
    findings = check("sex,n\nf,123\nm,131\n", EXACT)
    assert worst(findings) is Verdict.PASS
    assert any(f.check == "reproduced" and "2 numbers" in f.reason for f in findings)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sex,n\nf,124\nm,131\n", "row 1, column n"),
        ("sex,n\nf,123\nm,131.5\n", "row 2, column n"),
        ("sex,n\nf,123\nx,131\n", "row 2"),
        ("sex,n\nf,123\nf,123\n", "row 2"),
        ("gender,n\nf,123\nm,131\n", ""),
        ("sex,count\nf,123\nm,131\n", ""),
        ("sex,n\nf,about 123\nm,131\n", "row 1, column n"),
        ("sex,n\nf,120\nm,131\n", "row 1, column n"),  # one rounded cell is no rounding
        ("sex,n\nf,130\nm,130\n", "row 1, column n"),  # a multiple, but not the nearest
    ],
)
def test_a_forged_table_is_not_reproduced_and_its_cell_is_named(text: str, place: str) -> None:
    findings = check(text, EXACT)
    places = {f.place for f in findings if f.check == "not_reproduced"}
    assert place in places
    assert worst(findings) is Verdict.FAIL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sex,n\nf,125\nm,130\n", "rounded to 5"),
        ("sex,n\nf,120\nm,130\n", "rounded to 10"),
        ("sex,n\nf,126\nm,132\n", "rounded to 6"),
        ("sex,n\nf,123\nm,129\n", "midpoints of 6"),
        ("sex,n\nf,\nm,130\n", "rounded to 5"),
    ],
)
def test_rounded_counts_are_recognised(text: str, words: str) -> None:
    findings = check(text, EXACT)
    assert any(f.check == "rounding" and words in f.reason for f in findings)
    assert worst(findings) is Verdict.PASS


def test_twenty_rows_of_one_person_are_one_unit() -> None:
    one = Evidence(
        sql="", keys=("sex",), kinds={"n": MeasureKind.COUNT_ROWS},
        rows=(EvidenceRow(key=("f",), values={"n": 20}, units=1, rows=20),),
    )  # fmt: skip
    assert failed(check("sex,n\nf,20\n", one)) == {"small_cell"}
    twenty = replace(one, rows=(replace(one.rows[0], units=20),))
    assert failed(check("sex,n\nf,20\n", twenty)) == set()
    # The positive control of the whole idea: without the question the same file looks fine.
    assert failed(check("sex,n\nf,20\n")) == set()


def test_a_small_group_may_be_listed_when_its_numbers_are_suppressed() -> None:
    small = evidence((("f",), {"n": 4}, 4), (("m",), {"n": 131}, 131))
    assert failed(check("sex,n\nf,4\nm,131\n", small)) == {"small_count"}
    assert failed(check("sex,n\nf,14\nm,131\n", small)) == {"small_cell", "not_reproduced"}
    assert failed(check("sex,n\nf,,\nm,131,\n".replace(",,", ",").replace("131,", "131"), small)) == set()
    assert failed(check("sex,n\nf,<10\nm,131\n", small)) == set()


def test_rounding_does_not_hide_a_small_cell() -> None:
    small = evidence((("f",), {"n": 8}, 8), (("m",), {"n": 131}, 131))
    assert failed(check("sex,n\nf,10\nm,130\n", small)) == {"small_cell"}


MEANS = evidence(
    (("f",), {"n": 123, "mean": "2877.7741935483"}, 123),
    (("m",), {"n": 131, "mean": "3448.0405797101"}, 131),
    kinds={"n": MeasureKind.COUNT_ROWS, "mean": MeasureKind.AVG},
)


@pytest.mark.parametrize("mean", ["2877.7741935483870", "2877.77", "2877.8", "2877.774193548387"])
def test_a_mean_holds_when_it_rounds_to_the_digits_shown(mean: str) -> None:
    findings = check(f"sex,n,mean\nf,123,{mean}\nm,131,3448.04\n", MEANS)
    assert failed(findings) == set()
    assert any(f.check == "dominance" and f.verdict is Verdict.REVIEW for f in findings)


@pytest.mark.parametrize("mean", ["2877.78", "2877.7", "2878", "2877.77420", "3448.04", "0"])
def test_a_mean_that_is_off_in_its_last_digit_does_not_hold(mean: str) -> None:
    assert failed(check(f"sex,n,mean\nf,123,{mean}\nm,131,3448.04\n", MEANS)) == {"not_reproduced"}


def test_a_total_row_is_added_up() -> None:
    assert worst(check("sex,n\nf,123\nm,131\nTotal,254\n", EXACT)) is Verdict.PASS
    assert failed(check("sex,n\nf,123\nm,131\nTotal,255\n", EXACT)) >= {"not_reproduced"}


def test_a_total_of_units_is_for_a_person_because_units_overlap() -> None:
    units = replace(EXACT, kinds={"n": MeasureKind.COUNT_UNITS})
    findings = check("sex,n\nf,123\nm,131\nTotal,254\n", units)
    assert "not_recomputed" in {f.check for f in findings}
    assert worst(findings) is Verdict.REVIEW


def test_a_column_beyond_the_question_is_for_a_person_and_small_counts_in_it_fail() -> None:
    assert worst(check("sex,n,note\nf,123,a\nm,131,b\n", EXACT)) is Verdict.REVIEW
    assert failed(check("sex,n,deaths\nf,123,2\nm,131,40\n", EXACT)) == {"small_count"}


def test_boolean_and_whole_number_keys_match_however_they_are_written() -> None:
    two = evidence(
        ((False, 1), {"n": 50}, 50), ((True, 2), {"n": 60}, 60), ((None, 3), {"n": 70}, 70),
        keys=("foreign", "credits"),
    )  # fmt: skip
    findings = check("foreign,credits,n\nFalse,1.0,50\nTRUE,2,60\n,3,70\n", two)
    assert failed(findings) == set()


def test_an_answer_about_everybody_has_one_row() -> None:
    everybody = evidence(((), {"n": 1000}, 1000), keys=())
    assert worst(check("n\n1000\n", everybody)) is Verdict.PASS
    assert failed(check("n\n998\n", everybody)) == {"not_reproduced"}
    assert "not_reproduced" in failed(check("n\n1000\n1000\n", everybody))


def test_an_empty_group_is_noted() -> None:
    empty = evidence((("f",), {"n": 0, "mean": None}, 0), (("m",), {"n": 131, "mean": "5"}, 131))
    assert "zero_cell" in {f.check for f in check("sex,n\nf,0\nm,131\n", empty)}


def test_no_finding_from_raw_rows_says_a_recomputed_number_or_reaches_one_who_may_only_ask() -> None:
    for text in ("sex,n\nf,999\nm,131\n", "sex,n\nf,123\nm,131\n"):
        findings = check(text, EXACT)
        told = " ".join(f"{f.reason} {f.fix} {f.place}" for f in findings if f.row == 0)
        assert "123" not in told
        assert not [
            f
            for f in for_requester(findings, reads_rows=False)
            if f.check in ("reproduced", "not_reproduced")
        ]
        assert for_requester(findings, reads_rows=True) == tuple(findings)
    # Blocked or not must be the same for a right and a wrong guess of a count.
    right, wrong = (
        for_requester(check(f"sex,n\nf,{n}\nm,131\n", EXACT), reads_rows=False) for n in (123, 124)
    )
    assert worst(right) is worst(wrong)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=2), st.integers(0, 40)
)
def test_what_the_requester_sees_is_the_same_whatever_the_raw_rows_hold(
    cells: list[tuple[int, int]], shown: int
) -> None:
    """Two datasets that differ in everything but their public keys: no finding that may be shown tells them apart."""
    kinds = {"n": MeasureKind.COUNT_ROWS, "units": MeasureKind.COUNT_UNITS, "mean": MeasureKind.AVG}
    text = f"sex,n,units,mean\nf,{shown},{shown},3.5\nm,131,,4.5\nTotal,{shown + 131},140,\n"
    one, other = (
        evidence(
            (("f",), {"n": a, "units": b, "mean": str(a)}, b),
            (("m",), {"n": b, "units": a, "mean": None}, a),
            kinds=kinds,
        )
        for a, b in cells
    )
    assert for_requester(check(text, one), reads_rows=False) == for_requester(
        check(text, other), reads_rows=False
    )


def test_the_comparison_above_can_fail() -> None:
    other = evidence((("f",), {"n": 124}, 124), (("m",), {"n": 131}, 131))
    one, two = (for_requester(check("sex,n\nf,123\nm,131\n", e), reads_rows=True) for e in (EXACT, other))
    assert one != two


def test_a_small_number_is_shown_to_its_writer_with_a_question_as_without() -> None:
    for given_evidence in (None, EXACT):
        findings = for_requester(check("sex,n\nf,4\nm,131\n", given_evidence), reads_rows=False)
        assert failed(list(findings)) == {"small_count"}


def test_evidence_survives_its_way_through_json() -> None:
    assert evidence_from_document(evidence_document(MEANS)) == MEANS
