"""The half of a dataset's key that everybody may know: with it files are closed, and none is opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sandbox.domain.errors import Tampered

PUBLIC_BYTES = 32  # X25519


def key_id(public: bytes) -> str:
    """The name of a key pair, from its public half: 32 hex digits."""
    return hashlib.sha256(b"sandbox data key\n" + public).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class DataKey:
    """A dataset's public key.

    Attributes:
        id: 32 hex digits, from the key itself.
        public: 32 bytes.

    Raises:
        Tampered: the id names another key.
    """

    id: str
    public: bytes

    def __post_init__(self) -> None:
        if len(self.public) != PUBLIC_BYTES or key_id(self.public) != self.id:
            raise Tampered("A dataset's public key is not the one that its id names.", place=f"key {self.id}")
