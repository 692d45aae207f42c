"""An owner prepares a dataset, or another policy for one: files in, a policy step by step, then publish.

begin | change -> take files -> write the policy, as often as wanted -> publish | apply | propose -> the draft is gone

Nothing here is a rule of its own: policies are read, compared and published by the same journeys as from the terminal.
What fails leaves the draft as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, CallerError, Conflict, PolicyMistake, PolicyRefused
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.policy_rules import check
from sandbox.domain.proposal import Proposal, ProposalState
from sandbox.flows.change_policy import Applied, ChangePolicy, Comparison
from sandbox.flows.policy_meaning import Meaning, meanings
from sandbox.flows.policy_rights import check_may_publish
from sandbox.flows.policy_version import standing_approval
from sandbox.flows.publish_dataset import PublishDataset, PublishedReport
from sandbox.flows.published import decided_by
from sandbox.flows.take_raw import RawStream, TakenFile, TakeRaw
from sandbox.privacy.engine import Engine
from sandbox.privacy.publishing.shape import shape_of
from sandbox.store import Dataset, Store
from sandbox.store.allowed_folders import AllowedFolders
from sandbox.store.drafts import Draft, DraftColumn, DraftFile, Drafts, kind_of
from sandbox.store.policy_files import MAX_BYTES, Site, read_dataset_text, written_policy
from sandbox.store.policy_text import at, edited, tree_in

FIRST_EPSILON = "1"  # a careful budget to start from; the owner raises it knowingly
LOOSE_ROWS = 1_000_000  # a bound that is no count of anybody's rows
_PIECE = 1 << 20  # bytes of a file that are copied at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A policy's text as it is judged now.

    Attributes:
        mistakes: of the text, with line and key; empty where it could be published.
        problems: what else stands against it: its files, its name, whose it is.
        policy: None where the text has mistakes.
        comparison: with what is published; None where nothing is.
        proposal: this very change, where it waits for a second person or was approved by one.
        missing: tables that have no file yet.
        allowed_actions: publish, apply, propose, discard.
    """

    mistakes: tuple[PolicyMistake, ...]
    problems: tuple[CallerError, ...]
    policy: DatasetPolicy | None
    meanings: tuple[Meaning, ...]
    comparison: Comparison | None
    proposal: Proposal | None
    missing: tuple[str, ...]
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareDataset:
    """The journey's parts."""

    store: Store
    engine: Engine
    drafts: Drafts
    site: Callable[[], Site]
    taking: TakeRaw
    folders: AllowedFolders
    publishing: PublishDataset
    changing: ChangePolicy
    now: Callable[[], datetime]

    def clear(self) -> None:
        """Remove what uploads left that nobody ended, a day later."""
        self.taking.clear_halves(self.drafts.root)

    # beginning

    def begin(self, person: Person, *, name: str, title: str, open_class: str) -> Draft:
        """Begin a dataset.

        Raises:
            NotAllowed: the person owns no data here, or the name is taken for another's.
            BadInput: a name or class that no policy can have.
            Conflict: it is published, or somebody prepares it.
        """
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        name, title = name.strip(), title.strip()
        if open_class not in [str(kind) for kind in OpenClass]:
            raise BadInput(
                f"{open_class[:50]!r} is no class.", where="open_class", fix=f"Use {' | '.join(OpenClass)}."
            )
        policy = _only_named(name, title, person, OpenClass(open_class))
        for mistake in check(policy):
            if mistake.path[0] in ("name", "title"):
                where = str(mistake.path[0])
                raise BadInput(
                    f"The {where}: {mistake.problem}.", where=where, fix=f"Possible: {mistake.allowed}."
                )
        if self.store.datasets.get(name) is not None:
            raise Conflict(
                f"A dataset {name} is published.", fix="Change its policy, or choose another name."
            )
        check_may_publish(self.store, person, policy)
        text = self._first_text(person, name, title, open_class)
        return self._begun(person, name, OpenClass(open_class), text, changes=False)

    def change(self, person: Person, dataset: str) -> Draft:
        """Go on with, or begin, another policy for a published dataset.

        Raises:
            NotAllowed: neither its owner nor an administrator.
        """
        policy = decided_by(self.store, person, dataset)
        for draft in self.drafts.of(person.name):
            if draft.name == dataset:
                return draft
        return self._begun(person, dataset, policy.open_class, written_policy(policy), changes=True)

    def mine(self, person: Person) -> tuple[Draft, ...]:
        """The person's drafts."""
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        return self.drafts.of(person.name)

    def get(self, person: Person, draft_id: str) -> Draft:
        """One of the person's own.

        Raises:
            NotFound: it is nobody's, or somebody else's.
        """
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        return self.drafts.get(person.name, draft_id)

    # files

    def receive(self, person: Person, draft_id: str, *, table: str, called: str) -> Receiving:
        """Where a file's bytes go as they come.

        Raises:
            BadInput: a table's or file's name that cannot be; or a closed dataset, which has no files.
        """
        draft = self.get(person, draft_id)
        kind = kind_of(called)
        if not kind:
            raise BadInput(
                f"{called[:100]!r} is neither CSV nor Parquet.",
                where="file",
                fix="Use .csv, .csv.gz, .parquet.",
            )
        if not table.isidentifier() or table.lower() != table or not table.isascii() or len(table) > 63:
            raise BadInput(f"{table[:100]!r} is not a table name.", where="table", fix="Use a-z, 0-9 and _.")
        if draft.open_class is OpenClass.CLOSED:
            raise BadInput("A closed dataset has no files.", where="file", fix="Publish its policy alone.")
        if draft.open_class is OpenClass.CONDITIONAL:
            stream = self.taking.closed(draft.name, kind, actor=person.name)
        else:
            stream = self.taking.open(self.drafts.folder(draft) / f"new-{secrets.token_hex(8)}{kind}")
        return Receiving(self, person, draft, table, called, stream)

    def from_path(self, person: Person, draft_id: str, *, table: str, path: str) -> Draft:
        """Take a file of the person's own folder below one that the operator allowed.

        Raises:
            NotAllowed: it lies elsewhere.
        """
        self.get(person, draft_id)
        with self.folders.opened(person.name, path) as file:
            receiving = self.receive(person, draft_id, table=table, called=Path(path).name)
            try:
                while piece := file.read(_PIECE):
                    receiving.write(piece)
                return receiving.finish()
            except BaseException:
                receiving.abandon()
                raise

    def without_file(self, person: Person, draft_id: str, table: str) -> Draft:
        """Take a table's file out again; the policy keeps the table."""
        draft, before = self.drafts.take_file(self.get(person, draft_id).person, draft_id, table)
        self._forget(draft, before)
        return draft

    def _taken(self, person: Person, draft: Draft, table: str, called: str, taken: TakenFile) -> Draft:
        """Look at what came, and write its columns into a policy that says nothing of the table yet."""
        private = draft.open_class is OpenClass.CONDITIONAL
        try:
            if private:
                self.taking.hand_over(taken.path)
                found = self.engine.shape(dataset=draft.name, file=taken.path.name)
            else:
                found = shape_of(taken.path)
        except BadInput as wrong:  # under its owner's name for it, not the one that it got here
            taken.path.unlink(missing_ok=True)
            words = wrong.message.replace(taken.path.name, called)
            raise BadInput(words, where=called, fix=wrong.fix) from wrong
        except BaseException:
            taken.path.unlink(missing_ok=True)
            raise
        file = DraftFile(
            called=called[:200],
            size_bytes=taken.size_bytes,
            sha256=taken.sha256,
            raw=taken.path.name if private else "",
            columns=tuple(DraftColumn(name=c.name, type=str(c.type), usable=c.usable) for c in found),
        )
        try:
            draft, before = self.drafts.put_file(
                person.name, draft.id, table, file, as_class=draft.open_class, lies=taken.path
            )
        except BaseException:
            taken.path.unlink(missing_ok=True)
            raise
        self.store.log.record(
            Event(
                person.name,
                "draft.file_taken",
                f"dataset:{draft.name}",
                {"table": table, "sha256": taken.sha256, "bytes": taken.size_bytes},
            )
        )
        self._forget(draft, before, unless=file)
        with suppress(PolicyRefused):  # a text that cannot be read is mended first; its columns are shown
            if at(tree_in(draft.text), ("tables", table)) is None:
                columns = {c.name: {"type": c.type} for c in file.columns if c.usable}
                said: dict[tuple[str, ...], Any] = {
                    ("tables", table): {"max_rows": LOOSE_ROWS, "columns": columns}
                }
                return self.drafts.write(
                    person.name, draft.id, text=edited(draft.text, said), mark=draft.mark
                )
        return draft

    # the policy

    def write(self, person: Person, draft_id: str, *, text: str, mark: str) -> Draft:
        """Keep another text, with or without mistakes.

        Raises:
            Conflict: it was changed in another window.
        """
        if len(text.encode()) > MAX_BYTES:
            raise BadInput("The policy is too long.", where="policy", fix="A policy is a page or two.")
        text = text.replace("\r\n", "\n")
        draft = self.get(person, draft_id)
        kind = draft.open_class if draft.files else _class_in(text, draft.open_class)
        return self.drafts.write(person.name, draft_id, text=text, mark=mark, open_class=kind)

    def check(self, person: Person, draft: Draft, text: str | None = None) -> Checked:
        """What can be said of a draft, or of another text for it, and what may be done."""
        policy, mistakes = self._read(draft.text if text is None else text)
        if policy is None:
            return Checked(
                mistakes=mistakes,
                problems=(),
                policy=None,
                meanings=(),
                comparison=None,
                proposal=None,
                missing=(),
                allowed_actions=("discard",),
            )
        problems = tuple(self._problems(person, draft, policy))
        published = self.store.datasets.get(policy.name)
        # Whoever only writes its name learns nothing of a dataset that is not theirs.
        theirs = policy.name == draft.name and (published is None or self._may_change(person, published))
        comparison = self.changing.compare_policy(policy) if published is not None and theirs else None
        proposal = self._proposal(comparison) if comparison is not None else None
        there = self._files(draft, policy) if theirs else dict(draft.files)
        missing = tuple(table for table in policy.tables if table not in there)
        closed = policy.open_class is OpenClass.CLOSED
        actions = (
            [] if problems else _actions(draft, comparison, proposal, missing=bool(missing) and not closed)
        )
        return Checked(
            mistakes=(),
            problems=problems,
            policy=policy,
            meanings=meanings(policy),
            comparison=comparison,
            proposal=proposal,
            missing=missing,
            allowed_actions=(*actions, "discard"),
        )

    # ending

    def publish(self, person: Person, draft_id: str, *, new_profile: bool = False) -> PublishedReport:
        """Publish it; the draft is gone then.

        Raises:
            PolicyRefused, NotAllowed, BadInput, Conflict: as publishing says; the draft is as before.
        """
        draft = self.get(person, draft_id)
        policy, mistakes = self._read(draft.text)
        if policy is None:
            raise PolicyRefused(mistakes)
        for problem in self._problems(person, draft, policy):
            raise problem
        file = self.drafts.policy_file(draft)
        files = self._files(draft, policy)
        if policy.private:
            report = self.publishing.from_raw(
                person, policy_file=file, raw_files=files, new_profile=new_profile
            )
        else:
            paths = {table: Path(path) for table, path in files.items()}
            report = self.publishing(person, policy_file=file, files=paths)
        self.discard(person, draft_id)
        return report

    def apply(self, person: Person, draft_id: str, *, reason: str = "") -> Applied:
        """Let a change hold that only tightens, or propose one that loosens; the draft stays until it holds.

        Raises:
            BadInput: a proposal without a reason.
            Conflict: private views are made by it: publish it.
        """
        draft = self.get(person, draft_id)
        checked = self.check(person, draft)
        if checked.policy is None:
            raise PolicyRefused(checked.mistakes)
        for problem in checked.problems:
            raise problem
        if checked.comparison is not None and checked.comparison.loosens:
            reason = plain_text(reason, where="reason", least=5, most=500)
        applied = self.changing.apply(person, self.drafts.policy_file(draft), reason=reason)
        waits = applied.proposal is not None and applied.comparison.publishing
        if not waits and not draft.files:
            self.discard(person, draft_id)
        return applied

    def discard(self, person: Person, draft_id: str) -> None:
        """It is gone, and its files with it, unless a published version is made of them."""
        draft = self.drafts.drop(self.get(person, draft_id).person, draft_id)
        for file in draft.files.values():
            self._forget(draft, file)

    # the parts

    def _begun(self, person: Person, name: str, kind: OpenClass, text: str, *, changes: bool) -> Draft:
        return self.drafts.begin(
            person=person.name, name=name, open_class=kind, text=text, changes=changes, now=self.now()
        )

    def _first_text(self, person: Person, name: str, title: str, open_class: str) -> str:
        """What is known at the beginning. The owner's own terms are the most careful ones that the site allows."""
        bounds = self.site().policy.bounds
        said: dict[tuple[str, ...], Any] = {
            ("name",): name,
            ("title",): title,
            ("open_class",): open_class,
            ("owner",): person.name,
        }
        if open_class == OpenClass.CONDITIONAL:
            said |= {
                ("budget", "epsilon"): FIRST_EPSILON,
                ("budget", "delta"): "1e-6",
                ("access", "modes"): ["query"],
                ("access", "max_days"): min(180, bounds.max_days or 180),
                ("release", "threshold"): max(10, bounds.min_threshold or 0),
                ("release", "reviewers"): max(2, bounds.min_reviewers or 0),
            }
        return edited("# Every key is explained in policies/README.md.\n{}\n", said).replace("{}\n", "")

    def _read(self, text: str) -> tuple[DatasetPolicy | None, tuple[PolicyMistake, ...]]:
        try:
            return read_dataset_text(text, self.site()), ()
        except PolicyRefused as refused:
            return None, refused.mistakes
        except BadInput as wrong:
            return None, (PolicyMistake("policy.yaml", 0, "file", wrong.message),)

    @staticmethod
    def _may_change(person: Person, published: Dataset) -> bool:
        return person.has(Role.ADMINISTRATOR) or published.policy.owner == person.name

    def _problems(self, person: Person, draft: Draft, policy: DatasetPolicy) -> list[CallerError]:
        found: list[CallerError] = []
        if policy.name != draft.name:
            found.append(
                BadInput(
                    f"This draft is about {draft.name}; its files are closed for that name.",
                    where="name",
                    fix=f"Write name: {draft.name}, or begin another draft.",
                )
            )
            return found
        closed = draft.open_class is OpenClass.CONDITIONAL
        kept_otherwise = any(bool(file.raw) is not closed for file in draft.files.values())
        if draft.files and (policy.open_class is not draft.open_class or kept_otherwise):
            found.append(
                BadInput(
                    f"The files came for a dataset that is {draft.open_class}, and are kept so.",
                    where="open_class",
                    fix="Take them out, and discard this draft; begin another with the class that you want.",
                )
            )
        try:
            check_may_publish(self.store, person, policy)
        except CallerError as refused:
            found.append(refused)
        for table, file in draft.files.items():
            declared = policy.tables.get(table)
            if declared is None:
                continue
            has = {column.name for column in file.columns}
            found += [
                BadInput(
                    f"{file.called} has no column {name!r}.",
                    where=f"tables.{table}.columns.{name}",
                    fix="Take it out of the policy, or give another file.",
                )
                for name in declared.columns
                if name not in has
            ]
        return found

    def _files(self, draft: Draft, policy: DatasetPolicy) -> dict[str, str]:
        """What each table is made of: its new file, else, where private rows are kept, the one before."""
        if policy.open_class is OpenClass.CLOSED:
            return {}
        row = self.store.datasets.get(policy.name)
        before: Mapping[str, str] = row.raw_files if row is not None and policy.private else {}
        files: dict[str, str] = {}
        for table in policy.tables:
            new = draft.files.get(table)
            if new is not None:
                files[table] = new.raw or str(self.drafts.beside(draft, table, new.called))
            elif table in before:
                files[table] = before[table]
        return files

    def _proposal(self, comparison: Comparison) -> Proposal | None:
        approved = standing_approval(
            self.store, comparison.about, base_hash=comparison.base_hash, policy_hash=comparison.policy_hash
        )
        if approved is not None:
            return approved[0]
        for waiting in self.store.policies.proposals(comparison.about, states=(ProposalState.OPEN,)):
            if (waiting.base_hash, waiting.policy_hash) == (comparison.base_hash, comparison.policy_hash):
                return waiting
        return None

    def _forget(self, draft: Draft, file: DraftFile | None, *, unless: DraftFile | None = None) -> None:
        if file is None or not file.raw or (unless is not None and unless.raw == file.raw):
            return
        row = self.store.datasets.get(draft.name)
        if row is None or file.raw not in row.raw_files.values():
            self.taking.remove(file.raw)


@dataclass(frozen=True, slots=True)
class Receiving:
    """A file that is coming in. ``finish`` or ``abandon`` it."""

    flow: PrepareDataset
    person: Person
    draft: Draft
    table: str
    called: str
    stream: RawStream

    def write(self, data: bytes) -> None:
        """Raises TooLarge."""
        self.stream.write(data)

    def finish(self) -> Draft:
        """Raises BadInput: it cannot be read. Nothing is kept of it then."""
        taken = self.stream.finish()
        return self.flow._taken(self.person, self.draft, self.table, self.called, taken)

    def abandon(self) -> None:
        self.stream.abandon()


def _actions(
    draft: Draft, comparison: Comparison | None, proposal: Proposal | None, *, missing: bool
) -> list[str]:
    if comparison is None:
        return [] if missing else ["publish"]
    approved = proposal is not None and proposal.state is ProposalState.APPROVED
    if comparison.loosens and not approved:
        return [] if proposal is not None else ["propose"]
    if comparison.publishing or draft.files:
        return [] if missing else ["publish"]
    return ["apply"] if comparison.changes else []


def _class_in(text: str, otherwise: OpenClass) -> OpenClass:
    """The class that a text says, where it says one: files that come later are kept by it."""
    try:
        said = at(tree_in(text), ("open_class",))
    except CallerError:
        return otherwise
    return OpenClass(said) if said in [str(kind) for kind in OpenClass] else otherwise


def _only_named(name: str, title: str, person: Person, open_class: OpenClass) -> DatasetPolicy:
    """A policy that says no more than its name, to ask whether the person may have it."""
    return DatasetPolicy(
        name=name,
        title=title,
        open_class=open_class,
        provider="",
        source="",
        licence="",
        owner=person.name,
    )
