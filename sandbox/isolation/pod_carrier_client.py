"""Tell the carrier of a cluster which pod belongs to which notebook, from another process beside it."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp

from sandbox.domain.errors import OperatorError
from sandbox.isolation.pod_carrier import CARRIER_CONTROL

_TIMEOUT_S = 5


async def join_pod(run_dir: Path, *, person: str, server: str, address: str) -> None:
    """A notebook's pod has this address.

    Raises:
        OperatorError: the carrier does not answer, or refuses.
    """
    await _ask(run_dir, "PUT", f"/pods/{person}/{server}", {"address": address})


async def leave_pod(run_dir: Path, *, person: str, server: str) -> None:
    """The notebook is over. Nothing happens when it was not joined.

    Raises:
        OperatorError: the carrier does not answer.
    """
    await _ask(run_dir, "DELETE", f"/pods/{person}/{server}", None)


async def _ask(run_dir: Path, method: str, path: str, body: dict[str, str] | None) -> None:
    folder = -1
    try:
        folder = os.open(run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # Through the descriptor: a socket's address has to be shorter than 108 bytes.
        connector = aiohttp.UnixConnector(f"/proc/self/fd/{folder}/{CARRIER_CONTROL}")
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.request(method, f"http://carrier{path}", json=body) as response,
        ):
            if response.status != 200:
                found = await response.json()
                raise OperatorError(f"The carrier refuses: {found.get('error', response.status)}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise OperatorError(
            f"The carrier does not answer ({type(error).__name__}).",
            fix="Look at the container 'carrier' of the hub's pod.",
        ) from error
    finally:
        if folder >= 0:
            os.close(folder)
