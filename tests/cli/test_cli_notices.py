"""Notices from the operator's terminal, and the process that sends them: killed, it goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.cli.posting import senders
from sandbox.cli.processes import _config, lay_out
from sandbox.cli.working import works
from sandbox.domain.audit import Event
from sandbox.domain.notice_choices import Sending
from sandbox.domain.people import Person, Role
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wiring import Sandbox, build
from tests.post.smtp_server import SmtpServer


def sandbox(*arguments: str, ends: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == ends, done.output + repr(done.exception)
    return done.output + (str(done.exception) if ends else "")


def installed(home: Path, monkeypatch: pytest.MonkeyPatch, *, smtp: str = "", webhook: str = "") -> Settings:
    policies = home / "policies"
    policies.mkdir()
    site = "name: Test Sandbox\nnotices: {mail_from: sandbox@host.example}\n"
    (policies / "site.yaml").write_text(site)
    settings = Settings(home=home / "state", policies=policies, smtp=smtp, webhook=webhook)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    return settings


def with_ana(settings: Settings) -> Sandbox:
    store = Store(settings.database, settings.home, hasher=PasswordHasher(1, 8, 1))
    made = build(settings, store=store)
    if store.people.get("ana") is None:
        ana = Person("ana", frozenset({Role.RESEARCHER}))
        event = Event("operator", "person.added", "person:ana")
        store.people.add(ana, password="a long password", event=event)
    return made


def test_a_trial_arrives_and_says_what_the_server_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmtpServer() as server:
        installed(tmp_path, monkeypatch, smtp=f"smtp+plain://127.0.0.1:{server.port}")
        said = sandbox("notices", "test", "mail", "--to", "ana@example.org")
        assert "The server took it for ana@example.org" in said
        server.answers["RCPT"] = "550 no"
        assert "refused (550)" in sandbox("notices", "test", "mail", "--to", "ana@example.org", ends=1)
        assert "--to" in sandbox("notices", "test", "mail", ends=1)
        assert "no e-mail address" in sandbox("notices", "test", "mail", "--to", "ana", ends=1)
    (letter,) = server.letters
    assert letter[2]["Subject"] == "[Test Sandbox] A trial"


def test_where_nothing_is_set_up_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch)
    assert "SANDBOX_SMTP" in sandbox("notices", "test", "mail", "--to", "ana@example.org", ends=1)
    assert "SANDBOX_WEBHOOK" in sandbox("notices", "test", "webhook", ends=1)


def test_an_address_is_vouched_for_and_the_outbox_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SmtpServer(answers={"RCPT": "550 no"}) as server:
        settings = installed(tmp_path, monkeypatch, smtp=f"smtp+plain://127.0.0.1:{server.port}")
        made = with_ana(settings)
        assert "ana is written to at ana@example.org" in sandbox(
            "notices", "address", "ana", "ana@example.org"
        )
        sandbox("user", "roles", "ana", "--role", "reviewer")
        assert made.tell_people.catch_up() == 1
        (sender,) = senders(made)
        assert sender() == 0
        shown = sandbox("notices", "outbox")
        assert "given up: 1" in shown
        assert "(550)" in shown  # in a narrow terminal it is broken over lines
        assert "ana@example.org" not in shown
        assert "1 are tried again." in sandbox("notices", "outbox", "--again")
        server.answers.clear()
        assert sender() == 1
        made.store.close()


def until(what: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_the_process_goes_on_where_a_killed_one_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the server holds it up in the middle of a letter: the next one sends that letter, and the rest."""
    with SmtpServer(silent_from="DATA") as server:
        settings = installed(tmp_path, monkeypatch, smtp=f"smtp+plain://127.0.0.1:{server.port}")
        made = with_ana(settings)
        made.my_notices.vouch(Person("operator", frozenset({Role.ADMINISTRATOR})), "ana", "ana@example.org")
        for role in (Role.REVIEWER, Role.OWNER):
            event = Event("operator", "person.roles_set", "person:ana")
            made.store.people.set_roles("ana", {role}, event=event)

        def serve() -> subprocess.Popen[bytes]:
            environment = os.environ | settings.as_environment()
            return subprocess.Popen([sys.executable, "-m", "sandbox", "serve", "post"], env=environment)

        first = serve()
        until(lambda: "DATA" in server.seen)
        assert works(settings, "post")
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert not works(settings, "post")
        assert server.letters == []
        server.silent_from = ""
        second = serve()
        try:
            until(lambda: len(server.letters) == 2)
            until(lambda: made.store.outbox.counts()[Sending.SENT] == 2)
        finally:
            second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=30) == 0
        assert len({letter["Message-ID"] for _, _, letter in server.letters}) == 2
        made.store.close()


def test_a_percent_sign_in_a_setting_reaches_the_processes(tmp_path: Path) -> None:
    """supervisord would read it as the beginning of a name of its own."""
    from supervisor.options import ServerOptions

    settings = Settings(
        home=tmp_path, smtp="smtp://a%40b@mail.example.org", webhook="https://h.example/x%2Fy"
    )
    lay_out(settings)
    file = tmp_path / "supervisord.conf"
    file.write_text(_config(settings))
    options = ServerOptions()
    options.realize(["-c", str(file), "-n"])
    told = options.configroot.supervisord.environment
    assert "post" in {group.name for group in options.process_group_configs}
    assert told["SANDBOX_SMTP"] == settings.smtp
    assert told["SANDBOX_WEBHOOK"] == settings.webhook
