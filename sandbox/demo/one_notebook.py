"""One open notebook of a demo person, in an installation that runs: what the red team attacks from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.demo.datasets import prepare
from sandbox.demo.people import ensure_demo_people
from sandbox.demo.tour import APPLICATIONS
from sandbox.domain.people import Person, Role
from sandbox.hub_session import HubSession
from sandbox.wiring import Sandbox

RESEARCHER, OWNER = "ana", "olga"


@contextmanager
def one_notebook(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """Publish one dataset, get access to it, and open the notebook, for as long as the block.

    Returns:
        The person and the name of the notebook's server.
    """
    settings = sandbox.settings
    passwords = ensure_demo_people(sandbox)
    wish = APPLICATIONS[RESEARCHER]
    name = wish["dataset"]
    owner = Person(name=OWNER, roles=frozenset({Role.OWNER}))
    policy_file = settings.policies / "datasets" / f"{name}.yaml"
    files = prepare(settings.home / "demo-data")
    sandbox.publish_dataset(owner, policy_file=policy_file, files=files[name])
    with (
        HubSession(settings, RESEARCHER, passwords[RESEARCHER], note="red team") as analyst,
        HubSession(settings, OWNER, passwords[OWNER], note="red team") as approving,
    ):
        made = analyst.portal("POST", "applications", json=wish)
        approved = approving.portal("POST", f"applications/{made['id']}/approve")
        agreement = {"agreement_sha256": approved["agreement_sha256"]}
        analyst.portal("POST", f"applications/{made['id']}/sign", json=agreement)
        (grant,) = (g for g in analyst.portal("GET", "grants") if g["holds"] and g["dataset"] == name)
        server = str(grant["server_name"])
        analyst.start_notebook(server)
        try:
            yield RESEARCHER, server
        finally:
            analyst.stop_notebook(server)
