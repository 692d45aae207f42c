"""The site's policy in force: settled with ``site.yaml`` whenever the system is put together.

- The first file is taken as it is: there is nothing that it could loosen.
- A file that only tightens, or changes nothing that matters, takes its place at once.
- A file that loosens stays without effect until a second person approves it; the system runs on under the policy in
  force, so that nobody is locked out.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Conflict, SandboxError
from sandbox.domain.policy_change import differences, loosening
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.site_policy import SitePolicy
from sandbox.store import Store
from sandbox.store.policies import SiteVersion
from sandbox.store.policy_files import Site, read_site

_ACTOR = "system:start"
_TRIES = 5  # processes that start at once


def settle_site(store: Store, file: SitePolicy) -> SiteVersion:
    """The policy in force, which is the file's wherever it may be."""
    digest = content_hash(policy_to_document(file))
    for _ in range(_TRIES):
        held = store.policies.site()
        if held is not None and (held.policy_hash == digest or loosening(differences(held.policy, file))):
            return held
        base_hash, action = (held.policy_hash, "policy.applied") if held is not None else ("", "site.adopted")
        try:
            with store.transaction():
                made = store.policies.publish_site(
                    file, base_hash=base_hash, event=Event(_ACTOR, action, "site")
                )
                store.policies.void_others(
                    "site",
                    policy_hash=made.policy_hash,
                    event=Event(_ACTOR, "policy.voided", "proposal:new", {"policy_sha256": made.policy_hash}),
                )
            return made
        except Conflict:
            continue
    raise Conflict("The site's policy changes all the time.", fix="Start again.")


def site_with_lines(store: Store, file: Path) -> Site:
    """The policy in force, whose keys are told by the file's lines where the file says the same."""
    held = store.policies.site()
    try:
        written = read_site(file)
    except SandboxError:
        if held is None:
            raise
    else:
        if held is None or content_hash(policy_to_document(written.policy)) == held.policy_hash:
            return written
    version = held.version
    return Site(held.policy, lambda key: f"{'.'.join(map(str, key))}, version {version} of the site's policy")
