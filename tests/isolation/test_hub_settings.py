"""The hub's own settings, and who may sign in."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from hub_config.authenticator import REFRESH_S, LocalDoor, SandboxAuthenticator
from hub_config.configure import configure
from hub_config.spawner import House, LockedSpawner
from sandbox.domain.errors import BadInput, NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.settings import CHECKOUT, Settings

DOOR = LocalDoor(check_password=lambda name, password, code: None, still_open=lambda name: True)


def a_house(tmp_path: Path) -> House:
    return House(launcher=LauncherClient(tmp_path / "launcher.sock"), gate_url="http://127.0.0.1:1")


def settled(tmp_path: Path) -> Config:
    c = Config()
    configure(c, settings=Settings(home=tmp_path), house=a_house(tmp_path), door=DOOR)
    return c


def test_the_hub_listens_on_loopback_only(tmp_path: Path) -> None:
    c = settled(tmp_path)
    assert c.JupyterHub.hub_bind_url == "http://127.0.0.1:8002"
    assert c.ConfigurableHTTPProxy.api_url == "http://127.0.0.1:8001"


def test_each_persons_notebooks_have_a_host_of_their_own(tmp_path: Path) -> None:
    c = settled(tmp_path)
    assert c.JupyterHub.subdomain_host == "http://localhost:8000"
    assert c.JupyterHub.subdomain_hook("ana_b", "localhost", kind="user") == "ana-0b.localhost"
    assert c.JupyterHub.subdomain_hook("portal", "localhost", kind="service") == "localhost"
    assert c.JupyterHub.services[0]["oauth_redirect_uri"].startswith("http://localhost:8000/services/portal/")
    assert c.JupyterHub.cookie_host_prefix_enabled is False  # browsers take such cookies over HTTPS only


def test_over_https_the_hubs_cookies_are_bound_to_its_host(tmp_path: Path) -> None:
    c = Config()
    settings = Settings(home=tmp_path, public_url="https://data.example.org")
    configure(c, settings=settings, house=a_house(tmp_path), door=DOOR)
    assert c.JupyterHub.cookie_host_prefix_enabled is True
    assert c.JupyterHub.subdomain_host == "https://data.example.org"


@pytest.mark.parametrize(
    "url",
    [
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "data.example.org",
        "https://data.example.org/sandbox",
        "x",
    ],
)
def test_an_address_below_which_there_are_no_names_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="is not an address"):
        Settings.from_environment({"SANDBOX_PUBLIC_URL": url})
    assert Settings.from_environment({"SANDBOX_PUBLIC_URL": "https://data.example.org"}).public_url


def test_a_notebooks_token_can_do_three_things(tmp_path: Path) -> None:
    assert settled(tmp_path).Spawner.server_token_scopes == [
        "users:activity!user",
        "access:servers!server",
        "access:services!service=portal",
    ]


def test_the_portal_itself_can_end_notebooks_and_nothing_else(tmp_path: Path) -> None:
    hub = settled(tmp_path).JupyterHub
    roles = [role for role in hub.load_roles if "portal" in role.get("services", ())]
    assert [role["scopes"] for role in roles] == [["delete:servers"]]
    assert "admin" not in hub.services[0]


def test_a_session_at_the_portal_reaches_its_persons_own_notebooks_only(tmp_path: Path) -> None:
    scopes = settled(tmp_path).JupyterHub.services[0]["oauth_client_allowed_scopes"]
    assert scopes == [
        "access:services!service=portal",
        "start:servers!user",
        "delete:servers!user",
        "read:servers!user",
    ]
    # None of them opens what runs in a notebook, and none is of all people's.
    assert all(scope.endswith(("!user", "!service=portal")) for scope in scopes)
    assert not any(scope.startswith("access:servers") for scope in scopes)


def test_the_launcher_can_list_notebooks_and_nothing_else(tmp_path: Path) -> None:
    roles = [
        role for role in settled(tmp_path).JupyterHub.load_roles if "launcher" in role.get("services", ())
    ]
    assert [role["scopes"] for role in roles] == [["list:users", "read:servers"]]


def test_the_hub_has_no_way_to_the_container_engine() -> None:
    """It cannot start what the launcher would not: it holds no client, and knows no socket of the engine."""
    for file in (CHECKOUT / "hub_config").glob("*.py"):
        assert "docker" not in file.read_text().lower(), file.name


def test_codes_are_bound_to_who_asked(tmp_path: Path) -> None:
    assert settled(tmp_path).JupyterHub.oauth_require_pkce is True


def test_secrets_are_kept_and_are_each_their_own(tmp_path: Path) -> None:
    first, second = settled(tmp_path), settled(tmp_path)
    for c in (first, second):
        assert len(c.JupyterHub.cookie_secret) == 32
    assert first.JupyterHub.cookie_secret == second.JupyterHub.cookie_secret
    tokens = {first.ConfigurableHTTPProxy.auth_token, first.JupyterHub.services[0]["api_token"]}
    assert len(tokens) == 2


def test_a_spawner_shares_the_house_that_it_is_given(tmp_path: Path) -> None:
    house = a_house(tmp_path)
    assert copy.deepcopy(house) is house
    c = Config()
    c.LockedSpawner.house = house
    spawner = LockedSpawner(config=c)
    assert spawner.house is house


def test_a_spawner_is_locked_without_being_told(tmp_path: Path) -> None:
    spawner = LockedSpawner(house=a_house(tmp_path))
    assert spawner.disable_user_config is True
    assert (spawner.ip, spawner.port) == ("127.0.0.1", 8888)
    assert spawner.hub_connect_url == "http://127.0.0.1:8081"


def signing_in(check: Any, name: str, password: str, code: str = "") -> Any:
    authenticator = SandboxAuthenticator(
        door=LocalDoor(check_password=check, still_open=lambda name: name == "alice")
    )
    typed = {"username": name, "password": password, "otp": code}
    return asyncio.run(authenticator.get_authenticated_user(None, typed))


def known(name: str, password: str, code: str) -> Person:
    if (name, password, code) in (("alice", "right", ""), ("carol", "right", "123456")):
        return Person(name, frozenset({Role.RESEARCHER}))
    raise NotSignedIn("Name or password is wrong.")


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_config.authenticator.FAILURE_DELAY_S", 0)


def test_who_the_store_knows_may_sign_in() -> None:
    assert signing_in(known, "alice", "right")["name"] == "alice"
    assert signing_in(known, "carol", "right", "123456")["name"] == "carol"


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong"), ("Alice", "right"), ("ben", "right"), ("carol", "right"), ("", "")],
)
def test_nobody_else_may(name: str, password: str) -> None:
    assert signing_in(known, name, password) is None


@pytest.mark.parametrize(("name", "open_"), [("alice", True), ("ben", False)])
def test_the_session_of_a_closed_account_ends_at_the_hub(name: str, open_: bool) -> None:
    authenticator = SandboxAuthenticator(
        door=LocalDoor(check_password=known, still_open=lambda name: name == "alice")
    )
    user = type("User", (), {"name": name})()
    assert asyncio.run(authenticator.refresh_user(user)) is open_
    assert authenticator.auth_refresh_age == REFRESH_S
    assert authenticator.refresh_pre_spawn is True
