"""Datasets that an owner prepares and publishes, by program: the same journey as on the pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from sandbox.domain.errors import BadInput
from sandbox.domain.people import Person
from sandbox.portal import documents
from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, SignedIn, System
from sandbox.portal.upload import take_body
from sandbox.store.drafts import Draft
from sandbox.wiring import Sandbox

router = APIRouter()


class BeginBody(Body):
    """A new dataset, or (``changes``) another policy for a published one."""

    changes: str = Field(default="", max_length=100)
    name: str = Field(default="", max_length=100)
    title: str = Field(default="", max_length=500)
    open_class: str = Field(default="conditional", max_length=100)


class PolicyBody(Body):
    policy: str = Field(max_length=1_000_000)
    mark: str = Field(max_length=100)


class VerbBody(Body):
    new_profile: bool = False
    reason: str = Field(default="", max_length=2000)


class PathBody(Body):
    path: str = Field(max_length=4000)


@router.get("/drafts", tags=["publishing"])
def drafts(system: System, caller: SignedIn) -> list[dict[str, Any]]:
    """Your drafts. For owners and administrators; nobody sees another's."""
    return [documents.draft_line(one) for one in system.prepare_dataset.mine(caller.in_person())]


@router.post("/drafts", status_code=201, tags=["publishing"])
def begin(system: System, caller: Program, body: BeginBody) -> dict[str, Any]:
    """Begin a dataset, or another policy for a published one."""
    person, preparing = caller.in_person(), system.prepare_dataset
    if body.changes:
        return _shown(system, person, preparing.change(person, body.changes))
    begun = preparing.begin(person, name=body.name, title=body.title, open_class=body.open_class)
    return _shown(system, person, begun)


@router.get("/drafts/{draft_id}", tags=["publishing"])
def draft(system: System, caller: SignedIn, draft_id: str) -> dict[str, Any]:
    """One of yours: its policy, the mistakes in it, what it means, and what may be done."""
    person = caller.in_person()
    return _shown(system, person, system.prepare_dataset.get(person, draft_id))


@router.put("/drafts/{draft_id}/policy", tags=["publishing"])
def write(system: System, caller: Program, draft_id: str, body: PolicyBody) -> dict[str, Any]:
    """Keep another policy (YAML), with or without mistakes. ``mark`` is the one of the text that was read."""
    person = caller.in_person()
    kept = system.prepare_dataset.write(person, draft_id, text=body.policy, mark=body.mark)
    return _shown(system, person, kept)


@router.put("/drafts/{draft_id}/files/{table}", tags=["publishing"])
async def put_file(
    request: Request,
    system: System,
    caller: Program,
    draft_id: str,
    table: str,
    name: Annotated[str, Query(min_length=1, max_length=200)],
) -> dict[str, Any]:
    """Give a table's file: the body is the file, ``name`` what it is called (.csv, .csv.gz, .parquet).

    A conditional dataset's file is encrypted while it arrives.
    """
    person, preparing = caller.in_person(), system.prepare_dataset

    def receiving() -> Any:
        return preparing.receive(person, draft_id, table=table, called=name)

    taken: Draft = await take_body(request, receiving)
    return await run_in_threadpool(_shown, system, person, taken)


@router.post("/drafts/{draft_id}/files/{table}/path", tags=["publishing"])
def from_path(system: System, caller: Program, draft_id: str, table: str, body: PathBody) -> dict[str, Any]:
    """Take a table's file from your folder below one that the operator allowed."""
    person = caller.in_person()
    taken = system.prepare_dataset.from_path(person, draft_id, table=table, path=body.path)
    return _shown(system, person, taken)


@router.delete("/drafts/{draft_id}/files/{table}", tags=["publishing"])
def without_file(system: System, caller: Program, draft_id: str, table: str) -> dict[str, Any]:
    """Take a table's file out again; the policy keeps the table."""
    person = caller.in_person()
    return _shown(system, person, system.prepare_dataset.without_file(person, draft_id, table))


@router.post("/drafts/{draft_id}/{verb}", tags=["publishing"])
def end(
    system: System, caller: Program, draft_id: str, verb: str, body: VerbBody | None = None
) -> dict[str, Any]:
    """Carry out what its ``allowed_actions`` say: publish, apply, or propose (with a reason).

    The report of publishing is for you alone: its numbers come from rows.
    """
    person, said = caller.in_person(), body or VerbBody()
    match verb:
        case "publish":
            report = system.prepare_dataset.publish(person, draft_id, new_profile=said.new_profile)
            return {
                "dataset": report.dataset,
                "open_class": str(report.open_class),
                "snapshot": report.snapshot,
                "report": list(report.lines),
            }
        case "apply" | "propose":
            applied = system.prepare_dataset.apply(person, draft_id, reason=said.reason)
            return {
                "version": applied.version,
                "comparison": documents.policy_comparison(applied.comparison),
                "proposal": documents.policy_proposal_brief(applied.proposal) if applied.proposal else None,
            }
        case _:
            raise BadInput(f"{verb!r} is no verb.", where="verb", fix="Use publish, apply or propose.")


@router.delete("/drafts/{draft_id}", status_code=204, tags=["publishing"])
def discard(system: System, caller: Program, draft_id: str) -> Response:
    """It is gone, and its files with it, unless a published version is made of them."""
    system.prepare_dataset.discard(caller.in_person(), draft_id)
    return Response(status_code=204)


def _shown(system: Sandbox, person: Person, found: Draft) -> dict[str, Any]:
    return documents.draft(found, system.prepare_dataset.check(person, found))
