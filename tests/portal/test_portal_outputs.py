"""Outputs by program and by page: checked before they are submitted, and shown as the platform wrote them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.portal.example_world import World, loans_csv
from tests.portal.markup import dangers

DECLARED = {
    "format": "sandbox-outputs-v1",
    "files": {
        "t.csv": {"kind": "frequency", "dims": ["sex"]},
        "p.png": {"kind": "plot", "table": "t.csv"},
        "n.md": {"kind": "text"},
    },
}
TABLE = b"sex,n\nfemale,60\nmale,40\n"


def picture() -> bytes:
    info = PngInfo()
    info.add_text("Comment", "SECRET7f3a")
    out = io.BytesIO()
    Image.new("RGB", (160, 60), (40, 90, 160)).save(out, format="PNG", pnginfo=info)
    return out.getvalue()


def sent(*names: str) -> list[tuple[str, tuple[str, bytes]]]:
    contents = {"t.csv": TABLE, "p.png": picture(), "n.md": b"# Note\n\nwords <script>x()</script>\n"}
    declared = {**DECLARED, "files": {n: DECLARED["files"][n] for n in names}}  # type: ignore[index]
    files = [("files", (name, contents[name])) for name in names]
    return [*files, ("files", ("outputs.yaml", json.dumps(declared).encode()))]


def test_a_program_is_told_what_the_checks_would_say(world: World) -> None:
    world.granted()
    door = world.program("ana")
    said = door.post("/checks", files=sent("t.csv"), data={"sql": "{}"})
    assert said.status_code == 200, said.text
    body: dict[str, Any] = said.json()
    assert body["threshold"] == 10
    assert body["bits_leaving"]["t.csv"] > 0
    assert body["allowed_actions"] == ["submit"]
    assert "undeclared" not in {f["check"] for f in body["findings"]}
    small = [("files", ("t.csv", TABLE.replace(b"40", b"4")))]
    told = door.post("/checks", files=small, data={"sql": "{}"}).json()
    assert (told["verdict"], told["allowed_actions"]) == ("fail", [])


@pytest.fixture
def many_types(world: World) -> World:
    """A world whose owner lets every type leave."""
    policy = (world.home / "policies" / "datasets" / "loans.yaml").read_text()
    types = "file_types: [csv, json, md, parquet, png, txt, ipynb]"
    world.publish(
        "loans", policy.replace("release: {", "release: {" + types + ", "), {"applications": loans_csv()}
    )
    return world


def test_a_picture_and_a_text_are_shown_as_they_leave(many_types: World) -> None:
    world = many_types
    world.granted()
    door = world.program("ana")
    done = door.post(
        "/releases",
        files=sent("t.csv", "p.png", "n.md"),
        data={"context": "Counts of applicants by sex, with their picture."},
    )
    assert done.status_code == 201, done.text
    assert done.json()["status"] == "submitted"
    page = world.browser("rita").get(f"/releases/{done.json()['id']}").text
    assert "data:image/png;base64," in page
    assert "SECRET7f3a" not in page
    assert "words" in page
    assert [d for d in dangers(page) if not d.startswith("src data:image/png;base64,")] == []
    assert "bits leave" in page
