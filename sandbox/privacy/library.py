"""Private answers without a server: publish, estimate, ask, on a folder of one's own.

The same parser, planner, engine and prices as in the sandbox, so that they can be tried, measured and audited by
anyone. The budget is kept in the folder, one file per lineage: charged durably before a row is read, never given
back, and the same question is answered with the same bytes.

>>> data = PrivateData.publish(Path("loans.csv"), policy, folder=Path("private"))     # doctest: +SKIP
>>> data.estimate("SELECT COUNT(*) AS n FROM loans", epsilon=0.1).columns             # doctest: +SKIP
>>> data.ask("SELECT COUNT(*) AS n FROM loans", epsilon=0.1)["rows"]                  # doctest: +SKIP
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.domain.budget import Account, check_affordable
from sandbox.domain.derived import profiled_table
from sandbox.domain.errors import BadInput, Conflict, NotFound, OverBudget, Tampered
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.price import USUAL_EPSILON, ByEpsilon, Price, price_of
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import Question
from sandbox.privacy.answering import deriving
from sandbox.privacy.answering.deriving import best_derivation, derived
from sandbox.privacy.answering.reuse import Wanted, as_asked, refined
from sandbox.privacy.asking.options import agreed_limits, agreed_price, check_options
from sandbox.privacy.asking.parse import Asked, read
from sandbox.privacy.base.buy import Progress, silent
from sandbox.privacy.base.free import free_answer
from sandbox.privacy.base.offer import offer as base_offer
from sandbox.privacy.base.release import BaseRelease, base_document, base_from_document
from sandbox.privacy.base.sample import Sample, sample
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines.holding import EngineLimits, Warehouse
from sandbox.privacy.kept import Heading, KeptAnswers, write_durably
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.planning.prices import priced
from sandbox.privacy.planning.profile import Offer, Profile, offer, profile_document, profile_from_document
from sandbox.privacy.planning.remembered import Remembered
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.views import table_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateData:
    """A published dataset and its budget.

    Attributes:
        profiles: of each table's contributions, where one was bought; public.
        report: what publishing counted. From rows: for the owner's eyes.
    """

    policy: DatasetPolicy
    snapshot: str
    folder: Path
    report: PublishReport
    engine: LocalEngine
    profile: Profile | None = None  # of the table's contributions: bought once for a lineage, then public
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    _plans: Remembered[Plan] = field(default_factory=Remembered, repr=False, compare=False)
    _read_before: Remembered[Heading | None] = field(default_factory=Remembered, repr=False, compare=False)

    @classmethod
    def publish(
        cls,
        raw: Path | Mapping[str, Path],
        policy: DatasetPolicy,
        *,
        folder: Path,
        limits: EngineLimits | None = None,
        new_profile: bool = False,
    ) -> PrivateData:
        """Make the private view of a raw file, and open its lineage's budget if it is new.

        Args:
            raw: a CSV or Parquet file; for several tables, one for each by its name.
            policy: a conditional dataset.
            folder: keeps views and budget; readable by its owner only.
            new_profile: buy a contribution profile of this file, also where the lineage has an earlier one.

        Raises:
            BadInput: the file does not fit the policy, or the policy is not of that kind.
        """
        engine = LocalEngine(folder / "views", limits=limits)
        if not isinstance(raw, Mapping):
            return cls._published(engine, str(raw), policy, folder, new_profile)
        if len(raw) == 1 and set(raw) == set(policy.tables):
            return cls._published(engine, str(raw[next(iter(raw))]), policy, folder, new_profile)
        return cls._published(
            engine, {table: str(file) for table, file in raw.items()}, policy, folder, new_profile
        )

    @classmethod
    def over(
        cls,
        warehouse: Warehouse,
        source: str,
        policy: DatasetPolicy,
        *,
        folder: Path,
        limits: EngineLimits | None = None,
        new_profile: bool = False,
    ) -> PrivateData:
        """The same for a table that stays in its database: the private view is made beside it, and asked there.

        Args:
            warehouse: such as ``sandbox.privacy.engines.postgres.Postgres`` or ``…engines.spark.Spark``.
            source: the raw table's name in it, with or without a schema.
            folder: keeps budget, answers and manifests, but no row.

        Raises:
            BadInput: the table does not fit the policy, or the policy is not of that kind.
        """
        engine = LocalEngine(folder / "views", limits=limits, warehouse=warehouse)
        return cls._published(engine, source, policy, folder, new_profile)

    @classmethod
    def _published(
        cls,
        engine: LocalEngine,
        source: str | Mapping[str, str],
        policy: DatasetPolicy,
        folder: Path,
        new_profile: bool,
    ) -> PrivateData:
        if policy.budget is None or not policy.tables:
            raise BadInput(
                "The policy needs a table and a budget.", where="policy", fix="See policies/README.md."
            )
        if isinstance(source, str) and len(policy.tables) > 1:
            raise BadInput(
                f"The policy has the tables {', '.join(policy.tables)}.",
                where="raw",
                fix="Give a file for each: {table: file}.",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if isinstance(source, str):
            (table,) = policy.tables
            report = engine.publish(policy=policy, table=table, file=source)
        else:
            report = engine.publish_tables(policy=policy, files=source)
        data = cls(policy=policy, snapshot=report.snapshot, folder=folder, report=report, engine=engine)
        bought = {table: data._buy_profile(offer(policy, table), new=new_profile) for table in policy.tables}
        profiles = {table: profile for table, profile in bought.items() if profile is not None}
        return replace(
            data, profiles=profiles, profile=next(iter(profiles.values()), None) if len(bought) == 1 else None
        )

    def estimate(
        self,
        sql: str,
        *,
        epsilon: float | None = None,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        limits: Limits = NO_LIMITS,
    ) -> Plan:
        """Price and expected error of every column. No row is read and nothing is spent."""
        return self._wanted(sql, price_of(epsilon=epsilon, budget=budget, accuracy=accuracy), limits).planned

    def _wanted(self, sql: str, said: Price | None, limits: Limits) -> Wanted:
        asked = read(sql, self.policy)
        check_options(asked.options, delta=self.policy.guarantee.delta)
        price = agreed_price(asked.options, said)
        limits = agreed_limits(asked.options, limits)
        profile = self._profile_for(asked)

        def plan_of(question: Question, target: Loss) -> Plan:
            make = functools.partial(
                plan, question, self.policy, target=target, profile=profile, limits=limits
            )
            return self._plans.get((question, target, limits), make)

        assert self.policy.budget is not None  # noqa: S101 - publish() refuses such a policy
        make = functools.partial(
            priced,
            price,
            functools.partial(plan_of, asked.question),
            budget=self.policy.budget,
            whole=self._cap,
            finish=asked.finish,
        )
        return Wanted(
            asked=asked,
            price=price,
            planned=self._plans.get((asked.question, price, asked.finish, limits), make),
            plan_of=plan_of,
            policy=self.policy,
            snapshot=self.snapshot,
            profile=profile,
            limits=limits,
        )

    def _profile_for(self, asked: Asked) -> Profile | None:
        return self.profiles.get(profiled_table(asked.question.source, self.policy))

    def ask(
        self,
        sql: str,
        *,
        epsilon: float | None = None,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        limits: Limits = NO_LIMITS,
        free: bool = False,
    ) -> dict[str, Any]:
        """A private answer; see ``sandbox.domain.answer`` for its shape.

        Args:
            epsilon: its price; it may stand in the text instead, as OPTIONS(epsilon = …). Without any, it is answered
                free from the base release, where one was bought.
            budget: its price as a share of the lineage's cap, such as '1%'.
            accuracy: how exact it has to be, such as '±50 at 95%', or for each aggregate 'n ±50, total ±1000'.
            limits: what to count at most of one unit, where that is to be less than what is best.
            free: take what follows from stored answers, however exact it is, and never pay.

        Raises:
            QuestionRefused, BadInput, OverBudget: nothing was spent.
            Unanswered: charged, and no answer.
        """
        said = price_of(epsilon=epsilon, budget=budget, accuracy=accuracy)
        if said is None and not free and (said_by_base := self._from_base(sql)) is not None:
            return said_by_base
        wanted = self._wanted(sql, ByEpsilon(USUAL_EPSILON) if free and said is None else said, limits)
        with self._ledger() as ledger:
            stored = self._answers.same(wanted)
            found = None
            if stored is None:
                found = best_derivation(wanted, self._answers.sources(wanted), anyhow=free)
            if found is not None:
                body = deriving.as_asked(wanted, found, derived(wanted, found))
            elif stored is None and free:
                from_base = self._from_base(sql)
                if from_base is None:
                    raise BadInput(
                        "No stored answer says this, and no base was bought.",
                        where="free",
                        fix="Ask without free; the estimate tells the price.",
                    )
                return from_base
            else:
                body = as_asked(wanted, self._run(wanted, ledger) if stored is None else stored)
        answer: dict[str, Any] = json.loads(body)
        return answer

    def _from_base(self, sql: str) -> dict[str, Any] | None:
        """The answer from the base release; None where none was bought, or the text names its own price."""
        base, asked = self.base, read(sql, self.policy)
        if base is None or asked.options.price is not None:
            return None
        check_options(asked.options, delta=self.policy.guarantee.delta)
        return free_answer(base, asked, self.policy).document

    def _run(self, wanted: Wanted, ledger: dict[str, int]) -> bytes:
        """Charge, ask the engine, and keep what it says."""
        found = self._answers.refinement(wanted)
        cost = wanted.planned.loss if found is None else found.added
        check_affordable(
            wanted.planned.loss, (), per_question=self._per_question, guarantee=self.policy.guarantee
        )
        self._charge(ledger, cost, per_question=self._per_question)
        body = self.engine.answer(
            dataset=self.policy.name,
            snapshot=self.snapshot,
            sql=wanted.canonical,
            nano=cost.nano,
            atto_delta=cost.atto_delta,
            profile=wanted.profile.id if wanted.profile is not None else "",
            limits=wanted.limits,
            planned_at=0 if found is None else found.base.planned_at,
        )
        if found is not None:
            body = refined(wanted, found, body)
        self._answers.keep(wanted, body)
        return body

    def _buy_profile(self, offered: Offer | None, *, new: bool) -> Profile | None:
        """The lineage's profile of the table; bought now where there is none, or a new one is wanted.

        Charged before it is drawn. One that broke off is asked for again, free: the engine draws a snapshot's once.
        """
        if offered is None:
            return None
        file = self.folder / f"{self.policy.budget_lineage}.{offered.table}.profile.json"
        snapshot = table_snapshot(self.policy, self.snapshot, offered.table)
        with self._ledger() as ledger:
            kept = json.loads(file.read_bytes()) if file.exists() else None
            if kept is None or (new and kept["snapshot"] != snapshot):
                try:
                    self._charge(ledger, offered.loss, per_question=offered.loss)
                except OverBudget:
                    return profile_from_document(kept["document"]) if kept and kept["document"] else None
                kept = {"dataset": self.policy.name, "snapshot": snapshot, "document": None}
                write_durably(file, json.dumps(kept).encode())
            if kept["document"] is None:
                drawn = self.engine.profile(dataset=kept["dataset"], snapshot=kept["snapshot"])
                kept["document"] = profile_document(drawn)
                write_durably(file, json.dumps(kept).encode())
            return profile_from_document(kept["document"])

    def buy_base(self, progress: Progress = silent) -> BaseRelease:
        """Buy this version's base release from the budget, once; counts are then free, and there is a ``sample``.

        Charged before a row is read. One that broke off is asked for again, free: the engine draws a snapshot's once.

        Args:
            progress: told the part that is done (0 to 1), and what is being done.

        Raises:
            BadInput: the policy sets no ``base_percent``, or no column can be counted by.
            OverBudget: nothing was spent.
        """
        if len(self.policy.tables) > 1:
            raise BadInput("A base is of one table.", where="tables", fix="Publish the table by itself.")
        (table,) = self.policy.tables
        offered = base_offer(self.policy, table, profile=self.profile)
        if offered is None:
            raise BadInput("No base can be bought.", where="base_percent", fix="Set it in the policy.")
        by = self.profile.id if self.profile is not None else ""
        with self._ledger() as ledger:
            if not self._base_file.exists():
                self._charge(ledger, offered.price, per_question=offered.price)
                write_durably(self._base_file, b"null")
            base = self.base
            if base is None:
                base = self.engine.base(
                    dataset=self.policy.name, snapshot=self.snapshot, profile=by, progress=progress
                )
                write_durably(self._base_file, json.dumps(base_document(base)).encode())
            return base

    @property
    def base(self) -> BaseRelease | None:
        """This version's base release, where it was bought."""
        document = json.loads(self._base_file.read_bytes()) if self._base_file.exists() else None
        return base_from_document(document) if document else None

    def sample(self, rows: int | None = None) -> Sample:
        """Synthetic rows, made from the base release alone: free.

        Raises:
            NotFound: no base was bought of this version.
        """
        base = self.base
        if base is None:
            raise NotFound("No base was bought of this version.", fix="Call buy_base() first.")
        return sample(base, self.policy, rows)

    @property
    def _base_file(self) -> Path:
        return self.folder / f"{self.snapshot}.base.json"

    @property
    def budget(self) -> Account:
        """What the lineage holds and has spent."""
        with self._ledger() as ledger:
            return self._account(ledger)

    @property
    def _answers(self) -> KeptAnswers:
        return KeptAnswers(self.folder / "answers", self._read_before)

    def _account(self, ledger: Mapping[str, int]) -> Account:
        spent = Loss(ledger["spent_nano"], ledger["spent_atto_delta"])
        return Account(self.policy.budget_lineage, self._cap, spent)

    def _charge(self, ledger: dict[str, int], loss: Loss, *, per_question: Loss) -> None:
        """Take a price from the ledger, durably.

        Raises:
            OverBudget: it does not fit; nothing was taken.
        """
        account = self._account(ledger)
        check_affordable(loss, (account,), per_question=per_question, guarantee=self.policy.guarantee)
        ledger["spent_nano"] += loss.nano
        ledger["spent_atto_delta"] += loss.atto_delta
        self._write(ledger)

    @property
    def _cap(self) -> Loss:
        assert self.policy.budget is not None  # noqa: S101
        return self.policy.budget.cap

    @property
    def _per_question(self) -> Loss:
        assert self.policy.budget is not None  # noqa: S101
        return self.policy.budget.per_question

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.policy.budget_lineage}.ledger.json"

    @contextmanager
    def _ledger(self) -> Iterator[dict[str, int]]:
        """The ledger, for one process and thread at a time."""
        descriptor = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self._read()
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, int]:
        ledger = json.loads(self._file.read_bytes()) if self._file.exists() else {}
        if not isinstance(ledger, dict):
            raise Tampered("The ledger holds no numbers.", place=self._file.name)
        spent = {part: ledger.get(part, 0) for part in ("spent_nano", "spent_atto_delta")}
        if (self._file.exists() and "spent_nano" not in ledger) or any(
            type(number) is not int or number < 0 for number in spent.values()
        ):
            raise Tampered("The ledger does not hold whole numbers.", place=self._file.name)
        if (known := ledger.get("accounting", self._accounting)) != self._accounting:
            raise Conflict(
                f"The lineage {self.policy.budget_lineage} counts in {known}, for its whole life.",
                fix=f"Write accounting: {known}.",
            )
        return spent

    def _write(self, ledger: dict[str, int]) -> None:
        write_durably(self._file, json.dumps({**ledger, "accounting": self._accounting}).encode())

    @property
    def _accounting(self) -> str:
        return str(self.policy.guarantee.accounting)
