"""The process that tells people: it reads the log's new entries, and sends what is to leave the portal.

Each channel has a thread of its own: a server that is slow holds up no other. One such process runs in an installation.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from sandbox.cli.working import alone
from sandbox.domain.errors import OperatorError
from sandbox.domain.notice_choices import Channel
from sandbox.flows.keep_time import KeepTime
from sandbox.flows.send_notices import SendNotices, Wording, by_mail, by_webhook
from sandbox.post import Mail, Webhook, read_server
from sandbox.store.secrets import secret
from sandbox.wiring import CODE_KEY, Sandbox

LOOK_EVERY_S = 2.0
PASSWORD = "smtp-password"  # noqa: S105 - a file's name
HOOK_SECRET = "webhook-secret"  # noqa: S105 - likewise


def run_post(sandbox: Sandbox) -> None:
    """Tell people until this process is told to end."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with alone(sandbox.settings, "post"):
        keepers = [
            KeepTime([sandbox.tell_people.catch_up], every_s=LOOK_EVERY_S),
            *(KeepTime([sender], every_s=LOOK_EVERY_S) for sender in senders(sandbox)),
        ]
        for keeper in keepers:
            keeper.start()
        ended.wait()
        for keeper in keepers:
            keeper.close()


def senders(sandbox: Sandbox) -> tuple[SendNotices, ...]:
    """One for each way out that the operator has set up."""
    words = wording(sandbox)
    carry = {Channel.MAIL: _by_mail, Channel.WEBHOOK: _by_webhook}
    return tuple(
        SendNotices(
            store=sandbox.store,
            channel=channel,
            words=words,
            terms=sandbox.site.notices,
            carry=carry[channel](sandbox, words),
            now=sandbox.store.now,
        )
        for channel in sandbox.tell_people.channels
    )


def wording(sandbox: Sandbox) -> Wording:
    """How this installation words what leaves it."""
    keys = sandbox.settings.keys_dir
    return Wording(
        site=sandbox.site.name,
        portal=sandbox.settings.portal_url,
        language=sandbox.site.notices.language,
        code_key=secret(keys, CODE_KEY).encode(),
        hook_secret=secret(keys, HOOK_SECRET).encode(),
    )


def mail_of(sandbox: Sandbox) -> Mail:
    """The way to the e-mail server.

    Raises:
        OperatorError: none is set up.
    """
    settings, sender = sandbox.settings, sandbox.site.notices.mail_from
    if Channel.MAIL not in sandbox.tell_people.channels:
        raise OperatorError(
            "E-mail is not set up.", fix="Set SANDBOX_SMTP, and notices.mail_from in site.yaml."
        )

    def password() -> str:
        file = settings.keys_dir / PASSWORD
        return file.read_text().strip() if file.is_file() else ""

    return Mail(
        server=read_server(settings.smtp, ca=settings.smtp_ca),
        sender=sender,
        name=sandbox.site.name,
        password=password,
        now=sandbox.store.now,
    )


def webhook_of(sandbox: Sandbox) -> Webhook:
    """The way to the webhook.

    Raises:
        OperatorError: none is set up.
    """
    if Channel.WEBHOOK not in sandbox.tell_people.channels:
        raise OperatorError("No webhook is set up.", fix="Set SANDBOX_WEBHOOK.")
    return Webhook(
        address=sandbox.settings.webhook,
        secret=secret(sandbox.settings.keys_dir, HOOK_SECRET).encode(),
        now=sandbox.store.now,
    )


def _by_mail(sandbox: Sandbox, words: Wording) -> Callable[..., None]:
    return by_mail(sandbox.store, words, mail_of(sandbox))


def _by_webhook(sandbox: Sandbox, words: Wording) -> Callable[..., None]:
    return by_webhook(words, webhook_of(sandbox))
