"""An owner's home: what waits, and each dataset with its use, its cost, what people say of it, and what may be done."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sandbox.flows.owner_views import PAGE, OwnedData
from sandbox.portal.pages.access import ToDo, also_waiting
from sandbox.portal.pages.rendering import render
from sandbox.portal.requests import InPerson, System

router = APIRouter(include_in_schema=False)


@router.get("/owner")
def owner(request: Request, system: System, person: InPerson, page: int = 1) -> Response:
    """Everything about the person's own datasets."""
    page = max(1, page)
    data, total = system.owner_views.data(person, page=page)
    waiting = system.access_views.to_decide(person)
    again = sum(application.turn > 1 for application in waiting)
    todo = list(also_waiting(system, person))
    if waiting:
        said = (
            "1 application waits for your decision."
            if len(waiting) == 1
            else f"{len(waiting)} applications wait for your decision."
        )
        more = f" {again} of them came back with changes." if again else ""
        urgent = any(system.access_views.overdue(application) for application in waiting)
        todo.insert(
            0,
            ToDo(text=said + more, button="Decisions", link="/decisions", urgent=urgent),
        )
    return render(
        request,
        "owner.html",
        todo=todo,
        data=data,
        total=total,
        page=page,
        more=page * PAGE < total,
        drafts=system.prepare_dataset.mine(person),
        most=most,
    )


def most(data: OwnedData) -> int:
    """The busiest month's questions."""
    return max(data.questions.values(), default=0)
