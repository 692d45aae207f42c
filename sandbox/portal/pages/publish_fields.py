"""The guided form of a policy: fields that are read out of its text, and what a sent form changes in it.

The text is all there is. A field is written into it only where its value is another than the one that was shown, so
that a form and a text which were both edited meet: see ``changed``.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.domain.catalogue_terms import Frequency
from sandbox.domain.policy import (
    AccessTerms,
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Domain,
    Mode,
    OpenClass,
    ReleaseTerms,
    Table,
)
from sandbox.domain.privacy_loss import Accounting
from sandbox.language import marked as _
from sandbox.store.drafts import Draft, DraftColumn
from sandbox.store.policy_text import Place, at

MAX_COLUMNS = 300  # that the form shows; the text has them all
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
STEPS = {
    "files": _("Files"),
    "about": _("About it"),
    "columns": _("Columns"),
    "terms": _("Terms"),
    "check": _("Check"),
}


class Kind(StrEnum):
    LINE = "line"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    LINES = "lines"  # a list, an item a line
    TICKS = "ticks"  # a list out of some
    PUBLISH = "publish"  # whether a column is in the policy at all


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        place: the key's path; the field's name is its dotted form.
        values: as the form has them: one text, or those that are ticked.
        otherwise: what holds where the key is left out.
    """

    place: Place
    label: str
    kind: Kind
    values: tuple[str, ...]
    options: tuple[str, ...] = ()
    hint: str = ""
    otherwise: str = ""
    whole: bool = False  # items are whole numbers where they look so
    named: bool = False  # options are names, which are not translated

    @property
    def name(self) -> str:
        return ".".join(self.place)

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True)
class ColumnFields:
    """A column's fields; the first says whether it is published."""

    name: str
    guessed: str  # what the file's cells look like; empty where no file has it
    usable: bool
    publish: Field | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class TableFields:
    name: str
    fields: tuple[Field, ...]
    columns: tuple[ColumnFields, ...]


@dataclass(frozen=True, slots=True)
class StepFields:
    """A step's form: groups of fields with a heading, and tables."""

    groups: tuple[tuple[str, tuple[Field, ...]], ...] = ()
    tables: tuple[TableFields, ...] = ()

    def all(self) -> Iterator[Field]:
        for _heading, fields in self.groups:
            yield from fields
        for table in self.tables:
            yield from table.fields
            for column in table.columns:
                if column.publish is not None:
                    yield column.publish
                yield from column.fields

    @property
    def shown(self) -> str:
        """What the fields show, to be sent back with them."""
        return json.dumps({field.name: list(field.values) for field in self.all()})


def fields_of(step: str, tree: Mapping[str, Any], draft: Draft, people: Sequence[str]) -> StepFields:
    """A step's fields with the values that a text has.

    Args:
        people: user names of those who may review.
    """
    match step:
        case "about":
            return _about(tree)
        case "columns":
            return _columns(tree, draft)
        case "terms":
            return _terms(tree, people)
    return StepFields()


def changed(fields: StepFields, sent: Mapping[str, Sequence[str]], shown: str) -> dict[Place, Any]:
    """What a sent form changes: the fields whose values are others than they showed."""
    try:
        before = json.loads(shown)
    except ValueError:
        before = {}
    before = before if isinstance(before, dict) else {}
    changes: dict[Place, Any] = {}
    taken_out: list[Place] = []
    for field in fields.all():
        now, was = _sent(field, sent), before.get(field.name, [])
        if field.kind is Kind.TICKS:
            was = [option for option in field.options if option in was]
        if field.kind is Kind.PUBLISH and not now:
            taken_out.append(field.place)
        inside = any(field.place != place and field.place[: len(place)] == place for place in taken_out)
        if now != was and not inside:
            changes[field.place] = _read(field, now)
    return changes


def _sent(field: Field, sent: Mapping[str, Sequence[str]]) -> list[str]:
    values = [value.replace("\r\n", "\n").strip() for value in sent.get(field.name, [])]
    if field.kind in (Kind.TICKS, Kind.PUBLISH):
        return [option for option in field.options if option in values]
    return [value for value in values[:1] if value]


def _read(field: Field, now: Sequence[str]) -> Any:
    if not now:
        return None
    match field.kind:
        case Kind.PUBLISH:
            return {"type": field.options[0]}
        case Kind.TICKS:
            return list(now)
        case Kind.LINES:
            lines = [line.strip() for line in now[0].split("\n") if line.strip()]
            return [int(line) if field.whole and _WHOLE.fullmatch(line) else line for line in lines]
        case Kind.NUMBER:
            return int(now[0]) if _WHOLE.fullmatch(now[0]) else now[0]
    return now[0]


# the steps


def _about(tree: Mapping[str, Any]) -> StepFields:
    def field(place: str, label: str, kind: Kind = Kind.LINE, **more: Any) -> Field:
        return _field(tree, tuple(place.split(".")), DatasetPolicy, label, kind, **more)

    return StepFields(
        groups=(
            (
                _("What it is"),
                (
                    field("title", _("Title")),
                    field(
                        "description", _("Description"), Kind.TEXT, hint=_("A paragraph for the catalogue.")
                    ),
                    field("domain", _("Field"), Kind.CHOICE, options=tuple(Domain)),
                    field("keywords", _("Keywords"), Kind.LINES, hint=_("One a line.")),
                    field("update_frequency", _("New versions"), Kind.CHOICE, options=tuple(Frequency)),
                ),
            ),
            (
                _("Where it comes from"),
                (
                    field("provider", _("Provider"), hint=_("Who provides it.")),
                    field("source", _("Source"), hint=_("To be named in every result.")),
                    field("licence", _("Licence")),
                    field("contact.name", _("Contact: name")),
                    field("contact.email", _("Contact: e-mail")),
                    field(
                        "quality",
                        _("Gaps and errors"),
                        Kind.LINES,
                        hint=_("What a user has to know, a sentence a line."),
                    ),
                    field(
                        "statistics",
                        _("Size, in your words"),
                        Kind.LINES,
                        hint=_("Everybody reads it. Nothing of this kind is computed from rows."),
                    ),
                ),
            ),
            (
                _("Who may use it"),
                (
                    field(
                        "open_class",
                        _("Class"),
                        Kind.CHOICE,
                        options=tuple(OpenClass),
                        hint=_(
                            "Unconditional: anybody downloads it. Conditional: researchers apply for it. Closed: it is "
                            "listed at most."
                        ),
                    ),
                ),
            ),
        )
    )


def _columns(tree: Mapping[str, Any], draft: Draft) -> StepFields:
    tables = at(tree, ("tables",))
    tables = tables if isinstance(tables, Mapping) else {}
    names = dict.fromkeys(
        str(column)
        for table in tables.values()
        if isinstance(table, Mapping) and isinstance(table.get("columns"), Mapping)
        for column in table["columns"]
    )
    groups: tuple[tuple[str, tuple[Field, ...]], ...] = ()
    if at(tree, ("open_class",)) == OpenClass.CONDITIONAL:
        groups = (
            (
                _("Whose privacy is protected"),
                (
                    _field(
                        tree,
                        ("unit", "column"),
                        None,
                        _("Column that names them"),
                        Kind.CHOICE,
                        options=tuple(names)[:MAX_COLUMNS],
                        named=True,
                        hint=_(
                            "The same in every table. The names themselves are not kept in what is asked."
                        ),
                    ),
                    _field(
                        tree,
                        ("unit", "noun"),
                        None,
                        _("One of them is called"),
                        hint=_("In the singular: patient, firm, household."),
                    ),
                ),
            ),
        )
    left, shown = MAX_COLUMNS, []
    for name, table in tables.items():
        if isinstance(table, Mapping) and left > 0:
            shown.append(_table(tree, str(name), table, draft, left))
            left -= len(shown[-1].columns)
    return StepFields(groups=groups, tables=tuple(shown))


def _table(
    tree: Mapping[str, Any], name: str, table: Mapping[str, Any], draft: Draft, most: int
) -> TableFields:
    here = ("tables", name)
    file = draft.files.get(name)
    in_file = {column.name: column for column in file.columns} if file is not None else {}
    declared = table.get("columns")
    declared = declared if isinstance(declared, Mapping) else {}
    every = list(dict.fromkeys([*in_file, *map(str, declared)]))[:most]
    return TableFields(
        name=name,
        fields=(
            _field(tree, (*here, "description"), Table, _("Description")),
            _field(
                tree,
                (*here, "max_rows"),
                Table,
                _("Rows at most"),
                Kind.NUMBER,
                hint=_("A loose bound that everybody may know; longer files are refused."),
            ),
            _field(
                tree,
                (*here, "max_rows_per_unit"),
                Table,
                _("Rows of one unit at most"),
                Kind.NUMBER,
                hint=_("More keep more of the data, and add noise."),
            ),
        ),
        columns=tuple(_column(tree, name, column, in_file.get(column)) for column in every),
    )


def _column(tree: Mapping[str, Any], table: str, name: str, found: DraftColumn | None) -> ColumnFields:
    here = ("tables", table, "columns", name)
    said = at(tree, here)
    guessed = found.type if found is not None else ColumnType.TEXT
    publish = Field(
        here,
        _("Publish this column"),
        Kind.PUBLISH,
        (str(guessed),) if said is not None else (),
        options=(str(guessed),),
    )
    if found is not None and not found.usable and said is None:
        return ColumnFields(name, found.type, usable=False, publish=None, fields=())
    if not isinstance(said, Mapping):
        return ColumnFields(name, found.type if found else "", usable=True, publish=publish, fields=())
    kind = said.get("type")

    def field(key: str, label: str, kind: Kind = Kind.LINE, **more: Any) -> Field:
        return _field(tree, (*here, key), Column, label, kind, **more)

    fields = [
        field("type", _("Type"), Kind.CHOICE, options=tuple(ColumnType)),
        field("description", _("Description")),
    ]
    if at(tree, ("unit", "column")) != name:
        if kind in (ColumnType.INTEGER, ColumnType.DECIMAL):
            fields += [
                field("lower", _("Smallest value"), Kind.NUMBER),
                field("upper", _("Largest value"), Kind.NUMBER),
                field("measured_in", _("Unit of measure")),
            ]
        if kind == ColumnType.DECIMAL:
            fields.append(field("resolution", _("Step")))
        if kind == ColumnType.DATE:
            fields += [field("earliest", _("First day")), field("latest", _("Last day"))]
        if kind in (ColumnType.TEXT, ColumnType.INTEGER):
            fields.append(
                field(
                    "categories",
                    _("List of values, one a line"),
                    Kind.LINES,
                    whole=kind == ColumnType.INTEGER,
                )
            )
    return ColumnFields(name, found.type if found else "", usable=True, publish=publish, fields=tuple(fields))


def _terms(tree: Mapping[str, Any], people: Sequence[str]) -> StepFields:
    def field(place: str, kind_of: type[Any], label: str, kind: Kind = Kind.LINE, **more: Any) -> Field:
        return _field(tree, tuple(place.split(".")), kind_of, label, kind, **more)

    pool = at(tree, ("release", "pool"))
    known = dict.fromkeys([*people, *(map(str, pool) if isinstance(pool, Sequence) else ())])
    return StepFields(
        groups=(
            (
                _("Budget"),
                (
                    field(
                        "budget.epsilon",
                        BudgetTerms,
                        _("Epsilon, for the whole life"),
                        hint=_("What all answers together may cost. Raising it later needs a second person."),
                    ),
                    field("budget.delta", BudgetTerms, _("Delta")),
                    field(
                        "budget.accounting",
                        BudgetTerms,
                        _("Accounting"),
                        Kind.CHOICE,
                        options=tuple(Accounting),
                    ),
                    field(
                        "budget.project_percent", BudgetTerms, _("One project at most (percent)"), Kind.NUMBER
                    ),
                    field(
                        "budget.per_question_percent",
                        BudgetTerms,
                        _("One question at most (percent)"),
                        Kind.NUMBER,
                    ),
                ),
            ),
            (
                _("Access"),
                (
                    field("access.modes", AccessTerms, _("Ways of use"), Kind.TICKS, options=tuple(Mode)),
                    field("access.max_days", AccessTerms, _("Longest grant (days)"), Kind.NUMBER),
                    field(
                        "access.conditions",
                        AccessTerms,
                        _("Conditions"),
                        Kind.LINES,
                        hint=_("What an applicant promises, one a line. Part of the agreement."),
                    ),
                ),
            ),
            (
                _("What may leave"),
                (
                    field("release.threshold", ReleaseTerms, _("Fewest units behind a cell"), Kind.NUMBER),
                    field("release.reviewers", ReleaseTerms, _("Votes that an output needs"), Kind.NUMBER),
                    field(
                        "release.pool",
                        ReleaseTerms,
                        _("Reviewers"),
                        Kind.TICKS,
                        options=tuple(known),
                        named=True,
                    ),
                ),
            ),
        )
    )


def _field(
    tree: Mapping[str, Any],
    place: Place,
    of: type[Any] | None,
    label: str,
    kind: Kind = Kind.LINE,
    *,
    options: Sequence[str] = (),
    hint: str = "",
    whole: bool = False,
    named: bool = False,
) -> Field:
    return Field(
        place,
        label,
        kind,
        _shown(at(tree, place), kind),
        tuple(str(option) for option in options),
        hint,
        _otherwise(of, place[-1]),
        whole,
        named,
    )


def _shown(value: Any, kind: Kind) -> tuple[str, ...]:
    if value is None:
        return ()
    if kind in (Kind.TICKS, Kind.LINES):
        items = (
            [str(item) for item in value]
            if isinstance(value, Sequence) and not isinstance(value, str)
            else []
        )
        if kind is Kind.TICKS:
            return tuple(items)
        return ("\n".join(items),) if items else ()
    if isinstance(value, (Mapping, list)):
        return ()
    return (str(value).strip(),) if str(value).strip() else ()


def _otherwise(of: type[Any] | None, key: str) -> str:
    """A key's default as it is told; nothing where it has none or an empty one."""
    for field in dataclasses.fields(of) if of is not None else ():
        if field.name == key and isinstance(field.default, (str, int)) and str(field.default):
            return str(field.default)
    return ""
