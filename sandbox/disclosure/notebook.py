"""Notebooks: the code and the words of their cells, and nothing else of them.

Outputs, widgets, attachments, metadata and times are left out, so that what leaves is what a person typed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.disclosure.file_type import invisible_in, wrong_type
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_OUTPUTS
from sandbox.disclosure.writing import check_text, rebuild_text
from sandbox.domain.findings import Finding, Verdict

MAX_CELLS = 500

STRIPPED = Rule(
    "outputs_stripped",
    Verdict.PASS,
    "",
    HANDBOOK_OUTPUTS,
    says="Outputs, widgets, attachments and metadata of a notebook do not leave; said when there were any.",
    standing=True,
)
_FIX = "Save it as a notebook of version 4."


def read_notebook(name: str, data: bytes) -> tuple[list[tuple[str, str]] | None, list[Finding]]:
    """The cells as (code | markdown, source), rebuilt.

    Args:
        data: bytes that passed ``check_file_type``.
    """
    try:
        document = json.loads(data)
        if not isinstance(document, Mapping) or document.get("nbformat") != 4:
            return None, [wrong_type(name, "The content is no notebook of version 4.", _FIX)]
        cells = [_cell(cell) for cell in document.get("cells", ())]
    except (ValueError, TypeError, RecursionError):
        return None, [wrong_type(name, "The content is no notebook that can be read.", _FIX)]
    if not cells or len(cells) > MAX_CELLS:
        return None, [wrong_type(name, f"It has {len(cells)} cells; 1 to {MAX_CELLS} may leave.", _FIX)]
    hidden = next((c for _, source in cells if (c := invisible_in(source))), "")
    if hidden:
        reason = f"A cell holds the invisible character U+{ord(hidden):04X}, which can hide data."
        return None, [wrong_type(name, reason, "Remove it.")]
    dropped = sum(bool(cell.get("outputs")) for cell in document["cells"])
    findings = []
    if dropped:
        findings.append(STRIPPED.file(name, f"The outputs of {dropped} cells are left out."))
    return cells, findings


def _cell(cell: Any) -> tuple[str, str]:
    kind, source = cell["cell_type"], cell["source"]
    text = "".join(source) if isinstance(source, list) else source
    if not isinstance(text, str):
        raise TypeError("source")
    if kind == "code":
        return "code", text.replace("\r\n", "\n").strip("\n")
    return "markdown", rebuild_text(text).strip("\n")  # raw cells too: nothing in them is run or drawn


def check_notebook(name: str, cells: list[tuple[str, str]], *, unit_column: str) -> list[Finding]:
    """Judge what was typed."""
    return [
        finding
        for at, (_, source) in enumerate(cells, start=1)
        for finding in check_text(name, source, unit_column=unit_column, place=f"cell {at}")
    ]


def write_notebook(cells: list[tuple[str, str]]) -> bytes:
    """A notebook of version 4.5 with these cells alone.

    Written by hand: the format's own package takes two seconds to load. The tests ask it whether this is right.
    """
    book = {
        "cells": [
            {
                "cell_type": kind,
                "id": f"cell-{at}",
                "metadata": {},
                "source": source,
                **({"execution_count": None, "outputs": []} if kind == "code" else {}),
            }
            for at, (kind, source) in enumerate(cells, start=1)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
