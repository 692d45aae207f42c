"""One notebook's two directions. Every check is made here, outside of the container.

in    browser -> hub's proxy -> gate -> in.sock -> carrier -> the server on the container's loopback
out   container's loopback -> carrier -> out.sock -> gate -> hub or portal
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.isolation import gate_contents, gate_headers
from sandbox.isolation.gate_answers import answer, at_most, cut, with_headers
from sandbox.isolation.gate_display import SPENT, Amount, DisplayBudget
from sandbox.isolation.gate_frames import carry_frames
from sandbox.isolation.gate_opening import Opening
from sandbox.isolation.gate_paths import Place, listening, open_socket
from sandbox.isolation.gate_record import Recorder, RecordKind, Shown, Tally
from sandbox.isolation.gate_rules import (
    CONTENT_TYPES,
    IN,
    MIB,
    OUT,
    Direction,
    Kind,
    Refusal,
    Rule,
    clean_path,
    find_rule,
)
from sandbox.isolation.gate_screen import Events, RoomScreen, Screen

CONNECTIONS = 48  # at once, each way; the carrier has a process for each
LARGE_AT_ONCE = 4  # messages over 1 MiB are held in memory while they are read
ANSWER_TIMEOUT_S = 120
_SOCKETS = 16  # websockets of one notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all doors share.

    Attributes:
        hub_url: where the hub's API listens, without a path.
        portal_url: where the portal listens, without a path.
        site_url: the site's address as browsers know it, without a path.
        own_url: the gate as the hub asks it, where that is not the address that it listens on.
        assets: SHA-256 of each file of the lab's own program, in hexadecimal digits.
        now: the time, in UTC.
    """

    hub_url: str
    portal_url: str
    site_url: str
    record: Recorder
    own_url: str = ""
    assets: frozenset[str] = frozenset()
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


class Door:
    """Opened and closed with its notebook. Holds no rule: those are in ``gate_rules`` and ``gate_kinds``."""

    def __init__(self, place: Place, opening: Opening, house: House) -> None:
        self.place, self._opening, self._house = place, opening, house
        self._own = gate_headers.Own(person=place.person, server=place.server, site=house.site_url)
        self._budget = self._a_budget()
        self._screen = RoomScreen(self._budget, now=house.now) if self._budget else Screen(opening.mode)
        self.tally = Tally(
            place.person, place.server, house.record, shown=self._shown if self._budget else None
        )
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._choosing = asyncio.Lock()
        self._tasks: set[asyncio.Task[object]] = set()
        self._sockets = 0
        self._outside: aiohttp.ClientSession | None = None
        self._inside: tuple[tuple[int, int], int, aiohttp.ClientSession] | None = None
        self._runner: web.ServerRunner | None = None

    async def open(self) -> None:
        self.place.make()
        self._outside = _session(aiohttp.TCPConnector(limit=CONNECTIONS))
        self._runner = web.ServerRunner(web.Server(self.outgoing, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        listener = listening(self.place.sockets, "out.sock", mode=0o666)
        await web.SockSite(self._runner, listener).start()
        self.tally.happened(RecordKind.OPENED)

    async def close(self) -> None:
        """Cut everything that is under way, at once: it is how a grant is taken back."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._outside is not None:
            await self._outside.close()
        await self._forget_inside()
        if self._budget is not None:
            self._budget.close()
        self.tally.happened(RecordKind.CLOSED)

    async def incoming(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A browser's request.

        Args:
            path: below the notebook's own path, cleaned.
        """
        rule = find_rule(IN, request.method, path, person=self.place.person)
        if isinstance(rule, Refusal):
            return self._refuse(Direction.IN, request, rule)
        self.tally.requests += 1
        async with self._under_way():
            session = await self._jupyter()
            if session is None:
                return answer(Refusal("the notebook is not ready", 503))
            if rule.kind in (Kind.FRAMES, Kind.EVENTS):
                return await self._frames(request, session, rule)
            return await self._pass_in(request, session, rule)

    async def outgoing(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request that the container makes."""
        path = clean_path(request.raw_path)
        rule = (
            path
            if isinstance(path, Refusal)
            else find_rule(OUT, request.method, path, person=self.place.person)
        )
        if isinstance(rule, Rule) and rule.own_token and not self._is_own_token(request):
            rule = Refusal("this needs the container's own token", 401)
        if isinstance(rule, Refusal):
            return self._refuse(Direction.OUT, request, rule)
        self.tally.requests += 1
        async with self._under_way():
            return await self._pass_out(request, rule)

    async def _pass_in(
        self, request: web.BaseRequest, session: aiohttp.ClientSession, rule: Rule
    ) -> web.StreamResponse:
        contents = rule.kind is Kind.CONTENTS
        query = request.rel_url.raw_query_string
        if contents and request.method == "GET" and (refusal := gate_contents.check_question(query)):
            return self._refuse(Direction.IN, request, refusal)
        async with self._room(rule):
            body = await self._body(request, rule)
            if contents and isinstance(body, bytes):
                body = gate_contents.check_upload(body) or body
            if isinstance(body, Refusal):
                return self._refuse(Direction.IN, request, body)
            self.tally.bytes_entered += len(body)
            url = URL(f"http://notebook{request.raw_path}", encoded=True)
            headers = gate_headers.request_in(list(request.headers.items()), self._own)

            async def judge(found: aiohttp.ClientResponse) -> web.StreamResponse:
                return await self._answer_in(request, found, rule, query)

            return await self._ask(session, request.method, url, headers, body, judge)

    async def _answer_in(
        self, request: web.BaseRequest, found: aiohttp.ClientResponse, rule: Rule, query: str
    ) -> web.StreamResponse:
        kept, dishonest = gate_headers.answer_in(list(found.headers.items()), self._own)
        if dishonest:
            self.tally.refuse(Direction.IN, request.method, request.raw_path, "a header that leads elsewhere")
        empty = request.method == "HEAD" or found.status in (204, 304)
        allowed = CONTENT_TYPES[rule.kind] | (
            {"text/html", "application/json"} if found.status >= 400 else set()
        )
        # A redirect's text is not shown, and servers call it anything.
        redirect = 300 <= found.status < 400
        if not empty and not redirect and found.content_type not in allowed and found.content_length != 0:
            wrong = Refusal(f"the answer calls itself {found.content_type[:60]}", 502)
            return self._refuse(Direction.IN, request, wrong)
        headers = [*kept, *gate_headers.PAGE_HEADERS.items()]
        whole = rule.kind is Kind.CONTENTS and not redirect and not empty
        if self._budget is None and not whole:
            return await self._stream(request, found, headers, rule.answer_bytes, Direction.IN)
        body: bytes | None = b""
        if not empty and not redirect:
            body = await at_most(found.content, rule.answer_bytes)
        if body is None:
            return self._refuse(Direction.IN, request, Refusal("the answer is larger than it may be", 502))
        rows: int | None = None
        if whole and found.status < 300:
            screened = gate_contents.screen_answer(query, body, self._opening.mode)
            if isinstance(screened, Refusal):
                return self._refuse(Direction.IN, request, screened)
            body, rows = screened.body, screened.rows
            for reason in screened.refused:
                self.tally.refuse(Direction.IN, request.method, request.raw_path, reason)
        if self._budget is not None:
            kept = gate_headers.plain(kept, found.content_type)
            if not self._may_show(self._budget, rule, body, rows, kept):
                return self._refuse(Direction.IN, request, Refusal(f"output withheld: {SPENT}"))
            headers = [*kept, *gate_headers.PAGE_HEADERS.items()]
        self.tally.bytes_left += len(body)
        return with_headers(web.Response(status=found.status, body=body), headers)

    def _may_show(
        self, budget: DisplayBudget, rule: Rule, body: bytes, rows: int | None, headers: list[tuple[str, str]]
    ) -> bool:
        """Count an answer out of a container with raw rows. The lab's own files, known by their hash, are free."""
        free = rule.kind is Kind.ASSET and hashlib.sha256(body).hexdigest() in self._house.assets
        written = sum(len(value) for name, value in headers if name != "Content-Type")
        return (free or budget.take_body(body, rows)) and (not written or budget.take_page(written))

    def _a_budget(self) -> DisplayBudget | None:
        opening = self._opening
        if opening.display is None:
            return None
        return DisplayBudget(
            opening.display,
            self.place.shown,
            session=opening.token_sha256,
            today=lambda: self._house.now().date(),
        )

    def _shown(self) -> Shown:
        assert self._budget is not None  # noqa: S101  (asked only where there is one)
        total = self._budget.total
        return Shown(rows=total.rows, bytes=total.bytes, page_bytes=total.page_bytes)

    async def _pass_out(self, request: web.BaseRequest, rule: Rule) -> web.StreamResponse:
        if self._outside is None:
            return answer(Refusal("closed", 503))
        async with self._room(rule):
            body = await self._body(request, rule)
            if isinstance(body, Refusal):
                return self._refuse(Direction.OUT, request, body)
            # The portal shows questions, and what jobs make of the sample, to whoever sent them.
            counted = self._budget if rule.to_portal and not rule.reviewed else None
            if counted is not None and not counted.take(Amount(rows=0, bytes=len(body))):
                return self._refuse(Direction.OUT, request, Refusal(SPENT))
            self.tally.bytes_left += len(body)
            base = self._house.portal_url if rule.to_portal else self._house.hub_url
            url = URL(base + request.raw_path, encoded=True)
            headers = gate_headers.request_out(list(request.headers.items()))

            async def judge(found: aiohttp.ClientResponse) -> web.StreamResponse:
                kept = gate_headers.answer_out(list(found.headers.items()))
                return await self._stream(request, found, kept, rule.answer_bytes, Direction.OUT)

            return await self._ask(self._outside, request.method, url, headers, body, judge)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        headers: list[tuple[str, str]],
        body: bytes,
        judge: Callable[[aiohttp.ClientResponse], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        try:
            async with session.request(
                method, url, headers=headers, data=io.BytesIO(body) if body else None, allow_redirects=False
            ) as found:
                return await judge(found)
        except (aiohttp.ClientError, TimeoutError):
            return answer(Refusal("the other side does not answer", 502))

    async def _stream(
        self,
        request: web.BaseRequest,
        found: aiohttp.ClientResponse,
        headers: list[tuple[str, str]],
        most: int,
        direction: Direction,
    ) -> web.StreamResponse:
        empty = request.method == "HEAD" or found.status in (204, 304)
        if not empty and (found.content_length or 0) > most:
            return self._refuse(direction, request, Refusal("the answer is larger than it may be", 502))
        response = with_headers(web.StreamResponse(status=found.status), headers)
        if found.content_length is not None and "Content-Encoding" not in found.headers:
            response.content_length = found.content_length
        await response.prepare(request)
        if empty:
            return response
        passed = 0
        async for chunk in found.content.iter_chunked(64 * 1024):
            passed += len(chunk)
            if passed > most:
                self.tally.refuse(
                    direction, request.method, request.raw_path, "the answer is larger than it may be"
                )
                cut(request)
                break
            if direction is Direction.IN:
                self.tally.bytes_left += len(chunk)
            else:
                self.tally.bytes_entered += len(chunk)
            await response.write(chunk)
        return response

    async def _frames(
        self, request: web.BaseRequest, session: aiohttp.ClientSession, rule: Rule
    ) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._refuse(Direction.IN, request, Refusal("this address is for a websocket", 400))
        if self._sockets >= _SOCKETS:
            return self._refuse(Direction.IN, request, Refusal("too many websockets", 429))
        self._sockets += 1
        try:
            frames = self._screen if rule.kind is Kind.FRAMES else Events(self._budget)
            return await carry_frames(request, session, rule, self.tally, own=self._own, frames=frames)
        finally:
            self._sockets -= 1

    async def _jupyter(self) -> aiohttp.ClientSession | None:
        """A way to the socket that stands there now. The carrier makes it, and makes a new one when it restarts."""
        async with self._choosing:
            try:
                handle, identity = open_socket(self.place.sockets / "in.sock")
            except OSError:
                return None
            if self._inside is not None and self._inside[0] == identity:
                os.close(handle)
                return self._inside[2]
            await self._forget_inside()
            session = _session(aiohttp.UnixConnector(f"/proc/self/fd/{handle}", limit=CONNECTIONS))
            self._inside = (identity, handle, session)
            return session

    async def _forget_inside(self) -> None:
        if self._inside is not None:
            _, handle, session = self._inside
            self._inside = None
            await session.close()
            os.close(handle)

    def _is_own_token(self, request: web.BaseRequest) -> bool:
        token = gate_headers.bearer(list(request.headers.items())) or ""
        return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), self._opening.token_sha256)

    @asynccontextmanager
    async def _under_way(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a handler always runs in a task)
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    @asynccontextmanager
    async def _room(self, rule: Rule) -> AsyncIterator[None]:
        if max(rule.request_bytes, MIB) > MIB:
            async with self._large:
                yield
        else:
            yield

    async def _body(self, request: web.BaseRequest, rule: Rule) -> bytes | Refusal:
        too_large = Refusal(f"the body is larger than {rule.request_bytes} bytes", 413)
        if (request.content_length or 0) > rule.request_bytes:
            return too_large
        body = await at_most(request.content, rule.request_bytes)
        return too_large if body is None else body

    def _refuse(self, direction: Direction, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        self.tally.refuse(direction, request.method, request.raw_path, refusal.reason)
        response = answer(refusal)
        response.force_close()  # what is left of a body is not read
        return response


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),  # a jar would mix the cookies of two browsers
        timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, sock_connect=5),
        skip_auto_headers=("User-Agent", "Content-Type"),
        trust_env=False,
    )
