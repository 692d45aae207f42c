"""SMTP: one letter, one connection. What a server says is kept to its number: its words may hold anything."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox.domain.errors import CallerError
from sandbox.domain.letters import Letter, Undelivered
from sandbox.domain.mail_address import mail_address

TIMEOUT_S = 15.0


class Security(StrEnum):
    """By the scheme of the server's address."""

    STARTTLS = "smtp"  # asked for, and nothing is said without it
    TLS = "smtps"
    NONE = "smtp+plain"  # on a network that only the two machines are in; no login


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where letters are handed in.

    Attributes:
        ca: certificates that the server's is held against; None: the machine's.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    ca: Path | None = None


def read_server(address: str, *, ca: Path | None = None) -> Server:
    """The server of an address as ``SANDBOX_SMTP`` has it, which was checked when it was read."""
    parts = urlsplit(address)
    security = Security(parts.scheme)
    return Server(
        host=parts.hostname or "",
        port=parts.port or _PORTS[security],
        security=security,
        user=unquote(parts.username or ""),
        ca=ca,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Hands letters in.

    Args:
        sender: the address that they come from.
        name: what the sender is called.
        password: the user's; read at each letter, so that a new one holds at once.
        timeout_s: how long each answer of the server is waited for.
    """

    server: Server
    sender: str
    name: str
    password: Callable[[], str]
    now: Callable[[], datetime]
    timeout_s: float = TIMEOUT_S

    def __call__(self, letter: Letter) -> None:
        """Hand one in.

        Raises:
            Undelivered: says whether it is worth trying again.
        """
        message = self.written(letter)
        try:
            smtp = self._connected()
            try:
                self._log_in(smtp)
                smtp.send_message(message, from_addr=self.sender, to_addrs=[letter.to])
            finally:
                _leave(smtp)
        except smtplib.SMTPRecipientsRefused as refused:
            code = max(code for code, _ in refused.recipients.values())
            raise Undelivered(f"The receiver was refused ({code}).", lasting=code >= 500) from None
        except smtplib.SMTPAuthenticationError as refused:
            raise Undelivered(f"The login was refused ({refused.smtp_code}).", down=True) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPHeloError, smtplib.SMTPConnectError) as refused:
            raise Undelivered(f"The server refused us ({refused.smtp_code}).", down=True) from None
        except smtplib.SMTPDataError as refused:
            raise Undelivered(
                f"The message was refused ({refused.smtp_code}).", lasting=refused.smtp_code >= 500
            ) from None
        except ssl.SSLError:
            raise Undelivered("The server's certificate or TLS is not good.", down=True) from None
        except smtplib.SMTPNotSupportedError:
            raise Undelivered("The server does not offer what the settings ask for.", down=True) from None
        except (smtplib.SMTPException, OSError) as failure:
            raise Undelivered(
                f"The server cannot be reached ({type(failure).__name__}).", down=True
            ) from None

    def written(self, letter: Letter) -> EmailMessage:
        """The message: plain text, and the same as HTML.

        Raises:
            Undelivered: a head that would not be one line.
        """
        try:
            message = EmailMessage(policy=SMTP)
            message["From"] = Address(display_name=_one_line(self.name), addr_spec=mail_address(self.sender))
            message["To"] = Address(addr_spec=mail_address(letter.to))
            message["Subject"] = letter.subject
            message["Date"] = format_datetime(self.now())
            message["Message-ID"] = f"<{letter.key}@{self.sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
            message["Content-Language"] = letter.language
            message.set_content(letter.text)
            message.add_alternative(letter.html, subtype="html")
        except (MessageError, ValueError, IndexError, CallerError):
            raise Undelivered("The message cannot be written.", lasting=True) from None
        return message

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        if server.security is Security.TLS:
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=self.timeout_s, context=_trusting(server.ca)
            )
        smtp = smtplib.SMTP(server.host, server.port, timeout=self.timeout_s)
        if server.security is Security.STARTTLS:
            try:
                smtp.starttls(context=_trusting(server.ca))
                smtp.ehlo()
            except BaseException:
                smtp.close()
                raise
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if self.server.user:
            smtp.login(self.server.user, self.password())


def _trusting(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca) if ca is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _leave(smtp: smtplib.SMTP) -> None:
    """Once the server has taken a letter, how it says goodbye changes nothing."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
