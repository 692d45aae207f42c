"""A small installation with real parts, for the portal's tests: people, datasets, and an identity without a hub.

>>> FakeIdentity().claim("token-of-ana")
Claim(name='ana', grant_id=None)
>>> FakeIdentity().claim("notebook-3-of-ana")
Claim(name='ana', grant_id=3)
>>> FakeIdentity().claim("something else") is None
True
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from sandbox.domain.access import Grant
from sandbox.domain.application import Application, Wish
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import Mode
from sandbox.domain.proposal import Proposal
from sandbox.domain.release import Decision, Release
from sandbox.portal import create_app
from sandbox.portal.identity import COOKIE, Claim
from sandbox.privacy.engine import LocalEngine
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.store import Store
from sandbox.wiring import Sandbox, build
from tests.fake_notebooks import FakeNotebooks, FakeOwnNotebooks

ORIGIN = "http://127.0.0.1:8000"

PEOPLE: dict[str, set[Role]] = {
    "ana": {Role.RESEARCHER},
    "ben": {Role.RESEARCHER},
    "olga": {Role.OWNER},
    "oscar": {Role.OWNER},
    "rita": {Role.REVIEWER},
    "ravi": {Role.REVIEWER, Role.RESEARCHER},
    "rosa": {Role.REVIEWER},
    "august": {Role.AUDITOR},
    "alma": {Role.ADMINISTRATOR},
}

SITE = """\
name: Example Data Sandbox
sign_in: {code_required_for: []}
training:
  courses:
    safe_data: {title: Working safely with data, roles: [researcher, reviewer], before: []}
"""

LOANS = """\
name: loans
title: Loan applications
open_class: conditional
domain: inclusive finance
description: One row for each applicant of a savings bank, with the loan asked for and whether it was paid back.
provider: Example Savings Bank
source: Example Savings Bank, loan register, https://bank.example/register
licence: CC BY 4.0
update_frequency: yearly
keywords:
  - credit
  - fair lending
contact:
  name: Example Savings Bank, data desk
  email: data@bank.example
quality:
  - Amounts above 20 000 count as 20 000.
statistics:
  - About two hundred applicants.
owner: olga
unit: {column: applicant_id, noun: applicant}
tables:
  applications:
    description: The loan applications of one year.
    max_rows: 1000
    columns:
      applicant_id: {type: integer, description: Number of the applicant.}
      sex: {type: text, categories: [female, male], description: As stated by the applicant.}
      housing: {type: text, categories: [own, rent, free], description: How the applicant lives.}
      amount: {type: integer, lower: 0, upper: 20000, measured_in: EUR, description: The amount asked for.}
      paid_back: {type: boolean, description: Whether the loan was paid back in time.}
budget: {epsilon: '8', delta: '1e-6'}
access:
  modes: [query]
  max_days: 180
  conditions:
    - I do not try to find out who an applicant is.
    - I name the source in everything I publish.
release: {threshold: 10, reviewers: 2, pool: [rita, ravi, rosa]}
"""

INSPECTIONS = """\
name: inspections
title: Restaurant inspections
open_class: unconditional
domain: culture and tourism
description: Scores of restaurant inspections in a small town.
provider: Example Town
source: Example Town, open data
licence: CC0
owner: oscar
tables:
  visits:
    max_rows: 1000
    columns:
      place: {type: text, description: Name of the restaurant.}
      score: {type: integer, lower: 0, upper: 100, measured_in: points, description: 100 is spotless.}
"""

TAXES = """\
name: tax_files
title: Tax files
open_class: closed
domain: other
description: Listed, so that it is known to exist.
provider: Example Ministry
source: Example Ministry
licence: none
owner: olga
"""


def loans_csv() -> str:
    """200 applicants; every group of sex and housing is large but one (3 women who live free)."""
    lines = ["applicant_id,sex,housing,amount,paid_back"]
    for number in range(1, 201):
        sex = "female" if number <= 90 else "male"
        housing = "free" if number <= 3 or number >= 180 else ("own" if number % 3 else "rent")
        lines.append(f"{number},{sex},{housing},{500 + 90 * number},{'true' if number % 4 else 'false'}")
    return "\n".join(lines) + "\n"


def inspections_csv(rows: int = 40) -> str:
    return "place,score\n" + "".join(f"Restaurant {n},{60 + n % 40}\n" for n in range(rows))


GOOD_TABLE = b"sex,n\nfemale,90\nmale,110\n"
SMALL_CELL_TABLE = b"housing,n\nown,110\nrent,56\nfree,3\n"


@dataclass
class FakeIdentity:
    """Names tokens instead of asking a hub: ``token-of-NAME``, or ``notebook-GRANT-of-NAME`` for a notebook's."""

    next_of: dict[str, str] = field(default_factory=dict)  # state -> path
    revoked: set[str] = field(default_factory=set)

    def claim(self, token: str) -> Claim | None:
        match = re.fullmatch(r"(?:token|notebook-(\d+))-of-([a-z]+)", token)
        if match is None or token in self.revoked:
            return None
        return Claim(name=match[2], grant_id=int(match[1]) if match[1] else None)

    def login_url(self, next_path: str) -> tuple[str, str]:
        state = f"state-{len(self.next_of) + 1}"
        self.next_of[state] = next_path
        return f"/hub/api/oauth2/authorize?state={state}", state

    def finish_login(self, code: str, state: str) -> tuple[str, str]:
        if state not in self.next_of:
            raise NotSignedIn("This sign-in was started too long ago.", fix="Sign in again.")
        return f"token-of-{code.removeprefix('code-of-')}", self.next_of.pop(state)


class Clock:
    """Stands still unless told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Door:
    """A client that speaks to the application within this process, keeps cookies and follows no redirect."""

    def __init__(self, app: FastAPI, base_url: str, headers: dict[str, str], session: str = "") -> None:
        self._app, self._base_url, self.headers = app, base_url, headers
        self.cookies = httpx.Cookies()
        if session:
            self.cookies.set(COOKIE, session, domain="127.0.0.1", path=PORTAL_PREFIX)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PUT", path, **more)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._base_url, headers=self.headers, cookies=self.cookies
            ) as client:
                response = await client.request(method, path, **more)
                self.cookies = client.cookies
                return response

        return asyncio.run(send())

    def form_token(self, path: str = "/") -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.get(path).text)
        assert found is not None, "the page has no form"
        return found[1]

    def send_public(self, path: str, **fields: Any) -> httpx.Response:
        """Fill in a form that needs no account."""
        return self.post(path, data={"form_token": self.form_token("/demands/new"), **fields})

    def send(self, path: str, **fields: Any) -> httpx.Response:
        """Fill in a form and send it, as a person would."""
        return self.post(path, data={"form_token": self.form_token(), **fields})


@dataclass
class World:
    """The installation, and doors into it."""

    home: Path
    sandbox: Sandbox
    identity: FakeIdentity
    app: FastAPI
    clock: Clock
    notebooks: FakeNotebooks
    hub: FakeOwnNotebooks

    def close(self) -> None:
        self.sandbox.store.close()

    def publish(self, name: str, policy: str, tables: dict[str, str]) -> None:
        """Publish a dataset as the administrator."""
        policy_file = self.home / "policies" / "datasets" / f"{name}.yaml"
        policy_file.write_text(policy)
        files = {}
        for table, content in tables.items():
            files[table] = self.home / "files" / f"{name}-{table}.csv"
            files[table].write_text(content)
        published = self.sandbox.store.datasets.get(name)
        if published is not None and self.sandbox.change_policy.compare(policy_file).loosens:
            waiting = self.sandbox.change_policy.apply(self.person("alma"), policy_file).proposal
            assert waiting is not None
            self.sandbox.change_policy.approve(self.person(published.policy.owner), waiting.id)
        self.sandbox.publish_dataset(self.person("alma"), policy_file=policy_file, files=files)

    def person(self, name: str) -> Person:
        found = self.sandbox.store.people.get(name)
        assert found is not None
        return found

    def browser(self, name: str = "", *, token: str = "") -> Door:
        """A browser that asks for pages; signed in when a name or token is given. Paths: below the portal's prefix."""
        session = token or (f"token-of-{name}" if name else "")
        return Door(self.app, f"{ORIGIN}{PORTAL_PREFIX}", {"Accept": "text/html"}, session)

    def program(self, name: str = "", *, token: str = "") -> Door:
        """A program with a token in its header, or with none. Paths: below ``/api/v1``."""
        value = token or (f"token-of-{name}" if name else "")
        headers = {"Authorization": f"token {value}"} if value else {}
        return Door(self.app, f"{ORIGIN}{PORTAL_PREFIX}/api/v1", headers)

    # the story, step by step

    def applied(self, name: str = "ana", *, project: str = "Fair credit", **words: Any) -> Application:
        dataset = words.pop("dataset", "loans")
        terms: dict[str, Any] = {
            "project": project,
            "purpose": "To see whether women and men get their loans on equal terms.",
            "legal_basis": "Research clause of the credit act.",
            "mode": Mode.QUERY,
            "days": 90,
            "output_plan": "Tables of counts by sex and housing.",
        }
        wish = Wish(**{**terms, **words})
        return self.sandbox.request_access.apply(self.person(name), dataset=dataset, wish=wish)

    def granted(self, name: str = "ana", *, project: str = "Fair credit", **words: Any) -> Grant:
        application = self.applied(name, project=project, **words)
        self.sandbox.request_access.approve(self.person("olga"), application.id)
        grant = self.sandbox.request_access.sign(self.person(name), application.id)
        assert grant is not None
        return grant

    def submitted(
        self,
        grant: Grant,
        *,
        files: tuple[tuple[str, bytes], ...] = (("by_sex.csv", GOOD_TABLE),),
        context: str = "Loan applicants by sex, for the yearly report.",
        sql: dict[str, str] | None = None,
    ) -> Release:
        return self.sandbox.review_release.submit(
            self.person(grant.person), grant, files=list(files), context=context, sql=sql or {}
        ).release

    def proposed(
        self, *, reason: str = "A year's questions were more than expected.", title: str = ""
    ) -> Proposal:
        """The administrator proposes a larger budget for the loans, and perhaps another title."""
        policy_file = self.home / "policies" / "datasets" / "loans.yaml"
        text = policy_file.read_text().replace("epsilon: '8'", "epsilon: '9'")
        if title:
            text = re.sub("^title: .*", lambda _: f"title: {title}", text, flags=re.MULTILINE)
        policy_file.write_text(text)
        proposal = self.sandbox.change_policy.apply(self.person("alma"), policy_file, reason=reason).proposal
        assert proposal is not None
        return proposal

    def voted(self, release: Release, *votes: tuple[str, Decision, str]) -> Release:
        for reviewer, decision, comment in votes:
            now = self.sandbox.store.releases.get(release.id)
            assert now is not None
            release = self.sandbox.review_release.vote(
                self.person(reviewer), release.id, version=now.version, decision=decision, comment=comment
            )
        return release


def found_world(home: Path) -> None:
    """Make an installation in a folder: its people, and its datasets published."""
    policies, raw = home / "policies", home / "files"
    (policies / "datasets").mkdir(parents=True)
    raw.mkdir()
    (policies / "site.yaml").write_text(SITE)
    world = open_world(home)
    for name, roles in PEOPLE.items():
        world.sandbox.store.people.add(
            Person(name=name, roles=frozenset(roles)),
            password=f"the password of {name}",
            event=Event("system:test", "person.added", f"person:{name}"),
        )
    world.publish("loans", LOANS, {"applications": loans_csv()})
    world.publish("inspections", INSPECTIONS, {"visits": inspections_csv()})
    world.publish("tax_files", TAXES, {})
    world.close()


def open_world(home: Path, *, public_url: str = "", app: FastAPI | None = None, database: str = "") -> World:
    """The installation in a folder, or in a copy of it.

    Args:
        database: another one's address; a SQLite file in the folder when not given.
        app: an application to put before it; building the routes anew takes longer than most tests.
    """
    settings = Settings(
        home=home / "state", policies=home / "policies", public_url=public_url, database_url=database
    )
    clock = Clock()
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # nobody signs in by password here
    store = Store(settings.database, settings.home, now=clock, hasher=hasher)
    engine = LocalEngine(raw=settings.raw_dir, views=settings.views_dir)
    notebooks, hub = FakeNotebooks(), FakeOwnNotebooks()
    sandbox = build(settings, store=store, engine=engine, notebooks=notebooks, own_notebooks=hub, clock=clock)
    identity = FakeIdentity()
    fresh = create_app(sandbox, identity=identity)
    if app is None:
        app = fresh
    else:
        app.state._state.update(fresh.state._state)
    return World(
        home=home,
        sandbox=sandbox,
        identity=identity,
        app=app,
        clock=clock,
        notebooks=notebooks,
        hub=hub,
    )
