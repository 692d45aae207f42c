"""Plots drawn again from their table: of the picture that was sent, nothing leaves."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.mathtext import MathTextParser
from PIL import Image

from sandbox.disclosure.drawing import draw
from sandbox.disclosure.judge import Judged, judge
from sandbox.disclosure.judge_picture import table_behind
from sandbox.disclosure.picture import write_picture
from sandbox.disclosure.table import Table
from sandbox.domain.check_terms import FILE_TYPES
from sandbox.domain.findings import Verdict, worst
from sandbox.domain.outputs import Declared, Draw, OutputKind
from sandbox.domain.policy import ReleaseTerms

TERMS = ReleaseTerms(threshold=10, file_types=FILE_TYPES)
TABLE = b"housing,n,mean_age\nown,713,36.1\nrent,179,30.2\nfree,108,43.8\n"
BARS = Declared(kind=OutputKind.PLOT, table="t.csv", draw=Draw.BAR, x="housing", y=("n",))


def sent(colour: str = "white", *, hidden: int = 0) -> bytes:
    """A picture, with a number in pixels that no eye tells apart."""
    picture = Image.new("RGB", (64, 48), colour)
    for at in range(64):
        if hidden >> at & 1:
            picture.putpixel((at, 7), (0, 0, 0))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def judged(declared: Declared, *, picture: bytes = b"", table: bytes = TABLE, name: str = "t.csv") -> Judged:
    files = [(name, table), ("plot.png", picture or sent())]
    behind = table_behind(declared, files, terms=TERMS, policy=None)
    return judge("plot.png", files[1][1], terms=TERMS, declared=declared, beside={name}, behind=behind)


def test_what_leaves_depends_on_the_table_alone() -> None:
    first, second = (judged(BARS, picture=sent(hidden=secret)) for secret in (0xBEEF, 0x1234))
    assert first.rebuilt == second.rebuilt
    assert b"IDAT" in first.rebuilt
    assert b"tEXt" not in first.rebuilt
    assert judged(BARS, table=TABLE.replace(b"713", b"613")).rebuilt != first.rebuilt
    pixels = [
        judged(replace(BARS, draw=Draw.PIXELS), picture=sent(hidden=s)).rebuilt for s in (0xBEEF, 0x1234)
    ]
    assert pixels[0] != pixels[1], "the control: as pixels, the number leaves"


def test_the_order_of_the_tables_rows_is_not_drawn() -> None:
    lines = TABLE.splitlines(keepends=True)
    shuffled = b"".join([lines[0], *reversed(lines[1:])])
    assert judged(BARS, table=shuffled).rebuilt == judged(BARS).rebuilt


def test_it_needs_nobody_to_look_for_single_units_in_its_pixels() -> None:
    drawn = judged(BARS)
    assert [(f.check, f.verdict) for f in drawn.findings] == [("drawn_again", Verdict.PASS)]
    assert drawn.bits_leaving < judged(replace(BARS, draw=Draw.PIXELS)).bits_leaving + 200
    assert "for_a_person" in {f.check for f in judged(replace(BARS, draw=Draw.PIXELS)).findings}


@pytest.mark.parametrize("how", [Draw.BAR, Draw.LINE, Draw.HISTOGRAM, Draw.SCATTER])
@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_each_way_to_draw_gives_a_picture(how: Draw, ending: str) -> None:
    said = Declared(kind=OutputKind.PLOT, table=f"t.{ending}", draw=how, x="n", y=("mean_age",))
    table = judge(f"t.{ending}", _as(ending), terms=TERMS).rebuilt
    found = judged(said, table=table, name=f"t.{ending}")
    assert worst(found.findings) is Verdict.PASS
    with Image.open(io.BytesIO(found.rebuilt)) as picture:
        assert picture.size == (840, 528)
        assert len(picture.getcolors(1 << 20) or []) > 8, "something is drawn on it"


def _as(ending: str) -> bytes:
    import pandas as pd

    frame, out = pd.read_csv(io.BytesIO(TABLE)), io.BytesIO()
    if ending == "parquet":
        frame.to_parquet(out, index=False)
        return out.getvalue()
    return frame.to_json(orient="records").encode() if ending == "json" else TABLE


LONG = b"day,arm,n\n" + b"".join(b"%d,%s,%d\n" % (d, a, 90 - d) for d in range(9) for a in (b"one", b"two"))


def test_series_may_stand_in_rows_and_a_suppressed_number_is_a_gap() -> None:
    said = Declared(kind=OutputKind.PLOT, table="t.csv", draw=Draw.LINE, x="day", y=("n",), by="arm")
    whole, gap = (judged(said, table=t) for t in (LONG, LONG.replace(b"4,two,86", b"4,two,<10")))
    assert worst(whole.findings) is worst(gap.findings) is Verdict.PASS
    assert whole.rebuilt != gap.rebuilt


def test_totals_are_left_out() -> None:
    assert judged(BARS, table=TABLE + b"total,1000,36.0\n").rebuilt == judged(BARS).rebuilt


CANNOT: dict[str, tuple[dict[str, Any], bytes]] = {
    "a column that is not there": ({"x": "region"}, TABLE),
    "numbers that are words": ({"x": "n", "y": ("housing",)}, TABLE),
    "nothing to draw": ({"y": ()}, TABLE),
    "no axis": ({"x": ""}, TABLE),
    "points at words": ({"draw": Draw.SCATTER}, TABLE),
    "two rows for one bar": ({}, TABLE + b"own,14,30.0\n"),
    "two rows for one bar of a series": ({"by": "mean_age"}, TABLE + b"own,14,36.1\n"),
    "two columns in series": ({"y": ("n", "mean_age"), "by": "housing"}, TABLE),
    "more bars than can be read": ({}, b"housing,n,m\n" + b"".join(b"h%d,10,1\n" % n for n in range(61))),
    "more series than can be told apart": ({"x": "mean_age", "by": "housing"}, b"housing,n,mean_age\n" + b"".join(b"h%d,10,1\n" % n for n in range(9))),
    "more points than can be seen": ({"draw": Draw.LINE}, b"housing,n\n" + b"".join(b"%d,10\n" % n for n in range(2001))),
    "only suppressed numbers": ({}, b"housing,n\nown,<10\nrent,\n"),
    "only a total": ({}, b"housing,n\ntotal,100\n"),
    "no table": ({}, b"nothing\x00"),
    "an empty table": ({}, b"housing,n\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_drawn_fails_and_its_pixels_do_not_leave_instead(case: str) -> None:
    changes, table = CANNOT[case]
    found = judged(replace(BARS, **changes), table=table)
    assert [(f.check, f.verdict) for f in found.findings] == [("cannot_be_drawn", Verdict.FAIL)]
    assert found.rebuilt == b""


@pytest.mark.parametrize("table", ["", "other.csv"])
def test_a_plot_without_its_table_in_the_request_fails(table: str) -> None:
    found = judged(replace(BARS, table=table))
    assert "plot_without_table" in {f.check for f in found.findings if f.verdict is Verdict.FAIL}


def test_a_picture_of_itself_is_no_table() -> None:
    found = judged(replace(BARS, table="plot.png"))
    assert worst(found.findings) is Verdict.FAIL


FORMULA = r"$\frac{1}{$"


def test_names_and_labels_are_drawn_as_they_stand_and_never_read_as_formulas() -> None:
    with pytest.raises(ValueError, match="frac"):
        MathTextParser("agg").parse(FORMULA)  # the control: read as one, it is a mistake
    said = replace(BARS, x=FORMULA, y=("$n$",))
    table = Table((FORMULA, "$n$"), ((r"$\int$", "12"), ("x\\$y$", "14"), ("很", "15"), ("a" * 400, "13")))
    assert draw(table, said, name="t$1$.csv").size == (840, 528)


def test_the_same_table_gives_the_same_bytes_also_among_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    table = Table(("x", "n"), (("a", "12"), ("b", "30")))
    said = replace(BARS, x="x")
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: write_picture(draw(table, said, name="t.csv")), range(8)))
    assert len(made) == 1
