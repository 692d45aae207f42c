"""How long a table of one megabyte is checked: ``python -m benchmarks.disclosure.speed``."""

from __future__ import annotations

import time

from benchmarks.disclosure.ours import TERMS
from sandbox.disclosure.judge import judge
from sandbox.domain.outputs import Declared, OutputKind

MEGABYTE = 10**6


def megabyte() -> bytes:
    """A table of groups with their counts and means, of one megabyte."""
    lines = ["region,band,n,mean_amount"]
    size = 0
    while size < MEGABYTE:
        at = len(lines)
        lines.append(
            f"region number {at // 40} of the long list,band {at % 40} of all,{100 + at % 900},{at % 977}.25"
        )
        size += len(lines[-1]) + 1
    return "\n".join(lines).encode() + b"\n"


def main() -> None:
    data = megabyte()[:MEGABYTE].rsplit(b"\n", 1)[0] + b"\n"
    declared = Declared(kind=OutputKind.MAGNITUDE, dims=("region", "band"), units="n")
    began, worked = time.perf_counter(), time.process_time()
    judged = judge("t.csv", data, terms=TERMS, declared=declared)
    took_s, worked_s = time.perf_counter() - began, time.process_time() - worked
    print(
        f"{len(data):,} bytes, {data.count(bytes([10])):,} lines: {took_s:.2f} s ({worked_s:.2f} s of one processor), "
        f"{judged.bits_leaving:,} bits would leave"
    )


if __name__ == "__main__":
    main()
