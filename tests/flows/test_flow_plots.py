"""A plot's way out: what reviewers see and what leaves was drawn from the table beside it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from PIL import Image

from sandbox.domain.release import Status
from tests.flows.reviewing import GOOD, A, submit, vote

SAID = b"""format: sandbox-outputs-v1
files:
  t.csv: {kind: frequency, dims: [sex], statistics: {n: count}}
  plot.png: {kind: plot, table: t.csv, draw: bar, x: sex, y: [n]}
"""


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(out, format="PNG")
    return out.getvalue()


def out_of(world: Any, colour: str, said: bytes = SAID) -> tuple[bytes, bytes]:
    """The picture that a reviewer is shown, and the one that leaves."""
    world.policy_file.write_text(
        world.policy_file.read_text().replace("release: {pool", "release: {file_types: [csv, png], pool")
    )
    world.agreed()
    grant = world.granted(project=f"plots {colour} {len(said)}")
    files = [("t.csv", GOOD), ("plot.png", picture(colour)), ("outputs.yaml", said)]
    release = submit(world, files=files, grant=grant)
    shown = world.sandbox.see_release.preview(world.person("rita"), release.id, "plot.png").rebuilt
    done = vote(world, release, ("rita", A), ("ravi", A))
    assert done.status is Status.RELEASED
    crate = world.sandbox.see_release.crate(world.person("ana"), release.id)
    with zipfile.ZipFile(io.BytesIO(crate)) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("plot.png"))
        return shown, archive.read(name)


def test_reviewers_see_our_drawing_and_exactly_that_leaves(world: Any) -> None:
    shown, left = out_of(world, "red")
    assert shown == left
    with Image.open(io.BytesIO(left)) as drawn:
        assert drawn.size == (840, 528)
    assert out_of(world, "blue")[1] == left
    pixels = SAID.replace(b"draw: bar, x: sex, y: [n]", b"draw: pixels")
    with Image.open(io.BytesIO(out_of(world, "blue", pixels)[1])) as sent:
        assert sent.size == (30, 20), "the control: without it, the pixels leave"
