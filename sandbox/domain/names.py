"""How a name is written in SQL: bare where it can be, in quotes where the bare word means something."""

from __future__ import annotations

# Words that a parser may read as something else than a name. Too long a list costs two quotes, too short a
# list a question that cannot be read back: a test writes every one of them as a column and reads it again.
_WORDS = """
all analyse analyze and anti any array as asc asof at attach between both by call case cast check
collate column comment commit constraint create cross cube current_date current_time
current_timestamp date delete desc describe detach distinct drop else end escape except exclude
execute exists explain extract false fetch filter final first for foreign format from full function
glob global grant group grouping having if ignore ilike in inner insert install intersect interval
into is isnull join kill lateral lead leading left like limit load localtime localtimestamp map
merge minus natural next no not notnull null nulls of offset on only or order outer over overlaps
partition pivot positional pragma primary procedure qualify range references rename replace reset
respect returning right rollup row rows sample select semi set show similar some struct summarize
summary table tablesample temp temporary then time timestamp to trailing trim true truncate try_cast
uncache union unique unnest unpivot update use using values view when where window with
"""
RESERVED = frozenset(_WORDS.split())


def written_name(name: str) -> str:
    """A column's, table's or output's name (a-z, 0-9, _) as SQL.

    >>> written_name("amount"), written_name("order")
    ('amount', '"order"')
    """
    return f'"{name}"' if name in RESERVED else name
