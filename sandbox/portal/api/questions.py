"""Questions: what they would cost, their answers, and what is left."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from sandbox.domain.canonical import canonical_json
from sandbox.domain.limits import Limits
from sandbox.portal import documents
from sandbox.portal.api.common import Body, grant_of
from sandbox.portal.requests import Program, SignedIn, System

router = APIRouter()


class QuestionBody(Body):
    sql: str = Field(max_length=10_000)
    epsilon: float | None = None  # one price of three; by default what the question says, or epsilon 0.1
    budget: str | None = Field(default=None, max_length=40)  # '1%' of what the agreement gives
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


@router.post("/questions/estimate", tags=["questions"])
def estimate(system: System, caller: Program, body: QuestionBody) -> dict[str, Any]:
    """Price and error of a question; spends nothing and reads no data."""
    grant = grant_of(system, caller, grant=body.grant, dataset=body.dataset)
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
    grant = grant_of(system, caller, grant=body.grant, dataset=body.dataset)
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
    budget = documents.budget(system.access_views.budget(grant))
    # The stored answer's bytes go out as they are: same question, same bytes.
    head = json.dumps({"id": answered.id, "cached": answered.cached, "budget": budget})
    receipt = canonical_json(system.give_receipt(answered))
    sent = head[:-1].encode() + b', "receipt": ' + receipt + b', "answer": ' + answered.body + b"}"
    return Response(sent, media_type="application/json")


@router.get("/sample", tags=["questions"])
def sample(
    system: System,
    caller: SignedIn,
    grant: int | None = None,
    dataset: str | None = None,
    rows: int | None = None,
) -> Response:
    """Synthetic rows of a grant's dataset as CSV, from its base release."""
    found = grant_of(system, caller, grant=grant, dataset=dataset)
    body = system.buy_base.sample_under(caller.person, found, rows).csv()
    return Response(body, media_type="text/csv; charset=utf-8")


@router.get("/budget", tags=["questions"])
def budget(
    system: System, caller: SignedIn, grant: int | None = None, dataset: str | None = None
) -> dict[str, Any]:
    """What is left under a grant."""
    return documents.budget(
        system.access_views.budget(grant_of(system, caller, grant=grant, dataset=dataset))
    )
