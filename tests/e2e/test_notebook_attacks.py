"""The red team: in every mode and runtime, in a weak container as its control, and in an open notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cli.attacks import notebook_container
from sandbox.demo.people import ensure_demo_people
from sandbox.isolation.containers import Containers
from sandbox.isolation.probe import ATTACKS, IN_A_CONTAINER, IN_A_NOTEBOOK
from sandbox.isolation.probe.report import Control, Report, Verdict, markdown
from sandbox.isolation.probe.round import OpenNotebook, attack_all, offered
from sandbox.wiring import build
from tests.e2e.conftest import Installation
from tests.e2e.rooms import images, name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def report(running_once: Installation, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One round for all tests of this file, with ana's notebook open."""
    containers = Containers.of_this_host()
    parent: Path = tmp_path_factory.mktemp("attacks")
    with running_once.session("ana") as ana:
        server = str(next(g for g in ana.portal("GET", "grants") if g["holds"])["server_name"])
        ana.start_notebook(server)
        try:
            return attack_all(
                containers,
                images=images(),
                runtimes=offered(containers),
                parent=parent,
                name=name("attack"),
                at="2026-01-01T00:00:00+00:00",
                notebook=OpenNotebook(
                    notebook_container(running_once.settings, "ana", server), "open notebook"
                ),
            )
        finally:
            ana.stop_notebook(server)
            containers.client.close()


def test_nothing_gets_in_that_is_not_allowed_with_a_reason(report: Report) -> None:
    open_or_unclear = {
        (row.name, where): end.words
        for row in report.rows
        for where, end in row.ends.items()
        if end.verdict in (Verdict.OPEN, Verdict.UNCLEAR)
    }
    assert open_or_unclear == {}


def test_every_control_is_caught(report: Report) -> None:
    assert {r.name: r.control_words for r in report.rows if r.control is Control.FAILED} == {}
    caught = sum(row.control is Control.CAUGHT for row in report.rows)
    assert caught >= 0.8 * len(ATTACKS)  # a kernel that lacks more than a fifth of it proves too little


def test_every_mode_and_runtime_was_attacked(report: Report) -> None:
    for where in report.rooms:
        made = sum(where in row.ends for row in report.rows)
        assert made == (len(IN_A_NOTEBOOK) if where == "open notebook" else len(IN_A_CONTAINER)), where
    assert {"query, runc", "job, runc", "room, runc", "open notebook"} <= set(report.rooms)
    assert report.good
    assert "**0 open**" in markdown(report)


def test_nothing_of_it_is_left(report: Report) -> None:
    assert report.rows
    containers = Containers.of_this_host()
    left = [n for n in containers.names("attack") if n.startswith(name("attack"))]
    containers.client.close()
    assert left == []


def test_the_last_report_is_shown(running_once: Installation, report: Report) -> None:
    sandbox = build(running_once.settings)
    ensure_demo_people(sandbox)
    sandbox.record_attacks(report, actor="system:doctor")
    sandbox.store.close()
    shown = running_once.sandbox("doctor", "--report", COLUMNS="400").stdout
    assert "0 open" in shown
    assert "reach the internet by TCP" in shown
