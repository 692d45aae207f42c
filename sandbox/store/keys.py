"""The platform's own signature: over the log's head, agreements and crates.

Ed25519 (RFC 8032). The private key is made at the first use, readable by its owner only; the public key lies beside
it, to be handed to whoever verifies.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from sandbox.domain.errors import OperatorError, Tampered

PRIVATE, PUBLIC = "signing.pem", "signing.pub.pem"


class Signer:
    """Signs with the key of a folder; makes the key when there is none.

    Args:
        folder: holds ``signing.pem`` (0600) and ``signing.pub.pem``.

    Raises:
        OperatorError: the key can be read by others, or is not an Ed25519 key.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / PRIVATE
        if not path.exists():
            _make(path)
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise OperatorError(
                f"The signing key {path.name} can be read by others.",
                fix="Take their rights away: chmod 600.",
            )
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as broken:
            raise OperatorError(f"{path.name} is not a key.", fix="Restore it from a backup.") from broken
        if not isinstance(key, Ed25519PrivateKey):
            raise OperatorError(f"{path.name} is not an Ed25519 key.", fix="Restore it from a backup.")
        self._key = key
        self.public_pem: bytes = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        public = folder / PUBLIC
        if not public.exists() or public.read_bytes() != self.public_pem:
            half = public.with_name(f"{PUBLIC}.{secrets.token_hex(8)}.part")
            half.write_bytes(self.public_pem)
            os.replace(half, public)

    def __repr__(self) -> str:
        return "Signer()"  # nothing of the key

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    def check(self, signature: bytes, message: bytes) -> None:
        """Raise unless this key signed the message.

        Raises:
            Tampered: the signature does not hold.
        """
        verify_signature(self.public_pem, signature, message)


def verify_signature(public_pem: bytes, signature: bytes, message: bytes) -> None:
    """Raise unless the key signed the message. Needs no database: for crates and logs far from home.

    Raises:
        Tampered: the signature does not hold, or the key is none.
    """
    try:
        key = load_pem_public_key(public_pem)
    except ValueError as broken:
        raise Tampered("The public key is not a key.", place="public key") from broken
    if not isinstance(key, Ed25519PublicKey):
        raise Tampered("The public key is not an Ed25519 key.", place="public key")
    try:
        key.verify(signature, message)
    except InvalidSignature as broken:
        raise Tampered("The signature does not hold.", place="signature") from broken


def _make(path: Path) -> None:
    """Write a new key; when two processes do so at once, the first one's key stays."""
    body = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    half = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        half.unlink(missing_ok=True)
