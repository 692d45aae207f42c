"""How long the catalogue takes with many datasets: python -m benchmarks.catalogue [HOW_MANY] [DATABASE_URL].

Publishes made-up datasets (twenty columns each) into a store of its own, then times what a visitor does.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.catalogue_terms import Frequency
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Domain, OpenClass, Table
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.search import search
from sandbox.domain.site_policy import SitePolicy
from sandbox.flows.browse_catalogue import BrowseCatalogue
from sandbox.portal.documents.dcat import Place, catalogue_graph
from sandbox.store import Store

REPEATS = 20
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "ya")


def made_up(n: int, draw: random.Random) -> DatasetPolicy:
    """A policy with about two hundred different words."""

    def words(count: int) -> str:
        return " ".join("".join(draw.choices(SYLLABLES, k=draw.randint(2, 3))) for _ in range(count))

    columns = {
        f"c{place}_{words(1)}": Column(type=ColumnType.INTEGER, description=words(6)) for place in range(20)
    }
    return DatasetPolicy(
        name=f"made_up_{n}",
        title=words(5),
        open_class=draw.choice(list(OpenClass)[:1] * 3 + [OpenClass.CLOSED]),
        domain=draw.choice(list(Domain)),
        description=words(60),
        provider=f"Office {n % 50}",
        source=words(5),
        licence="CC0",
        update_frequency=draw.choice(list(Frequency)),
        keywords=tuple(words(1) for _ in range(5)),
        owner="olga",
        tables={"t": Table(max_rows=10, columns=columns)},
    )


def timed(what: str, act: Callable[[], object]) -> None:
    """Print the median and the longest of some repetitions, in milliseconds."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        act()
        taken.append(1000 * (time.perf_counter() - start))
    print(f"{what:44} {sorted(taken)[REPEATS // 2]:8.1f} ms  at most {max(taken):8.1f} ms")


def main(how_many: int, url: str) -> None:
    home = Path(tempfile.mkdtemp(prefix="catalogue-"))
    store = Store(url or f"sqlite:///{home / 'state.db'}", home)
    browse = BrowseCatalogue(store=store, site=SitePolicy(), address="http://127.0.0.1/services/portal")
    draw = random.Random(1)  # noqa: S311 - not for secrets
    start = time.perf_counter()
    for n in range(how_many):
        policy = made_up(n, draw)
        store.datasets.publish(
            policy,
            policy_hash=content_hash(policy_to_document(policy)),
            snapshot="s",
            public_files={},
            event=Event("benchmark", "dataset.published", f"dataset:{policy.name}"),
        )
    print(f"{how_many} published in {time.perf_counter() - start:.1f} s")
    timed("first page, no words", lambda: browse.search(search()))
    timed("the page at the end", lambda: browse.search(search(offset=how_many - 20)))
    timed("one rare word", lambda: browse.search(search("bacedi")))
    timed("one word that every dataset has", lambda: browse.search(search("office")))
    timed("a beginning that many words have (ba)", lambda: browse.search(search("ba")))
    timed(
        "three words and two filters",
        lambda: browse.search(search("ba office 1", domain="transport", mode="download")),
    )
    timed("one dataset", lambda: browse.dataset("made_up_1"))
    timed("the state of it all", browse.state)
    start = time.perf_counter()
    tuple(store.datasets.all())
    print(f"{'for comparison: to read all policies':44} {1000 * (time.perf_counter() - start):8.1f} ms")
    start = time.perf_counter()
    catalogue_graph(Place(site="s", address="http://127.0.0.1"), browse.everything())
    print(f"{'DCAT-AP of all of it, once for each state':44} {1000 * (time.perf_counter() - start):8.1f} ms")
    if (home / "state.db").exists():
        print(f"the database: {(home / 'state.db').stat().st_size / 1e6:.0f} MB")
    store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else "")
