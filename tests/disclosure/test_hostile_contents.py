"""Hostile contents under innocent names: whatever reaches a reviewer, and whatever leaves, was written by us."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sandbox.disclosure.judge import Judged, judge
from sandbox.disclosure.notebook import write_notebook
from sandbox.domain.check_terms import FILE_TYPES
from sandbox.domain.findings import Verdict, worst
from sandbox.domain.outputs import Declared, OutputKind
from sandbox.domain.policy import ReleaseTerms

TERMS = ReleaseTerms(threshold=10, file_types=FILE_TYPES)
TABLE = b"sex,n\nf,120\nm,130\n"
SECRET = "SECRET7f3a"


def judged(name: str, data: bytes) -> Judged:
    return judge(
        name, data, terms=TERMS, declared=Declared(kind=OutputKind.PLOT, table="t.csv"), beside={"t.csv"}
    )


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("../../etc/table.csv")
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    return out.getvalue()


EXCEL = zipped({"[Content_Types].xml": b"<Types/>", "xl/worksheets/hidden.xml": SECRET.encode()})
# Archives and names: nothing of them is ever opened. (name, content)
ARCHIVES: dict[str, tuple[str, bytes]] = {
    "zip": ("t.csv", zipped({"t.csv": TABLE})),
    "zip as json": ("t.json", zipped({"t.csv": TABLE})),
    "zip as parquet": ("t.parquet", zipped({"t.csv": TABLE})),
    "zip as picture": ("t.png", zipped({"t.csv": TABLE})),
    "zip as text": ("t.txt", zipped({"t.csv": TABLE})),
    "zip that leads out": ("t.csv", zipped({"../../t.csv": TABLE})),
    "zip in a zip": ("t.csv", zipped({"t.zip": zipped({"t.csv": TABLE})})),
    "excel": ("t.csv", EXCEL),
    "excel by its name": ("t.xlsx", EXCEL),
    "gzip": ("t.csv", gzip.compress(TABLE)),
    "gzip bomb": ("t.csv", gzip.compress(b"0" * 10**6)),
    "tar that leads out": ("t.csv", tarred()),
    "pickle": ("t.csv", pickle.dumps([1, 2])),
    "pickle as model": ("model.json", pickle.dumps([1, 2])),
    "name that leads out": ("../t.csv", TABLE),
    "absolute name": ("/etc/t.csv", TABLE),
    "hidden name": (".t.csv", TABLE),
    "name with a line end": ("t\n.csv", TABLE),
    "two endings": ("t.csv.exe", TABLE),
    "name that turns round": ("t\u202evsc.exe", TABLE),
    "empty ending": ("t.", TABLE),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_and_odd_names_are_refused_unopened(case: str) -> None:
    found = judged(*ARCHIVES[case])
    assert worst(found.findings) is Verdict.FAIL
    assert (found.rebuilt, found.shown, found.table) == (b"", b"", None)
    assert all(f.reason and f.fix for f in found.findings)


def test_excel_is_told_why() -> None:
    assert "hidden sheets" in judged("t.csv", EXCEL).findings[0].fix


def png(*, info: PngInfo | None = None, mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (20, 10), "white").save(out, format="PNG", pnginfo=info, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(kind: bytes) -> bytes:
    plain = png()
    return plain[:33] + chunk(kind, SECRET.encode()) + plain[33:]


def with_text(*, compressed: bool) -> bytes:
    info = PngInfo()
    info.add_text("Comment", SECRET, zip=compressed)
    return png(info=info)


def under_glass() -> bytes:
    """Pixels that are there, and that a transparent layer hides."""
    picture = Image.new("RGBA", (20, 10), (255, 255, 255, 255))
    for at, character in enumerate(SECRET):
        picture.putpixel((at, 0), (ord(character), 0, 0, 0))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def in_low_bits() -> bytes:
    picture = Image.new("RGB", (len(SECRET) * 8, 10), (200, 200, 200))
    for at in range(len(SECRET) * 8):
        bit = ord(SECRET[at // 8]) >> (at % 8) & 1
        picture.putpixel((at, 0), (200 + bit, 200, 200))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB").tobytes()


PICTURES = {
    "text": with_text(compressed=False),
    "compressed text": with_text(compressed=True),
    "behind the end": png() + SECRET.encode(),
    "zip behind the end": png() + zipped({SECRET: TABLE}),
    "private chunk": with_chunk(b"prVt"),
    "time": with_chunk(b"tIME"),
    "exif": png(exif=b"Exif\x00\x00" + SECRET.encode()),
    "colour profile": png(icc_profile=SECRET.encode()),
    "palette": png(mode="P"),
    "transparent layer": under_glass(),
}


@pytest.mark.parametrize("case", PICTURES)
def test_of_a_picture_only_pixels_leave(case: str) -> None:
    found = judged("p.png", PICTURES[case])
    assert found.rebuilt.startswith(b"\x89PNG")
    assert SECRET.encode() not in found.rebuilt
    with Image.open(io.BytesIO(found.rebuilt)) as opened:
        opened.load()
        assert not opened.info
        assert opened.mode == "RGB"
    assert found.rebuilt.endswith(b"IEND\xaeB`\x82")
    assert len(set(pixels(found.rebuilt))) == 1


def test_the_lowest_bits_of_a_picture_do_not_leave() -> None:
    hidden = in_low_bits()
    assert len(set(pixels(hidden))) > 1  # the control: they are there
    assert len(set(pixels(judged("p.png", hidden).rebuilt))) == 1


def moving() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("white", "black")]
    frames[0].save(out, format="PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


BROKEN_PICTURES = {
    "moving": moving(),
    "cut off": png()[:48],
    "only a head": b"\x89PNG\r\n\x1a\n" + bytes(30),
    "endless": png()[:16] + struct.pack(">II", 10**6, 10**6) + png()[24:],
}


@pytest.mark.parametrize("case", BROKEN_PICTURES)
def test_a_picture_that_is_none_is_refused(case: str) -> None:
    found = judged("p.png", BROKEN_PICTURES[case])
    assert worst(found.findings) is Verdict.FAIL
    assert found.rebuilt == b""


def test_a_picture_leaves_with_its_table_or_not_at_all() -> None:
    alone = judge("p.png", png(), terms=TERMS)
    assert "plot_without_table" in {f.check for f in alone.findings if f.verdict is Verdict.FAIL}
    assert worst(judged("p.png", png()).findings) is Verdict.REVIEW


MARKUP = {
    "script": "words <script>alert(1)</script> more",
    "broken script": "words <script>alert(1) more",
    "nested tags": "words <scr<script>x</script>ipt>alert(1)</script> more",
    "handler": "words <img src=x onerror=alert(1)> more",
    "svg": "words <svg onload=alert(1)><circle/></svg> more",
    "style": "words <style>body{background:url(http://x)}</style> more",
    "comment": f"words <!-- {SECRET} --> more",
    "open comment": f"words <!-- {SECRET}",
    "frame": "words <iframe src=//x></iframe> more",
    "script link": "words [a](javascript:alert(1)) more",
    "remote picture": "words ![a](http://x/y.png) more",
    "data picture": "words ![a](data:image/png;base64,AAAA) more",
    "picture by reference": "words ![a][b]\n\n[b]: http://x/y.png\n",
    "form": "words <form action=//x><input></form> more",
    "open tag": "words <a href=//x more",
}


@pytest.mark.parametrize("end", ["md", "txt"])
@pytest.mark.parametrize("case", MARKUP)
def test_of_a_text_only_words_leave(case: str, end: str) -> None:
    found = judged(f"t.{end}", MARKUP[case].encode())
    left = found.rebuilt.decode()
    assert left.startswith("words")
    assert found.shown == found.rebuilt
    for trace in ("<", "javascript:", "http:", "data:", "](", SECRET, "alert(1)<"):
        assert trace not in left, trace


def parquet(**more: Any) -> bytes:
    table = pa.table({"sex": ["f", "m"], "n": [120, 130]})
    table = table.replace_schema_metadata({"pandas": SECRET, "x": SECRET})
    out = io.BytesIO()
    pq.write_table(table, out, **more)
    return out.getvalue()


def test_of_parquet_only_cells_leave() -> None:
    data = parquet()
    assert SECRET.encode() in data  # the control: it is there
    found = judged("t.parquet", data)
    assert SECRET.encode() not in found.rebuilt
    again = pq.ParquetFile(io.BytesIO(found.rebuilt))
    assert not again.schema_arrow.metadata
    assert again.read().to_pydict() == {"sex": ["f", "m"], "n": [120, 130]}
    assert found.shown == b"sex,n\nf,120\nm,130\n"


def nested() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"rows": [[1, 2], [3]]}), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        nested(),
        parquet(compression="gzip"),
        parquet(compression="zstd"),
        parquet()[:-6],
        b"PAR1" + bytes(9) + b"PAR1",
    ],
)
def test_parquet_that_is_no_flat_table_is_refused(data: bytes) -> None:
    found = judged("t.parquet", data)
    assert worst(found.findings) is Verdict.FAIL
    assert found.rebuilt == b""


@pytest.mark.parametrize(
    "document",
    [
        [{"sex": "f", "n": 120}, {"sex": "m", "n": 130}],
        {"sex": ["f", "m"], "n": [120, 130]},
        {"columns": ["sex", "n"], "rows": [["f", 120], ["m", 130]]},
    ],
)
def test_flat_json_in_three_forms_leaves_in_one(document: Any) -> None:
    found = judged("t.json", json.dumps(document).encode())
    assert json.loads(found.rebuilt) == [{"sex": "f", "n": 120}, {"sex": "m", "n": 130}]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": {"b": 1}}]',
        '[{"a": [1, 2]}]',
        '[{"a": 1, "a": 2}]',
        '[{"a": 1}, {"b": 2}]',
        '{"a": [1], "b": [1, 2]}',
        '"a"',
        "[1, 2]",
        "[" * 5000 + "]" * 5000,
        '[{"a": "f\\u202e", "n": 120}]',
        '{"cells": [], "nbformat": 4}',
    ],
)
def test_json_that_is_no_flat_table_is_refused(text: str) -> None:
    assert worst(judged("t.json", text.encode()).findings) is Verdict.FAIL


def notebook(**cell: Any) -> bytes:
    book = nbformat.v4.new_notebook(metadata={"secret": SECRET, "widgets": {"state": SECRET}})  # type: ignore[no-untyped-call]
    book.cells.append(
        {
            "id": "a",
            "cell_type": "code",
            "source": "answer.plot()",
            "execution_count": 7,
            "metadata": {"tags": [SECRET]},
            "outputs": [
                {"output_type": "display_data", "data": {"text/html": f"<b>{SECRET}</b>"}, "metadata": {}}
            ],
            **cell,
        }
    )
    return json.dumps(book).encode()


def test_of_a_notebook_only_what_was_typed_leaves() -> None:
    found = judged("n.ipynb", notebook())
    assert SECRET.encode() in notebook()
    assert SECRET not in found.rebuilt.decode() + found.shown.decode()
    book = nbformat.reads(found.rebuilt.decode(), as_version=4)  # type: ignore[no-untyped-call]
    assert [c.source for c in book.cells] == ["answer.plot()"]
    assert book.cells[0].outputs == []
    assert "outputs_stripped" in {f.check for f in found.findings}


def test_a_rebuilt_notebook_is_what_the_formats_own_package_would_write() -> None:
    cells = [("code", "x = 1"), ("markdown", "# Größe"), ("code", "")]
    written = write_notebook(cells)
    book = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    for at, (kind, source) in enumerate(cells, start=1):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        book.cells.append(make(source, id=f"cell-{at}"))  # type: ignore[no-untyped-call]
    nbformat.validate(json.loads(written))
    assert json.loads(written) == book


def test_attachments_and_raw_cells_of_a_notebook_become_words() -> None:
    for kind in ("markdown", "raw"):
        data = notebook(
            cell_type=kind, source="words <script>x</script>", attachments={"a.png": {"image/png": SECRET}}
        )
        left = judged("n.ipynb", data).rebuilt.decode()
        assert SECRET not in left
        assert "<script" not in left
        assert "words" in left


@pytest.mark.parametrize(
    "data",
    [b'{"nbformat": 3, "worksheets": []}', b'{"nbformat": 4, "cells": []}', b'{"nbformat": 4, "cells": [1]}'],
)
def test_a_notebook_that_is_none_is_refused(data: bytes) -> None:
    assert worst(judged("n.ipynb", data).findings) is Verdict.FAIL


def test_rows_leave_in_an_order_that_says_nothing() -> None:
    one = judged("t.csv", b"band,n\n10-14,120\n5-9,130\nTotal,250\n")
    other = judged("t.csv", b"band,n\nTotal,250\n5-9,130\n10-14,120\n")
    assert one.rebuilt == other.rebuilt == b"band,n\n5-9,130\n10-14,120\nTotal,250\n"
    assert one.bits_leaving == other.bits_leaving > 0


def test_what_leaves_is_judged_alike_and_rebuilt_to_the_same_bytes() -> None:
    for name, data in (
        ("t.csv", TABLE),
        ("t.json", json.dumps([{"sex": "f", "n": 120}]).encode()),
        ("t.parquet", parquet()),
        ("t.md", b"# Words\n\nof a report.\n"),
        ("p.png", png()),
        ("n.ipynb", notebook()),
    ):
        first = judged(name, data).rebuilt
        assert first
        assert judged(name, first).rebuilt == first, name
