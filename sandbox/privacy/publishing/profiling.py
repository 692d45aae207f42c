"""An offered profile, counted on a view and given its noise: the only step of a profile that reads rows."""

from __future__ import annotations

from typing import Any

import ibis

from sandbox.domain.policy import Table
from sandbox.privacy.answering.bounded import RANK, UNIT, view_of
from sandbox.privacy.answering.rowwise import clamped
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.mechanisms import noise
from sandbox.privacy.planning.profile import TILT_PARTS, Counted, Offer, Profile, Wanted, filled_in
from sandbox.privacy.publishing.views import View
from sandbox.privacy.stored import stored_key

Expression = Any  # ibis ships no types


def buy(offered: Offer, view: View, limits: EngineLimits) -> Profile:
    """The profile of a view: a release, each time it is called. Reserve ``offered.loss`` before."""
    counts = count_units(offered, view, limits)
    noisy = {(w.counted, w.column): noise.draw(counts[w.counted, w.column], w.noise) for w in offered.wanted}
    return filled_in(offered, noisy, snapshot=view.snapshot)


def count_units(offered: Offer, view: View, limits: EngineLimits) -> dict[tuple[Counted, str], list[int]]:
    """The histograms before noise. They stay inside this room."""
    table = view_of(view.table, unit_column=view.unit_column)
    table = table.filter(table[RANK] < view.table.max_rows_per_unit)
    counts: dict[tuple[Counted, str], list[int]] = {}
    with view.opened(limits) as rows:
        for wanted in offered.wanted:
            vector = [0] * len(wanted.edges)
            for place, units in rows(histogram(wanted, view.table, table)):
                vector[int(place)] = int(units)
            counts[wanted.counted, wanted.column] = vector
    return counts


def histogram(wanted: Wanted, policy_table: Table, table: Expression) -> Expression:
    """Columns ``place`` (of the bin, from 0) and ``units``; each unit is in at most one row of it.

    What a unit adds to it is 1, or for ``tilt`` the distance of its average from the middle.
    """
    measured = _measured(wanted, policy_table, table)
    # A value is above as many edges as its bin's place; the last edge bounds all, so that nothing is beyond it.
    above = [(measured["measure"] > edge).ifelse(1, 0) for edge in wanted.edges[:-1]]
    place = sum(above[1:], start=above[0]) if above else measured["measure"] * 0
    tilted = wanted.counted is Counted.TILT
    return measured.group_by(place=place).aggregate(
        units=measured["distance"].sum() if tilted else measured.count()
    )


def _measured(wanted: Wanted, policy_table: Table, table: Expression) -> Expression:
    """One row for each unit, with its ``measure``."""
    match wanted.counted:
        case Counted.ROWS:
            return table.group_by(UNIT).aggregate(measure=table.count())
        case Counted.SUM:
            # Empty cells add nothing. Sums cannot leave 64 bits: ``offer`` has seen to it.
            value = clamped(table[wanted.column], wanted.lower, wanted.upper)
            return table.group_by(UNIT).aggregate(measure=value.sum().coalesce(0).abs())
        case Counted.TILT:
            # Twice the distance of each value from the middle is whole; ``offer`` has seen to it that all fits.
            low, high = wanted.lower, wanted.upper
            cell = table[wanted.column]
            units = table.group_by(UNIT).aggregate(
                measure=table.count(),
                filled=cell.count(),
                twice=(2 * clamped(cell, low, high) - (low + high)).sum().coalesce(0),
            )
            whole = (high - low) * ibis.greatest(units["filled"], 1)
            nearest = (2 * TILT_PARTS * units["twice"] + whole) // (2 * whole)
            return units.mutate(distance=clamped(nearest, -TILT_PARTS, TILT_PARTS))
        case Counted.PEAK | Counted.GROUPS:
            column = policy_table.columns[wanted.column]
            listed = [stored_key(value, column) for value in column.key_values]
            cell = table[wanted.column]
            rows = table.filter(cell.isin(listed) if listed else cell.notnull())
            by_value = rows.group_by(**{UNIT: rows[UNIT], "value": rows[wanted.column]}).aggregate(
                n=rows.count()
            )
            measure = by_value["n"].max() if wanted.counted is Counted.PEAK else by_value.count()
            return by_value.group_by(UNIT).aggregate(measure=measure)
