"""A page in one person's notebook, opened by another: what its script can read with the reader's own cookies.

Real hub, proxy, gate, containers and browser. The site's host is ``sandbox.localhost``: to a browser, the hosts below it
are of one *site* with it, as those below a real domain are, so that no ``SameSite`` rule helps. The control serves
everything from one host, and there the same script gets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.notebook_house import House, notebook_house, wait
from tests.e2e.test_browser_real_hub import CHROMIUM, FLAGS

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(400)]

# Each is a function of where things are; it gives a text when it got in.
ATTACKS = {
    "reads his files": "at => fetch(at.ben + '/api/contents', {credentials: 'include'}).then(got)",
    "reads his files with his form token": """async at => {
        const other = window.open(at.ben + '/lab');
        for (let tries = 0; tries < 50; tries++) {
            await new Promise(done => setTimeout(done, 200));
            const token = (other.document.cookie.match(/_xsrf=([^;]+)/) || [])[1];
            if (!token) continue;
            const headers = {'X-XSRFToken': token};
            return got(await fetch(at.ben + '/api/contents', {credentials: 'include', headers: headers}));
        }
        throw 'no token';
    }""",
    "starts a kernel in his notebook": """async at => {
        await fetch(at.ben + '/api/kernels', {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}'});
        throw 'whether one was started is looked at from outside';
    }""",
    "listens to his server": """at => new Promise((yes, no) => {
        const socket = new WebSocket(at.ben.replace('http', 'ws') + '/api/events/subscribe');
        socket.onopen = () => yes('open');
        socket.onerror = () => no('refused');
    })""",
    "frames his notebook": """at => new Promise((yes, no) => {
        const frame = document.createElement('iframe');
        frame.onload = () => frame.contentDocument ? yes(frame.contentDocument.body.innerHTML) : no('not his');
        frame.src = at.ben + '/lab';
        document.body.append(frame);
    })""",
    "asks the hub who he is": "at => fetch(at.site + '/hub/api/user', {credentials: 'include'}).then(got)",
    "reads the hub's page of tokens": "at => fetch(at.site + '/hub/token', {credentials: 'include'}).then(got)",
    "asks the portal": "at => fetch(at.site + '/services/portal/api/v1/grants', {credentials: 'include'}).then(got)",
    "reads the hub's cookie with the form token": """async at => {
        history.pushState(null, '', '/hub/home');
        if (!document.cookie.includes('_xsrf')) throw 'none';
        return document.cookie;
    }""",
}
# What has got in where everything is served from one host. The hub's own pages guard themselves there too.
CONTROL = (
    "reads his files with his form token",
    "listens to his server",
    "asks the portal",
)
GOT = "const got = async answer => { if (!answer.ok) throw 'HTTP ' + answer.status; return await answer.text(); };"


@dataclass
class Reader:
    """Ben's browser, signed in, and where things are."""

    house: House
    context: BrowserContext
    ben: httpx.Client  # his own program

    def at(self, person: str) -> str:
        url = self.house.settings.url
        return url if self.house.shared_origin else url.replace("://", f"://{person}.")

    def attack(self, page: Page, script: str) -> str:
        """What the script reads; empty when it reads nothing."""
        page.goto(f"{self.at('alice')}/user/alice/grant-1/api")  # any page that her container answers with
        places = {"site": self.house.settings.url, "ben": f"{self.at('ben')}/user/ben/grant-2"}
        run = f"async at => {{ {GOT} try {{ return await ({script})(at); }} catch {{ return ''; }} }}"
        found: str = page.evaluate(run, places)
        return found

    def kernels(self) -> int:
        return len(self.ben.get("/user/ben/grant-2/api/kernels").json())


def begin(person: httpx.Client, name: str, server: str) -> None:
    def ready() -> bool:
        model = person.get(f"/hub/api/users/{name}").json()
        return bool(model["servers"].get(server, {}).get("ready"))

    assert person.post(f"/hub/api/users/{name}/servers/{server}").status_code in (201, 202)
    wait(ready, f"{name}'s notebook is ready")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def reading(house: House, chromium: Browser) -> Iterator[Reader]:
    with house.person("alice") as alice, house.person("ben") as ben:
        begin(alice, "alice", "grant-1")
        begin(ben, "ben", "grant-2")
        context = chromium.new_context(bypass_csp=True)  # the hosts alone have to hold
        context.set_default_timeout(60_000)
        reader = Reader(house, context, ben)
        page = context.new_page()
        # Through the hub's sign-in on the site's host, and back to his own.
        page.goto(f"{reader.at('ben')}/user/ben/grant-2/lab")
        page.get_by_label("Username").fill("ben")
        page.get_by_label("Password:").fill("right")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{reader.at('ben')}/user/ben/grant-2/lab**")
        page.close()
        try:
            yield reader
        finally:
            context.close()
            for person, path in ((alice, "alice/servers/grant-1"), (ben, "ben/servers/grant-2")):
                person.delete(f"/hub/api/users/{path}")
            wait(lambda: not house.leftovers(), "both notebooks are gone")


@pytest.fixture(scope="module")
def his(chromium: Browser) -> Iterator[Reader]:
    with notebook_house(host="sandbox.localhost") as house:
        yield from reading(house, chromium)


@pytest.fixture(scope="module")
def shared(chromium: Browser) -> Iterator[Reader]:
    """The control."""
    with notebook_house(host="sandbox.localhost", shared_origin=True) as house:
        yield from reading(house, chromium)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_page_on_another_persons_host_reads_nothing(his: Reader, name: str) -> None:
    before = his.kernels()
    page = his.context.new_page()
    assert his.attack(page, ATTACKS[name]) == ""
    assert his.kernels() == before
    page.close()


def test_a_window_that_it_opens_is_not_its_own(his: Reader) -> None:
    page = his.context.new_page()
    opened: Callable[[str], str] = lambda target: his.attack(  # noqa: E731
        page,
        f"""at => new Promise((yes, no) => {{
            const other = window.open({target});
            setTimeout(() => {{ try {{ yes(other.document.body.innerHTML || 'empty') }} catch {{ no('not its own') }} }}, 3000);
        }})""",
    )
    assert opened("at.ben + '/lab'") == ""
    assert opened("at.site + '/hub/home'") == ""
    assert opened("location.href") != ""  # the control: a page of its own
    page.close()


def test_the_hub_is_not_found_on_a_persons_host(his: Reader) -> None:
    page = his.context.new_page()
    page.goto(f"{his.at('alice')}/hub/login")
    assert page.url.startswith(his.house.settings.url)
    answer = httpx.post(
        f"{his.house.settings.proxy_url}/hub/login",
        headers={"Host": his.at("alice").partition("://")[2]},
        data={"username": "ben", "password": "right"},
        trust_env=False,
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers or "jupyterhub-hub-login" not in answer.headers["set-cookie"]
    page.close()


@pytest.mark.parametrize("name", CONTROL)
def test_with_one_host_for_all_the_same_script_gets_through(shared: Reader, name: str) -> None:
    page = shared.context.new_page()
    assert shared.attack(page, ATTACKS[name]) != ""
    page.close()
