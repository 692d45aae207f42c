"""How much leaves: an upper bound in bits on what a rebuilt file can tell.

A number of d digits tells at most d·log2(10); a value from a public list log2 of the list's length; any other text what
is left of it after compression, as do pictures.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.columns import normal
from sandbox.disclosure.table import Table
from sandbox.domain.policy import Scalar

_DIGIT = math.log2(10)


def bits_of_table(table: Table, *, keys: Mapping[str, Sequence[Scalar]]) -> int:
    """The bits of a table as it leaves.

    >>> bits_of_table(Table(("sex", "n"), (("f", "123"), ("m", "131"))), keys={"sex": ("f", "m")})
    22
    """
    listed = {normal(name): len(values) for name, values in keys.items()}
    bits, texts = 0.0, []
    for name, column in zip(table.columns, zip(*table.rows, strict=True), strict=True):
        if normal(name) in listed:
            bits += len(column) * math.log2(max(1, listed[normal(name)]))
            continue
        for cell in column:
            if read_number(cell) is not None:
                bits += _DIGIT * sum(c.isdigit() for c in cell)
            else:
                texts.append(cell)
    return math.ceil(bits) + (bits_of_bytes("\n".join(texts).encode()) if any(texts) else 0)


def bits_of_bytes(data: bytes) -> int:
    """The bits of a text or picture as it leaves."""
    return 8 * len(zlib.compress(data, 9))
