"""How the tests are shared out among processes: what uses one costly thing together stays together, and goes first."""

from __future__ import annotations

import os

import pytest

# A process of several has no terminal, and would wrap what the command line prints at 80 columns.
os.environ.setdefault("COLUMNS", "200")

# Folders whose tests share an installation, an engine or a whole machine's attention. In the order of their length.
TOGETHER = ("tests/e2e/", "tests/privacy/engines/")
# Of those folders, what brings its own and shares nothing.
APART = ("tests/e2e/test_browser_",)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the group that one process takes whole; the longest groups first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item.nodeid)))
    items.sort(key=_turn)


def group_of(nodeid: str) -> str:
    """The folder for what is shared, else the file.

    >>> group_of("tests/e2e/test_room.py::test_a"), group_of("tests/domain/test_log.py::test_b")
    ('tests/e2e/', 'tests/domain/test_log.py')
    """
    file = nodeid.split("::")[0]
    shared = [folder for folder in TOGETHER if file.startswith(folder) and not file.startswith(APART)]
    return shared[0] if shared else file


def _turn(item: pytest.Item) -> int:
    group = group_of(item.nodeid)
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)
