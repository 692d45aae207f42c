"""The question workbench: ask under a grant, know the price before, read the answer with its intervals.

It spends by the same flow as notebooks do, and shows answers on the page alone: what leaves, leaves as a release.
"""

from __future__ import annotations

import json
import logging
import math
import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import (
    BadInput,
    CallerError,
    NotAllowed,
    OperatorError,
    QuestionRefused,
    SandboxError,
    Unanswered,
)
from sandbox.domain.people import Person
from sandbox.flows.answer_question import Estimate
from sandbox.flows.question_desk import Desk
from sandbox.language import marked as _
from sandbox.portal.forms import FormSender
from sandbox.portal.pages.answer_view import key_text, shown_answer
from sandbox.portal.pages.rendering import fragment, render
from sandbox.portal.requests import InPerson, System
from sandbox.settings import PORTAL_PREFIX
from sandbox.wiring import Sandbox

router = APIRouter(include_in_schema=False)
_log = logging.getLogger(__name__)

MAX_SQL = 10_000  # characters
MAX_FINISH = 4_000  # characters of a question that an address carries
KEYS_SHOWN = 6
PRICES = {
    "usual": _("usual (ε = 0.1), or free"),
    "epsilon": _("this much: ε ="),
    "accuracy": _("as precise as ±"),
    "budget": _("share of the budget, in percent"),
}
_NUMBER = re.compile(r"\s*([0-9]{1,9}(?:[.,][0-9]{1,9})?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What stands in the form."""

    sql: str = ""
    price: str = "usual"
    amount: str = ""

    @property
    def words(self) -> dict[str, Any]:
        """The price, as the flow takes it.

        Raises:
            BadInput: it cannot be read.
        """
        amount = self.amount.strip()
        if self.price == "usual":
            return {}
        if self.price not in PRICES:
            raise BadInput("This is no way to say a price.", where="price", fix="Choose one of the list.")
        if not amount:
            raise BadInput(
                "The price has no number.", where="amount", fix="Write one, or choose the usual price."
            )
        if self.price == "accuracy":
            if not any(map(str.isdigit, amount)):
                raise BadInput(
                    "This is no number.", where="amount", fix="Write how far off it may be, such as 50."
                )
            return {"accuracy": amount}
        found = _NUMBER.fullmatch(amount.removesuffix("%"))
        if found is None:
            raise BadInput("This is no number.", where="amount", fix="Write 0.5, for instance.")
        number = found[1].replace(",", ".")
        return {"budget": f"{number}%"} if self.price == "budget" else {"epsilon": float(number)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A text around the place that an error is about."""

    before: str
    at: str
    after: str


@router.get("/ask/{grant_id}")
def workbench(
    request: Request,
    system: System,
    person: InPerson,
    grant_id: int,
    example: int | None = None,
    repeat: int | None = None,
) -> Response:
    """The editor, empty, or with an example or an earlier question of the project."""
    desk = system.question_desk(person, grant_id)
    sql = ""
    if repeat is not None:
        sql = system.question_desk.text_of(desk, repeat)
    elif example is not None and 0 <= example < len(desk.examples):
        sql = desk.examples[example][1]
    return _page(request, system, desk, Written(sql=sql))


@router.post("/ask/{grant_id}/estimate")
def estimate(
    request: Request,
    system: System,
    person: FormSender,
    grant_id: int,
    sql: Annotated[str, Form(max_length=MAX_SQL)] = "",
    price: Annotated[str, Form(max_length=20)] = "usual",
    amount: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The page with the price beside the question. Spends nothing."""
    desk = system.question_desk(person, grant_id)
    written = Written(sql=_lines(sql), price=price, amount=amount)
    return _page(request, system, desk, written, **_estimated(system, person, desk, written))


@router.post("/piece/ask/{grant_id}/estimate")
def estimate_piece(
    system: System,
    person: FormSender,
    grant_id: int,
    sql: Annotated[str, Form(max_length=MAX_SQL)] = "",
    price: Annotated[str, Form(max_length=20)] = "usual",
    amount: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The price alone, while somebody types."""
    desk = system.question_desk(person, grant_id)
    written = Written(sql=_lines(sql), price=price, amount=amount)
    found = _estimated(system, person, desk, written)
    return fragment(
        "ask_estimate.html",
        desk=desk,
        keys=_keys(found["estimate"]),
        clause=clause_of(found["refused"]),
        **found,
    )


@router.post("/ask/{grant_id}")
def ask(
    request: Request,
    system: System,
    person: FormSender,
    grant_id: int,
    sql: Annotated[str, Form(max_length=MAX_SQL)] = "",
    price: Annotated[str, Form(max_length=20)] = "usual",
    amount: Annotated[str, Form(max_length=200)] = "",
    once: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Ask, and go to the answer: reloading it asks nothing. A refusal brings the page back, as it was filled in."""
    desk = system.question_desk(person, grant_id)
    written = Written(sql=_lines(sql), price=price, amount=amount)
    # The same page sent twice is the same call; another question from it is another.
    key = sha256_hex(canonical_json([once, written.sql, written.price, written.amount]))
    try:
        answered = system.answer_question.ask(
            person, desk.grant, sql=written.sql, idempotency_key=f"portal-{key}", **written.words
        )
    except (CallerError, Unanswered, OperatorError) as refused:
        if isinstance(refused, OperatorError):
            _log.error("a question under grant %d: %s", grant_id, refused)
        return _page(request, system, desk, written, **_refusal(written, refused))
    finish = str(answered.document().get("shown", ""))
    query = f"?{urlencode({'as': finish})}" if finish and len(finish) <= MAX_FINISH else ""
    return RedirectResponse(f"{PORTAL_PREFIX}/ask/{grant_id}/answers/{answered.id}{query}", status_code=303)


@router.get("/ask/{grant_id}/answers/{number}")
def answer(request: Request, system: System, person: InPerson, grant_id: int, number: int) -> Response:
    """An answer that was given to this person under this grant. Looking at it costs nothing."""
    desk = system.question_desk(person, grant_id)
    sql = request.query_params.get("as", "")[:MAX_FINISH]
    answered = system.answer_question.again(person, desk.grant, number, sql=sql)
    line = system.store.ledger.line(number)
    document = answered.document()
    receipt = json.loads(canonical_json(system.give_receipt(answered)))
    return render(
        request,
        "ask_answer.html",
        desk=desk,
        line=line,
        answered=answered,
        document=document,
        shown=shown_answer(document),
        sql=sql or document["question"],
        cell=_cell(sql or document["question"], document["price"]["epsilon"]),
        receipt=receipt,
        receipt_text=json.dumps(receipt, indent=1, ensure_ascii=False),
        epsilon=document["price"]["epsilon"],
    )


def _page(
    request: Request,
    system: Sandbox,
    desk: Desk,
    written: Written,
    *,
    estimate: Estimate | None = None,
    refused: SandboxError | None = None,
    spot: Spot | None = None,
) -> Response:
    return render(
        request,
        "ask.html",
        status=refused.status if refused else 200,
        desk=desk,
        may_ask=desk.view.holds,
        written=written,
        prices=PRICES,
        once=secrets.token_urlsafe(12),
        estimate=estimate,
        keys=_keys(estimate),
        clause=clause_of(refused),
        refused=refused,
        spot=spot,
        schema=_schema(desk),
    )


def _estimated(system: Sandbox, person: Person, desk: Desk, written: Written) -> dict[str, Any]:
    if not written.sql.strip():
        return {"estimate": None, "refused": None, "spot": None}
    try:
        found = system.answer_question.estimate(person, desk.grant, sql=written.sql, **written.words)
    except CallerError as refused:
        return {"estimate": None, **_refusal(written, refused)}
    return {"estimate": found, "refused": None, "spot": None}


def _refusal(written: Written, refused: SandboxError) -> dict[str, Any]:
    position = refused.position if isinstance(refused, QuestionRefused) else None
    return {"refused": refused, "spot": None if position is None else _spot(written.sql, position)}


def _spot(sql: str, position: int) -> Spot:
    """The word at a position; where the text ends there, the last one.

    >>> _spot("SELECT sx FROM loans", 7)
    Spot(before='SELECT ', at='sx', after=' FROM loans')
    """
    found = re.compile(r"\w+|\S").search(sql, position)
    if found is None:
        found = re.compile(r"\S+\s*\Z").search(sql)
    if found is None:
        return Spot(before=sql, at="", after="")
    return Spot(before=sql[: found.start()], at=found[0], after=sql[found.end() :])


def _keys(estimate: Estimate | None) -> list[tuple[str, list[str], int]]:
    """What the answer is grouped by: (name, the first of its values, how many there are; 0 where that is not known)."""
    if estimate is None:
        return []
    table = estimate.plan.table
    return [
        (
            key.alias,
            [key_text(v) for v in key.values(table)[:KEYS_SHOWN]],
            key.how_many(table) if key.listed(table) else 0,
        )
        for key in estimate.plan.question.keys
    ]


def _schema(desk: Desk) -> str:
    """Names to complete, as JSON for the editor's script."""
    return json.dumps({table.name: list(table.columns) for table in desk.tables})


def _cell(sql: str, epsilon: float) -> str:
    """The question as a cell of a notebook, at a price that the answer already paid.

    >>> print(_cell("SELECT COUNT(*) AS n FROM loans", 0.09999))
    import sandbox
    box = sandbox.connect()
    answer = box.ask("SELECT COUNT(*) AS n FROM loans", epsilon=0.0999)
    answer
    """
    digits = 2 - math.floor(math.log10(epsilon)) if epsilon else 0
    price = f"epsilon={math.floor(epsilon * 10**digits) / 10**digits:g}" if epsilon else "free=True"
    asked = f"answer = box.ask({json.dumps(sql, ensure_ascii=False)}, {price})"
    return f"import sandbox\nbox = sandbox.connect()\n{asked}\nanswer"


def _lines(text: str) -> str:
    """Browsers send line ends of two characters; positions count one."""
    return text.replace("\r\n", "\n")


def clause_of(error: SandboxError | None) -> str:
    """The clause that decided; empty where none did."""
    return error.clause if isinstance(error, NotAllowed) else ""
