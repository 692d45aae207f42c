"""A small installation with a real store and a fake engine, for the tests of the journeys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import OperatorError, Unanswered
from sandbox.domain.evidence import Evidence
from sandbox.domain.job import RowFiles
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import ColumnType, DatasetPolicy, Mode
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.proposal import Proposal
from sandbox.privacy.engine import Health
from sandbox.privacy.planning.profile import Counted, Histogram, Profile
from sandbox.privacy.publishing.extracting import ExtractReport
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.shape import ShapedColumn
from sandbox.privacy.remote import EngineUnavailable
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wiring import Sandbox, build
from tests.fake_notebooks import FakeNotebooks

POLICY = """\
name: loans
title: Loans
open_class: conditional
provider: a bank
source: a bank
licence: CC0
owner: olga
unit: {column: id, noun: applicant}
tables:
  loans:
    max_rows: 1000
    columns:
      id: {type: integer}
      sex: {type: text, categories: [female, male]}
      amount: {type: integer, lower: 0, upper: 1000}
budget: {epsilon: '4', project_percent: 100, promise_percent: 1000}
release: {pool: [rita, ravi, rosa]}
"""


@dataclass
class FakeEngine:
    """Answers with numbered bytes. ``fails`` and ``down`` make it fail after, or before, it was asked.

    >>> engine = FakeEngine()
    >>> engine.answer(dataset="d", snapshot="s", sql="SELECT 1", nano=1) == engine.answer(
    ...     dataset="d", snapshot="s", sql="SELECT 1", nano=1)
    False
    """

    fails: bool = False
    down: bool = False
    asked: list[str] = field(default_factory=list)
    profiled: list[str] = field(default_factory=list)
    planned_by: list[tuple[str, Limits]] = field(default_factory=list)
    units: int = 50

    def health(self) -> Health:
        if self.down:
            raise EngineUnavailable
        return Health(ready=True, busy=0)

    def publish(
        self, *, policy: DatasetPolicy, table: str, file: str, withheld: Sequence[str] = ()
    ) -> PublishReport:
        return PublishReport(
            snapshot=content_hash([file, policy_to_document(policy), *sorted(withheld)]),
            rows=3,
            units=3,
            dropped_rows=0,
            rows_without_unit=0,
            emptied={},
            warnings=(),
        )

    def publish_tables(
        self, *, policy: DatasetPolicy, files: Mapping[str, str], withheld: Sequence[str] = ()
    ) -> PublishReport:
        one = self.publish(policy=policy, table="", file=" ".join(files.values()), withheld=withheld)
        return replace(one, rows=3 * len(files))

    def shape(self, *, dataset: str, file: str) -> tuple[ShapedColumn, ...]:
        return (
            ShapedColumn("id", ColumnType.INTEGER, True),
            ShapedColumn("sex", ColumnType.TEXT, True),
            ShapedColumn("amount", ColumnType.INTEGER, True),
        )

    def profile(self, *, dataset: str, snapshot: str) -> Profile:
        """One unit has a row, and that is all; numbered by how often it was asked for."""
        if self.fails:
            raise Unanswered
        self.profiled.append(snapshot)
        rows = Histogram(counted=Counted.ROWS, column="", edges=(1, 2, 3), units=(100, 10, 5), scale=1.0)
        return Profile(table="loans", snapshot=snapshot, nano=1, histograms=(rows,))

    def answer(
        self,
        *,
        dataset: str,
        snapshot: str,
        sql: str,
        nano: int,
        atto_delta: int = 0,
        profile: str = "",
        limits: Limits = NO_LIMITS,
        planned_at: int = 0,
    ) -> bytes:
        self.planned_by.append((profile, limits))
        self.asked.append(sql)
        if self.fails:
            raise Unanswered
        columns = [{"name": "sex", "kind": "key"}, {"name": "n", "kind": "count"}]
        cells = [
            {"sex": sex, "n": {"value": n, "low": n, "high": n}} for sex, n in (("female", 3), ("male", 5))
        ]
        return json.dumps({"draw": len(self.asked), "columns": columns, "rows": cells}).encode()

    def extract(
        self,
        *,
        dataset: str,
        snapshot: str,
        tables: Mapping[str, Sequence[str]],
        target: str,
        max_bytes: int,
        form: RowFiles = RowFiles.PARQUET,
    ) -> ExtractReport:
        raise OperatorError("This engine has no rows.")

    def data_key(self, *, dataset: str) -> DataKey | None:
        return None  # files lie as they are

    def rotate_key(self, *, dataset: str) -> DataKey:
        raise OperatorError("This engine has no keys.")

    def retire_keys(self, *, dataset: str) -> tuple[str, ...]:
        return ()

    def renew_master(self) -> int:
        return 0

    def destroy(self, *, dataset: str) -> tuple[str, ...]:
        return ()

    def evidence(self, *, dataset: str, snapshot: str, sql: str) -> Evidence:
        from sandbox.domain.evidence import EvidenceRow, MeasureKind

        rows = tuple(
            EvidenceRow(key=(sex,), values={"n": self.units}, units=self.units, rows=self.units)
            for sex in ("female", "male")
        )
        return Evidence(sql=sql, keys=("sex",), rows=rows, kinds={"n": MeasureKind.COUNT_ROWS})


ALMA = Person("alma", frozenset({Role.ADMINISTRATOR}))


@dataclass
class World:
    sandbox: Sandbox
    engine: FakeEngine
    grant: Grant
    policy_file: Path
    raw_file: Path
    notebooks: FakeNotebooks = field(default_factory=FakeNotebooks)

    def person(self, name: str) -> Person:
        found = self.sandbox.store.people.get(name)
        assert found is not None
        return found

    def agreed(self) -> Proposal | None:
        """The policy file as it stands is proposed by its owner, where it loosens, and approved by an administrator."""
        proposal = self.sandbox.change_policy.apply(self.person("olga"), self.policy_file).proposal
        if proposal is None:
            return None
        return self.sandbox.change_policy.approve(ALMA, proposal.id)

    def granted(self, *, project: str = "model", name: str = "ana", **words: Any) -> Grant:
        """Another grant, by the whole way: applied for, approved, signed."""
        wish = Wish(
            **{
                "project": project,
                "purpose": "Model the default risk of loans.",
                "output_plan": "Counts by sex.",
                "days": 30,
                **words,
            }
        )
        made = self.sandbox.request_access.apply(self.person(name), dataset="loans", wish=wish)
        self.sandbox.request_access.approve(self.person("olga"), made.id)
        grant = self.sandbox.request_access.sign(self.person(name), made.id)
        assert grant is not None
        return grant

    def actions(self) -> list[str]:
        return [e.event.action for e in reversed(self.sandbox.store.log.newest(limit=500))]

    def spent(self) -> int:
        return self.sandbox.store.ledger.accounts("loans", "model")[0].spent.nano


@pytest.fixture
def clock() -> list[datetime]:
    """The current time, to be moved by a test."""
    return [datetime(2026, 1, 5, 12, tzinfo=UTC)]


@pytest.fixture
def world(tmp_path: Path, clock: list[datetime]) -> Iterator[World]:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "site.yaml").write_text("name: Test\n")
    policy_file, raw_file = policies / "loans.yaml", tmp_path / "loans.csv"
    policy_file.write_text(POLICY)
    raw_file.write_text("id,sex,amount\n1,female,10\n2,male,20\n3,male,30\n")

    def now() -> datetime:
        clock[0] += timedelta(milliseconds=1)
        return clock[0]

    settings = Settings(home=tmp_path / "home", policies=policies)
    store = Store(settings.database, settings.home, now=now, hasher=PasswordHasher(1, 8, 1))
    engine = FakeEngine()
    notebooks = FakeNotebooks()
    sandbox = build(settings, engine=engine, store=store, notebooks=notebooks, clock=now)
    roles = {
        "ana": {Role.RESEARCHER},
        "ben": {Role.RESEARCHER, Role.REVIEWER},
        "olga": {Role.OWNER},
        "rita": {Role.REVIEWER},
        "ravi": {Role.REVIEWER},
        "rosa": {Role.REVIEWER},
        "ada": {Role.AUDITOR},
    }
    for name, has in roles.items():
        store.people.add(
            Person(name, frozenset(has)),
            password="a long password",
            event=Event("t", "person.added", f"person:{name}"),
        )
    olga, ana = (store.people.get(n) for n in ("olga", "ana"))
    assert olga is not None
    assert ana is not None
    sandbox.publish_dataset(olga, policy_file=policy_file, files={"loans": raw_file})
    made = sandbox.request_access.apply(
        ana,
        dataset="loans",
        wish=Wish(
            project="model",
            purpose="Model the default risk of loans.",
            mode=Mode.QUERY,
            days=30,
            output_plan="Counts by sex.",
        ),
    )
    sandbox.request_access.approve(olga, made.id)
    grant = sandbox.request_access.sign(ana, made.id)
    assert grant is not None
    yield World(sandbox, engine, grant, policy_file, raw_file, notebooks)
    store.close()
