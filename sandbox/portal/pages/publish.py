"""A dataset, or another policy for one, is prepared step by step and published: form and YAML side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sandbox.domain.errors import BadInput, CallerError, NotFound, PolicyRefused
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import OpenClass
from sandbox.flows.prepare_dataset import Receiving
from sandbox.portal.forms import FIELD, FormSender, check_sent
from sandbox.portal.pages.publish_fields import STEPS, StepFields, changed, fields_of
from sandbox.portal.pages.publish_spots import spots
from sandbox.portal.pages.rendering import fragment, go, render
from sandbox.portal.pages.stages import Stage
from sandbox.portal.requests import InPerson, System
from sandbox.portal.upload import read_upload
from sandbox.settings import PORTAL_PREFIX
from sandbox.store.drafts import Draft
from sandbox.store.policy_text import edited, tree_in
from sandbox.wiring import Sandbox

MOST_SPOTS = 200  # mistakes whose fields are looked for; a page tells of fewer
router = APIRouter(include_in_schema=False)

# Which groups' meanings are told first at a step.
FIRST = {"columns": ("unit", "tables"), "terms": ("budget", "release"), "about": ("open_class",)}
Sent = Mapping[str, Sequence[str]]


async def _sent(request: Request) -> Sent:
    """All fields of a form, however many columns a table has."""
    form = await request.form()
    return {
        name: [value for value in form.getlist(name) if isinstance(value, str)]
        for name in dict.fromkeys(form)
    }


Fields = Annotated[Sent, Depends(_sent)]


@router.get("/publish")
def drafts(request: Request, system: System, person: InPerson) -> Response:
    """My drafts, and a form to begin one."""
    return _begin_page(request, system, person, {})


@router.post("/publish")
def begin(
    request: Request,
    system: System,
    person: FormSender,
    name: Annotated[str, Form(max_length=200)] = "",
    title: Annotated[str, Form(max_length=1000)] = "",
    open_class: Annotated[str, Form(max_length=50)] = "",
) -> Response:
    """Begin a dataset. A mistake brings the form back as it was filled in."""
    written = {"name": name, "title": title, "open_class": open_class}
    try:
        draft = system.prepare_dataset.begin(person, **written)
    except CallerError as mistake:
        return _begin_page(request, system, person, written, mistake=mistake)
    return go(f"/publish/{draft.id}", done="")


@router.post("/datasets/{name}/change")
def change(system: System, person: FormSender, name: str) -> Response:
    """Begin another policy for a published dataset, or go on with it."""
    draft = system.prepare_dataset.change(person, name)
    return _to(draft, "terms")


@router.get("/publish/{draft_id}")
def show(request: Request, system: System, person: InPerson, draft_id: str, step: str = "files") -> Response:
    """One step of a draft."""
    draft = system.prepare_dataset.get(person, draft_id)
    return _page(request, system, person, draft, step)


@router.post("/publish/{draft_id}")
def save(request: Request, system: System, person: FormSender, draft_id: str, fields: Fields) -> Response:
    """Keep form and text. What does not go together brings the page back with both."""
    step, text, mark = (_one(fields, name) for name in ("step", "text", "mark"))
    draft = system.prepare_dataset.get(person, draft_id)
    to = _one(fields, "to") or step
    try:
        with suppress(
            PolicyRefused
        ):  # no YAML: it is kept as it was written, and the page says what is wrong
            text = _merged(system, draft, step, fields, text)
        draft = system.prepare_dataset.write(person, draft_id, text=text, mark=mark)
    except CallerError as mistake:
        return _page(request, system, person, draft, step, text=text, mistake=mistake)
    return _to(draft, to, done="draft-kept")


@router.post("/publish/{draft_id}/files")
async def upload(request: Request, system: System, person: InPerson, draft_id: str) -> Response:
    """Take a file, closed as it comes."""
    try:
        draft = await _received(request, system, person, draft_id)
    except NotFound:
        raise
    except CallerError as mistake:
        draft = await run_in_threadpool(system.prepare_dataset.get, person, draft_id)
        return await run_in_threadpool(_page, request, system, person, draft, "files", mistake=mistake)
    return _to(draft, "files", done="draft-file")


@router.post("/piece/publish/{draft_id}/files")
async def upload_piece(request: Request, system: System, person: InPerson, draft_id: str) -> Response:
    """The same with a bar that shows how far it is; the page is opened anew after it."""
    try:
        draft = await _received(request, system, person, draft_id)
    except CallerError as mistake:
        return await run_in_threadpool(fragment, "publish_mistake.html", mistake=mistake)
    answer = Response(status_code=204)
    answer.headers["HX-Redirect"] = f"{PORTAL_PREFIX}/publish/{draft.id}?step=files&done=draft-file"
    return answer


@router.post("/publish/{draft_id}/path")
def from_path(
    request: Request,
    system: System,
    person: FormSender,
    draft_id: str,
    table: Annotated[str, Form(max_length=200)] = "",
    path: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Take a file from a folder that the operator allowed."""
    try:
        draft = system.prepare_dataset.from_path(person, draft_id, table=table.strip(), path=path)
    except NotFound:
        raise
    except CallerError as mistake:
        draft = system.prepare_dataset.get(person, draft_id)
        return _page(request, system, person, draft, "files", mistake=mistake)
    return _to(draft, "files", done="draft-file")


@router.post("/publish/{draft_id}/without")
def without(
    system: System, person: FormSender, draft_id: str, table: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Take a file out again."""
    draft = system.prepare_dataset.without_file(person, draft_id, table)
    return _to(draft, "files", done="draft-file-out")


@router.post("/publish/{draft_id}/publish")
def publish(
    request: Request,
    system: System,
    person: FormSender,
    draft_id: str,
    new_profile: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Publish. The report is for the owner alone; a mistake leaves the draft as it is."""
    draft = system.prepare_dataset.get(person, draft_id)
    try:
        report = system.prepare_dataset.publish(person, draft_id, new_profile=bool(new_profile))
    except CallerError as mistake:
        return _page(request, system, person, draft, "check", mistake=mistake)
    return render(request, "published.html", report=report, title=draft.name)


@router.post("/publish/{draft_id}/apply")
def apply(
    request: Request,
    system: System,
    person: FormSender,
    draft_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Let a change hold, or propose it to a second person."""
    draft = system.prepare_dataset.get(person, draft_id)
    try:
        applied = system.prepare_dataset.apply(person, draft_id, reason=reason)
    except CallerError as mistake:
        return _page(request, system, person, draft, "check", mistake=mistake, reason=reason)
    if applied.proposal is not None:
        return go("/policies", done="change-proposed")
    return go("/owner" if person.has(Role.OWNER) else "/policies", done="change-applied")


@router.post("/publish/{draft_id}/discard")
def discard(system: System, person: FormSender, draft_id: str) -> Response:
    """It is gone."""
    system.prepare_dataset.discard(person, draft_id)
    return go("/publish", done="draft-discarded")


@router.post("/piece/publish/{draft_id}/form")
def form_piece(system: System, person: FormSender, draft_id: str, fields: Fields) -> Response:
    """What the form comes to while it is filled in: the text with it, its mistakes, its meaning. Nothing is kept."""
    draft = system.prepare_dataset.get(person, draft_id)
    step, text = _one(fields, "step"), _one(fields, "text")
    with suppress(PolicyRefused):  # the text's mistakes are told
        text = _merged(system, draft, step, fields, text)
    return _piece(system, person, draft, step, text, of="form")


@router.post("/piece/publish/{draft_id}/yaml")
def yaml_piece(system: System, person: FormSender, draft_id: str, fields: Fields) -> Response:
    """What the text comes to while it is written: its mistakes, its meaning, and the form with it. Nothing is kept."""
    draft = system.prepare_dataset.get(person, draft_id)
    return _piece(system, person, draft, _one(fields, "step"), _one(fields, "text"), of="yaml")


# the parts


async def _received(request: Request, system: Sandbox, person: Person, draft_id: str) -> Draft:
    def begin(fields: Mapping[str, str], called: str) -> Receiving:
        check_sent(request, fields.get(FIELD, ""))
        table = fields.get("table", "").strip()
        return system.prepare_dataset.receive(person, draft_id, table=table, called=called)

    return await read_upload(request, begin)


def _merged(system: Sandbox, draft: Draft, step: str, sent: Sent, text: str) -> str:
    """The sent text with the sent form's changes in it.

    Raises:
        PolicyRefused: the text is no YAML, so that nothing can be written into it.
    """
    text = text.replace("\r\n", "\n")
    if step not in STEPS:
        raise BadInput("There is no such step.", where="step", fix="Open the draft again.")
    fields = fields_of(step, tree_in(text), draft, _reviewers(system))
    return edited(text, changed(fields, sent, _one(sent, "shown")))


def _piece(system: Sandbox, person: Person, draft: Draft, step: str, text: str, *, of: str) -> Response:
    return fragment("publish_piece.html", of=of, **_context(system, person, draft, step, text))


def _context(system: Sandbox, person: Person, draft: Draft, step: str, text: str) -> dict[str, Any]:
    """What page and pieces show of a text."""
    step = step if step in STEPS else "files"
    try:
        tree, people = tree_in(text), _reviewers(system)
        fields = fields_of(step, tree, draft, people)
        readable = True
    except CallerError:
        tree, people, fields, readable = {}, [], StepFields(), False
    checked = system.prepare_dataset.check(person, draft, text)
    keys = [mistake.key for mistake in checked.mistakes[:MOST_SPOTS]]
    found = spots(keys, tree, draft, people) if readable and keys else {}
    return {
        "draft": draft,
        "step": step,
        "text": text,
        "fields": fields,
        "readable": readable,
        "checked": checked,
        "spots": found,
        "wrong": frozenset(spot.field for spot in found.values()),
        "meanings": sorted(checked.meanings, key=lambda meaning: meaning.key not in FIRST.get(step, ())),
    }


def _page(
    request: Request,
    system: Sandbox,
    person: Person,
    draft: Draft,
    step: str,
    *,
    text: str | None = None,
    mistake: CallerError | None = None,
    reason: str = "",
) -> Response:
    context = _context(system, person, draft, step, draft.text if text is None else text)
    order = list(STEPS)
    now = order.index(context["step"])
    return render(
        request,
        "publish.html",
        status=mistake.status if mistake else 200,
        steps=[
            Stage(name=STEPS[key], state=_state(key, place - now, context)) for place, key in enumerate(order)
        ],
        names=STEPS,
        before=order[now - 1] if now else "",
        after=order[now + 1] if now + 1 < len(order) else "",
        mistake=None if isinstance(mistake, PolicyRefused) else mistake,
        reason=reason,
        allowed=system.prepare_dataset.folders.listed(person.name),
        most_mib=system.settings.publish_mib,
        **context,
    )


def _state(step: str, ahead: int, context: Mapping[str, Any]) -> str:
    """A step is not done while it holds a mistake."""
    if ahead == 0:
        return "now"
    if ahead > 0:
        return "ahead"
    return "stopped" if any(spot.step == step for spot in context["spots"].values()) else "done"


def _begin_page(
    request: Request,
    system: Sandbox,
    person: Person,
    written: Mapping[str, str],
    *,
    mistake: CallerError | None = None,
) -> Response:
    return render(
        request,
        "publish_begin.html",
        status=mistake.status if mistake else 200,
        drafts=system.prepare_dataset.mine(person),
        classes=[(kind, system.site.class_names[kind]) for kind in OpenClass],
        written={"name": "", "title": "", "open_class": str(OpenClass.CONDITIONAL), **written},
        mistake=mistake,
    )


def _reviewers(system: Sandbox) -> list[str]:
    people = system.store.people.all()
    return sorted(person.name for person in people if person.active and person.has(Role.REVIEWER))


def _to(draft: Draft, step: str, *, done: str = "") -> Response:
    at = step if step in STEPS else "files"
    answer = go(f"/publish/{draft.id}", done=done)
    answer.headers["location"] += f"&step={at}"
    return answer


def _one(sent: Sent, name: str) -> str:
    return next(iter(sent.get(name, [])), "")
