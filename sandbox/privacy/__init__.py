"""How a question becomes a private answer. In the order a question walks:

asking       SQL text → ``Question``, by an allow-list over a parse tree
planning     ``Question`` → ``Plan``: bounds, noise, price; no row is read for it
mechanisms   how far one unit can move a measurement, with its proof; the noise, by OpenDP
publishing   raw table → private view, once, by the owner; and the contribution profile that is bought with it
answering    ``Plan`` → exact, bounded, whole numbers → noise → values with intervals
base         counts over all columns and pairs, bought once; then free counts and synthetic rows
engines      the databases that run it
engine       all of it on one machine; ``service`` and ``remote`` put a process boundary through it, ``wire`` between
library      all of it without a server: ``from sandbox.privacy import PrivateData``; ``kept`` has its stored answers

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
