"""The signing key: made once, for its owner only, and every changed byte shows."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import OperatorError, Tampered
from sandbox.store.keys import PRIVATE, PUBLIC, Signer, verify_signature


def test_the_key_is_made_once_readable_by_its_owner_only_with_the_public_one_beside(tmp_path: Path) -> None:
    first = Signer(tmp_path / "keys")
    again = Signer(tmp_path / "keys")
    assert first.public_pem == again.public_pem == (tmp_path / "keys" / PUBLIC).read_bytes()
    assert (tmp_path / "keys" / PRIVATE).stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in first.public_pem
    assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == sorted([PRIVATE, PUBLIC])


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(Signer(tmp_path).public_pem)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@given(message=st.binary(max_size=200), position=st.integers(0, 63), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_signature_shows(
    tmp_path_factory: pytest.TempPathFactory, message: bytes, position: int, bit: int
) -> None:
    signer = Signer(tmp_path_factory.getbasetemp() / "flipped")
    signature = signer.sign(message)
    signer.check(signature, message)  # the control
    changed = bytearray(signature)
    changed[position] ^= 1 << bit
    for wrong, of in ((bytes(changed), message), (signature, message + b"x"), (b"", message)):
        with pytest.raises(Tampered):
            verify_signature(signer.public_pem, wrong, of)


def test_another_key_does_not_verify(tmp_path: Path) -> None:
    one, two = Signer(tmp_path / "one"), Signer(tmp_path / "two")
    with pytest.raises(Tampered):
        two.check(one.sign(b"m"), b"m")


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    Signer(tmp_path)
    key = tmp_path / PRIVATE
    key.chmod(0o640)
    with pytest.raises(OperatorError, match="read by others"):
        Signer(tmp_path)
    key.chmod(0o600)
    key.write_bytes(b"not a key")
    with pytest.raises(OperatorError, match="is not a key"):
        Signer(tmp_path)


@pytest.mark.parametrize("public", [b"", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", b"\xff"])
def test_a_public_key_that_is_none_verifies_nothing(public: bytes) -> None:
    with pytest.raises(Tampered):
        verify_signature(public, b"s" * 64, b"m")


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    assert repr(signer) == "Signer()"
