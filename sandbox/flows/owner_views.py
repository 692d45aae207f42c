"""An owner's data: who uses them for what, what it cost, what people say of them. Reading only.

Names of people are those whom the owner granted access; what they asked is not told here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sandbox.domain import ratings
from sandbox.domain.application import ApplicationState
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.ratings import Usefulness
from sandbox.domain.suspension import Suspension
from sandbox.flows.transparency import last_months
from sandbox.store import Dataset, Report, Store
from sandbox.store.figures import Spent

FEEDBACK = 5  # the newest reports
PAGE = 10  # datasets


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUse:
    """What one project does with a dataset.

    Attributes:
        people: who hold a grant now.
        percent: of the whole budget, spent by the project.
    """

    project: str
    people: tuple[str, ...]
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedData:
    """A dataset as its owner sees it.

    Attributes:
        questions: by month, the last twelve.
        percent_left: of the lineage's budget; None where there is none.
        said: what publishing told; its numbers come from rows.
        by_hand: suspended so that it can be resumed by hand, all of it.
    """

    policy: DatasetPolicy
    version: int
    published_at: str
    suspensions: tuple[Suspension, ...]
    by_hand: bool
    destroyed: bool
    questions: Mapping[str, int]
    projects: tuple[ProjectUse, ...]
    percent_left: float | None
    usefulness: Usefulness
    feedback: tuple[Report, ...]
    said: tuple[str, ...]
    allowed_actions: tuple[str, ...]

    @property
    def asked(self) -> int:
        return sum(self.questions.values())

    @property
    def people(self) -> int:
        return len({name for use in self.projects for name in use.people})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerViews:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]

    def data(self, person: Person, *, page: int = 1) -> tuple[tuple[OwnedData, ...], int]:
        """The person's own datasets by title, those that are suspended first, and how many there are in all."""
        check_role(person, Role.OWNER)
        with self.store.one_moment():
            mine, total = self.store.catalogue.of_owner(person.name, offset=(page - 1) * PAGE, limit=PAGE)
            lineages, projects = self.store.figures.lineages(), self.store.figures.projects()
            rows = self.store.datasets.several([one.name for one in mine])
            return tuple(self._one(row, lineages, projects) for row in rows), total

    def _one(
        self, row: Dataset, lineages: Mapping[str, Spent], projects: Mapping[tuple[str, str], Spent]
    ) -> OwnedData:
        policy = row.policy
        name, lineage = policy.name, policy.budget_lineage
        whole = lineages.get(lineage) if policy.private else None
        suspensions = self.store.suspensions.of(name)
        destroyed = self.store.destructions.get(name) is not None
        by_hand = any(s.whole and not s.objection for s in suspensions) and not destroyed
        return OwnedData(
            policy=policy,
            version=row.version,
            published_at=row.published_at,
            suspensions=suspensions,
            by_hand=by_hand,
            destroyed=destroyed,
            questions=last_months(self.store.figures.questions_by_month([name]), self.today()),
            projects=self._uses(name, lineage, whole, projects),
            percent_left=max(0.0, 100.0 - whole.percent) if whole is not None else None,
            usefulness=ratings.usefulness(self.store.ratings.of_dataset(name)),
            feedback=self._feedback(name),
            said=tuple(row.report.get("lines", ())),
            allowed_actions=_actions(policy, by_hand=by_hand, suspended=row.suspended, destroyed=destroyed),
        )

    def _uses(
        self,
        dataset: str,
        lineage: str,
        whole: Spent | None,
        spent: Mapping[tuple[str, str], Spent],
    ) -> tuple[ProjectUse, ...]:
        """Projects with a grant that holds, or that spent of the budget; who spent most comes first."""
        people: dict[str, set[str]] = {}
        for grant in self.store.grants.all(dataset=dataset):
            holders = people.setdefault(grant.project, set())
            if grant.holds_on(self.today()):
                holders.add(grant.person)
        found = []
        for project, names in people.items():
            of_project = spent.get((lineage, project))
            percent = (
                100.0 * of_project.spent_nano / whole.cap_nano
                if of_project is not None and whole is not None and whole.cap_nano
                else 0.0
            )
            if names or percent:
                found.append(ProjectUse(project=project, people=tuple(sorted(names)), percent=percent))
        return tuple(sorted(found, key=lambda use: (-use.percent, use.project)))

    def _feedback(self, dataset: str) -> tuple[Report, ...]:
        """The newest reports of those whose grants were in use."""
        found = [
            report
            for application in self.store.access.applications(
                dataset=dataset,
                states=(ApplicationState.ACTIVE, ApplicationState.CLOSED, ApplicationState.EXPIRED),
            )
            for report in self.store.duties.reports(application.id)
        ]
        return tuple(sorted(found, key=lambda report: report.given_at, reverse=True)[:FEEDBACK])


def _actions(policy: DatasetPolicy, *, by_hand: bool, suspended: bool, destroyed: bool) -> tuple[str, ...]:
    if destroyed:
        return ()
    actions = ["change"]
    if policy.open_class != "closed":
        actions.append("resume" if by_hand else "suspend")
    if policy.private:
        actions.append("destroy")
    return tuple(actions)
