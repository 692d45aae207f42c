"""The form of an application: a new one, a draft or one that came back, a renewal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.application import Application, Wish
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, SandboxError
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy, Mode
from sandbox.flows.access_views import ApplicationView
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.catalogue import MODE_MEANS
from sandbox.portal.pages.rendering import go, render
from sandbox.portal.requests import InPerson, System
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

USUAL_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The form as it was filled in: text, whatever it says."""

    project: str = ""
    organisation: str = ""
    purpose: str = ""
    legal_basis: str = ""
    mode: str = ""
    days: str = ""
    members: str = ""  # one a line
    columns: tuple[str, ...] = ()  # such as ``loans.age``
    epsilon: str = ""
    output_plan: str = ""

    def wish(self, policy: DatasetPolicy) -> Wish:
        """What it asks for.

        Raises:
            BadInput: a field that cannot be read.
        """
        return Wish(
            project=self.project,
            purpose=self.purpose,
            output_plan=self.output_plan,
            mode=self._mode(),
            days=self._days(),
            organisation=self.organisation,
            legal_basis=self.legal_basis,
            members=tuple(self.members.replace(",", " ").split()),
            tables=self._tables(policy),
            epsilon=self.epsilon.strip(),
        )

    def _mode(self) -> Mode:
        try:
            return Mode(self.mode)
        except ValueError:
            raise BadInput("This is no mode.", where="mode", fix="Choose one of the list.") from None

    def _days(self) -> int:
        text = self.days.strip()
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise BadInput("This is no number of days.", where="days", fix="Write a whole number.")
        return int(text)

    def _tables(self, policy: DatasetPolicy) -> dict[str, tuple[str, ...]]:
        """By table, in the policy's order; nothing where all columns are wanted."""
        if not self.columns:
            # No table at all means all of them to the rules.
            raise BadInput("No column is ticked.", where="tables", fix="Tick the columns that you need.")
        wanted: dict[str, list[str]] = {}
        for name in self.columns:
            table, _, column = name.partition(".")
            wanted.setdefault(table, []).append(column)
        if set(self.columns) == set(all_columns(policy)):
            return {}
        return {table: tuple(dict.fromkeys(columns)) for table, columns in wanted.items()}


def all_columns(policy: DatasetPolicy) -> tuple[str, ...]:
    """All, as the form names them."""
    return tuple(f"{name}.{column}" for name, table in policy.tables.items() for column in table.columns)


def written_from(wish: Wish, policy: DatasetPolicy) -> Written:
    """The form that would ask for it."""
    chosen = tuple(f"{table}.{column}" for table, columns in wish.tables.items() for column in columns)
    return Written(
        project=wish.project,
        organisation=wish.organisation,
        purpose=wish.purpose,
        legal_basis=wish.legal_basis,
        mode=str(wish.mode),
        days=str(wish.days),
        members="\n".join(wish.members),
        columns=chosen or all_columns(policy),
        epsilon=wish.epsilon,
        output_plan=wish.output_plan,
    )


_Text = Annotated[str, Form()]


def _form(
    project: _Text = "",
    organisation: _Text = "",
    purpose: _Text = "",
    legal_basis: _Text = "",
    mode: _Text = "",
    days: _Text = "",
    members: _Text = "",
    columns: Annotated[tuple[str, ...], Form()] = (),
    epsilon: _Text = "",
    output_plan: _Text = "",
) -> Written:
    return Written(
        project=project,
        organisation=organisation,
        purpose=purpose,
        legal_basis=legal_basis,
        mode=mode,
        days=days,
        members=members,
        columns=columns,
        epsilon=epsilon,
        output_plan=output_plan,
    )


Filled = Annotated[Written, Depends(_form)]


@router.get("/datasets/{name}/apply")
def form(request: Request, system: System, person: InPerson, name: str, renews: int = 0) -> Response:
    """An empty form, or that of the application which is to be renewed."""
    check_role(person, Role.RESEARCHER)
    entry = system.browse_catalogue.dataset(name)
    if "apply" not in entry.allowed_actions:  # its page says why
        return RedirectResponse(f"{PORTAL_PREFIX}/datasets/{name}", status_code=303)
    if renews:
        earlier = _renewable(system, person, renews, dataset=name)
        return _page(request, system, name, written_from(earlier.wish, entry.policy), renews=renews)
    access = entry.policy.access
    empty = Written(
        mode=str(access.modes[0]),
        days=str(min(USUAL_DAYS, access.max_days)),
        columns=all_columns(entry.policy),
    )
    return _page(request, system, name, empty)


@router.post("/datasets/{name}/apply")
def apply(
    request: Request,
    system: System,
    person: FormSender,
    written: Filled,
    name: str,
    renews: Annotated[int, Form(ge=0)] = 0,
    way: Annotated[str, Form()] = "submit",
) -> Response:
    """Hand in an application, or keep a draft. A mistake brings the form back with what was written."""
    draft = way == "draft"
    try:
        policy = system.browse_catalogue.dataset(name).policy
        made = system.request_access.apply(
            person, dataset=name, wish=written.wish(policy), draft=draft, renews=renews
        )
    except (BadInput, Conflict, NotAllowed) as mistake:
        return _page(request, system, name, written, renews=renews, mistake=mistake)
    return go(f"/applications/{made.id}", done="drafted" if draft else "applied")


@router.get("/applications/{application_id}/edit")
def edit_form(request: Request, system: System, person: InPerson, application_id: int) -> Response:
    """The form of a draft, or of an application that came back."""
    view = system.access_views.application(person, application_id)
    if "edit" not in view.allowed_actions:
        return RedirectResponse(f"{PORTAL_PREFIX}/applications/{application_id}", status_code=303)
    written = written_from(view.application.wish, view.policy)
    return _page(request, system, view.application.dataset, written, changing=view)


@router.post("/applications/{application_id}/edit")
def edit(
    request: Request,
    system: System,
    person: FormSender,
    written: Filled,
    application_id: int,
    version: Annotated[int, Form()],
    way: Annotated[str, Form()] = "submit",
) -> Response:
    """Keep what was changed, and hand it in if that was asked for."""
    view = system.access_views.application(person, application_id)
    flow = system.request_access
    try:
        changed = flow.edit(person, application_id, written.wish(view.policy), version=version)
        if way != "draft":
            # What was written is kept, also when it is not complete yet.
            flow.submit(person, application_id, version=changed.version)
    except (BadInput, Conflict, NotAllowed) as mistake:
        now = system.access_views.application(person, application_id)
        return _page(request, system, now.application.dataset, written, changing=now, mistake=mistake)
    return go(f"/applications/{application_id}", done="kept" if way == "draft" else "applied")


def _renewable(system: Sandbox, person: Person, number: int, *, dataset: str) -> Application:
    view = system.access_views.application(person, number)
    if "renew" not in view.allowed_actions or view.application.dataset != dataset:
        raise NotFound(
            f"You have no application {number} for {dataset} that could be renewed.",
            fix="See 'My data' for what can.",
        )
    return view.application


def _page(
    request: Request,
    system: Sandbox,
    name: str,
    written: Written,
    *,
    renews: int = 0,
    changing: ApplicationView | None = None,
    mistake: SandboxError | None = None,
) -> Response:
    offer = system.access_views.offer(name)
    answers = [turn.answer for turn in changing.turns if turn.answer] if changing else []
    return render(
        request,
        "apply.html",
        status=mistake.status if mistake else 200,
        policy=offer.policy,
        offer=offer,
        written=written,
        renews=renews,
        changing=changing.application if changing else None,
        answer=answers[-1] if answers else "",
        mistake=mistake,
        mode_means=MODE_MEANS,
    )
