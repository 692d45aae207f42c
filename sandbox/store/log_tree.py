"""The log's Merkle tree: signed heads that are kept, and proofs for people who have only a head.

The tree is worked out from the log's own rows. What was read once is remembered, so that a new head costs what was
written since; ``verify`` remembers nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from sandbox.domain.errors import NotFound, Tampered
from sandbox.domain.merkle import Tree
from sandbox.domain.tree_head import ConsistencyProof, EntryProof, TreeHead, entry_leaf
from sandbox.store.database import Database, stamp
from sandbox.store.heads import Heads
from sandbox.store.keys import Signer
from sandbox.store.log import Log
from sandbox.store.schema import audit_log

HEAD_EVERY = timedelta(days=1)
_PAGE = 1000
_COLUMNS = (
    audit_log.c.seq,
    audit_log.c.at,
    audit_log.c.actor,
    audit_log.c.action,
    audit_log.c.object,
    audit_log.c.facts,
)


class LogTree:
    """The tree over the installation's log.

    Args:
        blinding: the key that the entries' own keys are made with; with it lost, no earlier head can be proved to.
        now: the current time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        signer: Signer,
        heads: Heads,
        *,
        blinding: bytes,
        now: Callable[[], datetime],
    ) -> None:
        self.heads = heads
        self._database, self._log, self._signer, self._now = database, log, signer, now
        self._blinding = blinding
        self._leaves: list[bytes] = []
        self._tree = Tree([])
        self._lock = threading.Lock()

    def keep_head(self) -> TreeHead:
        """Sign the tree as it stands and keep its head; the newest kept one when nothing was written since.

        Raises:
            Tampered: the log is not what the newest kept head saw: it was cut or rewritten.
        """
        with self._lock:
            tree = self._grown(self._log.head().seq)
            newest = self.heads.newest()
            if newest is not None:
                self._check_kept(newest, tree)
                if newest.size == len(tree):
                    return newest
            head = self._signed(tree, len(tree))
            self.heads.keep(head)
            return head

    def known_head(self) -> TreeHead:
        """The newest kept head, which everybody may have; before the first one is kept, the tree's as it stands.

        Nothing is written: not every process may write where heads are kept.
        """
        newest = self.heads.newest()
        if newest is not None:
            return newest
        with self._lock:
            tree = self._grown(self._log.head().seq)
            return self._signed(tree, len(tree))

    def keep_head_daily(self) -> TreeHead | None:
        """Keep a head when the newest is a day old; None when it is not due."""
        newest = self.heads.newest()
        if newest is not None and self._now() - datetime.fromisoformat(newest.at) < HEAD_EVERY:
            return None
        return self.keep_head()

    def consistency(self, old_size: int, new_size: int) -> ConsistencyProof:
        """That the log of one kept head begins with that of another.

        Raises:
            NotFound: no head of such a size was kept.
        """
        old, new = self._kept(min(old_size, new_size)), self._kept(max(old_size, new_size))
        return self.grown_from(old, new)

    def grown_from(self, old: TreeHead, new: TreeHead) -> ConsistencyProof:
        """The proof between two heads, which whoever gets it has to check.

        Raises:
            Tampered: the log is shorter than a head says.
        """
        with self._lock:
            tree = self._grown(max(old.size, new.size))
            if len(tree) < new.size or new.size < old.size:
                raise Tampered(
                    f"The log has {len(tree)} entries; a head says {max(old.size, new.size)}.", place="head"
                )
            return ConsistencyProof(old=old, new=new, path=_hex(tree.consistency(old.size, new.size)))

    def prove(self, seqs: Sequence[int], head: TreeHead) -> Iterator[EntryProof]:
        """That entries are in the log of a head, in the order of their numbers.

        Raises:
            NotFound: the head does not reach so far.
        """
        for start in range(0, len(seqs), _PAGE):
            wanted = seqs[start : start + _PAGE]
            with self._lock:
                tree = self._grown(head.size)
                self._check_kept(head, tree)
            with self._database.reading() as connection:
                query = select(*_COLUMNS).where(audit_log.c.seq.in_(wanted)).order_by(audit_log.c.seq)
                rows = connection.execute(query).all()
            for row in rows:
                if row.seq > head.size:
                    raise NotFound(
                        f"Entry {row.seq} is younger than the newest kept head.",
                        fix="Ask again when the next head is kept, within a day.",
                    )
                yield EntryProof(
                    seq=row.seq,
                    at=row.at,
                    actor=row.actor,
                    action=row.action,
                    object=row.object,
                    facts=row.facts,
                    blind=self._blind(row.seq).hex(),
                    path=_hex(tree.inclusion(row.seq - 1, head.size)),
                )

    def verify(self) -> int:
        """Hold every kept head against the log, read anew.

        Returns:
            How many heads were kept.

        Raises:
            Tampered: names the head that the log does not fit.
        """
        heads = self.heads.all()
        if not heads:
            return 0
        with self._database.reading() as connection:
            tree = Tree([self._leaf(row) for row in _rows(connection, after=0)])
        for head in heads:
            self._check_kept(head, tree)
        return len(heads)

    def begin_anew(self, entry: int) -> None:
        """Set the kept heads aside: the operator has said that a restored database is meant.

        Args:
            entry: of the log, which says so.
        """
        with self._lock:
            self.heads.set_aside(f"before-entry-{entry}")
            self._leaves, self._tree = [], Tree([])

    def _grown(self, size: int) -> Tree:
        """The tree with at least so many entries, where the log has them."""
        if len(self._leaves) < size:
            with self._database.reading() as connection:
                for row in _rows(connection, after=len(self._leaves)):
                    if row.seq != len(self._leaves) + 1:
                        raise Tampered(
                            f"Entry {len(self._leaves) + 1} is missing.",
                            place=f"entry {len(self._leaves) + 1}",
                        )
                    self._leaves.append(self._leaf(row))
            self._tree = Tree(self._leaves)
        return self._tree

    def _signed(self, tree: Tree, size: int) -> TreeHead:
        unsigned = TreeHead(size=size, root=tree.root(size).hex(), at=stamp(self._now()), signature="")
        return TreeHead(
            size=unsigned.size,
            root=unsigned.root,
            at=unsigned.at,
            signature=self._signer.sign(unsigned.signed_bytes()).hex(),
        )

    def _check_kept(self, head: TreeHead, tree: Tree) -> None:
        head.check(self._signer.check)
        if head.size > len(tree):
            raise Tampered(
                f"The log has {len(tree)} entries, and had {head.size} on {head.at[:10]}: it was cut.",
                place=f"entry {len(tree) + 1}",
            )
        if tree.root(head.size).hex() != head.root:
            raise Tampered(
                f"The first {head.size} entries are not those of {head.at[:10]}: the log was rewritten.",
                place=f"head {head.size}",
            )

    def _kept(self, size: int) -> TreeHead:
        head = self.heads.of_size(size)
        if head is None:
            raise NotFound(
                f"No head of {size} entries was kept.", fix="Give the size that stands in a kept head."
            )
        return head

    def _leaf(self, row: Row[Any]) -> bytes:
        return entry_leaf(
            row.seq, row.at, row.actor, row.action, row.object, row.facts, blind=self._blind(row.seq)
        )

    def _blind(self, seq: int) -> bytes:
        return hmac.digest(self._blinding, b"sandbox-log-leaf-v1\n%d" % seq, hashlib.sha256)


def _rows(connection: Connection, *, after: int) -> Iterator[Any]:
    """The rows after a number, a page at a time."""
    query = select(*_COLUMNS).order_by(audit_log.c.seq).limit(_PAGE)
    while rows := connection.execute(query.where(audit_log.c.seq > after)).all():
        yield from rows
        after = rows[-1].seq


def _hex(steps: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(step.hex() for step in steps)
