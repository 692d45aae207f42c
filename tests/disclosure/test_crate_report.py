"""What a verified crate says it proves; earlier crates say less, and still verify."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import Tampered
from sandbox.domain.receipt import Receipt, signed
from tests.disclosure.test_crate import KEY, crate, entries, verify, zipped
from tests.disclosure.test_crate_profile import JOB

FIRST = Path(__file__).parent / "crates" / "first_form.zip"
RECEIPT = Receipt(
    dataset="german_credit",
    question="SELECT 1",
    snapshot="c" * 64,
    price={"accounting": "zcdp", "nano": 5},
    charged_nano=5,
    answer_sha256="a" * 64,
    kept_sha256="b" * 64,
    asked_at="2025-01-02T03:04:05+00:00",
    ledger=4,
    log=11,
)


def test_a_crate_of_the_first_form_still_verifies() -> None:
    report = verify(FIRST.read_bytes())
    assert (report.release, report.job, report.receipts) == (7, None, ())
    assert "job.json" not in entries(FIRST.read_bytes())  # the control: it is an earlier one
    assert report.lines()


def test_it_says_what_was_found_by_whom_it_was_made_and_which_answers_stand_behind_it() -> None:
    report = verify(crate(job=JOB, code=("a.py", b"1"), receipts=[signed(RECEIPT, KEY.sign)]))
    told = "\n".join(report.lines())
    assert "1 × zero_cell (review)" in told
    assert "made by job 3" in told
    assert "question 4, entry 11 of the log" in told
    assert "recalled" in told


def test_the_agreement_s_signature_is_told_as_what_it_is() -> None:
    agreement = canonical_json({"project": "scoring"})
    own = verify(crate(agreement=agreement, agreement_signature=KEY.sign(agreement)))
    assert own.agreement_signed
    assert not verify(crate()).agreement_signed  # the control


FORGERIES = {
    "a receipt of somebody else": lambda r: {**r, "signature": base64.b64encode(b"s" * 64).decode()},
    "a receipt of another answer": lambda r: {**r, "answer_sha256": "0" * 64},
    "a receipt at another price": lambda r: {**r, "charged_nano": 0},
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_crate_whose_receipt_does_not_hold_is_refused_though_the_crate_is_signed(forge) -> None:  # type: ignore[no-untyped-def]
    receipt = signed(RECEIPT, KEY.sign)
    assert verify(crate(receipts=[receipt])).receipts == (RECEIPT,)  # the control
    with pytest.raises(Tampered):
        verify(crate(receipts=[forge(receipt)]))


@pytest.mark.parametrize(
    "path", ["job.json", "receipts.json", "workflow/a.py", "workflow/ro-crate-metadata.json"]
)
def test_an_edit_a_drop_and_a_swap_of_the_new_parts_are_found(path: str) -> None:
    whole = entries(crate(job=JOB, code=("a.py", b"1"), receipts=[signed(RECEIPT, KEY.sign)]))
    assert path in whole
    edited = {**whole, path: whole[path] + b" "}
    dropped = {name: data for name, data in whole.items() if name != path}
    swapped = {**whole, path: whole["ledger.json"], "ledger.json": whole[path]}
    manifest = json.loads(whole["manifest.json"])
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry["sha256"] = sha256_hex(edited[path])
    listed = {**edited, "manifest.json": canonical_json(manifest)}
    for parts in (edited, dropped, swapped, listed):
        with pytest.raises(Tampered):
            verify(zipped(sorted(parts.items())))
