"""A crate proves itself: what is in it cannot be changed, added, dropped, renamed or hidden."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sandbox.disclosure.crate import CrateReport, build_crate, verify_crate
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.release import Decision, Release, StagedFile, Status, Vote
from sandbox.domain.tree_head import TreeHead

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TABLE = b"sex,n\nf,123\nm,131\n"


@dataclass(frozen=True)
class Charge:
    id: int = 4
    canonical: str = "SELECT COUNT(*) AS n FROM loans"
    cost: Loss = Loss(20_000_000)
    asked_at: str = "2025-01-02T03:04:05.000006+00:00"
    answer_sha256: str = "a" * 64


RELEASE = Release(
    id=7,
    grant_id=3,
    dataset="german_credit",
    project="scoring",
    requester="ana",
    context="Applicants by sex.",
    files=(StagedFile(name="table.csv", sha256="b" * 64, size_bytes=20, sql="SELECT 1"),),
    status=Status.APPROVED,
    version=5,
    reviewers_needed=2,
    votes=(
        Vote(reviewer="rosa", decision=Decision.APPROVE, comment="fine"),
        Vote(reviewer="rita", decision=Decision.APPROVE, comment="good"),
    ),
)


def crate(**changes: object) -> bytes:
    arguments: dict[str, object] = {
        "release": RELEASE,
        "files": {"table.csv": TABLE},
        "findings": [Finding(file="table.csv", check="zero_cell", verdict=Verdict.REVIEW, reason="…")],
        "agreement": canonical_json({"release": {"threshold_units": 10}}),
        "agreement_signature": b"s" * 64,
        "policy_title": "German credit",
        "source": "Hofmann (1994)",
        "licence": "CC BY 4.0",
        "snapshot": "c" * 64,
        "log_head": TreeHead(size=41, root="d" * 64, at="2025-01-02T00:00:00+00:00", signature="e" * 128),
        "ledger": [Charge()],
        "released_at": "2025-01-02T03:04:05+00:00",
        "address": "https://sandbox.example/services/portal",
        "public_key_pem": b"-----BEGIN PUBLIC KEY-----\n",
        "sign": KEY.sign,
    }
    return build_crate(**(arguments | changes))  # type: ignore[arg-type]


def signed_by(public: Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    try:
        public.verify(signature, message)
    except InvalidSignature as wrong:
        raise Tampered("The platform's key did not sign this.", place="signature") from wrong


def verify(data: bytes, key: Ed25519PrivateKey = KEY) -> CrateReport:
    return verify_crate(data, partial(signed_by, key.public_key()))


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(parts: list[tuple[str, bytes]], *, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in parts:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, method
            archive.writestr(info, data)
    return out.getvalue()


def test_a_whole_crate_verifies_and_says_what_is_in_it() -> None:
    report = verify(crate())
    assert report.release == 7
    assert report.files == (("table.csv", sha256_hex(TABLE), len(TABLE)),)
    assert (report.approvals, report.log_seq) == (2, 41)
    assert any("table.csv" in line for line in report.lines())


def test_the_same_release_gives_the_same_bytes() -> None:
    assert crate() == crate()


def test_it_holds_what_a_reader_needs() -> None:
    parts = entries(crate())
    described = json.loads(parts["ro-crate-metadata.json"])["@graph"]
    assert {e["@id"] for e in described if "File" in e["@type"]} == set(parts) - {
        "ro-crate-metadata.json", "manifest.json", "manifest.sig",
    }  # fmt: skip
    assert json.loads(parts["findings.json"])["rules"]["parameters"] == {"threshold_units": 10}
    assert json.loads(parts["ledger.json"])[0]["nano"] == 20_000_000
    assert json.loads(parts["review.json"])["submitted"][0]["sha256"] == "b" * 64
    assert parts["questions/table.csv.sql"] == b"SELECT 1\n"


def test_no_reviewer_is_named_and_the_order_of_votes_tells_nothing() -> None:
    data = crate()
    assert b"rosa" not in data
    assert b"rita" not in data
    assert crate(release=replace(RELEASE, votes=RELEASE.votes[::-1])) == data


def test_a_change_of_any_single_byte_is_found() -> None:
    data = crate()
    verify(data)  # the control: unchanged, it holds
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(Tampered):
            verify(changed)


@pytest.mark.parametrize("name", sorted(entries(crate())))
def test_an_edited_file_is_named(name: str) -> None:
    parts = entries(crate())
    parts[name] += b" "
    with pytest.raises(Tampered) as caught:
        verify(zipped(sorted(parts.items())))
    assert caught.value.place == name or name.startswith("manifest")


@pytest.mark.parametrize("name", sorted(entries(crate())))
def test_a_dropped_file_is_named(name: str) -> None:
    parts = entries(crate())
    del parts[name]
    with pytest.raises(Tampered) as caught:
        verify(zipped(sorted(parts.items())))
    assert caught.value.place == name


def _renamed(parts: dict[str, bytes]) -> list[tuple[str, bytes]]:
    parts["files/other.csv"] = parts.pop("files/table.csv")
    return sorted(parts.items())


def _twice(parts: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [*sorted(parts.items()), ("files/table.csv", b"sex,n\nf,1\n")]


ATTACKS: dict[str, tuple[Callable[[dict[str, bytes]], list[tuple[str, bytes]]], str]] = {
    "added": (lambda p: sorted((p | {"files/more.csv": b"x"}).items()), "files/more.csv"),
    "renamed": (_renamed, "files/table.csv"),
    "outside": (lambda p: sorted((p | {"../evil": b"x"}).items()), "../evil"),
    "absolute": (lambda p: sorted((p | {"/etc/passwd": b"x"}).items()), "/etc/passwd"),
    "nested": (lambda p: sorted((p | {"files/a/b": b"x"}).items()), "files/a/b"),
    "folder": (lambda p: sorted((p | {"files/": b""}).items()), "files/"),
    "another order": (lambda p: sorted(p.items(), reverse=True), "zip structure"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_names_is_found(attack: str) -> None:
    change, place = ATTACKS[attack]
    verify(zipped(sorted(entries(crate()).items())))  # the control: this writer writes what ours does
    with pytest.raises(Tampered) as caught:
        verify(zipped(change(entries(crate()))))
    assert caught.value.place == place


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_second_file_under_the_same_name_is_found() -> None:
    with pytest.raises(Tampered, match="twice"):
        verify(zipped(_twice(entries(crate()))))


@pytest.mark.parametrize(
    "change", [lambda d: b"junk" + d, lambda d: d + b"junk", lambda d: d[:-1], lambda d: b""]
)
def test_bytes_around_the_crate_are_found(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Tampered):
        verify(change(crate()))


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    parts = [*sorted(entries(crate()).items()), ("files/zeros.csv", bytes(20_000_000))]
    bomb = zipped(parts, method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    with pytest.raises(Tampered, match="longer than the crate"):
        verify(bomb)


def test_compressed_entries_are_refused() -> None:
    with pytest.raises(Tampered):
        verify(zipped(sorted(entries(crate()).items()), method=zipfile.ZIP_DEFLATED))


def test_very_many_entries_are_refused() -> None:
    with pytest.raises(Tampered, match="entries"):
        verify(zipped([(f"files/{i}", b"") for i in range(600)]))


def test_another_key_does_not_verify_it() -> None:
    with pytest.raises(Tampered):
        verify(crate(), Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def test_a_crate_signed_again_by_somebody_else_is_found() -> None:
    forger = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    forged = crate(files={"table.csv": b"sex,n\nf,1\n"}, sign=forger.sign)
    verify(forged, forger)  # the control: to the forger's own key it is whole
    with pytest.raises(Tampered):
        verify(forged)


@pytest.mark.parametrize("name", ["../table.csv", "a/b.csv", ".hidden", ""])
def test_a_file_with_a_path_for_a_name_is_not_packed(name: str) -> None:
    with pytest.raises(BadInput):
        crate(files={name: TABLE})
