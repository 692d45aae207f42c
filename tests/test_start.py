"""What the start of every process waits for: each restart after a death costs it again, all of them at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

# jsonschema (through nbformat) compiles a grammar of addresses when it is imported: two seconds of a processor.
SLOW = ("jsonschema", "rfc3987_syntax", "nbformat", "pandas", "matplotlib", "sklearn", "pyspark")


def imported(code: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize(
    "process", ["sandbox.wiring", "sandbox.portal", "sandbox.cli.launching", "sandbox.cli.working"]
)
def test_no_process_imports_what_is_slow_to_start(process: str) -> None:
    assert imported(f"import {process}").isdisjoint(SLOW)


def test_the_search_sees_what_is_imported_on_the_way() -> None:
    assert {"nbformat", "jsonschema"} <= imported("import nbformat")
