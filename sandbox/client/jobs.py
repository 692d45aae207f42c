"""Code that is sent to run beside the rows: first on the sample, then, the very same, on the raw rows.

>>> job = sandbox.run("analysis.py", outputs=["table.csv"])                            # doctest: +SKIP
>>> job.frame("table.csv")                                                             # doctest: +SKIP
>>> job.on_raw_data(context="Mean amounts by purpose, of all applicants.")             # doctest: +SKIP
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from sandbox.client.connection import Connection
from sandbox.client.errors import BadInput

PathLike = str | os.PathLike[str]
LOOK_EVERY_S = 0.5
_LIVE = frozenset({"queued", "running", "held"})
_PHASES = {"sample": "on the sample", "raw": "on raw rows"}


class Job:
    """A job as it stood when it was last looked at."""

    def __init__(
        self, connection: Connection, raw: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._connection, self.raw, self._sleep = connection, raw, sleep

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def state(self) -> str:
        """queued, running, held, finished, handed_in, ended_early or cancelled."""
        return str(self.raw["state"])

    @property
    def live(self) -> bool:
        return self.state in _LIVE

    @property
    def log(self) -> str:
        """The end of what it printed; empty for a job on raw rows."""
        return str(self.raw["log"] or "")

    @property
    def files(self) -> list[str]:
        """The names of the files that it wrote on the sample."""
        return [str(f["name"]) for f in self.raw["results"] or ()]

    @property
    def release(self) -> int | None:
        """The request by which its outputs are on their way out; see ``box.status``."""
        number = self.raw["release"]
        return None if number is None else int(number)

    def refresh(self) -> Job:
        """Look again."""
        self.raw = self._connection.get(f"jobs/{self.id}")
        return self

    def wait(self, *, timeout_s: float | None = None, say: Callable[[str], object] = print) -> Job:
        """Wait for its end, and say what it does meanwhile.

        Args:
            timeout_s: give up waiting after so long; the job goes on.
            say: is told each change; None of it comes from raw rows.
        """
        began, told = time.monotonic(), ""
        while True:
            if self.state != told:
                told = self.state
                say(self._line(time.monotonic() - began))
            if not self.live:
                return self
            if timeout_s is not None and time.monotonic() - began >= timeout_s:
                return self
            self._sleep(LOOK_EVERY_S)
            self.refresh()

    def read(self, name: str) -> bytes:
        """A file that it wrote on the sample."""
        if name not in self.files:
            raise BadInput(f"Job {self.id} shows no file {name!r}.", fix=f"It shows: {self.files or 'none'}.")
        return self._connection.get_bytes(f"jobs/{self.id}/files/{name}")

    def frame(self, name: str | None = None) -> pd.DataFrame:
        """A CSV file that it wrote on the sample, as a table; the first one when none is named."""
        named = name or next((one for one in self.files if one.endswith(".csv")), "")
        return pd.read_csv(io.BytesIO(self.read(named)))

    def on_raw_data(self, *, context: str, wait: bool = True) -> Job:
        """Run the same code, inputs and outputs on the raw rows. The outputs go to the reviewers.

        Args:
            context: what the outputs are and why they may leave.
        """
        sent = self._connection.post(f"jobs/{self.id}/raw", {"context": context})
        job = Job(self._connection, sent, sleep=self._sleep)
        return job.wait() if wait else job

    def cancel(self) -> Job:
        """Take it back; one that runs is ended."""
        self.raw = self._connection.post(f"jobs/{self.id}/cancel", {})
        return self

    def _line(self, seconds: float | None = None) -> str:
        words = [f"job {self.id} {_PHASES[self.raw['phase']]}: {self.state.replace('_', ' ')}"]
        if seconds is not None and seconds >= 1:
            words.append(f"after {seconds:.0f} s")
        if self.raw["told"]:
            words.append(f"– {self.raw['told']}")
        if self.release is not None:
            words.append(f"– request {self.release}")
        return " ".join(words)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join([self._line(), *(f"wrote {name}" for name in self.files), *self.log.splitlines()])

    def _repr_html_(self) -> str:
        files = f"<p style='margin:.3em 0'>Wrote {escape(', '.join(self.files))}.</p>" if self.files else ""
        log = f"<pre style='margin:.3em 0'>{escape(self.log)}</pre>" if self.log else ""
        return f"<p style='margin:.3em 0'><b>{escape(self._line())}</b></p>{files}{log}"


def send_job(
    connection: Connection,
    code: PathLike,
    *,
    inputs: PathLike | Iterable[PathLike],
    outputs: str | Iterable[str],
    context: str,
    grant: int | None,
    phase: str = "sample",
) -> Job:
    """Queue a job.

    Raises:
        BadInput: a file is not there, or no output is named.
    """
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    if not names:
        raise BadInput(
            "No output is named.", fix='Say outputs=["table.csv"]: the files it writes to sandbox.outbox.'
        )
    parts = [("code", _read(code))]
    parts += [
        ("inputs", _read(one)) for one in ([inputs] if isinstance(inputs, (str, os.PathLike)) else inputs)
    ]
    fields = {"outputs": json.dumps(names), "context": context, "grant": grant, "phase": phase}
    return Job(connection, connection.send_files("jobs", fields, parts))


def _read(file: PathLike) -> tuple[str, bytes]:
    path = Path(file)
    try:
        return path.name, path.read_bytes()
    except OSError as missing:
        raise BadInput(
            f"{path} cannot be read: {missing.strerror}.", fix="Save it, and give its name."
        ) from missing
