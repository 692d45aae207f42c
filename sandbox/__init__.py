"""A secure data sandbox. The rooms, in the order data walks them:

domain      what is allowed: rules and values, standard library only
store       what must last: the database, the ledger, the log, files by hash
privacy     how a question becomes a private answer
isolation   how code is locked in: container settings and the gate
disclosure  how an output file is judged
post        how word leaves: e-mails and webhooks
deploy      what a cluster needs to run all of it, as manifests
flows       the journeys, one file a story, told top to bottom
portal      the door for people (pages) and programs (``/api/v1``)
cli         the door for operators: ``sandbox …``
client      the door for notebooks; it imports nothing else of this package
demo        the tour, its people and its data

Beside them: ``settings``, ``wiring`` (puts the parts together), ``hub_session`` (a person signed in at the hub) and
``terminal`` (how things are laid out there).

``domain <- {store, privacy, isolation, disclosure} <- flows <- {portal, cli, demo}``, ``domain <- post <- cli``;
``tests/test_architecture.py`` holds the direction.

In a notebook:

>>> import sandbox                                      # doctest: +SKIP
>>> box = sandbox.connect()                             # doctest: +SKIP
>>> box.ask("SELECT COUNT(*) FROM loans", epsilon=0.1)  # doctest: +SKIP

In code that is sent to run beside the rows, as in a notebook:

>>> loans = sandbox.data("loans")                                     # doctest: +SKIP
>>> loans.describe().to_csv(sandbox.outbox / "described.csv")         # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.client import connect, data, output, run, tables

    outbox: Path

__version__ = "0.1.0"
__all__ = ["__version__", "connect", "data", "outbox", "output", "run", "tables"]


def __getattr__(name: str) -> Any:
    """Load the notebook client only when it is asked for, so that no other room pays for it."""
    if name == "outbox":
        from sandbox.client import outbox_folder

        return outbox_folder()
    if name in __all__:
        import sandbox.client

        return getattr(sandbox.client, name)
    raise AttributeError(f"module 'sandbox' has no attribute {name!r}")
