"""A file and its policy become a private view and a budget; an unconditional dataset becomes a download.

The raw file is taken into the raw store by hash; only the engine's process ever opens it. Publishing again makes a
new version; the budget belongs to the lineage, so no new budget comes of it.

Units that an objection withholds are left out of every version; see ``withheld_units``.

Where units may have many rows, a contribution profile is bought once from the budget: charged durably, then drawn. A
new version goes on with the lineage's last one unless the owner asks for a new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.data_key import DataKey
from sandbox.domain.destruction import check_not_destroyed
from sandbox.domain.errors import BadInput, Conflict, OverBudget
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.policy_document import policy_to_document
from sandbox.flows.data_keys import CloseData
from sandbox.flows.open_data import FileFormat, file_key
from sandbox.flows.policy_rights import check_may_publish
from sandbox.flows.policy_version import check_version, make_version
from sandbox.privacy.at_rest.sealed import seal, sealed_for
from sandbox.privacy.engine import Engine
from sandbox.privacy.planning.profile import offer, profile_document
from sandbox.privacy.publishing.open_files import write_open_table
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.views import table_snapshot
from sandbox.store import Store
from sandbox.store.policy_files import Site, read_dataset_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReport:
    """What the owner is told. Not for anyone else: its counts come from rows."""

    dataset: str
    open_class: OpenClass
    snapshot: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishDataset:
    """The journey's parts."""

    store: Store
    engine: Engine
    site: Callable[[], Site]  # in force now
    raw_dir: Path
    closing: CloseData
    hand_over: Callable[[Path], None]  # gives a raw file to the engine's user

    def __call__(
        self, person: Person, *, policy_file: Path, files: Mapping[str, Path], new_profile: bool = False
    ) -> PublishedReport:
        """Publish a dataset, or a new version of it.

        Args:
            files: one raw file (CSV or Parquet) for each table of the policy.
            new_profile: buy a contribution profile of this version, also where the lineage has an earlier one.

        Raises:
            PolicyRefused: the policy's mistakes, all of them, and where it is looser than the site.
            NotAllowed: it is looser than the published one, and no second person approved that.
            BadInput: a table without a file, or a file that does not fit its table.
            Conflict: its data were destroyed.
        """
        policy = self._checked(person, policy_file, files)
        if policy.private:
            key = self.closing.key_for(policy.name, actor=person.name)
            taken = {table: self._take(policy.name, file, key).name for table, file in files.items()}
            return self._publish_private(
                person, policy, taken, self.store.objections.withheld(policy.name), new_profile=new_profile
            )
        public, lines = self._downloads(policy, files)
        # By the first of the two files alone: another program may write the same rows as other Parquet.
        snapshot = content_hash({table: public[file_key(table, FileFormat.CSV)] for table in files})
        return self._recorded(person, policy, snapshot, lines, public=public)

    def from_raw(
        self, person: Person, *, policy_file: Path, raw_files: Mapping[str, str], new_profile: bool = False
    ) -> PublishedReport:
        """The same from files that are in the raw store already, closed for this dataset; see ``take_raw``.

        Args:
            raw_files: the file's name there, for each table of the policy.

        Raises:
            BadInput: the dataset is not conditional: then its files do not lie there.
        """
        policy = self._checked(person, policy_file, raw_files)
        if not policy.private:
            raise BadInput(
                f"{policy.name} was to be conditional when its files came: they are closed now.",
                where="open_class",
                fix="Begin again with its class, and give the files again.",
            )
        withheld = self.store.objections.withheld(policy.name)
        return self._publish_private(person, policy, raw_files, withheld, new_profile=new_profile)

    def without(self, person: Person, dataset: str, unit_file: str) -> PublishedReport:
        """Publish the newest version again from the raw files that are kept, without one more unit.

        Args:
            unit_file: names the unit, in the raw store.

        Raises:
            Conflict: it is not known which raw files the version was made of.
        """
        check_not_destroyed(self.store.destructions.get(dataset))
        row = self.store.datasets.get(dataset)
        if row is None or not row.policy.private or set(row.raw_files) != set(row.policy.tables):
            raise Conflict(
                f"It is not known which raw files {dataset} was made of.",
                fix="Publish it once more from its files (sandbox dataset publish), then try again.",
            )
        withheld = sorted({*self.store.objections.withheld(dataset), unit_file})
        return self._publish_private(person, row.policy, dict(row.raw_files), withheld, new_profile=False)

    def _checked(self, person: Person, policy_file: Path, files: Mapping[str, object]) -> DatasetPolicy:
        """The policy of a file by which this person may publish, with these tables' files."""
        policy = read_dataset_policy(policy_file, self.site())
        check_may_publish(self.store, person, policy)
        check_version(self.store, policy)
        check_not_destroyed(self.store.destructions.get(policy.name))
        if policy.open_class is OpenClass.CLOSED and files:
            raise BadInput(
                f"{policy.name} is closed: its rows stay where they are.",
                where="files",
                fix="Publish its policy alone.",
            )
        if policy.open_class is not OpenClass.CLOSED and set(files) != set(policy.tables):
            raise BadInput(
                f"{policy.name} has the tables {', '.join(policy.tables)}; "
                f"files came for {', '.join(files) or 'none'}.",
                where="files",
                fix="Give one file for each table: TABLE=FILE.",
            )
        return policy

    def _publish_private(
        self,
        person: Person,
        policy: DatasetPolicy,
        raw_files: Mapping[str, str],
        withheld: Sequence[str],
        *,
        new_profile: bool,
    ) -> PublishedReport:
        snapshot, lines = self._private_view(policy, raw_files, withheld)
        report = self._recorded(person, policy, snapshot, lines, raw_files=raw_files)
        lines = report.lines
        for table in policy.tables:
            said = self._profile(person, policy, table, snapshot, new=new_profile)
            lines = (*lines, *(f"{table}: {line}" if len(policy.tables) > 1 else line for line in said))
        return replace(report, lines=lines)

    def _recorded(
        self,
        person: Person,
        policy: DatasetPolicy,
        snapshot: str,
        lines: tuple[str, ...],
        *,
        public: Mapping[str, str] = MappingProxyType({}),
        raw_files: Mapping[str, str] = MappingProxyType({}),
    ) -> PublishedReport:
        before = self.store.datasets.get(policy.name)
        digest = content_hash(policy_to_document(policy))
        same = before is not None and (before.policy_hash, before.snapshot) == (digest, snapshot)
        made_of = (set(before.public_files), set(before.raw_files)) if before is not None else ()
        if same and made_of == (set(public), set(raw_files)):
            lines = ("the same policy and the same rows as before: no new version",)
        else:
            make_version(
                self.store,
                person,
                policy,
                snapshot=snapshot,
                public_files=public,
                raw_files=raw_files,
                report={"lines": list(lines)},
                action="dataset.published",
            )
        return PublishedReport(
            dataset=policy.name, open_class=policy.open_class, snapshot=snapshot, lines=lines
        )

    def _profile(
        self, person: Person, policy: DatasetPolicy, table: str, snapshot: str, *, new: bool
    ) -> Iterator[str]:
        """Buy what is to be known of how units contribute to a table, where the lineage does not know it yet."""
        snapshot = table_snapshot(policy, snapshot, table)
        offered = offer(policy, table)
        if offered is None or policy.budget is None:
            return
        lineage = policy.budget_lineage
        last = self.store.profiles.latest(lineage, table)
        if last is not None and (not new or last.snapshot == snapshot) and last.document:
            yield "how units contribute is known from before: nothing was spent on it"
            return
        if last is not None and not last.document and (not new or last.snapshot == snapshot):
            of = (last.dataset, last.snapshot)  # paid for, and broken off: the engine draws it once
        else:
            of = (policy.name, snapshot)
            try:
                self.store.profiles.reserve(
                    lineage=lineage,
                    dataset=policy.name,
                    table=table,
                    snapshot=snapshot,
                    cost=offered.loss,
                    guarantee=policy.guarantee,
                    event=Event(person.name, "profile.reserved", f"dataset:{policy.name}"),
                )
            except OverBudget as short:
                yield f"how units contribute is not known: {short.message}"
                return
        profile = self.engine.profile(dataset=of[0], snapshot=of[1])
        self.store.profiles.release(
            of[1],
            profile_document(profile),
            event=Event(person.name, "profile.released", f"dataset:{of[0]}"),
        )
        yield (
            f"how units contribute was learned for {'a part of ' if len(policy.tables) > 1 else ''}"
            f"{policy.budget.profile_percent} % of the budget; "
            "answers are bounded by it"
        )

    def _private_view(
        self, policy: DatasetPolicy, raw_files: Mapping[str, str], withheld: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        if len(raw_files) == 1:
            ((table, name),) = raw_files.items()
            report = self.engine.publish(policy=policy, table=table, file=name, withheld=withheld)
        else:
            report = self.engine.publish_tables(policy=policy, files=raw_files, withheld=withheld)
        return report.snapshot, _lines(report, policy)

    def _take(self, dataset: str, file: Path, key: DataKey | None) -> Path:
        """Copy a raw file into the raw store under its hash, closed; what it holds is never changed afterwards."""
        if not file.is_file():
            raise BadInput(f"{file} is not a file.", where="files", fix="Check the path.")
        self.raw_dir.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        target = self.raw_dir / f"{dataset}-{digest[:16]}{file.suffix.lower()}"
        if not target.exists() or (key is not None and sealed_for(target) != key.id):
            half = target.with_suffix(".part")
            half.unlink(missing_ok=True)
            if key is None:
                shutil.copyfile(file, half)
            else:
                with file.open("rb") as content:
                    seal(content, half, key.public, label=target.name)
            os.replace(half, target)
        self.hand_over(target)
        return target

    def _downloads(
        self, policy: DatasetPolicy, files: Mapping[str, Path]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Write what anybody may take: the declared columns of each table, as CSV and as Parquet."""
        kept: dict[str, str] = {}
        lines: list[str] = []
        self.raw_dir.mkdir(parents=True, exist_ok=True)
        for table, file in files.items():
            with TemporaryDirectory(prefix=".open-", dir=self.raw_dir) as work:
                paths = {form: Path(work) / f"table.{form}" for form in FileFormat}
                made = write_open_table(
                    file, policy.tables[table], csv=paths[FileFormat.CSV], parquet=paths[FileFormat.PARQUET]
                )
                for form, path in paths.items():
                    with path.open("rb") as content:
                        kept[file_key(table, form)] = self.store.vault.put(content).sha256
            lines.append(f"{table}: {made.rows:,} rows are open to all.")
            lines += [
                f"{n:,} cells of {column} do not fit its declaration and are empty now."
                for column, n in made.emptied.items()
            ]
        return kept, tuple(lines)


def _lines(report: PublishReport, policy: DatasetPolicy) -> tuple[str, ...]:
    """The report in words."""
    noun = policy.unit.noun if policy.unit else "unit"
    return (f"{report.rows:,} rows kept; distinct units ({noun}): {report.units:,}", *report.warnings)
