"""Access from the terminal: from nothing to a grant and back, each step with its entry of the log and its clause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.domain.application import ApplicationState
from sandbox.domain.errors import NotSignedIn, Tampered
from sandbox.terminal import plain
from tests.cli.conftest import Terminal

WISH = """\
dataset: loans
project: Fair credit
purpose: To see whether women and men get loans on equal terms.
output_plan: Counts by sex and housing.
members: [ben]
epsilon: 1
days: 30
tables:
  applications: [sex, housing]
"""


@pytest.fixture
def wish(tmp_path: Path) -> str:
    file = tmp_path / "wish.yaml"
    file.write_text(WISH)
    return str(file)


def state(terminal: Terminal, number: int = 1) -> ApplicationState:
    found = terminal.world.sandbox.store.access.application(number)
    assert found is not None
    return found.state


def test_the_walk_from_nothing_to_a_grant_and_back(terminal: Terminal, wish: str) -> None:
    """Each printed step is held against the log."""

    def walk(name: str, *words: str, typed: str = "", event: str, clause: str) -> str:
        shown = terminal(name, *words, typed=typed)
        newest = terminal.world.sandbox.store.log.newest(object="application:1", limit=1)[0]
        assert (newest.event.action, newest.event.facts["clause"]) == (event, clause)
        said = f"{newest.event.actor}: {event}  [clause: {clause}]  log entry {newest.seq}"
        assert said in shown
        return shown

    duties = "separation of duties"
    walk("ana", "apply", wish, "--draft", event="application.drafted", clause="open_class")
    assert "no application" in terminal("olga", "list")
    walk("ana", "edit", "1", "--days", "20", event="application.edited", clause=duties)
    walk("ana", "submit", "1", event="application.submitted", clause="open_class")
    assert "approve, return, reject" in terminal("olga", "list")
    walk("olga", "return", "1", "--reason", "Fewer columns.", event="application.returned", clause=duties)
    assert "Turn 1 came back: Fewer columns." in terminal("ana", "show", "1")
    column = ("--column", "applications.sex")
    walk("ana", "edit", "1", *column, event="application.edited", clause=duties)
    walk("ana", "submit", "1", event="application.submitted", clause="open_class")
    shown = terminal("olga", "show", "1")
    assert "tables: applications: sex, housing → applications: sex" in shown
    approve = ("approve", "1", "--condition", "Send us the paper.", "--epsilon", "0.5", "--days", "10")
    shown = walk("olga", *approve, event="application.approved", clause=duties)
    assert "Still to sign: ana, ben." in shown

    refused = terminal("ana", "sign", "1", typed="n\n", fails=True)
    assert "conditions: Send us the paper." in refused
    assert "Not signed." in refused
    assert state(terminal) is ApplicationState.APPROVED
    shown = walk("ana", "sign", "1", typed="y\n", event="agreement.signed", clause="people")
    assert "Still to sign: ben." in shown
    walk("ben", "sign", "1", "--yes", event="grant.began", clause="people")
    assert state(terminal) is ApplicationState.ACTIVE

    report = ("report", "1", "--usefulness", "4", "--text", "A paper on equal terms appeared.")
    walk("ben", *report, event="feedback.given", clause="feedback")
    remove = ("remove", "1", "ben", "--reason", "Left the institute.")
    walk("olga", *remove, event="grant.member_removed", clause="people")
    revoke = (
        "revoke",
        "1",
        "--reason",
        "Rows were photographed.",
        "--clause",
        "purpose",
        "--block-days",
        "9",
    )
    walk("olga", *revoke, event="grant.revoked", clause="purpose")
    assert state(terminal) is ApplicationState.REVOKED

    blocked = terminal("ana", "apply", "--dataset", "loans", "--project", "Anew", *_texts(), fails=True)
    assert "ana may not use loans until 2025-03-19." in blocked
    assert "[purpose]" in blocked
    assert "Rows were photographed." in terminal("ana", "blocks")
    number = terminal.world.sandbox.store.duties.blocks_of("ana")[0].id
    assert "ana may apply for loans again." in terminal("olga", "lift", str(number))
    assert "Application 2 is submitted." in terminal(
        "ana", "apply", "--dataset", "loans", "--project", "Anew", *_texts()
    )


def test_the_other_commands(terminal: Terminal, wish: str) -> None:
    terminal("ana", "apply", wish)
    terminal("olga", "reject", "1", "--reason", "Not these data.")
    terminal("ana", "apply", wish)
    assert "Application 2 is withdrawn." in terminal("ana", "withdraw", "2")
    terminal("ana", "apply", wish)
    terminal("olga", "approve", "3")
    assert "agreement.declined" in terminal("ben", "decline", "3", "--reason", "I have left.")
    terminal("ana", "edit", "3", "--project", "Fair credit")
    terminal("ana", "submit", "3")
    terminal("olga", "approve", "3")
    for name in ("ana", "ben"):
        terminal(name, "sign", "3", "--yes")
    assert "grant.left" in terminal("ben", "leave", "3")
    renewed = terminal("ana", "apply", "--renews", "3", "--days", "40")
    assert "Application 4 is submitted." in renewed
    made = terminal.world.sandbox.store.access.application(4)
    assert made is not None
    assert (made.renews, made.wish.days, made.wish.members) == (3, 40, ("ben",))
    closed = terminal("ana", "close", "3")
    assert "Application 3 is closed." in closed


def test_papers_are_kept_and_checked_offline(terminal: Terminal, wish: str, tmp_path: Path) -> None:
    terminal("ana", "apply", wish)
    terminal("olga", "approve", "1")
    for name in ("ana", "ben"):
        terminal(name, "sign", "1", "--yes")
    terminal("ana", "close", "1")
    key = terminal.world.home / "state" / "keys" / "signing.pub.pem"
    for kind, words in (("agreement", "mode: Questions only"), ("certificate", "spent: 0 nano-ρ")):
        file = tmp_path / f"{kind}.json"
        assert f"Kept as {file}" in terminal("ana", kind, "1", str(file))
        for given in ((), ("--key", str(key))):
            shown = terminal("", "verify", str(file), *given)
            assert f"The {kind} is whole and signed by the platform's key" in shown
            assert words in shown
        changed = json.loads(file.read_text())
        changed[kind]["project"] = "Another"
        file.write_text(json.dumps(changed))
        broken = terminal.run("", "verify", str(file))
        assert isinstance(broken.exception, Tampered)
        assert "project" not in broken.output
    other = tmp_path / "other.pem"
    other.write_text(key.read_text().replace("MCow", "MCox"))
    assert terminal.run("", "verify", str(file), "--key", str(other)).exception is not None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "9"), "You have no application 9."),
        (("approve", "9"), "You have no application 9."),
        (("apply", "--dataset", "nothing", "--project", "P"), "It is missing."),
        (("apply", "nowhere.yaml"), "There is no file nowhere.yaml."),
        (("apply", "--dataset", "loans", "--column", "sex"), "'sex' names no column."),
        (("verify", "nowhere.json"), "There is no file nowhere.json."),
        (("certificate", "9", "x.json"), "There is no application 9."),
    ],
)
def test_a_mistake_says_what_is_wrong(terminal: Terminal, words: tuple[str, ...], says: str) -> None:
    assert says in terminal("ana", *words, fails=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("days: [", "wish.yaml"),
        ("- a\n- b\n", "wish.yaml"),
        ("surprise: 1\n", "Extra inputs"),
        ("days: soon\n", "days"),
    ],
)
def test_a_broken_file_asks_for_nothing(terminal: Terminal, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wish.yaml"
    file.write_text(text if text.startswith(("-", "days: [")) else WISH.replace("days: 30\n", "") + text)
    assert says in terminal("ana", "apply", str(file), fails=True)
    assert terminal.world.sandbox.store.access.applications() == ()


def test_who_is_not_signed_in_is_told_how(terminal: Terminal) -> None:
    assert isinstance(terminal.run("", "list").exception, NotSignedIn)


def test_an_older_version_is_not_decided_on(terminal: Terminal, wish: str) -> None:
    terminal("ana", "apply", wish)
    assert "Application 1, version 1" in terminal("olga", "show", "1")
    terminal("olga", "return", "1", "--reason", "Fewer columns.", "--version", "1")
    terminal("ana", "edit", "1", "--days", "29")
    terminal("ana", "submit", "1")
    stale = terminal("olga", "approve", "1", "--version", "1", fails=True)
    assert "was changed since you looked at it" in stale
    assert "approved" in terminal("olga", "approve", "1", "--version", "4")  # the control


HOSTILE = "words [bold red]x[/] [/foo] and [link=https://a.example]y"


def test_what_people_wrote_is_only_words_on_the_screen(terminal: Terminal, wish: str) -> None:
    texts = ("--purpose", HOSTILE, "--plan", HOSTILE, "--organisation", HOSTILE, "--legal-basis", HOSTILE)
    terminal("ana", "apply", wish, *texts)
    terminal("olga", "return", "1", "--reason", HOSTILE)
    shown = terminal("ana", "show", "1")
    assert shown.count("[bold red]x[/] [/foo]") >= 5
    terminal("ana", "edit", "1", "--days", "9")
    terminal("ana", "submit", "1")
    terminal("olga", "approve", "1", "--condition", HOSTILE)
    assert "[bold red]x[/] [/foo]" in terminal("ana", "sign", "1", typed="y\n")


@pytest.mark.parametrize("text", ["a\x1b]0;x\x07", "a\x1b[2Jb", "over\rwritten", "turn\u202earound"])
def test_control_characters_reach_no_screen(terminal: Terminal, wish: str, text: str) -> None:
    terminal("ana", "apply", wish)
    refused = terminal("olga", "return", "1", "--reason", f"A reason {text}", fails="\r" not in text)
    assert not {"\x1b", "\x07", "\u202e"} & set(refused)
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(plain(text))
    assert "\r" not in terminal("ana", "show", "1")


def _texts() -> tuple[str, ...]:
    return ("--purpose", "To see what became of the loans.", "--plan", "Counts by sex.")
