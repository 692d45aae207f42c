"""Repairs in the notebook: at the cells that the platform named, with all that has to go with them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox.client as client
from sandbox.client.declare import NAME
from sandbox.client.suppression import _determined, cells_to_hide, equations
from sandbox.disclosure.declaration import read_declarations, split
from sandbox.disclosure.judge import judge
from sandbox.domain.findings import Verdict, worst
from sandbox.domain.outputs import OutputKind
from sandbox.domain.policy import ReleaseTerms

TERMS = ReleaseTerms(threshold=10)


def platform(request: httpx.Request) -> httpx.Response:
    """The platform's own engine behind the address of checks."""
    import email
    import email.policy

    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + request.read(), policy=email.policy.HTTP).iter_parts()  # type: ignore[attr-defined]
    files = [(p.get_filename(), p.get_payload(decode=True)) for p in parts if p.get_filename()]
    declared, outputs = split(files)
    (name, content), *_ = outputs
    judged = judge(name, content, terms=TERMS, declared=declared.get(name))
    findings = [{**_as_dict(f), "verdict": str(f.verdict)} for f in judged.findings]
    body = {
        "verdict": str(worst(judged.findings)),
        "findings": findings,
        "bits_leaving": {name: judged.bits_leaving},
        "threshold": TERMS.threshold,
        "allowed_actions": [],
    }
    return httpx.Response(200, json=body)


def _as_dict(finding: Any) -> dict[str, Any]:
    return {key: getattr(finding, key) for key in finding.__slots__}


@pytest.fixture
def box(tmp_path: Path) -> client.Sandbox:
    return client.connect(
        "http://portal", "token", outbox=tmp_path / "outbox", transport=httpx.MockTransport(platform)
    )


def write(box: client.Sandbox, text: str) -> None:
    (box.outbox / "t.csv").write_text(text)


def read(box: client.Sandbox) -> str:
    return (box.outbox / "t.csv").read_text()


def failures(checked: client.Checked) -> set[str]:
    return set(checked.findings.query("verdict == 'fail'").check)


def test_one_call_suppresses_a_small_cell_and_what_would_give_it_away(box: client.Sandbox) -> None:
    write(box, "sex,n\nf,60\nm,40\nx,3\nTotal,103\n")
    checked = box.check("t.csv")
    assert checked.verdict == "fail"
    mended = checked.suppress()
    assert read(box) == "sex,n\nf,60\nm,\nx,\nTotal,103\n"
    assert failures(mended) == set()


def test_suppressing_only_the_small_cell_would_not_do(box: client.Sandbox) -> None:
    write(box, "sex,n\nf,60\nm,40\nx,\nTotal,103\n")
    assert failures(box.check("t.csv")) == {"implied_count"}


def test_numbers_beside_a_small_count_go_with_it(box: client.Sandbox) -> None:
    write(box, "sex,n,mean_age\nf,60,31.5\nx,3,40.5\n")
    assert failures(box.check("t.csv").suppress()) == set()
    assert read(box) == "sex,n,mean_age\nf,60,31.5\nx,,\n"


def test_one_call_rounds_counts_and_their_total(box: client.Sandbox) -> None:
    write(box, "sex,n\nf,61\nm,42\nTotal,103\n")
    box.check("t.csv").round(5)
    assert read(box) == "sex,n\nf,60\nm,40\nTotal,100\n"


def test_one_call_merges_bands_that_are_too_small(box: client.Sandbox) -> None:
    write(box, "band,n\n18-29,60\n30-49,40\n50-69,7\n70+,6\n")
    assert failures(box.check("t.csv").merge_bands()) == set()
    assert read(box) == "band,n\n18-29,60\n30-49,40\n50-69 + 70+,13\n"


def test_means_cannot_be_merged(box: client.Sandbox) -> None:
    write(box, "band,n,mean_age\n18-29,60,25.5\n70+,6,80.5\n")
    with pytest.raises(client.BadInput, match="Only counts"):
        box.check("t.csv").merge_bands()


def test_the_coloured_table_is_html_without_script_and_escapes_what_it_shows(box: client.Sandbox) -> None:
    write(box, "sex,n\n<script>x</script>,3\nm,40\n")
    html = box.check("t.csv")._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "#f8d7d3" in html


def test_what_is_said_about_a_file_goes_along_and_the_platform_reads_it(box: client.Sandbox) -> None:
    import pandas as pd

    frame = pd.DataFrame({"sex": ["f", "m"], "n": [60, 40], "mean_age": [31.25, 30.75]})
    box.output(
        frame,
        "t.csv",
        kind="magnitude",
        dims=["sex"],
        statistics={"mean_age": "mean"},
        units="n",
    )
    box.output(None, "other.png", kind="plot", table="t.csv")
    declared = read_declarations((box.outbox / NAME).read_bytes())
    assert declared["t.csv"].kind is OutputKind.MAGNITUDE
    checked = box.check("t.csv")  # only its own entry is sent: other.png is not
    assert "undeclared" not in set(checked.findings.check)
    assert checked.dims == ("sex",)
    assert checked.bits_leaving > 0


@pytest.mark.parametrize(
    "mistake", [{"kind": "vibe"}, {"kind": "frequency", "dims": ["age"]}, {"kind": "magnitude", "units": "m"}]
)
def test_a_mistake_in_what_is_said_is_named_at_once(box: client.Sandbox, mistake: dict[str, Any]) -> None:
    import pandas as pd

    with pytest.raises(client.BadInput):
        box.output(pd.DataFrame({"sex": ["f"], "n": [60]}), "t.csv", **mistake)


def test_no_hidden_cell_follows_from_the_totals_of_any_small_table() -> None:
    """Every two-way table of three by three with totals, each cell small or large."""
    keys = {
        "a": [*"xxxyyyzzz", "x", "y", "z", *["Total"] * 4],
        "b": [*"uvwuvwuvw", *["Total"] * 3, *"uvw", "Total"],
    }
    adding_up = equations(keys, ["n"], rows=16)
    assert len(adding_up) == 8
    for pattern in product((3, 50), repeat=9):
        values = {(at, "n"): Fraction(value) for at, value in enumerate(pattern)}
        for equation in sorted(adding_up, key=lambda e: e.total[0]):
            values[equation.total] = sum((values[c] for c in equation.parts), Fraction(0))
        small = [cell for cell, value in values.items() if value < 10]
        hidden = cells_to_hide(small, values, adding_up, threshold=10)
        assert set(small) <= hidden
        assert not _determined(set(hidden), adding_up)
        for equation in adding_up:
            gone = [c for c in equation.parts if c in hidden]
            if gone and equation.total not in hidden:
                assert sum(values[c] for c in gone) >= 10


def test_the_comparison_above_can_fail() -> None:
    adding_up = equations({"sex": ["f", "m", "Total"]}, ["n"], rows=3)
    assert _determined({(0, "n")}, adding_up) == {(0, "n")}
    assert worst([]) is Verdict.PASS
