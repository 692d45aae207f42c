"""Import requests in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from sandbox.domain.errors import Conflict
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.import_request import ImportedFile, ImportState, ImportVerb, step
from sandbox.domain.privacy_loss import Loss
from sandbox.store import Store
from tests.store.world import did, furnish

FILES = (
    ImportedFile(name="b.csv", sha256="b" * 64, size_bytes=2),
    ImportedFile(name="a.csv", sha256="a" * 64, size_bytes=1),
)
FOUND = (
    Finding(
        file="b.csv", check="linkage", verdict=Verdict.REVIEW, place="column id", reason="Why.", fix="How."
    ),
    Finding(file="a.csv", check="malware", verdict=Verdict.PASS),
)


def test_a_request_is_kept_with_its_files_and_findings_in_their_order(store: Store) -> None:
    grant = furnish(store, cap=Loss(1000))
    made = store.imports.create(
        grant=grant, why="For this.", files=FILES, event=did("import.asked", "import:new")
    )
    assert (made.state, made.files, made.requester) == (ImportState.CHECKING, FILES, grant.person)
    waiting = store.imports.checked(made, step(made.state, ImportVerb.PASS_CHECKS), FOUND, event=did())
    assert store.imports.findings(made.id) == FOUND
    decided = replace(waiting, decided_by="olga", until=date(2026, 4, 1), reason="Fine.", seal=b"\0\xffseal")
    let_in = store.imports.move(decided, step(waiting.state, ImportVerb.LET_IN), event=did())
    assert let_in == replace(decided, state=ImportState.LET_IN, version=3)
    assert store.imports.get(made.id) == let_in
    assert store.imports.of_project(grant.dataset, grant.project, (ImportState.LET_IN,)) == (let_in,)
    assert store.imports.of_project(grant.dataset, "other") == ()
    assert store.imports.in_state(ImportState.LET_IN, owner="olga") == (let_in,)
    assert store.imports.in_state(ImportState.LET_IN, owner="ana") == ()
    assert store.imports.count(grant.dataset, grant.project, state=ImportState.LET_IN) == 1
    assert store.imports.count(grant.dataset, grant.project, since=store.now()) == 1
    assert store.imports.count(grant.dataset, grant.project, since=store.now() + timedelta(seconds=1)) == 0
    assert store.imports.get(99) is None
    told = [e.event.action for e in store.log.newest(limit=3)]
    assert told == ["import.let_in", "import.checked", "import.asked"]


def test_two_that_decide_at_once_decide_once(store: Store) -> None:
    grant = furnish(store, cap=Loss(1000))
    made = store.imports.create(
        grant=grant, why="For this.", files=FILES, event=did("import.asked", "import:new")
    )
    waiting = store.imports.checked(made, step(made.state, ImportVerb.PASS_CHECKS), (), event=did())
    store.imports.move(
        replace(waiting, decided_by="olga"), step(waiting.state, ImportVerb.REFUSE), event=did()
    )
    with pytest.raises(Conflict, match="refused now"):
        store.imports.move(
            replace(waiting, decided_by="alma"), step(waiting.state, ImportVerb.LET_IN), event=did()
        )
    with pytest.raises(Conflict):
        store.imports.checked(made, step(made.state, ImportVerb.PASS_CHECKS), (), event=did())
