"""Receipts under private answers: what is proved, offline, and every forgery of it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.receipt import Receipt, check_receipt
from sandbox.store import Signer, verify_signature
from tests.flows.conftest import World

QUESTION = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def given(world: World, **words: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An answer and its receipt, as they come out of a file."""
    answered = world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql=QUESTION, epsilon=0.5, **words
    )
    receipt = world.sandbox.give_receipt(answered)
    sent: dict[str, Any] = json.loads(json.dumps({"answer": answered.document(), "receipt": receipt}))
    return sent["answer"], sent["receipt"]


def checked(world: World, answer: object, receipt: object) -> Receipt:
    return check_receipt(answer, receipt, partial(verify_signature, world.sandbox.store.signer.public_pem))


def test_a_receipt_proves_question_price_version_and_where_ledger_and_log_tell_of_it(world: World) -> None:
    found = checked(world, *given(world))
    line = world.sandbox.store.ledger.line(found.ledger)
    assert line is not None
    assert (found.question, found.snapshot, found.charged_nano) == (
        line.canonical,
        line.snapshot,
        line.cost.nano,
    )
    entry = world.sandbox.store.log.entries(after=found.log - 1, limit=1)[0]
    assert (entry.event.action, entry.event.facts["answer_sha256"]) == (
        "question.answered",
        found.kept_sha256,
    )
    assert found.kept_sha256 == sha256_hex(world.sandbox.store.ledger.answer(found.ledger))
    assert any(found.question in line for line in found.lines())


def test_nobody_is_named(world: World) -> None:
    _, receipt = given(world)
    assert "ana" not in json.dumps(receipt)
    assert "model" not in json.dumps(receipt)


def test_an_answer_that_was_paid_for_before_has_a_receipt_of_its_own(world: World) -> None:
    first, again = checked(world, *given(world)), checked(world, *given(world))
    assert (again.charged_nano, again.kept_sha256, again.log) == (0, first.kept_sha256, first.log)
    assert again.ledger > first.ledger


def test_blanks_and_the_order_in_a_file_s_receipt_do_not_matter(world: World) -> None:
    answer, receipt = given(world)
    checked(world, answer, dict(reversed(receipt.items())))


FORGERIES = {
    "a number of the answer": lambda a, r: a["rows"][0]["n"].update(value=4),
    "a row of the answer dropped": lambda a, r: a["rows"].pop(),
    "two rows swapped": lambda a, r: a["rows"].reverse(),
    "a word put into the answer": lambda a, r: a.update(more=1),
    "the question": lambda a, r: r.update(question="SELECT COUNT(*) AS n FROM loans"),
    "the version": lambda a, r: r.update(snapshot="0" * 64),
    "the price": lambda a, r: r.update(charged_nano=0),
    "the number": lambda a, r: r.update(ledger=99),
    "the entry": lambda a, r: r.update(log=1),
    "the hash, to fit another answer": lambda a, r: r.update(answer_sha256="0" * 64),
    "a floating-point number": lambda a, r: r.update(ledger=1.0),
    "a member dropped": lambda a, r: r.pop("asked_at"),
    "a member put in": lambda a, r: r.update(more="x"),
    "the signature": lambda a, r: r.update(signature="AAAA"),
    "a signature that is no text": lambda a, r: r.update(signature=None),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_every_forgery_is_found(world: World, forge: Any) -> None:
    answer, receipt = given(world)
    checked(world, answer, receipt)  # the control
    forge(answer, receipt)
    with pytest.raises(Tampered):
        checked(world, answer, receipt)


def test_the_receipt_of_another_answer_or_another_platform_is_refused(world: World, tmp_path: Path) -> None:
    answer, receipt = given(world)
    answered = world.sandbox.answer_question.ask(
        world.person("ana"), world.grant, sql="SELECT COUNT(*) AS n FROM loans", epsilon=0.5
    )
    with pytest.raises(Tampered):
        checked(world, answer, world.sandbox.give_receipt(answered))
    with pytest.raises(Tampered):
        check_receipt(answer, receipt, partial(verify_signature, Signer(tmp_path / "other").public_pem))


@pytest.mark.parametrize(
    ("answer", "receipt"), [(None, {}), ([], {}), ({"rows": []}, None), ({"rows": []}, {})]
)
def test_what_is_no_answer_is_bad_input(world: World, answer: object, receipt: object) -> None:
    with pytest.raises(BadInput):
        checked(world, answer, receipt)
