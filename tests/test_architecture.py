"""The house plan, held: which room may import which, and who owns each heavy library.

``domain <- {store, privacy, isolation, disclosure} <- flows <- {portal, cli, demo}``; ``client`` imports nothing else.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Room -> the rooms it may import. Everything else of the package is forbidden to it.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "settings": frozenset({"domain"}),
    "store": frozenset({"domain"}),
    "privacy": frozenset({"domain"}),
    "isolation": frozenset({"domain"}),
    "disclosure": frozenset({"domain"}),
    "post": frozenset({"domain"}),
    "client": frozenset(),
    "flows": frozenset({"domain", "language", "store", "privacy", "isolation", "disclosure"}),
    "wiring": frozenset({"domain", "store", "privacy", "isolation", "disclosure", "flows", "settings"}),
    "hub_session": frozenset({"domain", "settings"}),
    "terminal": frozenset(),
    "language": frozenset(),
    "deploy": frozenset({"domain", "isolation", "settings"}),
    "portal": frozenset({"domain", "language", "store", "flows", "settings", "wiring"}),
    "cli": frozenset(
        {
            "domain",
            "store",
            "privacy",
            "isolation",
            "disclosure",
            "post",
            "flows",
            "settings",
            "wiring",
            "portal",
            "client",
            "deploy",
            "demo",
            "hub_session",
            "language",
            "terminal",
        }
    ),
    "demo": frozenset({"domain", "flows", "settings", "wiring", "hub_session", "terminal"}),
    "hub_config": frozenset({"domain", "store", "flows", "settings", "wiring", "isolation"}),
}
ENTRANCES = {"__init__", "__main__"}  # these name rooms for the outside

# Library -> the only rooms that may import it.
OWNERS: dict[str, frozenset[str]] = {
    "sqlglot": frozenset({"privacy"}),
    "ibis": frozenset({"privacy"}),
    "duckdb": frozenset({"privacy"}),
    "opendp": frozenset({"privacy"}),
    "psycopg": frozenset({"privacy"}),  # the store reaches PostgreSQL through sqlalchemy
    "pyspark": frozenset(),  # a session is handed in
    "pyarrow": frozenset({"privacy", "disclosure"}),
    "sqlalchemy": frozenset({"store"}),
    "alembic": frozenset({"store"}),
    "cryptography": frozenset({"store", "privacy"}),
    "fsspec": frozenset({"privacy"}),
    "argon2": frozenset({"store"}),
    "pyotp": frozenset({"store"}),
    "ruamel": frozenset({"store", "disclosure", "deploy"}),
    "PIL": frozenset({"disclosure"}),
    "nbformat": frozenset({"demo"}),
    "kubernetes_asyncio": frozenset({"hub_config"}),
    "kubespawner": frozenset({"hub_config"}),
    "oauthenticator": frozenset({"hub_config"}),
    "segno": frozenset({"portal", "cli"}),
    "smtplib": frozenset({"post"}),
    "docker": frozenset({"isolation"}),
    "packaging": frozenset({"isolation"}),
    "jupyterhub": frozenset({"hub_config", "portal"}),
    "fastapi": frozenset({"portal"}),
    "pandas": frozenset({"client", "disclosure", "demo"}),
    "scipy": frozenset({"disclosure"}),
    "matplotlib": frozenset({"client", "disclosure"}),
    "typer": frozenset({"cli"}),
    "babel": frozenset({"language"}),
}


def room_of(path: Path, root: Path) -> str:
    """The room that a file belongs to."""
    parts = path.relative_to(root).with_suffix("").parts
    return parts[1] if parts[0] == "sandbox" else parts[0]


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names a module imports, also inside functions; those for type checking only count too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(root: Path) -> list[str]:
    """What stands against the plan below ``root``."""
    found = []
    for path in sorted([*root.glob("sandbox/**/*.py"), *root.glob("hub_config/**/*.py")]):
        room = room_of(path, root)
        if room in ENTRANCES:
            continue
        if room not in MAY_IMPORT:
            found.append(f"{path.relative_to(root)}: the room {room} is not in the plan")
            continue
        for name in set(imports(ast.parse(path.read_text()))):
            first, _, rest = name.partition(".")
            if first == "sandbox" and rest:
                other = rest.split(".")[0]
                if other in MAY_IMPORT and other != room and other not in MAY_IMPORT[room]:
                    found.append(f"{path.relative_to(root)}: {room} imports {other}")
            elif first in OWNERS and room not in OWNERS[first]:
                found.append(f"{path.relative_to(root)}: {room} imports {first}")
            elif room == "domain" and first not in {*sys.stdlib_module_names, "sandbox"}:
                found.append(f"{path.relative_to(root)}: domain imports {first}")
            elif room == "client" and first not in {
                *sys.stdlib_module_names,
                "httpx",
                "pandas",
                "matplotlib",
                "sandbox",
            }:
                found.append(f"{path.relative_to(root)}: client imports {first}")
    return sorted(set(found))


def test_rooms_import_only_along_the_plan() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("sandbox/domain/planted.py", "import sqlalchemy", "domain imports sqlalchemy"),
        ("sandbox/domain/planted.py", "import httpx", "domain imports httpx"),
        ("sandbox/domain/planted.py", "from sandbox.store import Store", "domain imports store"),
        ("sandbox/privacy/planted.py", "from sandbox.disclosure import check", "privacy imports disclosure"),
        ("sandbox/privacy/planted.py", "from sandbox import store", "privacy imports store"),
        ("sandbox/portal/planted.py", "def f():\n    import opendp.prelude", "portal imports opendp"),
        ("sandbox/store/planted.py", "from sandbox.flows import views", "store imports flows"),
        ("sandbox/flows/planted.py", "import smtplib", "flows imports smtplib"),
        ("sandbox/client/planted.py", "from sandbox.domain import errors", "client imports domain"),
        ("sandbox/client/planted.py", "import pydantic", "client imports pydantic"),
        ("sandbox/flows/planted.py", "import docker", "flows imports docker"),
        ("sandbox/elsewhere/planted.py", "", "the room elsewhere is not in the plan"),
        ("hub_config/planted.py", "import sqlalchemy", "hub_config imports sqlalchemy"),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, file: str, code: str, caught: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    assert [v for v in violations(tmp_path) if v.endswith(caught)]


def reads_environment(path: Path) -> bool:
    """True when a module reads or writes the process's environment itself."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv"))
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        for node in ast.walk(ast.parse(path.read_text()))
    )


# The client runs in notebooks, where the platform speaks through the environment. The command line hands the
# environment on to the programs it starts, and takes a person's token from it. What attacks from within a notebook is
# sent there as text, and finds the notebook's token as any program there does.
ENVIRONMENT_READERS = {
    "sandbox/settings.py",
    "sandbox/cli/serve.py",
    "sandbox/cli/ask.py",
    "sandbox/isolation/probe/inside.py",
}


def test_only_settings_reads_the_environment() -> None:
    readers = {str(p.relative_to(ROOT)) for p in ROOT.glob("sandbox/**/*.py") if reads_environment(p)}
    assert readers - ENVIRONMENT_READERS <= {p for p in readers if p.startswith("sandbox/client/")}


def test_a_planted_reader_is_caught(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("import os\nhome = os.environ['HOME']\n")
    assert reads_environment(planted)
