"""An application step by step: each step explains one question, and is kept on the server when it is left.

The first step makes a draft; from then on the steps are those of an application that may be edited. What is written is
kept also while it is not complete; only what cannot be read is shown again, with what is wrong beside its field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.application import WAITING, Application, ApplicationState, Wish, epsilon_of, unfinished
from sandbox.domain.errors import BadInput, CallerError, Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy
from sandbox.flows.access_views import ApplicationView
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.apply import USUAL_DAYS, Filled, Written, all_columns, written_from
from sandbox.portal.pages.catalogue import MODE_MEANS
from sandbox.portal.pages.rendering import fragment, go, render
from sandbox.portal.requests import InPerson, System
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

CHECK = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One page of the way.

    Attributes:
        fields: of the form, that it asks for.
    """

    name: str
    label: str
    fields: tuple[str, ...]


STEPS = (
    Step(name="purpose", label=_("Purpose"), fields=("project", "organisation", "purpose", "legal_basis")),
    Step(name="people", label=_("People"), fields=("members",)),
    Step(name="data", label=_("Data"), fields=("mode", "days", "columns")),
    Step(name="budget", label=_("Privacy budget"), fields=("epsilon",)),
    Step(name="outputs", label=_("Outputs"), fields=("output_plan",)),
    Step(name=CHECK, label=_("Check and submit"), fields=()),
)
_NAMES = [step.name for step in STEPS]
_ASKED_BY = {name: step.name for step in STEPS for name in step.fields} | {"tables": "data"}


@router.get("/datasets/{name}/application")
def start(request: Request, system: System, person: InPerson, name: str) -> Response:
    """The first step of a new application."""
    check_role(person, Role.RESEARCHER)
    entry = system.browse_catalogue.dataset(name)
    if "apply" not in entry.allowed_actions:  # its page says why
        return RedirectResponse(f"{PORTAL_PREFIX}/datasets/{name}", status_code=303)
    return _page(request, system, entry.policy, STEPS[0], Written(), others=_others(system, person, name))


@router.post("/datasets/{name}/application")
def begin(request: Request, system: System, person: FormSender, name: str, written: Filled) -> Response:
    """Keep the first step as a draft. Sent again, as by a double click, it is the same draft."""
    policy = system.browse_catalogue.dataset(name).policy
    try:
        draft = _draft_of(system, person, name, written.project)
        if draft is None:
            wish = _begun(written, policy)
            draft = system.request_access.apply(person, dataset=name, wish=wish, draft=True).id
        else:
            _keep(system, person, draft, STEPS[0], written)
    except (BadInput, Conflict, NotAllowed) as mistake:
        return _page(request, system, policy, STEPS[0], written, mistake=mistake)
    return _to(draft, "people", saved=f"start-{name}")


@router.get("/applications/{application_id}/steps/{step}")
def show(
    request: Request, system: System, person: InPerson, application_id: int, step: str, saved: str = ""
) -> Response:
    """One step of a draft, or of an application that came back."""
    view = system.access_views.application(person, application_id)
    if "edit" not in view.allowed_actions:
        return RedirectResponse(f"{PORTAL_PREFIX}/applications/{application_id}", status_code=303)
    written = written_from(view.application.wish, view.policy)
    return _page(request, system, view.policy, _step(step), written, view=view, saved=saved)


@router.post("/applications/{application_id}/steps/{step}")
def leave(
    request: Request,
    system: System,
    person: FormSender,
    application_id: int,
    step: str,
    written: Filled,
    version: Annotated[int, Form()],
    way: Annotated[str, Form()] = "next",
) -> Response:
    """Keep what this step says and go on, back or away; on the last one, hand it in."""
    now = _step(step)
    at = _NAMES.index(now.name)
    try:
        if now.name == CHECK:
            system.request_access.submit(person, application_id, version=version)
            return go(f"/applications/{application_id}", done="applied")
        _keep(system, person, application_id, now, written, version=version)
    except (BadInput, Conflict, NotAllowed) as mistake:
        view = system.access_views.application(person, application_id)
        if "edit" not in view.allowed_actions:
            raise
        whole = written_from(view.application.wish, view.policy)
        shown = _with(whole, written, now)
        return _page(request, system, view.policy, now, shown, view=view, mistake=mistake)
    if way == "later":
        return go(f"/applications/{application_id}", done="kept")
    after = max(at - 1, 0) if way == "back" else at + 1
    return _to(application_id, _NAMES[after], saved=f"{application_id}-{now.name}")


@router.get("/piece/applications/worth/{name}")
def worth(system: System, person: InPerson, name: str, epsilon: str = "") -> Response:
    """What a budget buys, while it is typed."""
    said, counts = "", None
    try:
        counts = system.access_views.worth(name, epsilon_of(epsilon.strip())) if epsilon.strip() else None
    except (BadInput, NotFound) as mistake:
        said = f"{mistake.message} {mistake.fix}"
    return fragment("apply_worth.html", counts=counts, said=said)


def _step(name: str) -> Step:
    for step in STEPS:
        if step.name == name:
            return step
    raise NotFound(f"There is no step {name!r}.", fix=f"The steps: {', '.join(_NAMES)}.")


def _to(application_id: int, step: str, *, saved: str) -> RedirectResponse:
    """To a step, which then forgets what the browser had kept of the one that was saved."""
    path = f"{PORTAL_PREFIX}/applications/{application_id}/steps/{step}?saved={saved}"
    return RedirectResponse(path, status_code=303)


def _draft_of(system: Sandbox, person: Person, dataset: str, project: str) -> int | None:
    """The person's own draft of this project for this dataset."""
    wanted = " ".join(project.split())
    for one in system.store.access.applications(applicant=person.name, dataset=dataset):
        if one.state is ApplicationState.DRAFT and one.project == wanted and not one.renews:
            return one.id
    return None


def _others(system: Sandbox, person: Person, dataset: str) -> list[Application]:
    """The person's own that are under way for this dataset: going on is mostly what is wanted."""
    mine = system.store.access.applications(applicant=person.name, dataset=dataset, states=sorted(WAITING))
    return sorted(mine, key=lambda one: -one.id)


def _begun(written: Written, policy: DatasetPolicy) -> Wish:
    """The first step's wish: what is not asked yet is as usual."""
    access = policy.access
    usual = Written(
        mode=str(access.modes[0]),
        days=str(min(USUAL_DAYS, access.max_days)),
        columns=all_columns(policy),
    )
    return _with(usual, written, STEPS[0]).wish(policy)


def _keep(
    system: Sandbox,
    person: Person,
    application_id: int,
    step: Step,
    written: Written,
    *,
    version: int | None = None,
) -> None:
    """Write one step into the application, unless it says so already: then nothing was changed, by nobody."""
    view = system.access_views.application(person, application_id)
    wish = view.application.wish
    wanted = _with(written_from(wish, view.policy), written, step).wish(view.policy)
    if _same(wanted, wish):
        return
    system.request_access.edit(person, application_id, wanted, version=version)


def _same(wanted: Wish, wish: Wish) -> bool:
    return _compared(wanted) == _compared(wish)


def _compared(wish: Wish) -> Mapping[str, Any]:
    """What a wish says, without the blanks around it and the order of names, which are not kept."""
    said = {**wish.document(), "members": sorted(wish.members), "project": " ".join(wish.project.split())}
    return {name: value.strip() if isinstance(value, str) else value for name, value in said.items()}


def _with(whole: Written, written: Written, step: Step) -> Written:
    """All that is written, with one step's fields as they were sent."""
    return replace(whole, **{name: getattr(written, name) for name in step.fields})


def _page(
    request: Request,
    system: Sandbox,
    policy: DatasetPolicy,
    step: Step,
    written: Written,
    *,
    view: ApplicationView | None = None,
    saved: str = "",
    mistake: CallerError | None = None,
    others: Sequence[Application] = (),
) -> Response:
    answers = [turn.answer for turn in view.turns if turn.answer] if view else []
    missing = unfinished(view.application.wish) if view else ()
    at = _NAMES.index(step.name)
    return render(
        request,
        "apply_step.html",
        status=mistake.status if mistake else 200,
        policy=policy,
        offer=system.access_views.offer(policy.name),
        application=view.application if view else None,
        answer=answers[-1] if answers else "",
        steps=STEPS,
        step=step,
        number=at + 1,
        written=written,
        columns=all_columns(policy),
        missing=[(_ASKED_BY[one.where], one) for one in missing],
        seen=_NAMES[:at] if step.name != CHECK else _NAMES,
        others=others,
        mistake=mistake,
        wrong=_wrong(mistake, step),
        asked_by=_asked_by(mistake),
        kept=f"{view.application.id}-{step.name}" if view else f"start-{policy.name}",
        saved=saved if _ours(saved) else "",
        mode_means=MODE_MEANS,
    )


def _wrong(mistake: CallerError | None, step: Step) -> Mapping[str, CallerError]:
    """What is wrong, by the field of this step that it stands beside."""
    where = _field(mistake)
    return {where: mistake} if mistake is not None and where in step.fields else {}


def _asked_by(mistake: CallerError | None) -> str:
    """The step where a mistake is mended; empty when that is none."""
    return _ASKED_BY.get(_field(mistake), "")


def _field(mistake: CallerError | None) -> str:
    where = mistake.where.partition(".")[0] if isinstance(mistake, BadInput) else ""
    return "columns" if where == "tables" else where


def _ours(saved: str) -> bool:
    return saved.replace("-", "").replace("_", "").isalnum() and len(saved) < 120
