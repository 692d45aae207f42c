"""``/api/v1``: what notebooks, the command line and other programs call."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from sandbox.domain.access import Grant
from sandbox.domain.errors import BadInput, NotAllowed, OperatorError, TooLarge
from sandbox.domain.limits import Limits
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision
from sandbox.flows.answer_question import grant_for
from sandbox.portal import documents
from sandbox.portal.identity import Caller
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.wiring import Sandbox

router = APIRouter()
MAX_UPLOAD_BYTES = 8 * 2**20


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class QuestionBody(_Body):
    sql: str = Field(max_length=10_000)
    epsilon: float | None = None  # one price of three; by default what the question says, or epsilon 0.1
    budget: str | None = Field(default=None, max_length=40)  # '1%' of the project's quota
    accuracy: str | dict[str, str | int | float] | None = None  # '±50 at 95%', or by aggregate
    grant: int | None = None
    dataset: str | None = None
    max_rows_per_unit: int | None = Field(default=None, ge=1, le=10**9)  # stricter bounds than the best ones
    max_groups: int | None = Field(default=None, ge=1, le=10**9)
    idempotency_key: str = Field(default="", max_length=200)
    free: bool = False  # from stored answers or the base release only, however exact, or nothing

    @property
    def limits(self) -> Limits:
        return Limits(max_rows_per_unit=self.max_rows_per_unit, max_groups=self.max_groups)


class ApplicationBody(_Body):
    dataset: str
    project: str
    purpose: str
    legal_basis: str = ""
    mode: Mode = Mode.QUERY
    days: int = 90
    output_plan: str


class ReasonBody(_Body):
    reason: str = Field(default="", max_length=500)


class VoteBody(_Body):
    version: int
    decision: Decision
    comment: str = Field(default="", max_length=2000)


# the catalogue: without login


@router.get("/datasets", tags=["catalogue"])
def datasets(system: System) -> list[dict[str, Any]]:
    """Every dataset with its class, schema and conditions."""
    return [documents.catalogue_entry(e) for e in system.views.catalogue()]


@router.get("/datasets/{name}", tags=["catalogue"])
def dataset(system: System, name: str) -> dict[str, Any]:
    """One dataset."""
    return documents.catalogue_entry(system.views.dataset(name))


@router.get("/datasets/{name}/{table}.csv", tags=["catalogue"])
def download(system: System, name: str, table: str) -> Response:
    """The whole table of an unconditional dataset."""
    body = system.views.download(name, table)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{table}.csv"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


# questions


@router.post("/questions/estimate", tags=["questions"])
def estimate(system: System, caller: Program, body: QuestionBody) -> dict[str, Any]:
    """Price and error of a question; spends nothing and reads no data."""
    grant = _grant(system, caller, grant=body.grant, dataset=body.dataset)
    return documents.estimate(
        system.answer_question.estimate(
            caller.person,
            grant,
            sql=body.sql,
            epsilon=body.epsilon,
            budget=body.budget,
            accuracy=body.accuracy,
            limits=body.limits,
        )
    )


@router.post("/questions", tags=["questions"])
def ask(system: System, caller: Program, body: QuestionBody) -> Response:
    """A private answer. The same question again gives the same bytes and costs nothing."""
    grant = _grant(system, caller, grant=body.grant, dataset=body.dataset)
    answered = system.answer_question.ask(
        caller.person,
        grant,
        sql=body.sql,
        epsilon=body.epsilon,
        budget=body.budget,
        accuracy=body.accuracy,
        idempotency_key=body.idempotency_key,
        limits=body.limits,
        free=body.free,
    )
    budget = documents.budget(system.views.budget(grant))
    # The stored answer's bytes go out as they are: same question, same bytes.
    head = json.dumps({"id": answered.id, "cached": answered.cached, "budget": budget})
    return Response(
        head[:-1].encode() + b', "answer": ' + answered.body + b"}", media_type="application/json"
    )


@router.get("/sample", tags=["questions"])
def sample(
    system: System,
    caller: SignedIn,
    grant: int | None = None,
    dataset: str | None = None,
    rows: int | None = None,
) -> Response:
    """Synthetic rows of a grant's dataset as CSV, from its base release."""
    found = _grant(system, caller, grant=grant, dataset=dataset)
    body = system.buy_base.sample(found.dataset, rows).csv()
    return Response(body, media_type="text/csv; charset=utf-8")


@router.get("/budget", tags=["questions"])
def budget(
    system: System, caller: SignedIn, grant: int | None = None, dataset: str | None = None
) -> dict[str, Any]:
    """What is left under a grant."""
    return documents.budget(system.views.budget(_grant(system, caller, grant=grant, dataset=dataset)))


# access


@router.get("/grants", tags=["access"])
def grants(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your grants, with budget and history."""
    return [documents.grant(v) for v in system.views.grants(caller.in_person())]


@router.get("/applications", tags=["access"])
def applications(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your applications, and those you decide as an owner."""
    return [documents.application(v) for v in system.views.applications(caller.in_person())]


@router.post("/applications", status_code=201, tags=["access"])
def apply(system: System, caller: Program, body: ApplicationBody) -> dict[str, Any]:
    """Apply for a conditional dataset."""
    person = caller.in_person()
    made = system.request_access.apply(person, **body.model_dump())
    return documents.application(system.views.application(person, made.id))


@router.post("/applications/{application_id}/{verb}", tags=["access"])
def decide(
    system: System, caller: Program, application_id: int, verb: str, body: ReasonBody | None = None
) -> dict[str, Any]:
    """Move an application: approve, reject, sign or revoke, as its ``allowed_actions`` say."""
    person, reason = caller.in_person(), body.reason if body else ""
    move_application(system, caller, application_id, verb, reason)
    return documents.application(system.views.application(person, application_id))


def move_application(system: Sandbox, caller: Caller, application_id: int, verb: str, reason: str) -> None:
    """Carry out a verb on an application; pages and the API share it."""
    person = caller.in_person()
    match verb:
        case "approve":
            system.request_access.approve(person, application_id)
        case "reject":
            system.request_access.reject(person, application_id, reason=reason)
        case "sign":
            system.request_access.sign(person, application_id)
        case "revoke":
            system.request_access.revoke(person, application_id, reason=reason)
        case _:
            raise BadInput(f"{verb!r} is no verb.", where="verb", fix="Use approve, reject, sign or revoke.")


# releases


@router.get("/releases", tags=["releases"])
def releases(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your requests, newest first."""
    views = system.views.releases(caller.person)
    return [documents.release(v) for v in views if caller.grant_id in (None, v.release.grant_id)]


@router.post("/releases", status_code=201, tags=["releases"])
async def submit(
    request: Request,
    system: System,
    caller: Program,
    context: Annotated[str, Form()],
    files: Annotated[list[UploadFile], File()],
    sql: Annotated[str, Form()] = "{}",
    grant: Annotated[int | None, Form()] = None,
    dataset: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Submit outputs for checks and review. ``sql`` is a JSON object: file name -> the question that made it."""
    from fastapi.concurrency import run_in_threadpool

    questions = _sql_by_file(sql)
    staged: list[tuple[str, bytes]] = []
    total = 0
    for upload in files:
        content = await upload.read(MAX_UPLOAD_BYTES + 1)
        total += len(content)
        if total > MAX_UPLOAD_BYTES:
            raise TooLarge(
                f"A request may hold {MAX_UPLOAD_BYTES} bytes.", fix="Submit fewer or smaller files."
            )
        staged.append((upload.filename or "", content))

    def work() -> dict[str, Any]:
        submitted = system.review_release.submit(
            caller.person,
            _grant(system, caller, grant=grant, dataset=dataset),
            files=staged,
            context=context,
            sql=questions,
        )
        return documents.release(system.views.release(caller.person, submitted.release.id))

    return await run_in_threadpool(work)


@router.get("/releases/queue", tags=["releases"])
def queue(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for your vote, oldest first."""
    return [documents.release(v) for v in system.views.review_queue(caller.in_person())]


@router.get("/releases/{release_id}", tags=["releases"])
def release(system: System, caller: SignedIn, release_id: int) -> dict[str, Any]:
    """One request with its findings, as far as you may see it."""
    view = system.views.release(caller.person, release_id)
    _check_bound(caller, view.release.grant_id)
    return documents.release(view)


@router.post("/releases/{release_id}/vote", tags=["releases"])
def vote(system: System, caller: Program, release_id: int, body: VoteBody) -> dict[str, Any]:
    """Vote as a reviewer. Others' votes stay hidden until the last is in."""
    person = caller.in_person()
    system.review_release.vote(
        person, release_id, version=body.version, decision=body.decision, comment=body.comment
    )
    return documents.release(system.views.release(person, release_id))


@router.post("/releases/{release_id}/withdraw", tags=["releases"])
def withdraw(system: System, caller: Program, release_id: int) -> dict[str, Any]:
    """Take your request back."""
    _check_bound(caller, system.views.release(caller.person, release_id).release.grant_id)
    system.review_release.withdraw(caller.person, release_id)
    return documents.release(system.views.release(caller.person, release_id))


@router.get("/releases/{release_id}/crate", tags=["releases"])
def crate(system: System, caller: SignedIn, release_id: int) -> Response:
    """The released crate: files, findings, agreement, signature."""
    body = system.review_release.crate(caller.in_person(), release_id)
    headers = {"Content-Disposition": f'attachment; filename="release-{release_id}.crate.zip"'}
    return Response(body, media_type="application/zip", headers=headers)


# the log


@router.get("/log", tags=["log"])
def log(
    system: System, caller: SignedIn, offset: int = 0, limit: int = 100, action: str = ""
) -> dict[str, Any]:
    """The log, newest first, for auditors."""
    return documents.log(system.views.log(caller.in_person(), offset=offset, limit=limit, action=action))


@router.get("/health", tags=["system"])
def health(system: System) -> dict[str, str]:
    """Whether the portal and its store answer, and whether the engine does."""
    system.store.log.head()
    try:
        system.engine.health()
    except OperatorError:
        return {"status": "ok", "engine": "does not answer"}
    return {"status": "ok", "engine": "answers"}


def _grant(system: Sandbox, caller: Caller, *, grant: int | None, dataset: str | None) -> Grant:
    """The grant that is meant; a notebook's token can only mean its own."""
    if caller.grant_id is not None:
        if grant not in (None, caller.grant_id):
            raise NotAllowed("This notebook belongs to another grant.", clause="notebook token")
        grant = caller.grant_id
    found = grant_for(
        system.store, caller.person, grant_id=grant, dataset=dataset, today=system.answer_question.today()
    )
    if dataset is not None and found.dataset != dataset:
        raise NotAllowed(f"Grant {found.id} is for {found.dataset}, not {dataset}.", clause="dataset")
    return found


def _check_bound(caller: Caller, grant_id: int) -> None:
    if caller.grant_id not in (None, grant_id):
        raise NotAllowed("This notebook belongs to another grant.", clause="notebook token")


def _sql_by_file(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the second: nested without end
        value = None
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadInput(
            "sql is not a JSON object of file name to question.",
            where="sql",
            fix='Send {"t.csv": "SELECT …"}.',
        )
    return value
