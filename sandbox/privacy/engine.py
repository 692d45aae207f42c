"""The process's core: what may be done with raw data, and nothing else.

- A question comes as canonical SQL with the price that was charged. It is read and planned again here, from the
  policy that the view was published under: nobody outside is believed about a price.
- Until the plan stands, errors are the asker's own. From the moment rows are touched there is one constant error,
  ``Unanswered``; what happened goes to the local log, by kind, without values.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sandbox.domain.answer import stored, to_bytes
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.data_key import DataKey
from sandbox.domain.derived import declared
from sandbox.domain.errors import BadInput, OperatorError, QuestionRefused, Unanswered
from sandbox.domain.evidence import RECOMPUTED, Evidence
from sandbox.domain.job import RowFiles
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import DatasetPolicy, Table
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.domain.question import Question
from sandbox.domain.relation import tables_of
from sandbox.privacy.answering import run
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.measured import measured_by, measured_bytes
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.at_rest.closed import ClosedData
from sandbox.privacy.base.buy import Progress, silent
from sandbox.privacy.base.buy import buy as buy_base
from sandbox.privacy.base.keeping import base_of, keep_base
from sandbox.privacy.base.offer import offer as base_offer
from sandbox.privacy.base.release import BaseRelease
from sandbox.privacy.engines.holding import EngineLimits, Warehouse
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import Profile, offer
from sandbox.privacy.planning.refining import topped_up
from sandbox.privacy.publishing import publish, views
from sandbox.privacy.publishing.extracting import ExtractReport, extract
from sandbox.privacy.publishing.in_place import prepare
from sandbox.privacy.publishing.profiles import find_profile, keep_profile, profile_of
from sandbox.privacy.publishing.profiling import buy
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.shape import ShapedColumn, shape_of
from sandbox.privacy.publishing.views import View
from sandbox.privacy.publishing.withheld import read_withheld

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """How the engine is.

    Attributes:
        ready: it can read its views.
        busy: questions running now.
    """

    ready: bool
    busy: int


class Engine(Protocol):
    """What the platform asks of whatever opens raw data. Here or in another process: the same verbs."""

    def publish(
        self, *, policy: DatasetPolicy, table: str, file: str, withheld: Sequence[str] = ()
    ) -> PublishReport:
        """Make a private view of a raw file. May be repeated.

        Args:
            withheld: files beside the raw ones, each naming a unit whose rows are left out.
        """
        ...

    def publish_tables(
        self, *, policy: DatasetPolicy, files: Mapping[str, str], withheld: Sequence[str] = ()
    ) -> PublishReport:
        """Make the private views of several tables, as one snapshot. May be repeated."""
        ...

    def shape(self, *, dataset: str, file: str) -> tuple[ShapedColumn, ...]:
        """The names of a raw file's columns, and their types: for its owner, before there is a policy."""
        ...

    def profile(self, *, dataset: str, snapshot: str) -> Profile:
        """The contribution profile of a snapshot: drawn once, the same ever after. Charge its ``offer`` before.

        Args:
            snapshot: where a dataset has several tables, the name of one of them: ``table_snapshot``.
        """
        ...

    def base(
        self, *, dataset: str, snapshot: str, profile: str = "", progress: Progress = silent
    ) -> BaseRelease:
        """The base release of a snapshot: drawn once, the same ever after. Charge its ``offer``'s price before.

        Args:
            profile: the id of the profile that the rows of a unit are bounded by; empty for none.
            progress: told the part that is done and what is being done; from a public number of steps.
        """
        ...

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
        """A fresh noisy answer. Each call is a release: charge before calling, never give back.

        Args:
            nano: what was charged for it, in nanos of the lineage's measure.
            atto_delta: likewise of delta, where keys are not listed.
            profile: the id of the profile that the question was planned by; empty for none.
            limits: what the asker wants to count at most of one unit.
            planned_at: to refine an answer: the price that it was planned at, by which bounds are chosen again.
        """
        ...

    def evidence(self, *, dataset: str, snapshot: str, sql: str) -> Evidence:
        """The exact table behind a question. For the platform's own checks only; never to be shown."""
        ...

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
        """Rows for a job or a room, in a folder of that name: these columns of these tables, and no other.

        Args:
            tables: the columns by table.
            target: the folder's name: a-z, 0-9 and the hyphen, at most 40 of them.
            form: how the rows lie in it.
        """
        ...

    def data_key(self, *, dataset: str) -> DataKey | None:
        """What files of a dataset are closed with; made when there is none. None: this engine leaves them open."""
        ...

    def rotate_key(self, *, dataset: str) -> DataKey:
        """A new key, with which all files are closed again. Files of the old one still open, until it is retired."""
        ...

    def retire_keys(self, *, dataset: str) -> tuple[str, ...]:
        """Destroy the keys before the current one; what is still closed with them is closed again first."""
        ...

    def renew_master(self) -> int:
        """Wrap all keys for a new master key, and destroy the old one; returns how many there are."""
        ...

    def destroy(self, *, dataset: str) -> tuple[str, ...]:
        """Destroy a dataset's keys, for ever, and then its files; returns the keys' ids. May be repeated."""
        ...

    def health(self) -> Health: ...


class LocalEngine:
    """The engine in this process.

    Args:
        views: the folder of private views. It also keeps the secret salt of publishing.
        raw: the folder that raw files are named in, and may not be left; without it, files are named as they are.
        warehouse: a database that keeps its tables. With it, what is published is the table of that name in it.
        publishing: what one publishing may take; as a question, for longer, when not given.
        keys: the folder of keys. Without it files lie as they are: for an engine in a process of one's own.
        extracts: the folder of extracts.
    """

    def __init__(
        self,
        views: Path,
        raw: Path | None = None,
        *,
        limits: EngineLimits | None = None,
        warehouse: Warehouse | None = None,
        publishing: EngineLimits | None = None,
        keys: Path | None = None,
        extracts: Path | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._views = views
        self._raw = raw
        self._limits = limits or EngineLimits()
        self._publishing = publishing or replace(self._limits, timeout_s=publish.PUBLISH_LIMITS.timeout_s)
        self._closed = ClosedData(keys, raw=raw, views=views, kept_mib=self._limits.memory_mib // 8)
        self._extracts = extracts
        self._known: dict[tuple[str, str], View] = {}
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._busy = 0

    def publish(
        self, *, policy: DatasetPolicy, table: str, file: str, withheld: Sequence[str] = ()
    ) -> PublishReport:
        """Make a private view of a raw file. The same file, policy and withheld units give the same snapshot.

        Raises:
            BadInput: what is wrong with the file, or with the policy for it; or a unit to leave out of a warehouse.
            OperatorError: whom to leave out cannot be read.
        """
        limits = self._publishing
        out = views.folder_of(self._views, policy.name)
        files = self._closed.files(policy.name)
        if self._warehouse is not None:
            if withheld:
                raise BadInput(
                    "Units cannot be left out of a table that stays in its warehouse.",
                    where="withheld",
                    fix="Delete their rows there, then publish it again.",
                )
            return prepare(self._warehouse, file, policy, table, out, salt=self._salt(), limits=limits)
        return publish.publish(
            self._raw_file(file),
            policy,
            table,
            out,
            salt=self._salt(),
            limits=limits,
            withheld=read_withheld([self._raw_file(name) for name in withheld], files),
            files=files,
        )

    def publish_tables(
        self, *, policy: DatasetPolicy, files: Mapping[str, str], withheld: Sequence[str] = ()
    ) -> PublishReport:
        """Make the private views of all tables of a dataset, as one snapshot.

        Raises:
            BadInput: what is wrong with a file, or with the policy for it; or tables that stay in a warehouse.
        """
        if self._warehouse is not None:
            raise BadInput(
                "Several tables of a warehouse cannot be one dataset yet.",
                where="tables",
                fix="Publish each table as a dataset of its own, all with the same lineage.",
            )
        raws = {table: self._raw_file(file) for table, file in files.items()}
        out = views.folder_of(self._views, policy.name)
        held = self._closed.files(policy.name)
        return publish.publish_tables(
            raws,
            policy,
            out,
            salt=self._salt(),
            limits=self._publishing,
            withheld=read_withheld([self._raw_file(name) for name in withheld], held),
            files=held,
        )

    def shape(self, *, dataset: str, file: str) -> tuple[ShapedColumn, ...]:
        """The columns of a raw file, with types that all their cells fit; no cell of it.

        Raises:
            BadInput: what is wrong with the file.
        """
        return shape_of(self._raw_file(file), limits=self._publishing, files=self._closed.files(dataset))

    def profile(self, *, dataset: str, snapshot: str) -> Profile:
        """The contribution profile of a snapshot. Drawn once: asked again, it is the same.

        Raises:
            BadInput, NotFound, Tampered: no row was touched.
            Unanswered: anything else.
        """
        view = self._one_table(dataset, snapshot)
        offered = offer(view.policy, view.table_name)
        if offered is None:
            raise BadInput("This table has no profile.", where="snapshot", fix="Its policy buys none.")
        with self._drawing:
            kept = profile_of(self._views, snapshot=snapshot)
            if kept is not None:
                return kept
            with self._touching("profile", snapshot):
                limits = replace(self._limits, timeout_s=publish.PUBLISH_LIMITS.timeout_s)
                return keep_profile(self._views, buy(offered, view, limits))

    def base(
        self, *, dataset: str, snapshot: str, profile: str = "", progress: Progress = silent
    ) -> BaseRelease:
        """The base release of a snapshot. Drawn once: asked again, it is the same.

        Raises:
            BadInput, NotFound, Tampered: no row was touched.
            Unanswered: anything else.
        """
        view = self._one_table(dataset, snapshot)
        known = find_profile(self._views, profile) if profile else None
        offered = base_offer(view.policy, view.table_name, profile=known)
        if offered is None:
            raise BadInput(
                "This table has no base release.", where="snapshot", fix="Its policy sets no base_percent."
            )
        with self._drawing:
            kept = base_of(self._views, snapshot=snapshot)
            if kept is not None:
                return kept
            with self._touching("base", snapshot):
                limits = replace(self._limits, timeout_s=publish.PUBLISH_LIMITS.timeout_s)
                return keep_base(self._views, buy_base(offered, view, limits, progress))

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
        """A fresh noisy answer as bytes.

        Raises:
            QuestionRefused, BadInput, NotFound, Tampered: no row was touched.
            Unanswered: anything else.
        """
        view = self._view(dataset, snapshot)
        known = find_profile(self._views, profile) if profile else None
        ready, view = self._planned(view, sql, nano, atto_delta, known, limits, planned_at)
        with self._touching("answer", sql):
            noisy = run.measure(ready, view, self._limits)
            answer = assemble(ready, noisy.vectors, cells=noisy.cells, dataset=dataset, snapshot=snapshot)
            body = to_bytes(answer)
            if ready.threshold is not None:  # other cells would be shown next time: nothing to build on
                return body
            first = planned_at or nano
            kept = measured_by(ready, noisy.vectors, planned_at=first, profile=profile, limits=limits)
            return stored(body, measured_bytes(kept))

    def evidence(self, *, dataset: str, snapshot: str, sql: str) -> Evidence:
        """The exact table behind a question, on the published rows, without bounds or noise.

        Raises:
            QuestionRefused, BadInput, NotFound, Tampered: no row was touched.
            Unanswered: anything else.
        """
        view = self._view(dataset, snapshot)
        question = parse(sql, view.policy)
        view = _behind(question, view)
        _check_recomputed(question, declared(question.source, view.policy))
        with self._touching("evidence", sql):
            return run.recompute(question, view, self._limits)

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
        """Rows for a job or a room. Raises as ``extracting.extract``, and NotFound, Tampered."""
        if self._extracts is None:
            raise OperatorError("This engine hands out no rows.", fix="Start it with a folder for extracts.")
        return extract(
            self._view(dataset, snapshot),
            tables,
            out=self._extracts,
            target=target,
            salt=self._salt(),
            max_bytes=max_bytes,
            limits=self._publishing,
            form=form,
        )

    def data_key(self, *, dataset: str) -> DataKey | None:
        """Raises Conflict when the dataset's data were destroyed."""
        return self._closed.current(dataset)

    def rotate_key(self, *, dataset: str) -> DataKey:
        with self._drawing:
            return self._closed.rotate(dataset)

    def retire_keys(self, *, dataset: str) -> tuple[str, ...]:
        with self._drawing:
            return self._closed.retire(dataset)

    def renew_master(self) -> int:
        return self._closed.keyring().renew_master()

    def destroy(self, *, dataset: str) -> tuple[str, ...]:
        with self._drawing:
            destroyed = self._closed.destroy(dataset)
        with self._lock:
            self._known = {name: view for name, view in self._known.items() if name[0] != dataset}
        return destroyed

    def close_all(self) -> int:
        """Close the files that lie open; returns how many. Before anything else is done."""
        return self._closed.close_all()

    def health(self) -> Health:
        return Health(ready=self._views.is_dir(), busy=self._busy)

    def _planned(
        self,
        view: View,
        sql: str,
        nano: int,
        atto_delta: int,
        profile: Profile | None,
        limits: Limits,
        planned_at: int,
    ) -> tuple[Plan, View]:
        if type(nano) is not int or nano < 1:
            raise BadInput("The price is a whole number above 0.", where="nano", fix="Charge first.")
        charged = Loss(nano, atto_delta)
        question = parse(sql, view.policy)
        view = _behind(question, view)
        first = Loss(planned_at) if planned_at else charged
        ready = plan(question, view.policy, target=first, profile=profile, limits=limits)
        if planned_at:
            if ready.guarantee.accounting is not Accounting.ZCDP or ready.loss.atto_delta or atto_delta:
                raise BadInput("Such an answer cannot be refined.", where="planned_at", fix="Ask it anew.")
            ready = topped_up(ready, charged)
        if not ready.loss.fits_in(charged):  # holds by construction; a promise is worth a second look
            raise BadInput("The plan costs more than was charged.", where="nano", fix="Charge its price.")
        return ready, view

    def _one_table(self, dataset: str, snapshot: str) -> View:
        view = self._view(dataset, snapshot)
        if view.tables:
            raise BadInput(
                f"This snapshot is of {' and '.join(view.tables)}.",
                where="snapshot",
                fix="Name one of its tables.",
            )
        return view

    def _view(self, dataset: str, snapshot: str) -> View:
        """The view, checked against its hashes when it is first used: it is written once and never changed."""
        name = (dataset, snapshot)
        with self._lock:
            if name not in self._known:
                self._known[name] = views.find(
                    self._views,
                    dataset=dataset,
                    snapshot=snapshot,
                    warehouse=self._warehouse,
                    files=self._closed.files(dataset),
                )
            return self._known[name]

    @contextmanager
    def _touching(self, what: str, sql: str) -> Iterator[None]:
        """One constant error for whatever goes wrong within, and its kind in the local log.

        Neither the error's own text nor its traceback is logged: both may quote a row.
        """
        with self._lock:
            self._busy += 1
        try:
            yield
        except BaseException as error:
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            log.error("%s of question %s failed: %s", what, sha256_hex(sql.encode())[:12], kind)
            if not isinstance(error, Exception):
                raise  # the process is being stopped
            raise Unanswered from None
        finally:
            with self._lock:
                self._busy -= 1

    def _raw_file(self, file: str) -> Path:
        if self._raw is None:
            return Path(file)
        root = self._raw.resolve()
        path = (root / file).resolve()  # a symlink that leads out ends elsewhere
        if not path.is_relative_to(root):
            raise BadInput(
                "The file is outside the folder of raw data.", where="file", fix="Name one inside it."
            )
        return path

    def _salt(self) -> bytes:
        """The secret of publishing, made once. With it gone, the same file gets another snapshot; nothing else."""
        self._views.mkdir(parents=True, exist_ok=True)
        with self._lock:
            return self._closed.salt()


def _check_recomputed(question: Question, table: Table) -> None:
    if any(not key.listed(table) for key in question.keys):
        raise QuestionRefused(
            "Keys without a public list cannot be held beside exact rows yet.",
            position=0,
            fix="Check a table by listed keys.",
        )
    for measure in question.measures:
        if (
            measure.kind not in RECOMPUTED or measure.where is not None
        ):  # whose units would it be held beside?
            raise QuestionRefused(
                f"{measure.alias} cannot be held beside exact rows yet.",
                position=0,
                fix="Check a table of counts, sums and averages.",
            )


def _behind(question: Question, view: View) -> View:
    """The tables that the question is about."""
    names = set(tables_of(question.source))
    found = view.of(names)
    if found is None:
        has = sorted(view.tables) or [view.table_name]
        raise QuestionRefused(
            f"This snapshot is of {' and '.join(has)}, not of {' and '.join(sorted(names - set(has)))}.",
            position=0,
            fix="Ask its own table.",
        )
    return found
