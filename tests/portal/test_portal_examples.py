"""The examples in the portal's docstrings, and in those of its tests, are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from sandbox.portal import csv_files, identity, sign_in
from sandbox.portal.pages import charts, rendering, stages
from tests.portal import example_world, markup


@pytest.mark.parametrize(
    "module", [csv_files, identity, sign_in, rendering, charts, stages, markup, example_world]
)
def test_the_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
