"""Every page in a real Chromium, in both languages, light and dark, held against the rules of axe-core (WCAG 2.2 AA).

Everything that people can write is hostile here: nothing of it runs, asks for anything or opens a dialog.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sandbox.domain.release import Decision
from sandbox.settings import CHECKOUT
from tests.e2e.test_browser_portal import address, chromium, world
from tests.portal.example_world import SMALL_CELL_TABLE, World

__all__ = ["address", "chromium", "world"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

AXE = CHECKOUT / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {
    "rules": {"target-size": {"enabled": True}},
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(2)>',
    "</textarea><script>alert(3)</script>",
    "{{ 7 * 7 }} ${7*7} javascript:alert(4)",
    "مرحبا بالعالم 👩🏽 数据",
    "x" * 200,
)
PAGES: dict[str, tuple[str, ...]] = {
    "": (
        "/",
        "/datasets",
        "/datasets?q=loan",
        "/datasets/loans",
        "/datasets/inspections",
        "/datasets/tax_files",
        "/demands",
        "/demands/new",
        "/demands/1",
        "/projects",
        "/results",
        "/transparency",
        "/breaches",
        "/object",
        "/object/status",
        "/nowhere",
    ),
    "ana": (
        "/grants",
        "/ask/1",
        "/datasets/loans/apply",
        "/datasets/loans/application",
        "/applications/1",
        "/releases",
        "/releases/1",
        "/releases/2",
        "/jobs",
        "/imports",
        "/imports/new",
        "/results/report",
        "/notices",
        "/account",
        "/log/mine",
    ),
    "olga": ("/owner", "/decisions", "/applications/2", "/objections", "/policies", "/publish"),
    "rita": ("/review", "/releases/3"),
    "august": ("/log", "/log/1"),
    "alma": ("/people", "/people/ana", "/planted", "/health"),
}


@pytest.fixture
def written(world: World) -> World:
    """The example world with something on every page, in hostile words wherever words are free."""
    context = " ".join(HOSTILE)
    grant = world.granted("ana", purpose=context)
    world.applied("ben", project="Another question", purpose=context, legal_basis=HOSTILE[0])
    world.proposed(reason=context[:300])
    out = world.submitted(grant, context=context)
    world.voted(out, ("rita", Decision.APPROVE, HOSTILE[1]), ("ravi", Decision.APPROVE, HOSTILE[2]))
    world.submitted(grant, files=(("housing.csv", SMALL_CELL_TABLE),), context=context)
    world.submitted(grant, context=f"Once more. {context}")
    world.sandbox.demand_data.ask(
        world.person("ana"), title=HOSTILE[0], data=context, holder=HOSTILE[1], purpose=context
    )
    return world


def _violations(page: Page) -> list[str]:
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_holds_the_rules(
    written: World, chromium: Browser, address: str, name: str, language: str
) -> None:
    assert AXE.is_file(), "scripts/setup_tests.sh fetches axe-core"
    wrong: dict[str, list[str]] = {}
    with _browser(chromium, address, name, language) as (page, asked):
        for path in PAGES[name]:
            answer = page.goto(f"/services/portal{path}")
            assert answer is not None
            assert answer.status == (404 if path == "/nowhere" else 200), path
            assert page.locator("html").get_attribute("lang") == ("en" if language == "en-GB" else "zh-Hans")
            page.add_script_tag(path=str(AXE))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = _violations(page)
                if found:
                    wrong[f"{path} {scheme}"] = found
        assert asked == []
    assert wrong == {}


def test_the_rules_would_find_what_they_look_for(written: World, chromium: Browser, address: str) -> None:
    with _browser(chromium, address, "", "en-GB") as (page, asked):
        page.goto("/services/portal/")
        page.add_script_tag(path=str(AXE))
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<input><img src=/services/portal/x onerror=0>')"
        )
        assert any(found.startswith("label") for found in _violations(page))
        page.evaluate("fetch('http://127.0.0.1:1/').catch(() => 0)")
        page.wait_for_timeout(300)
        assert asked  # the control of what is asked elsewhere


@contextmanager
def _browser(chromium: Browser, address: str, name: str, language: str) -> Iterator[tuple[Page, list[str]]]:
    """A page of one person, and what it asked for elsewhere or opened."""
    # The rules are a script of ours that the pages' policy would refuse; that policy has tests of its own.
    context = chromium.new_context(base_url=address, locale=language, bypass_csp=True)
    context.set_default_timeout(30_000)
    page, asked = context.new_page(), list[str]()
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda one: None if one.url.startswith((address, "data:")) else asked.append(one.url))
    if name:
        page.goto("/services/portal/login?next=/services/portal/log/mine")
        page.get_by_role("link", name=f"I am {name}", exact=True).click()
    yield page, asked
    context.close()
