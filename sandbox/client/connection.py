"""Requests to the sandbox's API: one place for the token, retries and errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from sandbox.client.errors import NotSignedIn, SandboxClientError, Unreachable, error_from

RETRY_AFTER_S = (0.2, 1.0, 3.0)  # for requests that may safely be sent twice
TIMEOUT_S = 90.0  # longer than any question may run


class Connection:
    """A signed-in line to ``/api/v1``.

    Args:
        url: the portal's address, without ``/api/v1``.
        token: empty for what needs no login.
        transport: for tests.
        sleep: for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            headers={"Authorization": f"token {token}"} if token else {},
            timeout=httpx.Timeout(TIMEOUT_S, connect=10.0),
            transport=transport,
            trust_env=False,  # a proxy variable must not carry the token elsewhere
            follow_redirects=False,
        )

    def get(self, path: str, **params: Any) -> Any:
        """A GET's JSON."""
        return self._json(self._send("GET", path, params=_given(params), again=True))

    def get_bytes(self, path: str, **params: Any) -> bytes:
        """A GET's body."""
        return self._checked(self._send("GET", path, params=_given(params), again=True)).content

    def post(self, path: str, body: Mapping[str, Any], *, again: bool = False) -> Any:
        """A POST's JSON.

        Args:
            again: sending it twice does no more than sending it once.
        """
        sql = str(body.get("sql", ""))
        return self._json(self._send("POST", path, json=_given(body), again=again), sql=sql)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """A PUT's JSON."""
        return self._json(self._send("PUT", path, json=_given(body), again=False))

    def upload(self, path: str, fields: Mapping[str, Any], files: Sequence[tuple[str, bytes]]) -> Any:
        """A multipart POST's JSON, all files in one field. Sent once."""
        return self.send_files(path, fields, [("files", file) for file in files])

    def send_files(
        self, path: str, fields: Mapping[str, Any], files: Sequence[tuple[str, tuple[str, bytes]]]
    ) -> Any:
        """A multipart POST's JSON. Never sent twice: each sending makes a request of its own.

        Args:
            files: (field, (name, content)).
        """
        parts = [(field, (name, body, "application/octet-stream")) for field, (name, body) in files]
        data = {name: str(value) for name, value in _given(fields).items()}
        return self._json(self._send("POST", path, data=data, files=parts, again=False))

    def close(self) -> None:
        self._http.close()

    def _send(self, method: str, path: str, *, again: bool, **content: Any) -> httpx.Response:
        waits = list(RETRY_AFTER_S)
        while True:
            response = None
            try:
                response = self._http.request(method, path, **content)
                if not again or not _is_gateway_trouble(response):
                    return response
                problem = f"it says {response.status_code}"
            except httpx.TransportError as broken:
                problem = type(broken).__name__
                # A connection that was never made has sent nothing, so any request may try again.
                may_retry = again or isinstance(broken, (httpx.ConnectError, httpx.ConnectTimeout))
                if not may_retry:
                    waits = []
            if not waits:
                if response is not None:
                    return response
                raise Unreachable(
                    f"The sandbox at {self.url} does not answer ({problem}).",
                    fix="Try again in a moment; if it stays, tell the operator.",
                )
            self._sleep(waits.pop(0))

    def _json(self, response: httpx.Response, *, sql: str = "") -> Any:
        try:
            return self._checked(response, sql=sql).json()
        except ValueError as broken:
            raise SandboxClientError(
                f"{self.url} answered, but not as the sandbox does.",
                fix="Check the address given to connect().",
            ) from broken

    def _checked(self, response: httpx.Response, *, sql: str = "") -> httpx.Response:
        if response.is_success:
            return response
        document = _error_document(response)
        if document is not None:
            raise error_from(document, sql=sql)
        if response.status_code in (302, 303, 401, 403):
            raise NotSignedIn(
                "The sandbox does not accept your token.", fix="Restart the notebook, or sign in again."
            )
        raise Unreachable(
            f"The sandbox at {self.url} cannot answer now ({response.status_code}).",
            fix="Try again in a moment; if it stays, tell the operator.",
        )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _error_document(response: httpx.Response) -> Mapping[str, Any] | None:
    try:
        document = response.json()
    except ValueError:
        return None
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else None


def _is_gateway_trouble(response: httpx.Response) -> bool:
    """A proxy that could not reach the portal; the portal's own errors are answers and are kept."""
    return response.status_code in (502, 503, 504) and _error_document(response) is None
