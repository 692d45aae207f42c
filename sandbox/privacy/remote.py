"""The engine from the platform's side: the same verbs, over its Unix socket.

What matters is whether a question may have run. When nothing answered at the socket, it has not
(``EngineUnavailable``). From the moment a request may have been sent, it may have, and stays charged
(``Unanswered``).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import BadInput, OperatorError, SandboxError, Unanswered
from sandbox.domain.evidence import Evidence, evidence_from_document
from sandbox.domain.job import RowFiles
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_document import policy_to_document
from sandbox.privacy.base.buy import Progress, silent
from sandbox.privacy.base.release import BaseRelease
from sandbox.privacy.base.wire import base_of_lines
from sandbox.privacy.engine import Health
from sandbox.privacy.planning.profile import Profile, profile_from_document
from sandbox.privacy.publishing.extracting import ExtractReport
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.shape import ShapedColumn, shape_from
from sandbox.privacy.wire import error_of, extract_of, key_of, report_of

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class EngineUnavailable(OperatorError):
    """The engine's process does not answer. Nothing was sent to it."""

    code = "engine_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The engine does not answer.", fix="Start it; then ask again: nothing was asked yet."
        )


class RemoteEngine:
    """The engine in its own process.

    Args:
        socket: its Unix socket.
        timeout_s: how long to wait for an answer: more than the engine's own limit.
        publish_timeout_s: how long to wait for a publishing.
    """

    def __init__(self, socket: Path, *, timeout_s: float = 60.0, publish_timeout_s: float = 3600.0) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._publish_timeout_s = publish_timeout_s

    def publish(
        self, *, policy: DatasetPolicy, table: str, file: str, withheld: Sequence[str] = ()
    ) -> PublishReport:
        """See ``Engine.publish``.

        Raises:
            OperatorError: the engine stopped in the middle. No half view is left; publish again.
        """
        body: dict[str, Any] = {"policy": policy_to_document(policy), "table": table, "file": file}
        return self._published("/publish", body | _withheld(withheld))

    def publish_tables(
        self, *, policy: DatasetPolicy, files: Mapping[str, str], withheld: Sequence[str] = ()
    ) -> PublishReport:
        """See ``Engine.publish_tables``. Raises as ``publish``."""
        body = {"policy": policy_to_document(policy), "files": dict(files)} | _withheld(withheld)
        return self._published("/publish-tables", body)

    def _published(self, path: str, body: dict[str, Any]) -> PublishReport:
        try:
            response = self._send("POST", path, body, self._publish_timeout_s)
            return report_of(response.json())
        except (Unanswered, ValueError, KeyError, TypeError):
            raise OperatorError(
                "Publishing broke off.", fix="Look at the engine's log; publish again."
            ) from None

    def shape(self, *, dataset: str, file: str) -> tuple[ShapedColumn, ...]:
        """See ``Engine.shape``."""
        return self._told("/shape", {"dataset": dataset, "file": file}, shape_from)

    def profile(self, *, dataset: str, snapshot: str) -> Profile:
        """See ``Engine.profile``. When it breaks off, ask again: it is the same one."""
        body = {"dataset": dataset, "snapshot": snapshot}
        response = self._send("POST", "/profile", body, self._publish_timeout_s)
        try:
            return profile_from_document(response.json())
        except (ValueError, KeyError, TypeError, BadInput):
            raise Unanswered from None

    def base(
        self, *, dataset: str, snapshot: str, profile: str = "", progress: Progress = silent
    ) -> BaseRelease:
        """See ``Engine.base``. When it breaks off, ask again: it is the same one."""
        import httpx

        body = {"dataset": dataset, "snapshot": snapshot} | ({"profile": profile} if profile else {})
        self._knock()
        timeout = httpx.Timeout(self._publish_timeout_s, connect=5.0)
        transport = httpx.HTTPTransport(uds=str(self._socket))
        try:
            with (
                httpx.Client(transport=transport, timeout=timeout) as client,
                client.stream("POST", "http://engine/base", json=body) as response,
            ):
                if not response.is_success:
                    response.read()
                    raise _error_in(response)
                return base_of_lines(response.iter_lines(), progress)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise EngineUnavailable from None
        except httpx.HTTPError:
            raise Unanswered from None

    def answer(
        self,
        *,
        dataset: str,
        snapshot: str,
        sql: str,
        nano: int,
        atto_delta: int = 0,
        profile: str = "",
        limits: Limits = NO_LIMITS,
        planned_at: int = 0,
    ) -> bytes:
        """See ``Engine.answer``."""
        body: dict[str, Any] = {"dataset": dataset, "snapshot": snapshot, "sql": sql, "nano": nano}
        body |= {"profile": profile} if profile else {}
        body |= {"atto_delta": atto_delta} if atto_delta else {}
        body |= {"planned_at": planned_at} if planned_at else {}
        body |= {name: value for name, value in asdict(limits).items() if value is not None}
        return self._send("POST", "/answer", body, self._timeout_s).content

    def evidence(self, *, dataset: str, snapshot: str, sql: str) -> Evidence:
        """See ``Engine.evidence``."""
        body = {"dataset": dataset, "snapshot": snapshot, "sql": sql}
        response = self._send("POST", "/evidence", body, self._timeout_s)
        try:
            return evidence_from_document(response.json())
        except (ValueError, KeyError, TypeError):
            raise Unanswered from None

    def extract(
        self,
        *,
        dataset: str,
        snapshot: str,
        tables: Mapping[str, Sequence[str]],
        target: str,
        max_bytes: int,
        form: RowFiles = RowFiles.PARQUET,
    ) -> ExtractReport:
        """See ``Engine.extract``.

        Raises:
            OperatorError: the engine stopped in the middle; its half-made folder is swept away with the others.
        """
        body = {
            "dataset": dataset,
            "snapshot": snapshot,
            "tables": {name: list(columns) for name, columns in tables.items()},
            "target": target,
            "max_bytes": max_bytes,
            "form": str(form),
        }
        return self._told("/extract", body, extract_of)

    def data_key(self, *, dataset: str) -> DataKey | None:
        """See ``Engine.data_key``."""
        return self._told("/keys/current", {"dataset": dataset}, key_of)

    def rotate_key(self, *, dataset: str) -> DataKey:
        """See ``Engine.rotate_key``. When it breaks off, ask again: it goes on."""
        key = self._told("/keys/rotate", {"dataset": dataset}, key_of)
        if key is None:
            raise OperatorError("The engine named no key.", fix="Look at its log; try again.")
        return key

    def retire_keys(self, *, dataset: str) -> tuple[str, ...]:
        """See ``Engine.retire_keys``."""
        return self._told("/keys/retire", {"dataset": dataset}, lambda said: tuple(said["keys"]))

    def renew_master(self) -> int:
        """See ``Engine.renew_master``."""
        return self._told("/keys/renew-master", {}, lambda said: int(said["count"]))

    def destroy(self, *, dataset: str) -> tuple[str, ...]:
        """See ``Engine.destroy``. When it breaks off, ask again: it goes on."""
        return self._told("/keys/destroy", {"dataset": dataset}, lambda said: tuple(said["keys"]))

    def _told(self, path: str, body: dict[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
        """What the engine says about files. Nothing of it is charged, so that it may be asked again."""
        try:
            return read(self._send("POST", path, body, self._publish_timeout_s).json())
        except (Unanswered, ValueError, KeyError, TypeError):
            raise OperatorError("The engine broke off.", fix="Look at its log; then try again.") from None

    def health(self) -> Health:
        """See ``Engine.health``.

        Raises:
            EngineUnavailable: it does not answer.
        """
        try:
            document = self._send("GET", "/health", None, 5.0).json()
            return Health(ready=bool(document["ready"]), busy=int(document["busy"]))
        except (Unanswered, ValueError, KeyError, TypeError):
            raise EngineUnavailable from None

    def _knock(self) -> None:
        """Raise at once when nobody listens. (httpx leaves its socket open when a connection is refused.)"""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.settimeout(5.0)
            try:
                knocking.connect(str(self._socket))
            except OSError:
                raise EngineUnavailable from None

    def _send(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float) -> httpx.Response:
        """One request on a connection of its own.

        A kept connection that the engine had closed would look like an engine that died in the middle of a question.
        """
        import httpx  # not in the engine's own image, which imports this package too

        self._knock()
        timeout = httpx.Timeout(timeout_s, connect=5.0)
        try:
            with httpx.Client(
                transport=httpx.HTTPTransport(uds=str(self._socket)), timeout=timeout
            ) as client:
                response = client.request(method, f"http://engine{path}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise EngineUnavailable from None
        except httpx.HTTPError:
            raise Unanswered from None
        if response.is_success:
            return response
        raise _error_in(response)


def _withheld(names: Sequence[str]) -> dict[str, Any]:
    return {"withheld": list(names)} if names else {}


def _error_in(response: httpx.Response) -> SandboxError:
    """The error that a response says."""
    try:
        return error_of(response.json()["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unanswered()
