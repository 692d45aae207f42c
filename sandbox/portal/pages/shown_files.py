"""A request's files as they are shown: what leaves of each, cell by cell, and what was found in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.domain.errors import NotFound, SandboxError
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.people import Person
from sandbox.domain.release import StagedFile
from sandbox.domain.review_comment import ReviewComment
from sandbox.flows.compare_outputs import EarlierTurn, Recomputed
from sandbox.flows.views import ReleaseView
from sandbox.portal.pages.grid import Grid, grid
from sandbox.wiring import Sandbox

SHOWN_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file with its findings, and what leaves of it: a table, a text, or a picture's pixels (PNG in base 64).

    Attributes:
        held: for reviewers: how many numbers hold when computed again, do not, or were not computed.
        earlier: the same file in earlier turns, newest first.
        comments: about it and its cells.
    """

    file: StagedFile
    findings: tuple[Finding, ...]
    grid: Grid | None
    text: str = ""
    picture: str = ""
    bits_leaving: int = 0
    why_not_shown: str = ""
    held: Mapping[str, int] = field(default_factory=dict)
    earlier: tuple[EarlierTurn, ...] = ()
    comments: tuple[ReviewComment, ...] = ()


def shown_files(system: Sandbox, person: Person, view: ReleaseView) -> tuple[ShownFile, ...]:
    """All files of a request, in its order; none where this person may see nothing of them."""
    if view.sealed:
        return ()
    try:
        earlier = system.compare_outputs.turns(person, view.release.id)
    except SandboxError:  # such as a suspended dataset: the request is still shown
        earlier = {}
    return tuple(_shown(system, person, view, file, earlier) for file in view.release.files)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many of each verdict."""
    return {str(verdict): sum(f.verdict is verdict for f in findings) for verdict in Verdict}


def _shown(
    system: Sandbox,
    person: Person,
    view: ReleaseView,
    file: StagedFile,
    earlier: Mapping[str, tuple[EarlierTurn, ...]],
) -> ShownFile:
    findings = tuple(f for f in view.findings if f.file == file.name)
    comments = tuple(c for c in view.comments if c.file == file.name)
    try:
        preview = system.see_release.preview(person, view.release.id, file.name)
    except SandboxError as failure:
        return ShownFile(
            file=file, findings=findings, grid=None, why_not_shown=failure.message, comments=comments
        )
    held: dict[tuple[int, str], Recomputed] = {}
    if preview.table is not None and person.name != view.release.requester:
        try:
            held = system.compare_outputs.recomputed(person, view.release.id, file.name, preview.table)
        except NotFound:  # who may see it and not review it
            held = {}
    is_table = preview.table is not None
    shown = grid(preview.shown, limit=SHOWN_ROWS, findings=preview.findings, held=held) if is_table else None
    text = "" if is_table else preview.shown.decode()
    picture = "" if is_table or text else base64.b64encode(preview.rebuilt).decode()
    return ShownFile(
        file=file,
        findings=findings,
        grid=shown,
        text=text,
        picture=picture,
        bits_leaving=preview.bits_leaving,
        why_not_shown="" if shown or text or picture else "This file cannot be shown; its findings say why.",
        held={str(v): sum(h is v for h in held.values()) for v in Recomputed} if held else {},
        earlier=earlier.get(file.name, ()),
        comments=comments,
    )
