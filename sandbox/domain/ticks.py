"""When an answer may leave: on ticks that lie further and further apart, so that a time says next to nothing."""

from __future__ import annotations


def leaves_after_ms(elapsed_ms: float, *, tick_ms: int) -> int:
    """The first of 1, 2, 4, 8 … ticks that is not before now.

    However long a question runs, its time is one of a handful: of ten for 51.2 seconds and ticks of 100 ms. Evenly
    spaced ticks would tell a time to a tenth of a second.

    >>> [leaves_after_ms(elapsed, tick_ms=100) for elapsed in (0, 100, 137, 250, 3000)]
    [100, 100, 200, 400, 3200]
    """
    ticks = 1
    while ticks * tick_ms < elapsed_ms:
        ticks *= 2
    return ticks * tick_ms
