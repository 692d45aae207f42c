"""The log: looked through and verified by auditors, and what it has about oneself; entries, proofs, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.people import Person, Role
from sandbox.flows.explore_log import MOST_IN_A_FILE, SeenEntry
from sandbox.portal.csv_files import csv_lines
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.log_facts import ShownFact, shown_facts
from sandbox.portal.pages.log_words import ACTIONS
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import InPerson, System
from sandbox.store import EVERY, Sought
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)

COLUMNS = ("seq", "at", "actor", "action", "object", "facts", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the filters say, as it was typed."""

    fields: dict[str, str]

    def sought(self) -> Sought:
        """The same for the store.

        Raises:
            BadInput: a day that is none.
        """
        return Sought(
            actor=self.fields["actor"],
            action=self.fields["action"],
            object=self.fields["object"],
            since=_day(self.fields["since"], "since"),
            until=_day(self.fields["until"], "until"),
        )

    def address(self, **more: str) -> str:
        """The same as a query."""
        return urlencode({name: value for name, value in (self.fields | more).items() if value})


def _wanted(
    actor: Annotated[str, Query(max_length=100)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
    object: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
) -> Wanted:
    typed = {"actor": actor, "action": action, "object": object, "since": since, "until": until}
    return Wanted(fields={name: value.strip() for name, value in typed.items()})


Filters = Annotated[Wanted, Depends(_wanted)]


@router.get("/log")
def log(
    request: Request,
    system: System,
    person: InPerson,
    wanted: Filters,
    before: int | None = None,
    after: int | None = None,
) -> Response:
    """The log, newest first, and whether it holds."""
    return _log_page(request, system, person, wanted, before=before, after=after)


@router.get("/log/mine")
def mine(
    request: Request,
    system: System,
    person: InPerson,
    wanted: Filters,
    before: int | None = None,
    after: int | None = None,
) -> Response:
    """What the log has about whoever is signed in."""
    return _log_page(request, system, person, wanted, before=before, after=after, mine=True)


@router.post("/log/verify")
def verify(request: Request, system: System, person: FormSender) -> Response:
    """Hold the chain, and the tables beside it, against each other; the log itself keeps what came of it."""
    try:
        books = system.verify_log(person)
        result = (
            f"{books.entries} entries, unbroken; the head's signature holds; the tables agree with the log."
        )
        broken = None
    except Tampered as tampered:
        result, broken = "", tampered
    return _log_page(request, system, person, _wanted(), result=result, broken=broken)


@router.get("/log/{whose}.{ending}")
def file(system: System, person: InPerson, wanted: Filters, whose: str, ending: str) -> Response:
    """What the filters leave, as JSON Lines or CSV: ``all.csv`` for auditors, ``mine.csv`` for everybody."""
    if whose not in ("all", "mine") or ending not in ("jsonl", "csv"):
        raise NotFound("There is nothing at this address.", fix="Start from the log.")
    entries = system.explore_log.file(person, wanted.sought(), mine=whose == "mine")
    lines = csv_lines(COLUMNS, _rows(entries)) if ending == "csv" else _json_lines(entries)
    kind = "text/csv" if ending == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="log-{whose}.{ending}"'}
    return StreamingResponse(lines, media_type=f"{kind}; charset=utf-8", headers=headers)


@router.get("/log/{seq}")
def entry(request: Request, system: System, person: InPerson, seq: int) -> Response:
    """One entry: its facts, what lies beside it, and the proof that it is in the log."""
    one = system.explore_log.one(person, seq)
    return render(
        request,
        "log_entry.html",
        one=one,
        entry=one.seen.entry,
        facts=_facts_of(system),
        reads_all=_reads_all(person),
    )


@router.get("/log/{seq}/proof")
def proof(system: System, person: InPerson, seq: int) -> Response:
    """The proof as a file, for ``sandbox audit check``."""
    proved = system.log_views.prove(person, seq)
    headers = {"Content-Disposition": f'attachment; filename="entry-{seq}.json"'}
    return JSONResponse({**proved.proof.document(), "head": proved.head.document()}, headers=headers)


def _log_page(
    request: Request,
    system: Sandbox,
    person: Person,
    wanted: Wanted,
    *,
    before: int | None = None,
    after: int | None = None,
    mine: bool = False,
    result: str = "",
    broken: Tampered | None = None,
) -> Response:
    try:
        sought, mistake = wanted.sought(), None
    except BadInput as error:
        sought, mistake = EVERY, error
    part = system.explore_log.page(person, sought, before=before, after=after, mine=mine)
    return render(
        request,
        "log_mine.html" if mine else "log.html",
        status=mistake.status if mistake else 200,
        part=part,
        facts=_facts_of(system),
        actions=tuple(ACTIONS),
        wanted=wanted.fields,
        narrowed=any(wanted.fields.values()),
        same=wanted.address(),
        older=wanted.address(before=str(part.older)),
        newer=wanted.address(after=str(part.newer)),
        whose="mine" if mine else "all",
        most=MOST_IN_A_FILE,
        state=None if mine else system.verify_log.state(person),
        reads_all=_reads_all(person),
        mistake=mistake,
        result=result,
        broken=broken,
    )


def _facts_of(system: Sandbox) -> Callable[[Event], list[ShownFact]]:
    listed = system.listed.all()

    def title(name: str) -> str:
        return listed[name].title if name in listed else name

    return partial(shown_facts, accountings=system.explore_log.accountings(), title=title)


def _reads_all(person: Person) -> bool:
    return person.has(Role.AUDITOR) or person.has(Role.ADMINISTRATOR)


def _rows(entries: Iterable[SeenEntry]) -> Iterator[dict[str, Any]]:
    for document in map(_document, entries):
        yield {"hash": "", **document, "facts": canonical_json(document["facts"]).decode()}


def _json_lines(entries: Iterable[SeenEntry]) -> Iterator[str]:
    for seen in entries:
        yield canonical_json(_document(seen)).decode() + "\n"


def _document(seen: SeenEntry) -> dict[str, Any]:
    event = seen.entry.event
    document = {
        "seq": seen.entry.seq,
        "at": seen.entry.at,
        "actor": event.actor,
        "action": event.action,
        "object": event.object,
        "facts": dict(event.facts),
    }
    return {**document, "hash": seen.entry.hash} if seen.hash_shown else document


def _day(text: str, where: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(f"{text!r} is not a day.", where=where, fix="Write YYYY-MM-DD.") from None
