"""A picture through its checks: drawn again from its table where it is said how, else its pixels are written again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sandbox.disclosure.bits import bits_of_bytes
from sandbox.disclosure.drawing import CannotDraw, draw
from sandbox.disclosure.file_type import check_file_type, ending
from sandbox.disclosure.judge_table import keys_of, undeclared
from sandbox.disclosure.kinds.registry import FOR_A_PERSON, KINDS
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.picture import NO_TABLE, read_picture, write_picture
from sandbox.disclosure.readers import READERS
from sandbox.disclosure.rebuild import rebuild_table, sorted_rows
from sandbox.disclosure.sources import HANDBOOK_PLOTS
from sandbox.disclosure.table import Table
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Declared, Draw, OutputKind
from sandbox.domain.policy import DatasetPolicy, ReleaseTerms

CANNOT_DRAW = Rule(
    "cannot_be_drawn",
    Verdict.FAIL,
    "Name columns of the table as x and y in outputs.yaml, or leave draw out: then the pixels leave.",
    HANDBOOK_PLOTS,
    says="A plot that is to be drawn from its table, which cannot be drawn so.",
)
DRAWN = Rule(
    "drawn_again",
    Verdict.PASS,
    "",
    HANDBOOK_PLOTS,
    says="A plot that we drew from its table: of the picture that was sent, nothing leaves.",
    standing=True,
)


def judge_picture(
    name: str,
    data: bytes,
    *,
    terms: ReleaseTerms,
    declared: Declared | None,
    beside: Collection[str],
    behind: Table | None,
) -> tuple[list[Finding], bytes, int]:
    """Findings, the bytes that may leave (empty: none), and how many bits they tell at most.

    Args:
        beside: the names of the request's other files.
        behind: the table that it is drawn from, as it leaves (``table_behind``).
    """
    picture, findings = read_picture(name, data)
    if picture is None:
        return findings, b"", 0
    table = declared.table if declared is not None else ""
    if not table:
        findings.append(NO_TABLE.file(name, "Nobody said from which table it was drawn."))
    elif table not in beside:
        findings.append(
            NO_TABLE.file(name, f"It is said to be drawn from {table}, which is not in the request.")
        )
    elif declared is not None and declared.draw is not Draw.PIXELS:
        return _drawn(name, declared, behind)
    if declared is None:
        findings.append(undeclared(name, terms))
    findings.append(FOR_A_PERSON.file(name, KINDS[OutputKind.PLOT].person))
    rebuilt = write_picture(picture)
    return findings, rebuilt, bits_of_bytes(rebuilt)


def _drawn(name: str, declared: Declared, behind: Table | None) -> tuple[list[Finding], bytes, int]:
    try:
        if behind is None:
            raise CannotDraw(f"{declared.table} is no table that can be read")
        picture = draw(behind, declared, name=declared.table)
    except CannotDraw as cannot:
        return [CANNOT_DRAW.file(name, f"{cannot}.")], b"", 0
    # The numbers are the table's. What the picture adds is how it is drawn.
    said = " ".join((declared.draw, declared.table, declared.x, *declared.y, declared.by))
    found = DRAWN.file(name, f"Drawn by us from {declared.table}: it shows what that table shows.")
    return [found], write_picture(picture), bits_of_bytes(said.encode())


def table_behind(
    declared: Declared | None,
    files: Sequence[tuple[str, bytes]] | Mapping[str, bytes],
    *,
    terms: ReleaseTerms,
    policy: DatasetPolicy | None,
) -> Table | None:
    """The table that a plot is to be drawn from, with the cells and the order in which it leaves.

    Args:
        files: the outputs of the request.
    """
    if declared is None or declared.draw is Draw.PIXELS:
        return None
    content = dict(files).get(declared.table)
    kind = ending(declared.table)
    if content is None or kind not in READERS:
        return None
    if check_file_type(declared.table, content, allowed=terms.file_types, max_bytes=terms.max_bytes):
        return None
    table, _ = READERS[kind](declared.table, content)
    return sorted_rows(rebuild_table(table), order=keys_of(policy)) if table is not None else None
