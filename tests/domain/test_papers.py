"""Papers: what is shown is what was signed, and nothing else is a paper."""

from __future__ import annotations

import json

import pytest

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.papers import KINDS, read_paper, seal

BODY = {"application": 7, "people": ["ana", "ben"], "note": "ε = 2"}


def sign(message: bytes) -> bytes:
    """Stands in for a signature: whoever knows the word can make it."""
    return bytes(b ^ 0x5A for b in message)


def verify(signature: bytes, message: bytes) -> None:
    if signature != sign(message):
        raise Tampered("The signature does not hold.", place="signature")


def sealed(kind: str = "agreement", body: dict[str, object] | None = None) -> bytes:
    body = BODY if body is None else body
    return seal(kind, body, sign(canonical_json(body)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sealed_is_read_again(kind: str) -> None:
    paper = read_paper(sealed(kind), verify=verify)
    assert (paper.kind, paper.body) == (kind, BODY)


def test_spaces_and_the_order_of_keys_do_not_matter() -> None:
    loose = json.dumps(json.loads(sealed()), indent=4, sort_keys=False).encode()
    assert read_paper(loose, verify=verify).body == BODY


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["agreement"].update(application=8),
        lambda p: p["agreement"]["people"].append("eve"),
        lambda p: p["agreement"].update(extra=True),
        lambda p: p["agreement"].pop("note"),
        lambda p: p.update(signature_ed25519="00" * 10),
        lambda p: p.update(certificate=p.pop("agreement")) or p["certificate"].update(application=8),
    ],
)
def test_whatever_is_changed_is_found(change: object) -> None:
    paper = json.loads(sealed())
    change(paper)  # type: ignore[operator]
    with pytest.raises(Tampered):
        read_paper(json.dumps(paper).encode(), verify=verify)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe",
        b'{"agreement": {}}',
        b'{"signature_ed25519": "00"}',
        b'{"agreement": {}, "signature_ed25519": "no hex"}',
        b'{"agreement": {}, "signature_ed25519": 7}',
        b'{"agreement": {"days": 1.5}, "signature_ed25519": "00"}',
        b'{"agreement": {}, "certificate": {}, "signature_ed25519": "00"}',
        b'{"agreement": {"a": 1, "a": 2}, "signature_ed25519": "00"}',
        b'{"agreement": {}, "agreement": {}, "signature_ed25519": "00"}',
        b"[" * 100_000,
        b'{"agreement": "' + b"x" * 1_000_001 + b'", "signature_ed25519": "00"}',
    ],
)
def test_what_is_no_paper_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_paper(data, verify=lambda signature, message: None)  # even where every signature holds


@pytest.mark.parametrize("kind", ["crate", "grant", ""])
def test_another_kind_is_none_even_with_a_good_signature(kind: str) -> None:
    with pytest.raises(BadInput):
        read_paper(sealed(kind), verify=verify)


def test_a_body_that_is_no_object_is_none() -> None:
    text = canonical_json("words")
    paper = canonical_json({"agreement": "words", "signature_ed25519": sign(text).hex()})
    with pytest.raises(BadInput):
        read_paper(paper, verify=verify)
