"""Objecting and reporting errors: for everybody, without an account. How it stands, by number and tracking word."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import BadInput, CallerError, NotFound, TooLarge, TooOften
from sandbox.domain.objection import OPEN, Kind, Scope, unit_type
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.search import search
from sandbox.flows.browse_catalogue import CataloguePage
from sandbox.flows.object import Wish
from sandbox.language import gettext
from sandbox.language import marked as _
from sandbox.portal.api.objections import read_all
from sandbox.portal.forms import AnySender
from sandbox.portal.pages.rendering import render
from sandbox.portal.repeats import Repeats
from sandbox.portal.requests import System
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

PER_PAGE = 30

KIND_MEANS = {
    Kind.ERROR: "Something in the data is wrong. Nothing is stopped; the owner answers.",
    Kind.PRIVACY: "They are about me, or somebody I speak for, and must not be used. The data are stopped at once.",
    Kind.TRADE_SECRET: "They give away a secret of my business. The data are stopped at once.",
    Kind.OTHER: "Anything else the owner should know. Nothing is stopped.",
}
SCOPE_MEANS = {
    Scope.DATASET: _("All of it"),
    Scope.COLUMN: _("One column"),
    Scope.UNIT: _("The rows of one {noun}"),
}
_UNIT_KINDS = {
    "integer": _("A whole number."),
    "date": _("A day, such as 2013-01-31."),
    "decimal": _("A number."),
}


@router.get("/object")
def form(request: Request, system: System, dataset: str = "", q: str = "", page: int = 1) -> Response:
    """Choose a dataset, then say what is wrong."""
    if not dataset:
        return _which(request, system, q, max(page, 1))
    return _form(request, system, system.objection_views.to_object_to(dataset), {})


@router.post("/object")
async def receive(
    request: Request,
    system: System,
    who: AnySender,
    dataset: Annotated[str, Form(max_length=100)] = "",
    kind: Annotated[Kind | None, Form()] = None,
    text: Annotated[str, Form(max_length=10_000)] = "",
    scope: Annotated[Scope, Form()] = Scope.DATASET,
    place: Annotated[str, Form(max_length=400)] = "",
    unit: Annotated[str, Form(max_length=1000)] = "",
    name: Annotated[str, Form(max_length=1000)] = "",
    contact: Annotated[str, Form(max_length=1000)] = "",
    once: Annotated[str, Form(max_length=60)] = "",
    evidence: Annotated[Sequence[UploadFile], File()] = (),
) -> Response:
    """Take it. A mistake brings the form back with what was written, but for the files and whom it is about.

    The same page sent twice is the same objection: it would suspend twice, and the first tracking word would be lost.
    """
    contents = await read_all(evidence)
    written = {
        "kind": str(kind or ""),
        "text": text,
        "scope": str(scope),
        "place": place,
        "name": name,
        "contact": contact,
    }

    def work() -> Response:
        policy = system.objection_views.to_object_to(dataset)
        table, __, column = place.partition(".") if scope is Scope.COLUMN else ("", "", "")
        try:
            if kind is None:
                raise BadInput("It is not said what it is.", where="kind", fix="Choose one of the four.")
            wish = Wish(
                dataset=dataset,
                kind=kind,
                text=text,
                scope=scope,
                table=table,
                column=column,
                unit=unit if scope is Scope.UNIT else "",
                name=name,
                contact=contact,
            )
            repeats: Repeats = request.app.state.repeats
            taken = repeats.once(
                _key(once or secrets.token_urlsafe(12), wish, contents),
                lambda: system.object_to_data.receive(who, wish, evidence=contents),
            )
        except (BadInput, TooLarge, TooOften) as mistake:
            return _form(request, system, policy, written, mistake, files=len(contents))
        now = system.object_to_data.track(taken.objection.id, taken.word)
        view = system.objection_views.tracked(now)
        if now.state not in OPEN:  # the page came again after it was decided, or taken back
            return render(
                request, "object_status.html", view=view, mistake=None, number=now.id, word=taken.word
            )
        return render(request, "object_taken.html", view=view, word=taken.word)

    return await run_in_threadpool(work)


@router.get("/object/status")
def ask_status(request: Request) -> Response:
    """Number and tracking word, please."""
    return render(request, "object_status.html", view=None, mistake=None, number="", word="")


@router.post("/object/status")
def status(
    request: Request,
    system: System,
    who: AnySender,
    number: Annotated[str, Form(max_length=20)] = "",
    word: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """How it stands. By a form: what stands in an address is written into logs."""
    return _status(request, system, number, word, withdraw=False)


@router.post("/object/withdraw")
def withdraw(
    request: Request,
    system: System,
    who: AnySender,
    number: Annotated[str, Form(max_length=20)] = "",
    word: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take it back."""
    return _status(request, system, number, word, withdraw=True)


def _status(request: Request, system: Sandbox, number: str, word: str, *, withdraw: bool) -> Response:
    objecting = system.object_to_data
    numbered = int(number) if number.isascii() and number.isdigit() else 0
    try:
        objection = (objecting.withdraw if withdraw else objecting.track)(numbered, word)
    except NotFound as mistake:
        return _tracked(request, mistake, number)
    return render(
        request,
        "object_status.html",
        view=system.objection_views.tracked(objection),
        mistake=None,
        number=objection.id,
        word=word,
    )


def _tracked(request: Request, mistake: CallerError, number: str) -> Response:
    return render(
        request,
        "object_status.html",
        status=mistake.status,
        view=None,
        mistake=BadInput(mistake.message, fix=mistake.fix),
        number=number,
        word="",
    )


def _which(request: Request, system: Sandbox, words: str, page: int) -> Response:
    """Find the dataset among those that are used here."""
    mistake: BadInput | None = None
    try:
        wanted = search(words, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
        found = system.browse_catalogue.search(wanted, closed=False)
    except BadInput as unreadable:
        found, mistake = CataloguePage(entries=(), total=0, counts={}), unreadable
    return render(
        request,
        "object_which.html",
        status=mistake.status if mistake else 200,
        q=words,
        entries=found.entries,
        page=page,
        more=page * PER_PAGE < found.total,
        mistake=mistake,
    )


def _key(once: str, wish: Wish, evidence: Sequence[bytes]) -> str:
    """One page, filled in one way."""
    files = [sha256_hex(content) for content in evidence]
    return sha256_hex(canonical_json([once, {k: str(v) for k, v in asdict(wish).items()}, files]))


def _form(
    request: Request,
    system: Sandbox,
    policy: DatasetPolicy,
    written: dict[str, str],
    mistake: CallerError | None = None,
    *,
    files: int = 0,
) -> Response:
    """Ask.

    Args:
        files: how many were chosen that have to be chosen again.
    """
    unit = policy.unit if policy.private else None
    request.app.state.repeats.tidy()
    return render(
        request,
        "object.html",
        status=mistake.status if mistake else 200,
        policy=policy,
        columns=[
            f"{table}.{column}"
            for table, declared in policy.tables.items()
            for column in declared.columns
            if column != policy.unit_column
        ],
        kinds=KIND_MEANS,
        scopes={
            scope: gettext(means).format(noun=unit.noun if unit else "")
            for scope, means in SCOPE_MEANS.items()
            if scope is not Scope.UNIT or unit is not None
        },
        unit=unit,
        unit_kind=_UNIT_KINDS.get(column_type.value, "") if (column_type := unit_type(policy)) else "",
        once=secrets.token_urlsafe(12),
        files=files,
        terms=system.site.objections,
        written=written,
        mistake=mistake and BadInput(mistake.message, where=getattr(mistake, "where", ""), fix=mistake.fix),
    )
