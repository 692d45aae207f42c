"""JupyterLab's own buttons: they are taken away as good manners, and the gate refuses what each would have asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.settings import CHECKOUT
from tests.isolation.gate_world import PREFIX, World, a_world, run

NOTEBOOK = CHECKOUT / "images" / "notebook"
UPLOAD = {"type": "file", "format": "base64", "content": "AAAA", "name": "rows.csv", "path": "rows.csv"}

# The extension (or setting) that draws the button, and the request that a click sends.
BUTTONS = [
    ("@jupyterlab/docmanager-extension:download", "GET", "/files/rows.csv?_xsrf=x", None),
    ("@jupyterlab/filebrowser-extension:download", "GET", "/files/outbox/rows.csv?_xsrf=x&download=1", None),
    ("@jupyterlab/notebook-extension:export", "GET", "/nbconvert/html/Welcome.ipynb?download=true", None),
    ("@jupyterlab/notebook-extension:export", "GET", "/nbconvert/pdf/Welcome.ipynb?download=true", None),
    ("@jupyterlab/terminal-extension", "POST", "/api/terminals", None),
    ("@jupyterlab/terminal-extension", "GET", "/terminals/websocket/1", None),
    ("uploader", "PUT", "/api/contents/rows.csv", UPLOAD),
    ("uploader", "PUT", "/api/contents/rows.csv", {**UPLOAD, "chunk": 1}),
    ("uploader", "PUT", "/api/contents/rows.csv", {**UPLOAD, "format": "text", "chunk": -1}),
    ("@jupyterlab/filebrowser-extension:open-url", "GET", "/files/rows.csv", None),
    ("@jupyterlab/extensionmanager-extension", "POST", "/lab/api/extensions", {"cmd": "install"}),
    ("@jupyterlab/apputils-extension:announcements", "GET", "/lab/api/news", None),
    ("@jupyterlab/lsp-extension", "GET", "/lsp/status", None),
]


@pytest.mark.parametrize("button", sorted({button for button, *_ in BUTTONS}))
def test_a_button_is_not_shown(button: str) -> None:
    disabled = json.loads((NOTEBOOK / "page_config.json").read_text())["disabledExtensions"]
    overrides = json.loads((NOTEBOOK / "overrides.json").read_text())
    toolbar = overrides["@jupyterlab/filebrowser-extension:widget"]["toolbar"]
    assert disabled.get(button) or {"name": button, "disabled": True} in toolbar


@pytest.mark.parametrize(("button", "method", "path", "body"), BUTTONS)
def test_the_gate_refuses_what_it_would_have_asked(
    tmp_path: Path, button: str, method: str, path: str, body: object
) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            more = {} if body is None else {"json": body}
            status, _, answer = await world.get(PREFIX + path, method, **more)
            assert status in (403, 405)
            assert json.loads(answer)["reason"] == "gate"
            assert world.jupyter.asked == []
            assert len(world.refusals()) == 1
            if button == "uploader":
                assert "import request" in json.loads(answer)["message"]

    run(test())


def test_what_is_typed_is_saved(tmp_path: Path) -> None:
    """The control: the same address takes text and notebooks."""

    async def save(world: World, model: dict[str, object]) -> int:
        world.jupyter.gives('{"content": null}', status=200)
        return (await world.get(f"{PREFIX}/api/contents/a", "PUT", json=model))[0]

    async def test() -> None:
        async with a_world(tmp_path) as world:
            assert await save(world, {"type": "file", "format": "text", "content": "a,b"}) == 200
            assert await save(world, {"type": "notebook", "format": "json", "content": {"cells": []}}) == 200
            assert len(world.jupyter.asked) == 2

    run(test())
