"""A small e-mail server for tests: a real socket, STARTTLS or TLS, a login; it keeps what it is handed.

>>> with SmtpServer() as server:
...     server.letters
[]
"""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class SmtpServer:
    """Listens on the loopback while it is entered.

    Attributes:
        starttls: offered in the answer to EHLO; ``certificate`` is needed then.
        tls: from the first byte.
        login: (user, password); when given, nothing is taken without it.
        answers: instead of the usual answer to a verb: ``{"RCPT": "550 no"}``.
        silent_from: a verb from which on nothing is answered.
        letters: (sender, receivers, the message).
    """

    certificate: Path | None = None
    starttls: bool = False
    tls: bool = False
    login: tuple[str, str] | None = None
    answers: dict[str, str] = field(default_factory=dict)
    silent_from: str = ""
    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # the verbs, in order
    encrypted: bool = False  # whether the last letter came over TLS
    raw: list[bytes] = field(default_factory=list)

    def __enter__(self) -> SmtpServer:
        outer = self
        self._over = threading.Event()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.certificate is not None
        context.load_cert_chain(self.certificate)
        return context

    def _serve(self, handler: Any) -> None:
        connection, reader, writer = handler.connection, handler.rfile, handler.wfile
        secret, over_tls, sender, receivers = False, False, "", []
        try:
            if self.tls:
                connection = self._context().wrap_socket(connection, server_side=True)
                reader, writer, over_tls = connection.makefile("rb"), connection.makefile("wb"), True
            self._say(writer, self.answers.get("", "220 here"))
            while line := reader.readline(4096):
                verb, _, rest = line.decode("ascii", "replace").strip().partition(" ")
                verb = verb.upper()
                self.seen.append(verb)
                if verb == self.silent_from:
                    self._over.wait(3)
                    return
                if verb in self.answers:
                    self._say(writer, self.answers[verb])
                    continue
                match verb:
                    case "EHLO":
                        offers = ["STARTTLS"] * (self.starttls and not over_tls) + ["AUTH PLAIN"]
                        self._say(writer, "\r\n".join(["250-here", *(f"250-{o}" for o in offers), "250 OK"]))
                    case "STARTTLS":
                        self._say(writer, "220 go on")
                        connection = self._context().wrap_socket(connection, server_side=True)
                        reader, writer, over_tls = connection.makefile("rb"), connection.makefile("wb"), True
                    case "AUTH":
                        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                        secret = (user, password) == self.login
                        self._say(writer, "235 yes" if secret else "535 no")
                    case "MAIL" if self.login and not secret:
                        self._say(writer, "530 log in first")
                    case "MAIL":
                        sender, receivers = rest.partition("<")[2].partition(">")[0], []
                        self._say(writer, "250 OK")
                    case "RCPT":
                        receivers.append(rest.partition("<")[2].partition(">")[0])
                        self._say(writer, "250 OK")
                    case "DATA":
                        self._say(writer, "354 go on")
                        body = bytearray()
                        while (part := reader.readline()) != b".\r\n":
                            body += part.removeprefix(b".")
                        message = email.message_from_bytes(bytes(body), policy=email.policy.default)
                        self.letters.append((sender, receivers, message))
                        self.raw.append(bytes(body))
                        self.encrypted = over_tls
                        self._say(writer, self.answers.get("taken", "250 taken"))
                    case "QUIT":
                        self._say(writer, "221 bye")
                        return
                    case _:
                        self._say(writer, "250 OK")
        except (OSError, ValueError):
            return
        finally:
            connection.close()

    def _say(self, writer: Any, text: str) -> None:
        writer.write(text.encode() + b"\r\n")
        writer.flush()


def certificate(folder: Path, *, host: str = "127.0.0.1") -> Path:
    """A key with a certificate that it signed itself, in one file, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
