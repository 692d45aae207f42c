"""A base over the engine's socket: one line of JSON for each step, and one for how it ended.

    {"fraction": 0.25, "words": "table 12 of 48: age and sex"}
    {"base": {…}}        or        {"error": {…}}

The first lines say the same for any rows: how many steps there are and what they are about is public. What is drawn
goes on to its end, and is kept, also when nobody listens any more.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from queue import SimpleQueue
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter

from sandbox.domain.errors import BadInput, SandboxError, Unanswered
from sandbox.privacy.base.buy import Progress
from sandbox.privacy.base.release import BaseRelease, base_document, base_from_document
from sandbox.privacy.wire import error_document, error_of

log = logging.getLogger(__name__)
_LOOK_S = 0.1


async def lines(draw: Callable[[Progress], BaseRelease], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """The lines of a base that is being drawn.

    Args:
        draw: draws it, and takes a ``Progress``; runs in a thread of its own.
    """
    said: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def work() -> None:
        try:
            base = draw(lambda fraction, words: said.put({"fraction": fraction, "words": words}))
            said.put({"base": base_document(base)})
        except SandboxError as error:
            said.put({"error": error_document(error)})
        except Exception as error:
            log.error("a base failed: %s.%s", type(error).__module__, type(error).__qualname__)
            said.put({"error": error_document(Unanswered())})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(anyio.to_thread.run_sync, work, limiter=limiter))
        while True:
            while not said.empty():
                line = said.get()
                yield json.dumps(line).encode() + b"\n"
                if "fraction" not in line:
                    return
            await anyio.sleep(_LOOK_S)


def base_of_lines(received: Iterable[str], progress: Progress) -> BaseRelease:
    """What the lines said in the end; progress on the way.

    Raises:
        SandboxError: the error that they said.
        Unanswered: they ended too early, or are no such lines.
    """
    try:
        for text in received:
            line = json.loads(text)
            if "fraction" in line:
                progress(float(line["fraction"]), str(line["words"]))
            elif "error" in line:
                raise error_of(line["error"])
            else:
                return base_from_document(line["base"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, BadInput) as error:
        if isinstance(error, BadInput) and error.where != "tables":
            raise
    raise Unanswered
