"""One sealed file: read from anywhere in it, changed nowhere without being found out.

    magic (8) | id of the dataset's key (16) | the file's key, wrapped (80) | segments

- Each file has a random key of its own. It is wrapped by HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, AES-256-GCM)
  for the public key of its dataset, and bound to the file's name: whoever closes a file can open none.
- A segment is 256 KiB and its tag (AES-256-GCM). Its nonce is its number and whether it is the last (STREAM, Hoang
  et al. 2015), so that a segment that is moved, repeated, left out or cut off does not open.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sandbox.domain.data_key import key_id
from sandbox.domain.errors import Tampered

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAGIC = b"SDSEALD\x01"
SEGMENT = 256 * 1024  # bytes of content
TAG = 16
_ID, _KEY = 16, 32
_WRAPPED = 32 + _KEY + TAG
HEADER = len(MAGIC) + _ID + _WRAPPED

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def sealed_for(path: Path) -> str | None:
    """The id of the key that a file is sealed for; None for a file that is not sealed.

    Raises:
        OSError: there is no such file.
    """
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + _ID)
    return head[len(MAGIC) :].hex() if head.startswith(MAGIC) and len(head) == len(MAGIC) + _ID else None


class SealedWriter(io.RawIOBase):
    """A new file, written from its beginning to its end. Nothing but sealed segments ever reaches the disk.

    Args:
        public: the dataset's public key, 32 bytes.
        label: the name that the file will have; it opens under no other.

    Raises:
        FileExistsError: there is one.
    """

    def __init__(self, path: Path, public: bytes, *, label: str) -> None:
        file_key = secrets.token_bytes(_KEY)
        wrapped = HPKE.encrypt(file_key, X25519PublicKey.from_public_bytes(public), info=_info(label))
        self._cipher = AESGCM(file_key)
        self._waiting, self._number, self._size = bytearray(), 0, 0
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._file.write(MAGIC + bytes.fromhex(key_id(public)) + wrapped)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        new = bytes(data)
        self._digest.update(new)
        self._size += len(new)
        self._waiting += new
        while len(self._waiting) > SEGMENT:  # one is kept back: the last is sealed as the last
            self._put(bytes(self._waiting[:SEGMENT]), last=False)
            del self._waiting[:SEGMENT]
        return len(new)

    def tell(self) -> int:
        return self._size

    @property
    def sha256(self) -> str:
        """Of the content, 64 hex digits."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Seal the rest, and see it on the disk."""
        if self.closed:
            return
        try:
            self._put(bytes(self._waiting), last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._waiting.clear()
            self._file.close()
            super().close()

    def _put(self, content: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), content, None))
        self._number += 1


def content_size(path: Path) -> int:
    """Bytes of a sealed file's content, as the length of the file says; its last segment is looked at when it opens."""
    return _sizes(path.stat().st_size)[1]


class Segments:
    """Opened segments, and the keys of their files, kept in memory so that the next question need not open them again.

    Args:
        most_bytes: of all together; the ones that were not used for longest go first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._segments: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._file_keys: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def get(self, file: bytes, number: int) -> bytes | None:
        with self._lock:
            found = self._segments.get((file, number))
            if found is not None:
                self._segments.move_to_end((file, number))
            return found

    def keep(self, file: bytes, number: int, content: bytes) -> None:
        with self._lock:
            if (file, number) in self._segments:
                return
            self._segments[file, number] = content
            self._held += len(content)
            while self._held > self._most:
                _, gone = self._segments.popitem(last=False)
                self._held -= len(gone)

    def file_key(self, wrapped: bytes, unwrap: Callable[[], bytes]) -> bytes:
        """A file's key, unwrapped once."""
        with self._lock:
            found = self._file_keys.get(wrapped)
        if found is None:
            found = unwrap()
            with self._lock:
                self._file_keys[wrapped] = found
        return found

    def forget(self) -> None:
        """Let go of all of them: a key was destroyed."""
        with self._lock:
            self._segments.clear()
            self._file_keys.clear()
            self._held = 0


class SealedReader(io.RawIOBase):
    """A sealed file, opened.

    Args:
        private: gives the dataset's private key, when the file's own is not known yet.
        label: the file's name.
        segments: where opened ones are kept.
        alarm: told the error as well, for whoever reads through a program that hides it.

    Raises:
        Tampered: it was changed, cut off, or put under another name; or the key is another.
    """

    def __init__(
        self,
        path: Path,
        private: Callable[[], X25519PrivateKey],
        *,
        label: str,
        segments: Segments,
        alarm: Callable[[Tampered], object] = lambda error: None,
    ) -> None:
        self._place, self._segments, self._alarm = label, segments, alarm
        self._file = path.open("rb", buffering=0)
        try:
            head = self._file.read(HEADER) or b""
            if len(head) != HEADER:
                raise self._changed()
            self._name = head[-_WRAPPED:]  # no two files have the same one
            try:
                self._cipher = AESGCM(
                    segments.file_key(
                        self._name + label.encode(),
                        lambda: HPKE.decrypt(self._name, private(), info=_info(label)),
                    )
                )
            except InvalidTag:
                raise self._changed() from None
            self._count, self.size = _sizes(os.fstat(self._file.fileno()).st_size)
            self._at = 0
            if self.size < 0:
                raise self._changed()
            self._segment(self._count - 1)  # a file that was cut off has no last one
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        first, last = self._at // SEGMENT, (self._at + wanted - 1) // SEGMENT
        begin = self._at - first * SEGMENT
        self._at += wanted
        if first == last:
            return self._segment(first)[begin : begin + wanted]
        return b"".join(self._segment(n) for n in range(first, last + 1))[begin : begin + wanted]

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            super().close()

    def _segment(self, number: int) -> bytes:
        held = self._segments.get(self._name, number)
        if held is not None:
            return held
        raw = os.pread(self._file.fileno(), SEGMENT + TAG, HEADER + number * (SEGMENT + TAG))
        try:
            content = self._cipher.decrypt(_nonce(number, last=number == self._count - 1), raw, None)
        except (InvalidTag, ValueError):
            raise self._changed() from None
        self._segments.keep(self._name, number, content)
        return content

    def _changed(self) -> Tampered:
        error = Tampered(f"The sealed file {self._place} does not open: it was changed.", place=self._place)
        self._alarm(error)
        return error


def seal(source: BinaryIO, path: Path, public: bytes, *, label: str) -> str:
    """Seal what a stream gives, durably; returns the SHA-256 of the content. Raises as ``SealedWriter``."""
    writer = SealedWriter(path, public, label=label)
    with writer:
        for chunk in _chunks(source):
            writer.write(chunk)
    return writer.sha256


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(SEGMENT):
        yield chunk


def _sizes(length: int) -> tuple[int, int]:
    """How many segments a file of this length has, and how many bytes of content."""
    body = length - HEADER
    count = max(1, -(-body // (SEGMENT + TAG)))
    return count, body - count * TAG


def _info(label: str) -> bytes:
    return b"sandbox sealed file 1\n" + label.encode()


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
