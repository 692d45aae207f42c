"""A second person approves a larger budget, in a real Chromium, and on a phone's width."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_browser_portal import address, chromium, signed_in, world
from tests.portal.example_world import World

__all__ = ["address", "chromium", "world"]
pytestmark = pytest.mark.browser


def test_who_proposed_sees_no_approval_and_the_owner_gives_it(
    world: World,
    address: str,
    chromium: Browser,
    tmp_path: Path,
) -> None:
    first = world.proposed()
    world.sandbox.change_policy.reject(world.person("olga"), first.id, comment="Say first what it is for.")
    world.proposed(reason="Two more projects were admitted.", title="Loan applications, 2024")
    pictures = Path(os.environ.get("SANDBOX_TEST_PICTURES", tmp_path))
    with signed_in(chromium, address, "alma") as page:
        page.get_by_role("link", name="Policies", exact=True).click()
        expect(page.get_by_text("You proposed it: somebody else has to approve it.")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    with signed_in(chromium, address, "olga", width=390) as page:
        page.goto("/services/portal/policies")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=pictures / "policies-phone.png", full_page=True)
    with signed_in(chromium, address, "olga") as page:
        page.goto("/services/portal/policies")
        expect(page.get_by_text("8 → 9").first).to_be_visible()
        page.screenshot(path=pictures / "policies.png", full_page=True)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("You approved the change")
        expect(page.get_by_text("Nothing waits.")).to_be_visible()
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.budget is not None
    assert (row.policy.budget.epsilon, row.version) == ("9", 2)
