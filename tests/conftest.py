"""How the tests are shared out among processes: what uses one costly thing together stays together, and goes first."""

from __future__ import annotations

import os
from typing import Any

import pytest

# A process of several has no terminal, and would wrap what the command line prints at 80 columns.
os.environ.setdefault("COLUMNS", "200")

# Folders whose tests share an installation, an engine or a whole machine's attention. In the order of their length.
TOGETHER = ("tests/e2e/", "tests/privacy/engines/")
# Of those folders, what brings its own and shares nothing.
APART = ("tests/e2e/test_browser_",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first."""
    items.sort(key=lambda item: _turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each process takes a whole group."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


def group_of(nodeid: str) -> str:
    """The folder for what is shared, else the file.

    >>> group_of("tests/e2e/test_room.py::test_a"), group_of("tests/domain/test_log.py::test_b")
    ('tests/e2e/', 'tests/domain/test_log.py')
    """
    file = nodeid.split("::")[0]
    shared = [folder for folder in TOGETHER if file.startswith(folder) and not file.startswith(APART)]
    return shared[0] if shared else file


def _turn(nodeid: str) -> int:
    group = group_of(nodeid)
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)
