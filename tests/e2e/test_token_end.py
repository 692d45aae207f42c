"""A container's token ends with its notebook: at the gate, at the hub, and at the portal, whose memory is a second long.

Real hub, gate and containers; the portal's own way of asking the hub. How long it took is printed, and held only by
the order of things: a clock on a busy machine proves nothing.
"""

from __future__ import annotations

import time

import httpx
import pytest

from sandbox.portal.identity import Claim, HubIdentity
from tests.e2e.notebook_house import notebook_house, wait
from tests.e2e.test_notebook_life import begin, is_ready, run_in_kernel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_token_is_its_grants_and_is_worth_nothing_after_it() -> None:
    with notebook_house() as house, house.person("alice") as alice:
        begin(alice)
        token = run_in_kernel(alice, "__import__('os').environ['JUPYTERHUB_API_TOKEN']").strip("'")
        portal = HubIdentity(house.settings)
        assert portal.claim(token) == Claim(name="alice", grant_id=1)  # of this grant, and of no other

        def at_the_hub(path: str) -> int:
            headers = {"Authorization": f"token {token}"}
            return httpx.get(house.settings.hub_url + path, headers=headers, trust_env=False).status_code

        assert at_the_hub("/hub/api/user") == 200
        for path in ("/hub/api/users", "/hub/api/users/ben", "/hub/api/users/alice/tokens", "/hub/api/proxy"):
            assert at_the_hub(path) in (403, 404), path

        portal.claim(token)  # it is remembered now, for as long as the portal remembers
        began = time.monotonic()
        # As the portal ends it when the grant is taken back.
        assert alice.delete("/hub/api/users/alice/servers/grant-1").status_code in (202, 204)
        wait(lambda: at_the_hub("/hub/api/user") == 403, "the hub does not know the token")
        at_hub = time.monotonic() - began
        wait(lambda: portal.claim(token) is None, "the portal does not know it")
        at_portal = time.monotonic() - began
        print(f"revoked: at the hub after {at_hub:.2f} s, at the portal after {at_portal:.2f} s")  # noqa: T201
        assert portal._hub.cache_max_age <= 1  # so late after the hub at most
        assert alice.get("/user/alice/grant-1/api/contents").status_code != 200

        # The next notebook of the same grant has another token; the old one stays worthless.
        wait(lambda: not is_ready(alice), "it has ended")
        begin(alice)
        assert portal.claim(token) is None
        assert at_the_hub("/hub/api/user") == 403
