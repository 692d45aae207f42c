"""The commands of people who do not trust the operator: answers, heads, proofs, exports, all offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.domain.audit import Event
from sandbox.domain.errors import OperatorError
from sandbox.domain.proposal import OPERATOR
from sandbox.flows.verify_log import FOUND_BROKEN, VERIFIED
from sandbox.store import Store
from sandbox.store.log import Log
from tests.store.world import open_store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "site.yaml").write_text("name: Test\n")
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    home.mkdir()
    opened = open_store(f"sqlite:///{home / 'state.db'}", home)
    yield opened
    opened.close()


def run(home: Path, *words: str) -> Result:
    environment = {
        "SANDBOX_HOME": str(home),
        "SANDBOX_POLICIES": str(home.parent / "policies"),
        "COLUMNS": "300",
    }
    return CliRunner(env=environment).invoke(app, list(words))


def well(home: Path, *words: str) -> str:
    done = run(home, *words)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def elsewhere(home: Path) -> str:
    """The public key, in the hands of somebody with no installation."""
    key = home.parent / "key.pem"
    key.write_bytes((home / "keys" / "signing.pub.pem").read_bytes())
    return str(key)


def test_an_outsider_with_an_old_head_checks_a_later_one(home: Path, store: Store) -> None:
    old, new, proof = (home.parent / name for name in ("old.json", "new.json", "proof.json"))
    well(home, "audit", "head", "--out", str(old))
    store.log.record(Event("t", "thing.done", "thing:1"))
    well(home, "audit", "head", "--out", str(new))
    assert "begins with" in well(home, "audit", "consistent", str(old), str(new), "--out", str(proof))
    away = home.parent / "away"
    key = elsewhere(home)
    told = well(away, "audit", "consistent", str(old), str(new), "--proof", str(proof), "--key", key)
    assert "none was dropped, swapped or rewritten" in told
    assert "begins with" in well(away, "audit", "check", str(proof), "--key", key, "--head", str(old))
    assert not away.exists()  # nothing was made: it needs no installation
    forged = json.loads(proof.read_text())
    forged["path"] = forged["path"][:-1]
    proof.write_text(json.dumps(forged))
    assert run(away, "audit", "check", str(proof), "--key", key).exit_code != 0


def test_an_entry_s_proof_and_an_export_are_checked_offline(home: Path, store: Store) -> None:
    store.log.record(Event("t", "thing.done", "thing:1", {"n": 1}))
    one, export, head = (home.parent / name for name in ("one.json", "log.jsonl", "head.json"))
    well(home, "audit", "head", "--out", str(head))
    well(home, "audit", "prove", "1", "--out", str(one))
    well(home, "audit", "export", str(export))
    key, away = elsewhere(home), home.parent / "away"
    assert "Entry 1" in well(away, "audit", "check", str(one), "--key", key)
    assert "each at its place" in well(away, "audit", "check", str(export), "--key", key)
    lines = export.read_text().splitlines()
    forged: list[Any] = [json.loads(line) for line in lines]
    forged[-1]["actor"] = "mallory"
    export.write_text("\n".join(json.dumps(line) for line in forged))
    assert run(away, "audit", "check", str(export), "--key", key).exit_code != 0
    assert run(away, "audit", "check", str(one), "--key", str(one)).exit_code != 0  # no key at all


def test_a_file_of_something_else_is_refused_in_words(home: Path, store: Store) -> None:
    file = home.parent / "x.json"
    for text in ("", "x", "[]", "[1]", '{"format": "other"}'):
        file.write_text(text)
        done = run(home, "audit", "check", str(file), "--key", elsewhere(home))
        assert done.exit_code != 0
        assert "platform wrote it" in str(done.exception)
        assert run(home, "verify-answer", str(file), "--key", elsewhere(home)).exit_code != 0


def test_an_answer_is_verified_offline(home: Path, store: Store) -> None:
    from sandbox.domain.receipt import Receipt, answer_hash, signed

    answer = {"columns": [], "rows": [{"n": {"value": 3.5, "low": 1.0, "high": 6.0}}]}
    receipt = Receipt(
        dataset="loans",
        question="SELECT COUNT(*) AS n FROM loans",
        snapshot="c" * 64,
        price={"accounting": "zcdp", "nano": 5},
        charged_nano=5,
        answer_sha256=answer_hash(answer),
        kept_sha256="d" * 64,
        asked_at="2026-01-05T12:00:00+00:00",
        ledger=4,
        log=11,
    )
    file, key = home.parent / "answer.json", elsewhere(home)
    document = {"answer": answer, "receipt": signed(receipt, store.signer.sign)}
    file.write_text(json.dumps(document, indent=2))
    told = well(home.parent / "away", "verify-answer", str(file), "--key", key)
    assert "SELECT COUNT(*) AS n FROM loans" in told
    assert "entry 11" in told
    file.write_text(json.dumps(document).replace("3.5", "3.6"))
    assert run(home.parent / "away", "verify-answer", str(file), "--key", key).exit_code != 0


def _verifications(home: Path) -> list[tuple[str, str]]:
    store = open_store(f"sqlite:///{home / 'state.db'}", home)
    try:
        return [
            (entry.event.actor, entry.event.action)
            for entry in store.log.entries(limit=1000)
            if entry.event.action in (VERIFIED, FOUND_BROKEN)
        ]
    finally:
        store.close()


def test_verifying_at_the_terminal_is_kept_on_the_log(home: Path, store: Store) -> None:
    store.log.record(Event("olga", "dataset.published", "dataset:x"))
    done = run(home, "audit", "verify")
    assert done.exit_code == 0, done.output
    assert "unbroken" in done.output
    assert "cannot be written" not in done.output
    assert _verifications(home) == [(OPERATOR, VERIFIED)]


def test_who_may_only_read_verifies_all_the_same(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.log.record(Event("olga", "dataset.published", "dataset:x"))
    run(home, "audit", "verify")  # what a first start writes is written
    for trouble in (OperatorError("The database failed."), PermissionError("the anchor")):

        def refuses(*_: object, trouble: Exception = trouble) -> None:
            raise trouble

        with monkeypatch.context() as patch:
            patch.setattr(Log, "record", refuses)
            done = run(home, "audit", "verify")
        assert done.exit_code == 0, done.output
        assert "unbroken" in done.output
        assert "does not keep that it was verified" in done.output
    assert _verifications(home) == [(OPERATOR, VERIFIED)]


def test_a_log_found_broken_at_the_terminal_says_so_on_itself(home: Path, store: Store) -> None:
    for number in range(5):
        store.log.record(Event("olga", "dataset.published", f"dataset:x{number}"))
    run(home, "audit", "verify")
    with store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET actor = 'eve' WHERE seq = 2")
    done = run(home, "audit", "verify")
    assert done.exit_code != 0
    assert _verifications(home) == [(OPERATOR, VERIFIED), (OPERATOR, FOUND_BROKEN)]
