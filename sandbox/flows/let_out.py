"""The last step out: an approved request is held against the log, rebuilt, sealed in a crate, and leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.disclosure.crate import build_crate
from sandbox.disclosure.crate_phases import JobFacts
from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import judge
from sandbox.disclosure.judge_picture import table_behind
from sandbox.domain.agreement import release_terms
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed, Tampered
from sandbox.domain.fast_lane import all_passed
from sandbox.domain.findings import for_requester
from sandbox.domain.permission import Action
from sandbox.domain.policy import DatasetPolicy, Mode, ReleaseTerms
from sandbox.domain.release import Decision, Release, Status, Verb, transition
from sandbox.domain.release_record import check_recorded
from sandbox.flows.columns_behind import columns_behind
from sandbox.flows.differences import Differences
from sandbox.flows.fast_lane import TakeFastLane
from sandbox.flows.give_receipt import GiveReceipt
from sandbox.flows.permission import Permission
from sandbox.flows.plant_output import check_leaves
from sandbox.flows.published import published
from sandbox.store import Store

RELEASING = "system:release"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetOut:
    """The journey's parts."""

    store: Store
    permission: Permission
    lane: TakeFastLane
    differences: Differences
    give_receipt: GiveReceipt
    address: str  # of the platform, for browsers

    def __call__(self, release: Release) -> Release:
        """Rebuild the approved files, seal them in a crate, and mark the release as released.

        Raises:
            NotAllowed: the grant was revoked, the dataset is suspended, a file no longer passes, what it builds on was
                recalled, or it was planted.
            Tampered: files, votes, grant or agreement are not those that the log tells of.
        """
        check_leaves(self.store, release)
        grant = self.store.grants.get(release.grant_id)
        if grant is None:
            raise Tampered("The release's grant is gone.", place=f"release {release.id}")
        dataset = published(self.store, release.dataset)
        originals = [(file.name, self.store.vault.get(file.sha256)) for file in release.files]
        answers = {} if release.votes else self._answers(release, originals)
        planned = bool(not release.votes and not answers and self._planned(release, originals))
        terms = release_terms(self.permission.agreement(grant, Action.RELEASE))
        check_recorded(
            release,
            grant,
            self.store.log.proved(f"release:{release.id}"),
            needed=terms.reviewers,
            fast_lane=bool(answers) or planned,
        )
        permit = self.permission(
            None,
            grant,
            Action.RELEASE,
            approvals=frozenset(v.reviewer for v in release.votes if v.decision is Decision.APPROVE),
            columns=columns_behind(release, dataset.policy),
            private_answers=bool(answers),
            planned=planned,
        )
        self.differences.look_again(dataset, release, threshold=permit.terms.threshold)
        self._check_earlier(release)
        contents = _rebuilt(originals, permit.terms, dataset.policy)
        signed = self.store.access.agreement_by_hash(grant.agreement_hash)
        crate = build_crate(
            release=release,
            files=contents,
            findings=for_requester(
                self.store.releases.findings(release.id), reads_rows=grant.mode is Mode.ROOM
            ),
            agreement=signed.body,
            agreement_signature=signed.signature,
            policy_title=dataset.policy.title,
            source=dataset.policy.source,
            licence=dataset.policy.licence,
            snapshot=dataset.snapshot,
            log_head=self.store.log_tree.known_head(),
            ledger=self.store.ledger.charges_of(grant.project, dataset.policy.budget_lineage),
            released_at=self.store.now().isoformat(timespec="seconds"),
            address=self.address,
            public_key_pem=self.store.signer.public_pem,
            sign=self.store.signer.sign,
            receipts=self.give_receipt.behind(release, grant),
            **self._made_by(release),
        )
        stored = self.store.vault.put(crate)
        row = transition(release.status, Verb.RELEASE)
        event = Event(
            RELEASING,
            row.event,
            f"release:{release.id}",
            {
                "crate_sha256": stored.sha256,
                "files_sha256": [f.sha256 for f in release.files],
                **permit.facts,
            },
        )
        with self.store.transaction():
            self._supersede(release)
            return self.store.releases.move(replace(release, crate_sha256=stored.sha256), row, event=event)

    def _answers(self, release: Release, originals: Sequence[tuple[str, bytes]]) -> dict[str, int]:
        """The private answers that it consists of, recognised anew."""
        grant = self.store.grants.get(release.grant_id)
        if grant is None:
            return {}
        sql = {file.name: file.sql for file in release.files if file.sql}
        return self.lane.answers(published(self.store, release.dataset), grant, files=originals, sql=sql)

    def _planned(self, release: Release, originals: Sequence[tuple[str, bytes]]) -> dict[str, int]:
        """What stands for its planned outputs, recognised anew; nothing when a job made them, or a check spoke."""
        grant = self.store.grants.get(release.grant_id)
        found = self.store.releases.findings(release.id)
        if grant is None or self.store.jobs.of_release(release.id) is not None:
            return {}
        if not all_passed([name for name, _ in originals], found):
            return {}
        return self.lane.planned(
            published(self.store, release.dataset),
            grant,
            files=originals,
            sql={file.name: file.sql for file in release.files},
            context=release.context,
        )

    def _made_by(self, release: Release) -> dict[str, Any]:
        """The job that made the files, for their crate. When it ran stays here: that tells of the rows."""
        job = self.store.jobs.of_release(release.id)
        if job is None:
            return {}
        facts = JobFacts(
            number=job.id,
            code_sha256=job.code.sha256,
            package_sha256=job.package_sha256,
            image=job.image,
            snapshot=job.snapshot,
        )
        return {"job": facts, "code": (job.code.name, self.store.vault.get(job.code.sha256))}

    def _check_earlier(self, release: Release) -> None:
        for number in release.builds_on:
            earlier = self.store.releases.get(number)
            if earlier is None or earlier.status is Status.RECALLED:
                raise NotAllowed(
                    f"Request {number}, which it builds on, was recalled.",
                    clause="recall",
                    fix="Withdraw it, and submit what does not rest on that release.",
                )

    def _supersede(self, release: Release) -> None:
        """The release in whose place this one stands: it stays, and says so. A recalled one stays recalled."""
        earlier = self.store.releases.get(release.supersedes) if release.supersedes else None
        if earlier is not None and earlier.status is Status.RELEASED:
            row = transition(earlier.status, Verb.SUPERSEDE)
            event = Event(RELEASING, row.event, f"release:{earlier.id}", {"by": release.id})
            self.store.releases.move(earlier, row, event=event)


def _rebuilt(
    originals: Sequence[tuple[str, bytes]], terms: ReleaseTerms, policy: DatasetPolicy
) -> dict[str, bytes]:
    contents = {}
    declared, outputs = split(originals)
    for name, original in outputs:
        checked = judge(
            name,
            original,
            terms=terms,
            policy=policy,
            declared=declared.get(name),
            beside={n for n, _ in outputs},
            behind=table_behind(declared.get(name), outputs, terms=terms, policy=policy),
        )
        if not checked.rebuilt:
            raise NotAllowed(f"{name} no longer passes its checks.", clause="checks at release")
        contents[name] = checked.rebuilt
    return contents
