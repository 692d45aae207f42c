"""A base release is bought: once for a version, from the lineage's budget; then counts are free, and there are samples.

offer (no data read) -> reserve the owner's share durably -> the engine counts and draws, and says how far it is -> the
base is kept, with its hash in the log. Past the reservation the share stays spent. When the engine or this process
stops in the middle, buying again goes on for nothing: the engine draws a version's base once, and keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, NotAllowed, NotFound
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import DatasetPolicy
from sandbox.flows.permission import Permission
from sandbox.flows.published import Published, in_use
from sandbox.privacy.base.offer import BaseOffer, offer
from sandbox.privacy.base.release import BaseRelease, base_document, base_from_document
from sandbox.privacy.base.sample import Sample, sample
from sandbox.privacy.engine import Engine
from sandbox.privacy.planning.profile import profile_from_document
from sandbox.store import Store


def _silent(fraction: float, words: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtBase:
    """What the owner is told.

    Attributes:
        percent: of the lineage's cap that it cost.
        before: it had been bought before; nothing was spent now.
    """

    base: BaseRelease
    percent: int
    before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyBase:
    """The journey's parts."""

    store: Store
    engine: Engine
    permission: Permission

    def __call__(
        self, person: Person, dataset: str, *, progress: Callable[[float, str], object] = _silent
    ) -> BoughtBase:
        """Buy the base of a dataset's present version.

        Args:
            progress: told the part that is done (0 to 1), and what is being done.

        Raises:
            NotAllowed: only its owner or an administrator may; it, or a column of it, is suspended.
            BadInput: the policy sets no share for it, or nothing can be counted.
            OverBudget: the lineage has less left than the share; nothing was spent.
            Unanswered: charged, and broke off; buy again, for nothing.
        """
        found = in_use(self.store, dataset, columns=None)
        self._check_may(person, found.policy)
        table, profile_id, offered = self._offer(found)
        kept = self.store.bases.latest(found.policy.budget_lineage, table)
        before = kept is not None and kept.snapshot == found.snapshot
        percent = found.policy.budget.base_percent if found.policy.budget is not None else 0
        if kept is not None and before and kept.document:
            return BoughtBase(base=base_from_document(kept.document), percent=percent, before=True)
        self.engine.health()  # a stopped engine is an operator's error, and costs nothing
        self.store.bases.reserve(
            lineage=found.policy.budget_lineage,
            dataset=dataset,
            table=table,
            snapshot=found.snapshot,
            cost=offered.price,
            guarantee=found.policy.guarantee,
            event=Event(person.name, "base.reserved", f"dataset:{dataset}"),
        )
        base = self.engine.base(
            dataset=dataset, snapshot=found.snapshot, profile=profile_id, progress=progress
        )
        self.store.bases.release(
            found.snapshot,
            base_document(base),
            event=Event(person.name, "base.released", f"dataset:{dataset}"),
        )
        return BoughtBase(base=base, percent=percent, before=before)

    def sample_under(self, person: Person, grant: Grant, rows: int | None = None) -> Sample:
        """Synthetic rows for the holder of a grant.

        Raises:
            NotAllowed: the agreement's no.
            NotFound: no base was bought of this version.
        """
        self.permission(person, grant, Action.SAMPLE)
        return self.sample(grant.dataset, rows)

    def sample(self, dataset: str, rows: int | None = None) -> Sample:
        """Synthetic rows of a dataset, from its base alone: they cost nothing. For the operator.

        Raises:
            NotFound: no base was bought of this version.
        """
        found = in_use(self.store, dataset, columns=None)
        base = base_for(self.store, found)
        if base is None:
            raise NotFound(
                f"No base release of {dataset} was bought.",
                fix="Ask its owner; synthetic rows are made from one.",
            )
        return sample(base, found.policy, rows)

    def _offer(self, found: Published) -> tuple[str, str, BaseOffer]:
        """The table, the id of the profile it is bounded by, and what is bought."""
        if len(found.policy.tables) != 1 or not found.policy.private:
            raise BadInput(
                "A base is bought of a conditional dataset with one table.",
                where="dataset",
                fix="Choose another.",
            )
        (table,) = found.policy.tables
        bought = self.store.profiles.released(found.policy.budget_lineage, table)
        profile = profile_from_document(bought.document) if bought is not None else None
        # The engine draws by the policy of the views. The budget may be another one since: what is drawn is charged.
        drawn_by = self.store.datasets.made_under(found.policy.name, found.snapshot)
        offered = offer(drawn_by, table, profile=profile)
        if offered is None:
            raise BadInput(
                f"The policy of {found.policy.name} sets no share of the budget for a base release.",
                where="base_percent",
                fix="Set budget.base_percent, such as 20, and publish it again.",
            )
        return table, bought.id if bought is not None else "", offered

    def _check_may(self, person: Person, policy: DatasetPolicy) -> None:
        if not person.has(Role.ADMINISTRATOR) and person.name != policy.owner:
            raise NotAllowed(
                f"Only its owner ({policy.owner}) or an administrator may buy a base of {policy.name}.",
                clause="role",
            )


def base_for(store: Store, found: Published) -> BaseRelease | None:
    """The base of a dataset's present version, where it was bought."""
    if len(found.policy.tables) != 1:
        return None
    (table,) = found.policy.tables
    kept = store.bases.released(found.policy.budget_lineage, table)
    if kept is None or kept.snapshot != found.snapshot:
        return None
    return base_from_document(kept.document)
