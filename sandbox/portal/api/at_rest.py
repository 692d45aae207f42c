"""Data where they lie: a new key for them, and their destruction with its certificate."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from sandbox.portal.api.common import Body
from sandbox.portal.requests import Program, System

router = APIRouter()


class DestroyBody(Body):
    name: str = Field(max_length=200)  # the dataset's, once more
    reason: str = Field(max_length=2000)  # in words that everybody may read


@router.get("/datasets/{name}/destruction", tags=["catalogue"])
def destruction(system: System, name: str) -> Response:
    """The signed certificate that a dataset's data were destroyed; ``dataset verify-destruction`` checks it offline."""
    body = json.dumps(dict(system.destroy_data.certificate(name)), ensure_ascii=False, indent=1)
    headers = {"Content-Disposition": f'attachment; filename="{name}-destruction.json"'}
    return Response(body, media_type="application/json", headers=headers)


@router.post("/datasets/{name}/destroy", tags=["policies"])
def destroy(system: System, caller: Program, name: str, body: DestroyBody) -> dict[str, Any]:
    """Destroy the data of a dataset of yours, for ever. Gives what the certificate says."""
    done = system.destroy_data(caller.in_person(), name, typed=body.name, reason=body.reason)
    document: dict[str, Any] = json.loads(done.certificate)
    return {**document, "allowed_actions": ["certificate"]}


@router.post("/datasets/{name}/rotate_key", tags=["policies"])
def rotate_key(system: System, caller: Program, name: str) -> dict[str, Any]:
    """Replace the key that the data of a dataset of yours are closed with, and destroy the old one."""
    done = system.close_data.rotate(caller.in_person(), name)
    return {
        "dataset": name,
        "key": done.key.id,
        "retired": list(done.retired),
        "allowed_actions": ["rotate_key", "destroy"],
    }
