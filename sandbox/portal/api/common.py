"""What several parts of the API need: bodies without surprises, and the grant that a request means."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed
from sandbox.flows.answer_question import grant_for
from sandbox.portal.identity import Caller
from sandbox.wiring import Sandbox


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReasonBody(Body):
    reason: str = Field(default="", max_length=500)


def grant_of(system: Sandbox, caller: Caller, *, grant: int | None, dataset: str | None) -> Grant:
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


def check_bound(caller: Caller, grant_id: int) -> None:
    if caller.grant_id not in (None, grant_id):
        raise NotAllowed("This notebook belongs to another grant.", clause="notebook token")
