"""How policies changed, held against the log: the site's versions, proposals, and who agreed to what loosens."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.domain.audit import Entry
from sandbox.domain.errors import Tampered
from sandbox.domain.proposal import SITE, check_proved
from sandbox.store import Store

POLICY_ACTIONS = ("policy.", "site.adopted")


def check_policies(store: Store, told: Sequence[Entry]) -> int:
    """Hold both tables against the log's entries about policies.

    Returns:
        The number of proposals.

    Raises:
        Tampered: names the version or proposal that is not what the log says.
    """
    versions = [entry.event.facts.get("policy_sha256") for entry in told if entry.event.object == SITE]
    if [row.policy_hash for row in store.policies.site_versions()] != versions:
        raise Tampered(
            "Of the site's policy, the database and the log differ in its versions.", place="site policy"
        )
    about: dict[str, list[Entry]] = {}
    for entry in told:
        about.setdefault(entry.event.object, []).append(entry)
    proposals = store.policies.proposals()
    for proposal in proposals:
        check_proved(proposal, about.get(proposal.object, ()))
    gone = {o for o in about if o.startswith("proposal:")} - {p.object for p in proposals}
    if gone:
        raise Tampered(f"The log tells of {min(gone)}, which the database has not.", place=min(gone))
    return len(proposals)
