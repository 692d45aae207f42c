"""Whether what a notice asks for is still to be done: a notice stays as it was written, and its matter goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sandbox.domain.application import WAITING, ApplicationState
from sandbox.domain.duties import DutyState
from sandbox.domain.import_request import ImportState
from sandbox.domain.notice_rule import Notice, Urgency
from sandbox.domain.objection import OPEN
from sandbox.domain.proposal import ProposalState
from sandbox.domain.release import Status
from sandbox.domain.release_states import WAITING as IN_REVIEW
from sandbox.domain.results import ResultState
from sandbox.flows.permission import duties_of
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StillToDo:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]

    def over(self, notice: Notice) -> bool:
        """It asked for something, and that is done or no more to be done. False where nobody can say."""
        if notice.urgency is Urgency.NOTE:
            return False
        number = notice.values.get("number", "")
        waits = _BY_KIND.get(notice.kind)
        if waits is None or not number.isdecimal():
            return self._course_taken(notice) or self._resumed(notice)
        return not waits(self, notice, int(number))

    def _application(self, notice: Notice, number: int) -> bool:
        application = self.store.access.application(number)
        if application is None:
            return False
        if notice.kind == "application.approved":
            return application.state is ApplicationState.APPROVED and notice.person in application.unsigned
        submitted = notice.kind == "application.submitted"
        return application.state is (ApplicationState.SUBMITTED if submitted else ApplicationState.RETURNED)

    def _access(self, notice: Notice, number: int) -> bool:
        application = self.store.access.application(number)
        if application is None or application.state is not ApplicationState.ACTIVE:
            return False
        others = self.store.access.applications(applicant=application.applicant, dataset=application.dataset)
        return not any(one.renews == number and one.state in WAITING for one in others)

    def _duty(self, notice: Notice, number: int) -> bool:
        application = self.store.access.application(number)
        if application is None:
            return False
        owed = duties_of(self.store, application, today=self.today())
        due = notice.values.get("due", "")
        return any(duty.due.isoformat() == due and duty.state is not DutyState.DONE for duty in owed)

    def _own_output(self, notice: Notice, number: int) -> bool:
        release = self.store.releases.get(number)
        stopped, returned = (
            notice.kind.startswith("release.blocked"),
            notice.kind.startswith("release.returned"),
        )
        wanted = Status.BLOCKED if stopped else Status.RETURNED if returned else Status.ON_HOLD
        return release is not None and release.status is wanted

    def _review(self, notice: Notice, number: int) -> bool:
        release = self.store.releases.get(number)
        if release is None or release.status not in IN_REVIEW:
            return False
        return all(vote.reviewer != notice.person for vote in release.votes)

    def _import(self, notice: Notice, number: int) -> bool:
        request = self.store.imports.get(number)
        return request is not None and request.state is ImportState.WAITING

    def _import_stopped(self, notice: Notice, number: int) -> bool:
        """Until a later one was asked for: a stopped import does not change."""
        request = self.store.imports.get(number)
        return request is not None and not self.store.imports.asked_later(request)

    def _job_ended(self, notice: Notice, number: int) -> bool:
        """Until a later one was sent: a job that ended does not change."""
        job = self.store.jobs.get(number)
        return job is not None and not self.store.jobs.sent_later(job)

    def _objection(self, notice: Notice, number: int) -> bool:
        objection = self.store.objections.get(number)
        return objection is not None and objection.state in OPEN

    def _proposal(self, notice: Notice, number: int) -> bool:
        proposal = self.store.policies.proposal(number)
        return proposal is not None and proposal.state is ProposalState.OPEN

    def _result(self, notice: Notice, number: int) -> bool:
        result = self.store.results.get(number)
        wanted = ResultState.RETURNED if notice.kind == "result.returned" else ResultState.REPORTED
        return result is not None and result.state is wanted

    def _course_taken(self, notice: Notice) -> bool:
        """It was taken again since."""
        if notice.kind != "training.ends_soon":
            return False
        ends = notice.values.get("until", "")
        records = self.store.training.records(notice.person)
        return any(r.course == notice.values.get("course") and r.until.isoformat() > ends for r in records)

    def _resumed(self, notice: Notice) -> bool:
        suspended = notice.kind.startswith("dataset.suspended")
        return suspended and not self.store.suspensions.of(notice.values.get("dataset", ""))


_Waits = Callable[[StillToDo, Notice, int], bool]

# The rows of the table of notices that ask for something whose end can be seen.
_BY_KIND: Mapping[str, _Waits] = {
    "application.submitted": StillToDo._application,
    "application.returned": StillToDo._application,
    "application.approved": StillToDo._application,
    "agreement.declined": StillToDo._application,
    "grant.ends_soon": StillToDo._access,
    "duty.reminded:due soon": StillToDo._duty,
    "duty.reminded:overdue": StillToDo._duty,
    "duty.reminded:blocking": StillToDo._duty,
    "release.blocked:requester": StillToDo._own_output,
    "release.returned:requester": StillToDo._own_output,
    "release.held:requester": StillToDo._own_output,
    "release.submitted:reviewers left": StillToDo._review,
    "release.vote_voided:reviewers left": StillToDo._review,
    "release.further_asked:reviewers left": StillToDo._review,
    "release.overdue": StillToDo._review,
    "release.overdue:too few reviewers": StillToDo._review,
    "import.checked": StillToDo._import,
    "import.blocked": StillToDo._import_stopped,
    "job.ended_early": StillToDo._job_ended,
    "objection.received": StillToDo._objection,
    "policy.proposed": StillToDo._proposal,
    "result.reported": StillToDo._result,
    "result.returned": StillToDo._result,
}
KINDS = frozenset(_BY_KIND) | {"training.ends_soon", "dataset.suspended:owner", "dataset.suspended:users"}
