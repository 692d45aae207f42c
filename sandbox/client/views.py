"""What the sandbox says about datasets, budgets, prices and releases, made to be looked at in a notebook."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd

from sandbox.client.words import meter_html, number, percent, table_html

_VERDICT_COLOURS = {"pass": "#d9f0e3", "review": "#fdf0cd", "fail": "#f8d7d3"}
_MANY = 12  # listed values shown before the rest is counted


class _Shown:
    """Typed at a prompt without HTML, it shows the same words as ``print``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True, repr=False)
class Dataset(_Shown):
    """A catalogue entry.

    Attributes:
        raw: the whole entry: title, source, licence, conditions, tables with columns, bounds and listed values.
    """

    raw: Mapping[str, Any]
    fetch: Callable[[str], pd.DataFrame] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    @property
    def schema(self) -> pd.DataFrame:
        """One row for each column of each table."""
        return pd.DataFrame(
            [
                {
                    "table": table,
                    "column": name,
                    "type": column["type"],
                    "from": column.get("lower"),
                    "to": column.get("upper"),
                    "measured_in": column.get("measured_in", ""),
                    "values": _values(column),
                    "description": column.get("description", ""),
                }
                for table, content in self.raw["tables"].items()
                for name, column in content["columns"].items()
            ]
        )

    @property
    def example(self) -> str:
        """A first question to try: counts by the first column that has listed values."""
        for table, content in self.raw["tables"].items():
            for name, column in content["columns"].items():
                if column["type"] == "boolean" or column.get("categories"):
                    return f"SELECT {name}, COUNT(*) AS n FROM {table} GROUP BY {name}"  # noqa: S608 - text to read
        return f"SELECT COUNT(*) AS n FROM {next(iter(self.raw['tables']))}"  # noqa: S608

    def lookup(self, name: str) -> pd.DataFrame:
        """A small public table that questions may JOIN, in full."""
        content = self.raw["lookups"][name]
        return pd.DataFrame(content["rows"], columns=[column["name"] for column in content["columns"]])

    @property
    def citation(self) -> str:
        """How results have to name it."""
        return str(self.raw.get("citation", ""))

    def download(self, table: str | None = None) -> pd.DataFrame:
        """A whole table of an unconditionally open dataset."""
        return self.fetch(table or next(iter(self.raw["tables"])))

    def __str__(self) -> str:
        shown = "closed"
        if self.raw["tables"]:
            shown = self.schema[["table", "column", "type", "values", "description"]].to_string(index=False)
        return f"{self.raw['title']} ({self.raw['open_class']})\n{shown}\n{self._foot()}"

    def _repr_html_(self) -> str:
        unit = self.raw.get("unit") or {}
        head = f"<h4 style='margin:0'>{escape(str(self.raw['title']))}</h4>"
        head += f"<p style='max-width:50em;margin:.3em 0'>{escape(str(self.raw.get('description', '')))}</p>"
        if unit:
            head += f"<p style='margin:.3em 0'>Protected: each <b>{escape(str(unit['noun']))}</b>.</p>"
        heads = ["table", "column", "type", "from – to", "listed values", "what it is"]
        rows = []
        for r in self.schema.to_dict("records"):
            bounds = (
                ""
                if pd.isna(r["from"])
                else f"{number(int(r['from']))} – {number(int(r['to']))} {r['measured_in']}"
            )
            cells = (r["table"], r["column"], r["type"], bounds, r["values"], r["description"])
            rows.append([escape(str(c)) for c in cells])
        return table_html(heads, rows, head=head, foot=escape(self._foot()))

    def _foot(self) -> str:
        told = [(name, self.raw.get(key)) for name, key in (("Source", "source"), ("Licence", "licence"))]
        return " ".join(f"{name}: {text}." for name, text in told if text)


@dataclass(frozen=True, slots=True, repr=False)
class Estimate(_Shown):
    """What a question would cost and how exact its answer would be. Nothing was spent."""

    raw: Mapping[str, Any]

    @property
    def epsilon(self) -> float:
        return float(self.raw["price"]["epsilon"])

    @property
    def affordable(self) -> bool:
        return bool(self.raw.get("affordable", True))

    def error(self, measure: str) -> float | None:
        """± this, in 95 of 100 cells; None where it depends on the answer."""
        for column in self.raw["columns"]:
            if column["name"] == measure:
                return None if column.get("error_95") is None else float(column["error_95"])
        raise KeyError(measure)

    def __str__(self) -> str:
        share = (
            f", {percent(self.raw['percent_of_project'])} of the agreement's budget"
            if "percent_of_project" in self.raw
            else ""
        )
        lines = [f"It would cost ε = {number(self.epsilon)}{share}."]
        charge = self.raw.get("charge") or {}
        if charge.get("free"):
            lines.append("Stored answers say it already: it would take nothing.")
        elif charge.get("nano", math.inf) < self.raw["price"].get("nano", 0):
            part = 100 * charge["nano"] / self.raw["price"]["nano"]
            lines.append(f"An earlier answer would be refined: it would take {percent(part)} of that.")
        if not self.affordable:
            lines.append("That is more than may be spent now.")
        elif "asks_left" in self.raw:
            lines.append(f"What is left pays for {number(self.raw['asks_left'])} of its kind.")
        lines += [f"  {name} {error}" for name, error in self._errors()]
        bounding = self.raw.get("bounding") or {}
        if text := bounding.get("text", ""):
            lines.append(text)
        if lost := bounding.get("estimated_loss_text", ""):
            lines.append(lost)
        return "\n".join(lines)

    def _errors(self) -> list[tuple[str, str]]:
        return [
            (
                c["name"],
                "depends on the answer" if c.get("error_95") is None else f"± {number(c['error_95'])} (95 %)",
            )
            for c in self.raw["columns"]
            if c.get("kind") != "key"
        ]

    def _repr_html_(self) -> str:
        first, *rest = str(self).split("\n")
        rows = [[escape(n), escape(e)] for n, e in self._errors()]
        foot = "<br>".join(escape(line) for line in rest if not line.startswith("  "))
        return table_html(["column", "expected error"], rows, head=f"<b>{escape(first)}</b>", foot=foot)


@dataclass(frozen=True, slots=True, repr=False)
class Budget(_Shown):
    """What may still be asked."""

    raw: Mapping[str, Any]

    @property
    def percent_left(self) -> float:
        return float(self.raw["percent_left"])

    @property
    def epsilon_left(self) -> float:
        return float(self.raw["epsilon_left"])

    def __str__(self) -> str:
        cap = f" of {self.raw['epsilon_cap']:.3g}" if "epsilon_cap" in self.raw else ""
        return f"{percent(self.percent_left)} of the agreement's budget is left: ε = {self.epsilon_left:.3g}{cap}."

    def _repr_html_(self) -> str:
        return meter_html(self.percent_left, escape(str(self)))


@dataclass(frozen=True, slots=True, repr=False)
class Release(_Shown):
    """A request to let files out, with what the checks found."""

    raw: Mapping[str, Any]

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def status(self) -> str:
        return str(self.raw["status"])

    @property
    def findings(self) -> pd.DataFrame:
        """One row for each finding, the worst first."""
        wanted = ["file", "verdict", "place", "check", "reason", "fix", "source"]
        return pd.DataFrame([{k: f.get(k, "") for k in wanted} for f in self._sorted()], columns=wanted)

    def _sorted(self) -> Sequence[Mapping[str, Any]]:
        order = {"fail": 0, "review": 1, "pass": 2}
        return sorted(self.raw.get("findings", ()), key=lambda f: order.get(str(f.get("verdict")), 0))

    def _headline(self) -> str:
        votes = (
            f", {self.raw['votes_in']} of {self.raw['votes_needed']} votes in"
            if "votes_in" in self.raw
            else ""
        )
        return f"Request {self.id} is {self.status.replace('_', ' ')}{votes}."

    def __str__(self) -> str:
        lines = [self._headline()]
        findings = list(self._sorted())
        for f, after in zip(findings, [*findings[1:], {}], strict=True):
            place = f", {f['place']}" if f.get("place") else ""
            lines.append(f"  {f['verdict']:<6} {f['file']}{place}: {f['reason']}")
            # Findings of one kind stand together; what mends them all is said once, below the last.
            if f.get("fix") and f["verdict"] != "pass" and f["fix"] != after.get("fix"):
                lines.append(f"         → {f['fix']}")
        lines += [f"  {v['reviewer']}: {v['decision']}. {v['comment']}" for v in self.raw.get("votes", ())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for f in self._sorted():
            colour = _VERDICT_COLOURS.get(str(f.get("verdict")), "#fff")
            mark = f"<span style='background:{colour};padding:0 .4em'>{escape(str(f.get('verdict')))}</span>"
            texts = [escape(str(f.get(k, ""))) for k in ("file", "place", "reason", "fix")]
            rows.append([mark, *texts])
        votes = "<br>".join(
            escape(f"{v['reviewer']}: {v['decision']}. {v['comment']}") for v in self.raw.get("votes", ())
        )
        heads = ["verdict", "file", "place", "reason", "what to do"]
        return table_html(heads, rows, head=f"<b>{escape(self._headline())}</b>", foot=votes)


def _values(column: Mapping[str, Any]) -> str:
    if column["type"] == "boolean":
        return "false, true"
    listed = [str(v) for v in column.get("categories") or ()]
    rest = f" … ({len(listed)} in all)" if len(listed) > _MANY else ""
    return ", ".join(listed[:_MANY]) + rest
