"""``sandbox notices``: whether they arrive, what has not left, and the addresses that the operator vouches for."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from sandbox.cli.common import console, operator, system
from sandbox.domain.errors import BadInput
from sandbox.domain.notice_choices import Channel, Sending
from sandbox.language import gettext, speaking, spoken
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="What people are told, and what is sent to them.")


@app.command("test")
def notices_test(
    channel: Annotated[Channel, typer.Argument(help="By which way.")],
    to: Annotated[str, typer.Option(help="The e-mail address that the trial goes to.")] = "",
) -> None:
    """Send a trial now, past the queue, and say what the server answered."""
    from sandbox.cli.posting import mail_of, webhook_of, wording
    from sandbox.domain import letters
    from sandbox.domain.mail_address import mail_address

    sandbox, key = system(), f"trial-{uuid.uuid4()}"
    words = wording(sandbox)
    if channel is Channel.WEBHOOK:
        webhook_of(sandbox)(letters.posted_trial(key=key, portal=words.portal))
        console.print(f"The webhook took it ({key}).", highlight=False)
        return
    if not to:
        raise BadInput("Nobody to write to.", where="--to", fix="Give an address: --to name@host.example.")
    with spoken(words.language):
        letter = letters.trial(
            key=key,
            to=mail_address(to),
            site=words.site,
            portal=words.portal,
            language=speaking(),
            translate=gettext,
        )
    mail_of(sandbox)(letter)
    console.print(f"The server took it for {letter.to} ({key}).", highlight=False)


@app.command("outbox")
def notices_outbox(
    state: Annotated[Sending | None, typer.Option(help="Those in this state only.")] = None,
    again: Annotated[bool, typer.Option(help="Try what was given up again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the newest.")] = 20,
) -> None:
    """Show how messages stand. Of what is in them, nothing is shown."""
    sandbox = system()
    if again:
        console.print(f"{sandbox.store.outbox.try_again()} are tried again.", highlight=False)
    counts = sandbox.store.outbox.counts()
    console.print("  ".join(f"{name}: {count}" for name, count in counts.items()), highlight=False)
    table = plain_table("number", "channel", "person", "state", "tries", "next or ended", "why not")
    for message in sandbox.store.outbox.newest(state=state, limit=limit):
        table.add_row(
            str(message.id),
            str(message.channel),
            message.person,
            str(message.state),
            str(message.attempts),
            (message.ended_at or message.due_at)[:16],
            message.failure,
        )
    console.print(table)


@app.command("address")
def notices_address(name: str, address: str) -> None:
    """Give somebody's e-mail address, and vouch for it: no code is sent."""
    sandbox = system()
    mail = sandbox.my_notices.vouch(operator(sandbox), name, address)
    console.print(f"{name} is written to at {mail.address}.", highlight=False)
