"""My account, and people as administrators see them: pages and API."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from sandbox.domain.people_policy import Activity
from sandbox.domain.training import Standing
from sandbox.portal.pages import rendering
from tests.portal.example_world import Door, World, found_world, open_world
from tests.portal.markup import dangers, text_of

SECRET = re.compile(r'<code class="secret">([A-Z2-7 ]+)</code>')
RECOVERY = re.compile(r"<code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>")


def shown(world: World, secret: str) -> str:
    """What an app shows now."""
    return pyotp.TOTP(secret.replace(" ", "")).at(int(world.clock.now.timestamp()))


def enrolled(world: World, name: str) -> tuple[Door, str, list[str]]:
    """Somebody who enrolled by clicking: the browser, the secret, the recovery codes."""
    browser = world.browser(name)
    page = browser.send("/account/second-factor", password=f"the password of {name}")
    found = SECRET.search(page.text)
    assert found is not None
    done = browser.send("/account/second-factor/confirm", code=shown(world, found[1]))
    return browser, found[1].replace(" ", ""), RECOVERY.findall(done.text)


@pytest.fixture
def strict(tmp_path: Path) -> World:
    """The same world without the line that spares its people the second factor."""
    home = tmp_path / "strict"
    home.mkdir()
    found_world(home)
    site = home / "policies" / "site.yaml"
    site.write_text(site.read_text().replace("sign_in: {code_required_for: []}\n", ""))
    return open_world(home)


def test_my_account_shows_roles_training_and_second_factor(world: World) -> None:
    alma, today = world.person("alma"), world.sandbox.look_after_people.today()
    world.sandbox.look_after_people.record_training(alma, "ana", "safe_data", until=today + timedelta(days=9))
    page = text_of(world.browser("ana").get("/account").text)
    for words in ("researcher", "Working safely with data", "ends in 9 days", "off"):
        assert words in page
    page = text_of(world.browser("ben").get("/account").text)
    assert "nothing: it is asked of these roles, and stops nobody" in page
    assert "not taken yet" in page
    assert "missing" not in page  # nothing is refused for want of it


@pytest.mark.parametrize(
    ("before", "told"), [((), "not taken yet"), ((Activity.ASK,), "missing")], ids=["nothing", "asking"]
)
def test_a_course_is_missing_where_something_is_refused_for_want_of_it(
    before: tuple[Activity, ...], told: str
) -> None:
    course = Standing(
        course="safe_data",
        title="Safe data",
        until=None,
        needed=True,
        before=before,
        holds=False,
        ends_soon=False,
    )
    parts: Any = rendering._environment.get_template("parts.html").module
    assert told in parts.course_state(course, date(2025, 3, 10))


def test_enrolling_by_clicking(world: World) -> None:
    browser, secret, recovery = enrolled(world, "olga")
    assert len(recovery) == 10
    page = browser.get("/account").text
    assert "10 recovery codes left" in page
    assert secret not in page.replace(" ", "")
    assert not any(code in page for code in recovery)


def test_the_page_with_the_secret_is_harmless_and_kept_by_nobody(world: World) -> None:
    answer = world.browser("olga").send("/account/second-factor", password="the password of olga")
    assert answer.headers["cache-control"] == "no-store"
    assert [d for d in dangers(answer.text) if not d.startswith("src data:image/svg+xml")] == []
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_wrong_code_shows_the_same_secret_again(world: World) -> None:
    browser = world.browser("olga")
    first = SECRET.search(browser.send("/account/second-factor", password="the password of olga").text)
    again = browser.send("/account/second-factor/confirm", code="000000")
    assert again.status_code == 422
    second = SECRET.search(again.text)
    assert first is not None
    assert second is not None
    assert first[1] == second[1]
    assert "not the code" in again.text


def test_a_session_left_open_enrols_no_stranger(world: World) -> None:
    answer = world.browser("olga").send("/account/second-factor", password="a guess")
    assert answer.status_code == 422
    assert "Name, password or code is wrong." in answer.text
    assert "secret" not in answer.text
    assert not world.sandbox.store.second_factors.state("olga").enrolled


def test_a_password_is_changed_by_clicking(world: World) -> None:
    new = {"new": "a better password", "again": "a better password"}
    assert world.browser("ana").send("/account/password", password="a guess", **new).status_code == 422
    done = world.browser("ana").send("/account/password", password="the password of ana", **new)
    assert done.headers["location"].endswith("/account?done=password")
    assert world.sandbox.sign_in.by_password("ana", "a better password").name == "ana"


# who has to enrol first


def test_who_has_to_enrol_can_do_nothing_else(strict: World) -> None:
    for path in ("/decisions", "/grants", "/log", "/people"):
        answer = strict.browser("olga").get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/services/portal/account"), path
    answer = strict.program("olga").get("/applications")
    assert answer.status_code == 403
    assert answer.json()["error"]["clause"] == "second factor"
    refused = strict.program("olga").post("/applications/1/approve", json={})
    assert refused.json()["error"]["clause"] == "second factor"
    strict.granted()
    token = strict.program(token="notebook-1-of-ravi")  # a reviewer's notebook is bound by it too
    assert token.get("/budget?grant=1").json()["error"]["clause"] == "second factor"
    assert strict.program("ana").get("/grants").status_code == 200  # a researcher needs none here
    strict.close()


def test_they_can_enrol_and_then_everything_is_open(strict: World) -> None:
    page = strict.browser("olga").get("/account")
    assert "Set up a second factor first." in page.text
    browser, _, _ = enrolled(strict, "olga")
    assert browser.get("/decisions").status_code == 200
    assert strict.program("olga").get("/account").json()["second_factor"] == {
        "enrolled": True,
        "needed": False,
        "recovery_codes_left": 10,
    }
    strict.close()


def test_they_can_sign_out(strict: World) -> None:
    assert strict.browser("olga").send("/logout").headers["location"] == "/hub/logout"
    strict.close()


# closed accounts


def test_a_closed_accounts_live_token_is_nobodys_at_once(world: World) -> None:
    grant = world.granted()
    doors = {
        "page": lambda: world.browser("ana").get("/grants").status_code,
        "program": lambda: world.program("ana").get("/grants").status_code,
        "notebook": lambda: (
            world.program(token=f"notebook-{grant.id}-of-ana").get("/budget?grant=1").status_code
        ),
    }
    assert {name: ask() for name, ask in doors.items()} == dict.fromkeys(doors, 200)
    world.sandbox.look_after_people.deactivate(world.person("alma"), "ana")
    assert {name: ask() for name, ask in doors.items()} == {"page": 303, "program": 401, "notebook": 401}
    assert "Signed in as" not in world.browser("ana").get("/").text
    world.sandbox.look_after_people.activate(world.person("alma"), "ana")
    assert {name: ask() for name, ask in doors.items()} == dict.fromkeys(doors, 200)


# people


@pytest.mark.parametrize("name", ["ana", "olga", "rita", "august"])
def test_only_administrators_see_people(world: World, name: str) -> None:
    for path in ("/people", "/people/ana", "/people/nobody"):
        assert world.browser(name).get(path).status_code == 403, path
        assert world.program(name).get(path).status_code == 403, path
    assert world.browser("alma").get("/people").status_code == 200
    assert world.browser("alma").get("/people/nobody").status_code == 404


def test_people_are_listed_with_roles_second_factor_training_and_last_sign_in(world: World) -> None:
    look, alma = world.sandbox.look_after_people, world.person("alma")
    look.record_training(alma, "ana", "safe_data", until=look.today() + timedelta(days=20))
    enrolled(world, "olga")
    world.sandbox.sign_in.by_password("ben", "the password of ben")
    page = text_of(world.browser("alma").get("/people").text)
    for words in (
        "Courses that end within 30 days",
        "1 not taken",
        "complete",
        "10 Mar 2025",
        "never so far",
        "on",
    ):
        assert words in page


def test_an_administrator_changes_roles_by_clicking_and_not_her_own(world: World) -> None:
    alma = world.browser("alma")
    assert alma.send("/people/ben/roles", role=["owner", "reviewer"]).status_code == 303
    assert {str(r) for r in world.person("ben").roles} == {"owner", "reviewer"}
    assert alma.send("/people/ben/roles").status_code == 303  # none at all
    assert world.person("ben").roles == frozenset()
    for target, roles in (("alma", ["administrator", "owner"]), ("ben", ["auditor", "owner"])):
        refused = alma.send(f"/people/{target}/roles", role=roles)
        assert refused.status_code == 403
        assert "separation of duties" in refused.text
    assert 'name="role"' not in alma.get("/people/alma").text


@pytest.mark.parametrize("verb", ["roles", "deactivate", "activate", "reset_second_factor", "training"])
def test_a_researcher_cannot_send_the_administrators_forms(world: World, verb: str) -> None:
    fields = {"role": "administrator", "course": "safe_data", "until": "2025-12-31"}
    for target in ("ana", "ben"):
        assert world.browser("ana").send(f"/people/{target}/{verb}", **fields).status_code == 403
    assert {str(r) for r in world.person("ana").roles} == {"researcher"}


def test_odd_forms_are_mistakes_and_not_failures(world: World) -> None:
    alma = world.browser("alma")
    assert alma.send("/people/ben/training", course="safe_data", until="soon").status_code == 422
    assert alma.send("/people/ben/training", course="unknown", until="2025-12-31").status_code == 422
    assert alma.send("/people/ben/roles", role="king").status_code == 422
    assert alma.send("/people/ben/promote").status_code == 404
    assert alma.send("/people/ben%0d%0aX:y/deactivate").status_code == 404
    assert alma.send("/people/ben/activate").status_code == 409


def test_the_interface_for_programs_does_the_same(world: World) -> None:
    alma = world.program("alma")
    ben = alma.put("/people/ben/roles", json={"roles": ["reviewer"]}).json()
    assert (ben["roles"], ben["active"]) == (["reviewer"], True)
    assert ben["allowed_actions"] == ["set_roles", "deactivate", "record_training"]
    assert alma.post("/people/ben/deactivate").json()["allowed_actions"] == [
        "set_roles",
        "activate",
        "record_training",
    ]
    assert alma.post("/people/ben/activate").json()["active"] is True
    made = alma.post("/people/ben/training", json={"course": "safe_data", "until": "2025-12-31"})
    assert made.status_code == 201
    assert made.json()["training"][0]["until"] == "2025-12-31"
    enrolled(world, "ben")
    assert alma.post("/people/ben/reset_second_factor").json()["second_factor"]["enrolled"] is False
    assert alma.put("/people/alma/roles", json={"roles": ["owner"]}).json()["error"]["clause"] == (
        "separation of duties"
    )
    assert alma.post("/people/ben/promote").status_code == 422
    assert {p["name"] for p in alma.get("/people").json()} >= {"alma", "ben"}
    assert world.program("ana").put("/people/ana/roles", json={"roles": ["owner"]}).status_code == 403


def test_pages_about_people_are_harmless_and_every_notice_is_known(world: World) -> None:
    look, alma = world.sandbox.look_after_people, world.person("alma")
    look.record_training(alma, "ravi", "safe_data", until=look.today())
    for path in ("/people", "/people/ravi", "/people/alma", "/account"):
        assert dangers(world.browser("alma").get(path).text) == []
    done = world.browser("alma").send("/people/ravi/deactivate").headers["location"].partition("done=")[2]
    assert done in rendering._NOTICES
