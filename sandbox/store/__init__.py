"""What must last: the database, the ledger, the log, files by hash. SQLAlchemy is imported only here.

schema        the whole database on one page
migrations    how a database comes to have it
database      connections and transactions
log           the hash-chained, signed log; ``anchor`` keeps its head outside the database
log_tree      proofs about the log for outsiders; ``heads`` are kept in a folder, ``log_views`` finds a person's entries
ledger        reserve -> start -> settle | fail; ``accounts`` holds the caps, ``charges`` reads it
profiles      what was bought to know how units contribute; and base releases
catalogue     finds datasets by words and filters, through an index of what is published
people, datasets, access, releases    one noun each; every changing call takes the event it writes
grants        who may use what and until when; reading only, ``access`` writes them
review_comments    what reviewers write beside requests
planted_outputs    requests with a known flaw, by which is measured what reviewers miss
output_cells    the numbers of all requests, to be compared; reading only
imports       files and packages that ask to come in
demands, ratings, results, breaches    what society asks and is told; likewise
figures       sums for the public register and the transparency page; reading only
policies      the site's policy by version, and changes of policies that wait for a second person
duties        what people owe, and what they may not any more
data_keys     what files are closed with: public halves alone; ``destructions``: what nothing opens any more
objections    who objects to what; ``suspensions``: what is stopped, and until when it was
jobs          the queue of sent code
second_factors, identities, training  what people show at the door; ``attempts`` counts wrong tries
notices, outbox, contacts    what people are told, what is sent to them, how they want it
vault         files by SHA-256
keys          the platform's signature
policy_files  policy files read, with every mistake located; ``policy_reference`` writes their manual

>>> store = Store("sqlite:///state.db", home=Path("state"))                   # doctest: +SKIP
>>> with store.transaction():                                                 # doctest: +SKIP
...     ...  # several calls that happen wholly or not at all
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher

from sandbox.store.access import Access, SignedAgreement
from sandbox.store.anchor import Anchor
from sandbox.store.breaches import Breaches
from sandbox.store.catalogue import Catalogue
from sandbox.store.charges import Charge
from sandbox.store.contacts import Contacts, MailAddress
from sandbox.store.data_keys import DataKeys, KnownKey
from sandbox.store.database import Database
from sandbox.store.datasets import Dataset, Datasets, refresh_catalogue
from sandbox.store.demands import Demands
from sandbox.store.destructions import Destructions
from sandbox.store.duties import Duties, Report
from sandbox.store.figures import Figures
from sandbox.store.grants import Grants
from sandbox.store.heads import Heads
from sandbox.store.identities import Identities
from sandbox.store.imports import Imports
from sandbox.store.jobs import Jobs
from sandbox.store.keys import Signer, verify_signature
from sandbox.store.ledger import Ledger, Reservation
from sandbox.store.log import Log
from sandbox.store.log_tree import LogTree
from sandbox.store.log_views import EVERY, LogEntries, Sought
from sandbox.store.migrations import upgrade
from sandbox.store.notices import Notices
from sandbox.store.objections import Objections
from sandbox.store.outbox import Outbox
from sandbox.store.output_cells import OutputCells
from sandbox.store.people import Account, People
from sandbox.store.planted_outputs import PlantedOutputs
from sandbox.store.policies import Policies, SiteVersion
from sandbox.store.profiles import BoughtProfile, Profiles
from sandbox.store.ratings import Ratings
from sandbox.store.releases import Releases
from sandbox.store.results import Results
from sandbox.store.review_comments import ReviewComments
from sandbox.store.schema import bases
from sandbox.store.second_factors import SecondFactors
from sandbox.store.secrets import secret
from sandbox.store.suspensions import Suspensions
from sandbox.store.training import Training
from sandbox.store.vault import Stored, Vault
from sandbox.store.workers import this_process

__all__ = [
    "EVERY",
    "Account",
    "BoughtProfile",
    "Charge",
    "Dataset",
    "KnownKey",
    "MailAddress",
    "Report",
    "Reservation",
    "SignedAgreement",
    "Signer",
    "SiteVersion",
    "Sought",
    "Store",
    "Stored",
    "Vault",
    "verify_signature",
]


class Store:
    """All that lasts, in one place.

    Args:
        url: an SQLAlchemy URL of a SQLite file or a PostgreSQL database; it gets its tables here.
        home: the folder of the keys, the vault and the log's anchor.
        heads: where signed heads of the log are kept; in the home when not given.
        now: the current time, in UTC.
        worker: names this process, so that the next one recovers the questions it leaves; itself when empty.
        hasher: argon2id's parameters.
        sleep: waits, in seconds.

    Raises:
        OperatorError: the database or the folder cannot be used.
    """

    def __init__(
        self,
        url: str,
        home: Path,
        *,
        heads: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        worker: str = "",
        hasher: PasswordHasher | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.now = now
        self.database = Database(url)
        upgrade(self.database.engine)
        self.signer = Signer(home / "keys")
        self.vault = Vault(home / "vault")
        self.log = Log(self.database, self.signer, Anchor(_anchor(home)), now)
        self.log.found()
        self.log_tree = LogTree(
            self.database,
            self.log,
            self.signer,
            Heads(heads or home / "heads"),
            blinding=bytes.fromhex(secret(home / "keys", "log-leaves")),
            now=now,
        )
        self.log_entries = LogEntries(self.database)
        self.second_factors = SecondFactors(self.database, self.log, now, home / "keys")
        self.people = People(self.database, self.log, now, self.second_factors, hasher)
        self.identities = Identities(self.database, self.log, now)
        self.training = Training(self.database, self.log, now)
        self.datasets = Datasets(self.database, self.log, now)
        self.catalogue = Catalogue(self.database)
        refresh_catalogue(self.database)
        self.data_keys = DataKeys(self.database, self.log, now)
        self.destructions = Destructions(self.database, self.log, now, self.signer)
        self.policies = Policies(self.database, self.log, now)
        self.profiles = Profiles(self.database, self.log, now)
        self.bases = Profiles(self.database, self.log, now, bases)
        self.access = Access(self.database, self.log, now)
        self.grants = Grants(self.database)
        self.duties = Duties(self.database, self.log, now)
        self.releases = Releases(self.database, self.log, now)
        self.review_comments = ReviewComments(self.database, self.log, now)
        self.planted_outputs = PlantedOutputs(self.database, self.log, now)
        self.output_cells = OutputCells(self.database)
        self.imports = Imports(self.database, self.log, now)
        self.jobs = Jobs(self.database, self.log, now)
        self.suspensions = Suspensions(self.database, self.log, now)
        self.objections = Objections(self.database, self.log, now)
        self.demands = Demands(self.database, self.log, now)
        self.ratings = Ratings(self.database, self.log, now)
        self.results = Results(self.database, self.log, now)
        self.breaches = Breaches(self.database, self.log, now)
        self.notices = Notices(self.database, now)
        self.notices.found()
        self.outbox = Outbox(self.database, now)
        self.contacts = Contacts(self.database, self.log, now)
        self.figures = Figures(self.database)
        self.ledger = Ledger(self.database, self.log, now=now, worker=worker or this_process(), sleep=sleep)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join several calls into one that happens wholly or not at all."""
        with self.database.transaction():
            yield

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Join several calls that read: each sees what the first one saw."""
        with self.database.one_moment():
            yield

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()


def _anchor(home: Path) -> Path:
    """Where the log's newest entry is written a second time: a folder of its own, that can be on another disk."""
    path = home / "anchor" / "audit.head"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    earlier = home / "audit.head"
    if earlier.exists() and not path.exists():
        earlier.replace(path)
    return path
