"""One file, read as it comes: of a form, or a whole body. Where it goes is known before a byte of it is taken.

The framework would put the whole body on the disk first, open to be read; a raw file may lie there only closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sandbox.domain.errors import BadInput

T = TypeVar("T", covariant=True)
_LONGEST_VALUE = 1000  # bytes of a field before the file
_MOST_FIELDS = 20
_LONGEST_HEAD = 4000  # bytes of a part's headers
_BATCH = 1 << 20  # bytes of the file that are handed on at once


class Taking(Protocol[T]):
    """What takes the file's bytes."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> T: ...

    def abandon(self) -> None: ...


async def read_upload(request: Request, begin: Callable[[Mapping[str, str], str], Taking[T]]) -> T:
    """Read a form and hand its file on.

    Args:
        begin: given the fields before the file, and the file's name, says where it goes; may refuse.

    Raises:
        BadInput: it is no such form, or has no file, or more than one.
    """
    parts = _Parts(_boundary(request))
    taking: Taking[T] | None = None
    try:
        async for _ in _fed(request, parts):
            if parts.file is None:
                continue
            if taking is None:
                taking = await run_in_threadpool(begin, dict(parts.fields), parts.file)
            if len(parts.content) >= _BATCH:
                await run_in_threadpool(taking.write, parts.drained())
        if taking is None or not parts.ended:
            raise BadInput("No file came.", where="file", fix="Choose a file, and send it again.")
        await run_in_threadpool(taking.write, parts.drained())
        return await run_in_threadpool(taking.finish)
    except BaseException:
        if taking is not None:
            taking.abandon()
        raise


async def take_body(request: Request, begin: Callable[[], Taking[T]]) -> T:
    """Hand a body on that is the file itself.

    Args:
        begin: says where it goes; may refuse.

    Raises:
        BadInput: it is empty.
    """
    taking = await run_in_threadpool(begin)
    waiting, some = bytearray(), False
    try:
        async for piece in request.stream():
            waiting += piece
            some = some or bool(piece)
            if len(waiting) >= _BATCH:
                await run_in_threadpool(taking.write, bytes(waiting))
                waiting.clear()
        if not some:
            raise BadInput("No file came.", where="file", fix="Send the file as the body.")
        await run_in_threadpool(taking.write, bytes(waiting))
        return await run_in_threadpool(taking.finish)
    except BaseException:
        taking.abandon()
        raise


async def _fed(request: Request, parts: _Parts) -> AsyncIterator[None]:
    try:
        async for piece in request.stream():
            parts.feed(piece)
            yield
    except FormParserError:
        raise BadInput("The form cannot be read.", where="file", fix="Send it again.") from None


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise BadInput("This is no form with a file.", where="file", fix="Send it from the page.")
    return boundary


class _Parts:
    """The form as far as it came: fields by name, then one file."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file: str | None = None
        self.content = bytearray()
        self.ended = False
        self._name, self._value = "", bytearray()
        self._in_file = False
        self._head, self._key, self._heads = bytearray(), bytearray(), {b"": b""}
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._begun,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headed,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        self._parser.write(piece)

    def drained(self) -> bytes:
        content = bytes(self.content)
        self.content.clear()
        return content

    def _begun(self) -> None:
        self._heads = {}
        self._value = bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]
        self._check_head()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]
        self._check_head()

    def _check_head(self) -> None:
        if len(self._key) + len(self._head) > _LONGEST_HEAD:
            raise BadInput("The form cannot be read.", where="file", fix="Send it again.")

    def _header_end(self) -> None:
        self._heads[bytes(self._key).lower()] = bytes(self._head)
        self._key.clear()
        self._head.clear()

    def _headed(self) -> None:
        _, options = parse_options_header(self._heads.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = b"filename" in options
        if self._in_file:
            if self.file is not None:
                raise BadInput("Two files came.", where="file", fix="Send one for each table.")
            self.file = options[b"filename"].decode("utf-8", "replace")
        elif len(self.fields) >= _MOST_FIELDS:
            raise BadInput("The form has too many fields.", where="file", fix="Send it from the page.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.content += data[start:end]
            return
        self._value += data[start:end]
        if len(self._value) > _LONGEST_VALUE:
            raise BadInput("A field is too long.", where=self._name[:50], fix="Shorten it.")

    def _part_end(self) -> None:
        if not self._in_file and self.file is None:  # what stands behind the file decides nothing
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True
