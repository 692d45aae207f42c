"""Policies on a terminal: mistakes, differences and proposals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from sandbox.domain.errors import PolicyMistake
from sandbox.domain.policy_keys import Effect
from sandbox.terminal import plain_table

if TYPE_CHECKING:
    from sandbox.flows.change_policy import Comparison
    from sandbox.flows.policy_views import Note, ProposalView

_STYLE = {Effect.LOOSENS: "bold red", Effect.TIGHTENS: "green", Effect.NEUTRAL: "dim"}
_SIGN = {Effect.LOOSENS: "▲", Effect.TIGHTENS: "▼", Effect.NEUTRAL: "·"}


def print_mistakes(console: Console, mistakes: Iterable[PolicyMistake]) -> None:
    """One line each, which starts with ``file:line:`` as editors expect."""
    for mistake in mistakes:
        place = f"{mistake.file}:{mistake.line}" if mistake.line else mistake.file
        allowed = f" [dim]Allowed: {escape(mistake.allowed)}.[/]" if mistake.allowed else ""
        console.print(
            f"{escape(place)}: [bold]{escape(mistake.key)}[/]: {escape(mistake.problem)}{allowed}",
            highlight=False,
            soft_wrap=True,
        )


def print_comparison(console: Console, file: str, compared: Comparison) -> None:
    """A file beside what holds: a line for each key."""
    if not compared.version:
        said = "not published yet"
    elif not compared.changes:
        said = f"version {compared.version} is as it says"
    else:
        said = f"against version {compared.version}"
    console.print(f"[bold]{escape(file)}[/]  [dim]{said}[/]", highlight=False, soft_wrap=True)
    if not compared.changes:
        return
    print_changes(console, [(c.effect, c.key, c.words) for c in compared.changes])
    if compared.loosens:
        console.print(
            f"  {len(compared.loosens)} loosen: a second person has to approve it.", highlight=False
        )
    if compared.publishing:
        keys = ", ".join(change.key for change in compared.publishing)
        console.print(
            escape(f"  Private views are made by {keys}: it has to be published again."), highlight=False
        )


def print_changes(console: Console, changes: Sequence[tuple[Effect, str, str]]) -> None:
    """What loosens comes first, then what tightens."""
    table = plain_table("", "key", "change")
    for effect, key, words in sorted(changes, key=lambda change: list(_SIGN).index(change[0])):
        sign = Text(f"{_SIGN[effect]} {effect}", style=_STYLE[effect])
        table.add_row(sign, Text(_plain(key)), Text(_plain(words)))
    console.print(table)


def print_proposals(console: Console, views: Sequence[ProposalView]) -> None:
    if not views:
        console.print("Nothing waits for a second person.")
        return
    table = plain_table("", "about", "state", "proposed by", "on", "loosens")
    for view in views:
        p = view.proposal
        first, *more = [c["key"] for c in p.difference if c["effect"] == Effect.LOOSENS]
        keys = f"{first} and {len(more)} more" if more else first
        when = p.proposed_at[:16].replace("T", " ")
        table.add_row(str(p.id), p.name, str(p.state), p.proposed_by, when, Text(_plain(keys)))
    console.print(table)


def print_proposal(console: Console, view: ProposalView) -> None:
    p = view.proposal
    console.print(
        f"[bold]Proposal {p.id}[/] about [bold]{p.name}[/], {p.state}; by {p.proposed_by} on "
        f"{p.proposed_at[:16].replace('T', ' ')} UTC",
        highlight=False,
        soft_wrap=True,
    )
    if p.reason:
        console.print(Text(f"  “{_plain(p.reason)}”"))
    print_changes(console, [(Effect(c["effect"]), c["key"], c["words"]) for c in view.changes])
    console.print(
        f"  [dim]policy {p.base_hash[:12]} → {p.policy_hash[:12]}; proposal {p.sha256[:12]}[/]",
        highlight=False,
    )
    if p.decided_by:
        said = f": “{_plain(p.comment)}”" if p.comment else ""
        console.print(Text(f"  Decided by {p.decided_by}{said}"))
    if view.publishing:
        keys = ", ".join(view.publishing)
        console.print(
            Text(f"  Private views are made by {_plain(keys)}: it holds once the dataset is published by it.")
        )


def print_notes(console: Console, notes: Iterable[Note]) -> None:
    """What an operator should know of the policies; nothing where all is well."""
    for note in notes:
        console.print(
            f"[yellow]![/] {escape(note.about)} {escape(note.state)}. [dim]{escape(note.fix)}[/]",
            highlight=False,
            soft_wrap=True,
        )


def _plain(text: str) -> str:
    """Without control characters: what people wrote must not rewrite the screen."""
    return "".join(c if c.isprintable() else "?" for c in text)
