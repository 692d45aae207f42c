"""What researchers say about their files: read strictly, and believed as far as it adds checks."""

from __future__ import annotations

import json

import pytest

from sandbox.disclosure.declaration import read_acro, read_declarations, split
from sandbox.domain.errors import BadInput
from sandbox.domain.outputs import Declared, Draw, OutputKind

GOOD = b"""\
format: sandbox-outputs-v1
files:
  t.csv:
    kind: magnitude
    dims: [sex]
    statistics: {mean_age: mean, p90: quantile 0.9}
    units: n
    rounding: 5
    n: 1000
    sql: SELECT sex, AVG(age) AS mean_age FROM loans GROUP BY sex
"""


def test_a_declaration_is_read() -> None:
    (declared,) = read_declarations(GOOD).values()
    assert declared == Declared(
        kind=OutputKind.MAGNITUDE,
        dims=("sex",),
        statistics={"mean_age": "mean", "p90": "quantile 0.9"},
        units="n",
        rounding="5",
        n=1000,
        sql="SELECT sex, AVG(age) AS mean_age FROM loans GROUP BY sex",
    )


def test_how_a_plot_is_drawn_is_read() -> None:
    said = b"format: sandbox-outputs-v1\nfiles: {p.png: {kind: plot, table: t.csv, draw: bar, x: sex, y: [n], by: arm}}\n"
    (declared,) = read_declarations(said).values()
    assert (declared.draw, declared.x, declared.y, declared.by) == (Draw.BAR, "sex", ("n",), "arm")
    for wrong, word in ((b"pie", "p.png.draw"), (b"[bar]", "p.png.draw")):
        with pytest.raises(BadInput, match=word):
            read_declarations(said.replace(b"draw: bar", b"draw: " + wrong))
    with pytest.raises(BadInput, match=r"p\.png\.y"):
        read_declarations(said.replace(b"y: [n]", b"y: n"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "format"),
        (b"format: x\n", "format"),
        (b"format: sandbox-outputs-v1\n", "files"),
        (GOOD.replace(b"magnitude", b"vibe"), "kind"),
        (GOOD.replace(b"mean,", b"vibe,"), "statistics.mean_age"),
        (GOOD.replace(b"units:", b"unitz:"), "unitz"),
        (GOOD.replace(b"n: 1000", b"n: many"), "t.csv.n"),
        (GOOD.replace(b"dims: [sex]", b"dims: sex"), "dims"),
        (GOOD.replace(b"t.csv", b"../t.csv"), "name"),
        (GOOD.replace(b"kind: magnitude", b"kind: &a magnitude\n    method: *a"), "aliases"),
        (GOOD + b"  t.csv:\n    kind: text\n", "YAML"),
        (GOOD.replace(b"kind: magnitude", b"kind: !!python/object/apply:os.system [id]"), ""),
        (b"\xff\xfe", "YAML"),
        (b"[" * 3000, "YAML"),
        (b"x" * 300_000, "bytes"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(text: bytes, word: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_declarations(text)
    assert word in f"{refused.value.message} {refused.value.where}"
    assert refused.value.fix


def test_the_declaration_is_no_output_and_is_about_files_that_are_there() -> None:
    declared, outputs = split([("t.csv", b"a"), ("outputs.yaml", GOOD)])
    assert set(declared) == {"t.csv"}
    assert outputs == [("t.csv", b"a")]
    with pytest.raises(BadInput):
        split([("u.csv", b"a"), ("outputs.yaml", GOOD)])


def test_of_acros_results_the_kinds_are_taken_and_its_verdicts_are_not() -> None:
    results = {
        "version": "1.0.2",
        "results": {
            "output_0": {
                "type": "table",
                "status": "pass",
                "command": "acro.crosstab(df.a, df.b)",
                "files": [{"name": "output_0_0.csv", "sdc": {"summary": {"threshold": 0}}}],
            },
            "output_1": {"type": "regression", "status": "pass", "files": [{"name": "output_1_0.csv"}]},
            "output_2": {"type": "custom", "status": "pass", "files": [{"name": "x.csv"}]},
        },
    }
    declared = read_acro(json.dumps(results).encode())
    assert declared == {
        "output_0_0.csv": Declared(kind=OutputKind.FREQUENCY),
        "output_1_0.csv": Declared(kind=OutputKind.REGRESSION),
        "x.csv": Declared(kind=OutputKind.UNKNOWN),
    }
    assert read_acro(b'[{"sex": "f", "n": 120}]') is None
