"""Open and close a notebook's door from another process of the same user."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.domain.errors import OperatorError
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate_opening import Opening
from sandbox.isolation.gate_paths import CONTROL

_TIMEOUT_S = 10


async def open_door(
    run_dir: Path, *, person: str, server: str, token: str, mode: Mode, display: RoomLimits
) -> Path:
    """Open the door of a notebook; one that was open is closed first.

    Args:
        run_dir: the gate's folder.
        token: the container's own; the gate is told its hash only.
        mode: the grant's.
        display: how much may be shown where that is counted, in mode room.

    Returns:
        The folder of its sockets, for the carrier.

    Raises:
        OperatorError: the gate does not answer, or refuses.
    """
    opening = Opening(
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        mode=mode,
        display=display if mode is Mode.ROOM else None,
    )
    found = await _ask(run_dir, "PUT", f"/servers/{person}/{server}", opening.document())
    return Path(found["sockets"])


async def close_door(run_dir: Path, *, person: str, server: str) -> None:
    """Close it, and cut what is under way. Nothing happens when it is closed.

    Raises:
        OperatorError: the gate does not answer.
    """
    await _ask(run_dir, "DELETE", f"/servers/{person}/{server}", None)


async def open_doors(run_dir: Path) -> frozenset[tuple[str, str]]:
    """(person, server) of each door that is open.

    Raises:
        OperatorError: the gate does not answer.
    """
    found = await _ask(run_dir, "GET", "/servers", None)
    return frozenset((door["person"], door["server"]) for door in found)


async def _ask(run_dir: Path, method: str, path: str, body: dict[str, Any] | None) -> Any:
    try:
        folder = os.open(run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _silent(error) from error
    try:
        # Through the descriptor: a socket's address has to be shorter than 108 bytes.
        connector = aiohttp.UnixConnector(f"/proc/self/fd/{folder}/{CONTROL}")
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.request(method, f"http://gate{path}", json=body) as response,
        ):
            found = await response.json()
            if response.status != 200:
                raise OperatorError(f"The gate refuses: {found.get('error', response.status)}.")
            return found
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _silent(error) from error
    finally:
        os.close(folder)


def _silent(error: Exception) -> OperatorError:
    return OperatorError(
        f"The gate does not answer ({type(error).__name__}).",
        fix="Start it: sandbox up. See 'sandbox doctor'.",
    )
