"""How a question becomes a private answer. In the order a question walks:

parse        SQL text → ``Question``, by an allow-list over a parse tree
plan         ``Question`` → ``Plan``: bounds, noise, price; no row is read for it
profile      how units contribute: offered, bought once (``profiling``), kept (``profiles``), read (``strata``)
choice       the bounds with the least loss and noise together, by the profile
sensitivity  how far one unit can move a measurement, with the proof of each formula
noise        OpenDP: the price of a noise, and its draw
bounded      ``Plan`` → the query that is sent to the engine: exact, bounded, whole numbers
assemble     noisy whole numbers → values with intervals
publish      raw table → private view, once, by the owner
engine       all of it on one machine; ``service`` and ``remote`` put a process boundary through it
library      all of it without a server: ``from sandbox.privacy import PrivateData``

Only this room imports sqlglot, ibis, duckdb and opendp.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.privacy.library import PrivateData

__all__ = ["PrivateData"]


def __getattr__(name: str) -> Any:
    """Load the library only when it is asked for: the room's own modules import this package too."""
    if name == "PrivateData":
        from sandbox.privacy.library import PrivateData

        return PrivateData
    raise AttributeError(f"module 'sandbox.privacy' has no attribute {name!r}")
