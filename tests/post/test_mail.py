"""E-mails against real servers: good ones, refusing ones, slow ones, ones without a certificate; and hostile names."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.domain.letters import Letter, Undelivered
from sandbox.post import Mail, Server
from sandbox.post.mail import Security, read_server
from tests.post.smtp_server import SmtpServer, certificate

LETTER = Letter(
    key="notice-mail-7",
    to="ana@example.org",
    subject="[Sandbox] Your output was released",
    text="Your output was released\nRead it here: https://sandbox.example/releases/7\n",
    html="<p>Your output was released</p>",
    language="en",
)
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def mail(server: SmtpServer, security: Security = Security.NONE, **more: object) -> Mail:
    known = {"user": "sandbox" if server.login else "", "ca": more.pop("ca", None)}
    return Mail(
        server=Server(host="127.0.0.1", port=server.port, security=security, **known),  # type: ignore[arg-type]
        sender="sandbox@host.example",
        name=str(more.pop("name", "Sandbox")),
        password=lambda: "a secret",
        now=lambda: NOW,
        timeout_s=float(more.pop("timeout_s", 5)),  # type: ignore[arg-type]
    )


def test_a_letter_arrives_as_text_and_as_html() -> None:
    with SmtpServer() as server:
        mail(server)(LETTER)
    sender, receivers, message = server.letters[0]
    assert (sender, receivers) == ("sandbox@host.example", ["ana@example.org"])
    assert message["Subject"] == LETTER.subject
    assert message["From"] == "Sandbox <sandbox@host.example>"
    assert message["Message-ID"] == "<notice-mail-7@host.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, rich = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert rich.get_content_type() == "text/html"


def test_the_same_letter_has_the_same_message_id_at_each_try() -> None:
    with SmtpServer() as server:
        for _ in range(2):
            mail(server)(LETTER)
    assert len({message["Message-ID"] for _, _, message in server.letters}) == 1


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_it_goes_over_tls_with_a_login(tmp_path: Path, security: Security) -> None:
    own = certificate(tmp_path)
    with SmtpServer(
        certificate=own,
        starttls=security is Security.STARTTLS,
        tls=security is Security.TLS,
        login=("sandbox", "a secret"),
    ) as server:
        mail(server, security, ca=own)(LETTER)
    assert server.letters
    assert server.encrypted


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_vouches_for_gets_neither_login_nor_letter(
    tmp_path: Path, security: Security
) -> None:
    with (
        SmtpServer(
            certificate=certificate(tmp_path),
            starttls=security is Security.STARTTLS,
            tls=security is Security.TLS,
            login=("sandbox", "a secret"),
        ) as server,
        pytest.raises(Undelivered, match="certificate") as refused,
    ):
        mail(server, security)(LETTER)
    assert refused.value.down
    assert "AUTH" not in server.seen
    assert server.letters == []


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    other = certificate(tmp_path, host="127.0.0.2")
    with SmtpServer(certificate=other, tls=True) as server, pytest.raises(Undelivered, match="certificate"):
        mail(server, Security.TLS, ca=other)(LETTER)


def test_without_starttls_nothing_is_said() -> None:
    """Somebody on the way may take the offer out of the answer."""
    with (
        SmtpServer(login=("sandbox", "a secret")) as server,
        pytest.raises(Undelivered, match="does not offer") as refused,
    ):
        mail(server, Security.STARTTLS)(LETTER)
    assert refused.value.down
    assert not {"AUTH", "MAIL"} & set(server.seen)


def test_the_control_without_tls_it_is_said() -> None:
    with SmtpServer(login=("sandbox", "a secret")) as server:
        mail(server, Security.NONE)(LETTER)
    assert {"AUTH", "MAIL"} <= set(server.seen)


def test_a_wrong_password_holds_the_channel_up() -> None:
    with (
        SmtpServer(login=("sandbox", "another")) as server,
        pytest.raises(Undelivered, match="login was refused") as refused,
    ):
        mail(server)(LETTER)
    assert (refused.value.down, refused.value.lasting) == (True, False)


@pytest.mark.parametrize(
    ("answers", "lasting", "down"),
    [
        ({"RCPT": "550 nobody here"}, True, False),
        ({"RCPT": "450 come back later"}, False, False),
        ({"taken": "554 we think it is spam"}, True, False),
        ({"taken": "451 try again"}, False, False),
        ({"MAIL": "550 not you"}, False, True),
        ({"": "554 closed"}, False, True),
        ({"EHLO": "500 what", "HELO": "500 what"}, False, True),
    ],
)
def test_what_a_server_refuses_is_tried_again_where_that_may_help(
    answers: dict[str, str], lasting: bool, down: bool
) -> None:
    with SmtpServer(answers=answers) as server, pytest.raises(Undelivered) as refused:
        mail(server)(LETTER)
    assert (refused.value.lasting, refused.value.down) == (lasting, down)


def test_what_a_server_says_is_not_passed_on() -> None:
    with (
        SmtpServer(answers={"RCPT": "550 ana@example.org <script>"}) as server,
        pytest.raises(Undelivered) as refused,
    ):
        mail(server)(LETTER)
    assert refused.value.message == "The receiver was refused (550)."


def test_a_rude_goodbye_is_no_failure() -> None:
    with SmtpServer(answers={"QUIT": "500 never"}) as server:
        mail(server)(LETTER)
    assert len(server.letters) == 1


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "DATA"])
def test_a_server_that_falls_silent_is_left(verb: str) -> None:
    with (
        SmtpServer(silent_from=verb) as server,
        pytest.raises(Undelivered, match="cannot be reached") as failed,
    ):
        mail(server, timeout_s=0.2)(LETTER)
    assert failed.value.down


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = Mail(
        server=Server(host="127.0.0.1", port=port, security=Security.NONE),
        sender="sandbox@host.example",
        name="S",
        password=str,
        now=lambda: NOW,
    )
    with pytest.raises(Undelivered) as failed:
        there(LETTER)
    assert failed.value.down


INJECTED = "a\r\nBcc: everybody@example.org"


@pytest.mark.parametrize(
    "hostile",
    [
        lambda letter: replace(letter, subject=f"Hello {INJECTED}"),
        lambda letter: replace(letter, to=f"ana@example.org{INJECTED}"),
        lambda letter: replace(letter, to="ana@example.org, eve@example.org"),
        lambda letter: replace(letter, to="<ana@example.org>"),
        lambda letter: replace(letter, to="ana@example.org> SIZE=1"),
        lambda letter: replace(letter, key=f"7{INJECTED}"),
        lambda letter: replace(letter, language=f"en{INJECTED}"),
        lambda letter: replace(letter, to="ana@exam\u2028ple.org"),
    ],
)
def test_a_second_line_in_a_head_is_never_sent(hostile: Callable[[Letter], Letter]) -> None:
    with SmtpServer() as server, pytest.raises(Undelivered) as refused:
        mail(server)(hostile(LETTER))
    assert refused.value.lasting
    assert server.seen == []


@pytest.mark.parametrize(
    "name",
    [
        f"Sandbox {INJECTED}",
        'Quote " <eve@example.org>',
        "数据沙箱",
        "Ünïcode, Ltd; <x>",
        "\x00\x1b[31m",
        "a" * 300,
    ],
)
def test_a_hostile_name_of_the_site_stays_a_name(name: str) -> None:
    with SmtpServer() as server:
        mail(server, name=name)(LETTER)
    _, receivers, message = server.letters[0]
    assert receivers == ["ana@example.org"]
    assert message["Bcc"] is None
    assert [a.addr_spec for a in message["From"].addresses] == ["sandbox@host.example"]


def test_dots_and_long_lines_arrive_as_they_are() -> None:
    text = ".\n..\n.leading\n" + "x" * 2000 + "\n"
    with SmtpServer() as server:
        mail(server)(replace(LETTER, text=text))
    plain = next(iter(server.letters[0][2].iter_parts()))
    assert plain.get_content().replace("\r\n", "\n") == text


@pytest.mark.parametrize(
    ("address", "server"),
    [
        (
            "smtp://post@mail.example.org",
            Server(host="mail.example.org", port=587, security=Security.STARTTLS, user="post"),
        ),
        (
            "smtps://a%40b@mail.example.org:4650",
            Server(host="mail.example.org", port=4650, security=Security.TLS, user="a@b"),
        ),
        ("smtp+plain://10.0.0.7", Server(host="10.0.0.7", port=25, security=Security.NONE)),
    ],
)
def test_the_address_says_how(address: str, server: Server) -> None:
    assert read_server(address) == server
