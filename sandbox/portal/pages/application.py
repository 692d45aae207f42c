"""One application: where it stands, what is asked for and agreed, and a form for all that may be done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from pydantic import ValidationError

from sandbox.domain.application import ApplicationState, Change, Turn, differences
from sandbox.domain.duties import DutyState
from sandbox.domain.errors import BadInput, CallerError, NotFound
from sandbox.domain.people import Person
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.access_views import ApplicationView
from sandbox.flows.grant_views import Counts
from sandbox.language import marked as _
from sandbox.portal.api.access import MoveBody, move_application
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.catalogue import MODE_MEANS
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.pages.stages import Stage, ways
from sandbox.portal.requests import InPerson, System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

S = ApplicationState
STAGES = (_("Draft"), _("Decision"), _("Signing"), _("In use"), _("Closed"))
# Where a state stands on the way, and what comes next: for its people, and for the owner.
MEANING: dict[ApplicationState, tuple[int, str, str]] = {
    S.DRAFT: (1, "Only you see it. Submit it when it is complete.", ""),
    S.SUBMITTED: (2, "The owner of the data decides.", "You decide."),
    S.RETURNED: (
        2,
        "It came back. The applicant changes what is asked for, and submits it again.",
        "It went back. The applicant changes it, or takes it back.",
    ),
    S.APPROVED: (
        3,
        "Everybody it names signs the agreement for themselves. The grants begin with the last signature.",
        "It waits for the signatures of everybody it names.",
    ),
    S.ACTIVE: (4, "The agreement is in force.", "The agreement is in force."),
    S.EXPIRED: (
        5,
        "Its time is over. Renew it, or close it and take the certificate.",
        "Its time is over.",
    ),
    S.RENEWED: (5, "Another application goes on with it.", "Another application goes on with it."),
    S.CLOSED: (
        5,
        "It is closed. The certificate says what was used.",
        "It is closed. The certificate says what was used.",
    ),
    S.REVOKED: (
        4,
        "The owner took all its grants back.",
        "You took all its grants back.",
    ),
    S.REJECTED: (2, "The owner said no. You may apply again with other terms.", "You said no."),
    S.WITHDRAWN: (0, "The applicant took it back.", "The applicant took it back."),
}
_STOPPED = frozenset({S.RETURNED, S.REJECTED, S.REVOKED})
_FINISHED = frozenset({S.CLOSED, S.RENEWED})
# How fields of an application are called, and what they mean when nothing stands there.
LABELS = {"tables": _("Columns"), "epsilon": _("Budget wanted, ε"), "output_plan": _("Planned outputs")}
EMPTY = {"tables": _("all of them"), "epsilon": _("what the owner can give"), "members": _("nobody else")}
USEFULNESS = (_("of no use"), _("of little use"), _("of some use"), _("useful"), _("very useful"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form that was sent and could not be taken: what was written stays."""

    verb: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def get(self, verb: str, name: str, otherwise: str = "") -> str:
        """What was written in this field of this form."""
        return self.fields.get(name, otherwise) if verb == self.verb else otherwise

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """What would be a loss: (field, what was written)."""
        names = ("reason", "conditions", "text")
        return tuple((name, self.fields[name]) for name in names if self.fields.get(name, "").strip())


_Text = Annotated[str, Form()]


def _fields(
    reason: _Text = "",
    conditions: _Text = "",
    epsilon: _Text = "",
    days: _Text = "",
    member: _Text = "",
    clause: _Text = "",
    block_days: _Text = "",
    usefulness: _Text = "",
    text: _Text = "",
    version: _Text = "",
    agreement_sha256: _Text = "",
    read: _Text = "",
) -> dict[str, str]:
    """Every field of every form; those that were left empty are left out."""
    return {name: value for name, value in locals().items() if value.strip()}


@router.get("/applications/{application_id}")
def application(request: Request, system: System, person: InPerson, application_id: int) -> Response:
    """One application, for its people and the owner of the data."""
    return _page(request, system, person, application_id)


@router.post("/applications/{application_id}/{verb}")
def move(
    request: Request,
    system: System,
    person: FormSender,
    application_id: int,
    verb: str,
    fields: Annotated[dict[str, str], Depends(_fields)],
) -> Response:
    """Do one of its ``allowed_actions``. What could not be done brings the page back with what was written."""
    try:
        move_application(system, person, application_id, verb, _body(verb, fields))
    except NotFound:
        raise
    except CallerError as mistake:
        sent = Sent(verb=verb, fields=fields)
        return _page(request, system, person, application_id, sent=sent, mistake=mistake)
    return go(f"/applications/{application_id}", done=f"access-{verb}")


def _body(verb: str, fields: dict[str, str]) -> MoveBody:
    """What a form says, as the interface for programs takes it."""
    if verb == "sign" and "read" not in fields:
        raise BadInput(
            "You did not say that you have read the agreement.",
            where="read",
            fix="Read it, and tick the box.",
        )
    known = {name: value for name, value in fields.items() if name not in ("read", "conditions")}
    lines = [line.strip() for line in fields.get("conditions", "").splitlines() if line.strip()]
    try:
        return MoveBody.model_validate({**known, "conditions": lines})
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise BadInput(f"{first['msg']}.", where=str(first["loc"][0]), fix="Write it anew.") from None


def stages(state: ApplicationState) -> tuple[Stage, ...]:
    """Where an application stands on its way; nowhere when it was taken back."""
    return ways(STAGES, MEANING[state][0], stopped=state in _STOPPED, finished=state in _FINISHED)


def turns_with_changes(turns: tuple[Turn, ...]) -> list[tuple[Turn, tuple[Change, ...]]]:
    """Each turn and what differs from the one before, the newest first."""
    before = (None, *turns)
    found = [
        (turn, differences(earlier.wish, turn.wish) if earlier else ())
        for earlier, turn in zip(before, turns, strict=False)
    ]
    return found[::-1]


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    application_id: int,
    *,
    sent: Sent | None = None,
    mistake: CallerError | None = None,
) -> Response:
    view = system.access_views.application(person, application_id)  # decides whether this person may see it
    state = view.application.state
    owns = person.name == view.owner and person.name not in view.application.people
    _, for_people, for_owner = MEANING[state]
    return render(
        request,
        "application.html",
        status=mistake.status if mistake else 200,
        view=view,
        application=view.application,
        wish=view.application.wish,
        owns=owns,
        mine=person.name in view.application.people,
        meaning=for_owner if owns else for_people,
        stages=stages(state),
        turns=turns_with_changes(view.turns),
        agreement=json.loads(view.agreement) if view.agreement else None,
        clause_names=list(dict.fromkeys(name for name, _ in view.clauses)),
        events=system.access_views.events(person, application_id),
        open_duties=[duty for duty in view.duties if duty.state is not DutyState.DONE],
        quota=_quota(view),
        worth=_worth(system, view),
        usefulness=USEFULNESS,
        labels=LABELS,
        empty=EMPTY,
        mode_means=MODE_MEANS,
        sent=sent or Sent(),
        mistake=mistake,
    )


def _quota(view: ApplicationView) -> float | None:
    """For the owner who decides: the most that a project can be given."""
    terms = view.policy.budget
    if terms is None or view.free_epsilon is None:
        return None
    return view.policy.guarantee.epsilon(Loss(terms.per_project.nano))


def _worth(system: Sandbox, view: ApplicationView) -> Counts | None:
    """What the wanted budget buys."""
    wanted = view.application.wish.epsilon
    return system.access_views.worth(view.application.dataset, float(wanted)) if wanted else None
