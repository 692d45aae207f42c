"""``sandbox audit head | prove | consistent | export | check``: what an outsider can check about the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, platform_key, system
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.tree_head import (
    CONSISTENCY,
    ENTRY,
    HEAD,
    TreeHead,
    consistency_from,
    entry_proof_from,
    head_from,
)

_KEY = "The platform's public key (PEM); this machine's when left out."


def audit_head(
    out: Annotated[Path | None, typer.Option(help="Write it to this file as well.")] = None,
) -> None:
    """Sign the log as it stands and keep the head: hand it to somebody who is not you."""
    head = system().store.log_tree.keep_head()
    _write(head.document(), out)
    console.print(f"[green]✓[/] {head.size} entries, root {head.root}, {head.at}", highlight=False)


def audit_prove(
    entry: Annotated[int, typer.Argument(help="Its number.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; the screen when left out.")] = None,
) -> None:
    """Write the proof that an entry is in the log, for people who have only the platform's key."""
    sandbox = system()
    if sandbox.store.log_tree.heads.newest() is None:
        sandbox.store.log_tree.keep_head()
    proved = sandbox.log_views.prove(operator(sandbox), entry)
    document = {**proved.proof.document(), "head": proved.head.document()}
    if out is None:
        typer.echo(canonical_json(document).decode())
    else:
        _write(document, out)
        console.print(f"[green]✓[/] Entry {entry} is proved in {out}.", highlight=False)


def audit_consistent(
    old: Annotated[Path, typer.Argument(help="A head that you kept.")],
    new: Annotated[Path, typer.Argument(help="A later head.")],
    proof: Annotated[
        Path | None,
        typer.Option(help="Check this proof, offline; worked out from this machine's log without."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help=_KEY)] = None,
    out: Annotated[Path | None, typer.Option(help="Write the proof to this file.")] = None,
) -> None:
    """Show that nothing was dropped, swapped or rewritten between two heads."""
    verify = platform_key(key)
    first, last = (head_from(_document(path)) for path in (old, new))
    if proof is None:
        for head in (first, last):
            head.check(verify)
        made = system().store.log_tree.grown_from(first, last)
    else:
        made = consistency_from(_document(proof))
        if (made.old, made.new) != (first, last):
            raise Tampered("The proof is about other heads.", place="proof")
    made.check(verify)
    _write(made.document(), out)
    console.print(f"[green]✓[/] {_grown(first, last)}", highlight=False)


def audit_export(
    out: Annotated[Path, typer.Argument(help="The file to write (JSON Lines).")],
) -> None:
    """Write the whole log with a proof for each entry, under the newest kept head."""
    sandbox = system()
    sandbox.store.log_tree.keep_head()
    count = 0
    with out.open("wb") as file:
        for line in sandbox.log_views.export(operator(sandbox), whole=True):
            file.write(line)
            count += 1
    console.print(f"[green]✓[/] {count - 1} entries in {out}.", highlight=False)


def audit_check(
    file: Annotated[Path, typer.Argument(help="A head, a proof, or an export.")],
    key: Annotated[Path | None, typer.Option(help=_KEY)] = None,
    head: Annotated[
        Path | None, typer.Option(help="A head that you have from elsewhere: what the file has to be about.")
    ] = None,
) -> None:
    """Check a head, a proof or an export offline, and say what it proves."""
    verify = platform_key(key)
    expected = head_from(_document(head)) if head is not None else None
    documents = _documents(file)
    kind = documents[0].get("format")
    if kind == HEAD:
        found = head_from(documents[0])
        proofs = [entry_proof_from(d) for d in documents[1:]]
        found.check(verify)
        _same(found, expected)
        for proof in proofs:
            proof.check(found, verify)
        said = f"{found.size} entries on {found.at}, root {found.root}, signed by the platform."
        if proofs:
            said = f"{len(proofs)} entries, each at its place in the log of {said}"
    elif kind == ENTRY:
        under = head_from(documents[0].get("head"))
        one = entry_proof_from(documents[0])
        one.check(under, verify)
        _same(under, expected)
        said = (
            f"Entry {one.seq} ({one.action}) is in the log of {under.size} entries "
            f"that the platform signed on {under.at}."
        )
    elif kind == CONSISTENCY:
        made = consistency_from(documents[0])
        made.check(verify)
        _same(made.old, expected)
        said = _grown(made.old, made.new)
    else:
        raise BadInput(f"{file.name} is no head, proof or export.", fix="Give it as the platform wrote it.")
    console.print(f"[green]✓[/] {escape(said)}", highlight=False, soft_wrap=True)


def _grown(old: TreeHead, new: TreeHead) -> str:
    return (
        f"The log of {new.size} entries ({new.at}) begins with the {old.size} entries of {old.at}: "
        "none was dropped, swapped or rewritten."
    )


def _same(found: TreeHead, expected: TreeHead | None) -> None:
    if expected is not None and (found.size, found.root) != (expected.size, expected.root):
        raise Tampered(
            f"It is about another log than the head that you gave ({found.size} and {expected.size} entries).",
            place="head",
        )


def _document(path: Path) -> dict[str, Any]:
    return _documents(path)[0]


def _documents(path: Path) -> list[dict[str, Any]]:
    """A file of JSON, or of JSON Lines."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    data = path.read_bytes()
    try:
        found = [json.loads(data)]
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in data.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            found = []
    if not found or not all(isinstance(value, dict) for value in found):
        raise BadInput(f"{path.name} is no JSON of ours.", fix="Give it as the platform wrote it.")
    return found


def _write(document: dict[str, Any], out: Path | None) -> None:
    if out is not None:
        out.write_bytes(canonical_json(document) + b"\n")
