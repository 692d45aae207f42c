"""Every setting of the hub, with its reason. Values come from ``Settings``; parts are handed in."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from hub_config.authenticator import LocalDoor, SandboxAuthenticator
from hub_config.oidc import OidcAuthenticator, ProviderDoor
from hub_config.origins import own_host
from hub_config.pages import LOGO, TORNADO_SETTINGS
from hub_config.spawner import House, LockedSpawner
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.store.secrets import secret

PORTAL_ACCESS = "access:services!service=portal"
# What a person's session at the portal may do with that person's own notebooks, and nobody else's: start, stop, see how
# far they are. Not reach into them. The portal itself has none of it: it opens a notebook while its person is there.
OWN_NOTEBOOKS = ("start:servers!user", "delete:servers!user", "read:servers!user")
TEMPLATES = Path(__file__).parent / "templates"


def configure(
    c: Any,
    *,
    settings: Settings,
    house: House,
    door: LocalDoor | ProviderDoor,
    site_name: str = "Secure Data Sandbox",
) -> None:
    """Fill traitlets' configuration."""
    hub = c.JupyterHub
    hub.bind_url = f"http://{settings.bind_host}:{settings.hub_port}/"
    hub.public_url = f"{settings.url}/"
    # Each person's notebooks have a host of their own: their pages can read nothing of anybody else's.
    hub.subdomain_host = settings.url
    hub.subdomain_hook = own_host
    # Over HTTPS no page below the site's host can set a cookie in the place of one of these.
    hub.cookie_host_prefix_enabled = settings.url.startswith("https://")
    hub.hub_bind_url = f"http://{settings.listen_host}:{settings.hub_api_port}"
    hub.hub_connect_url = settings.hub_url
    settings.hub_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    hub.db_url = f"sqlite:///{settings.hub_dir / 'hub.db'}"
    hub.cookie_secret = bytes.fromhex(secret(settings.keys_dir, "hub-cookie"))
    # Its pages look like the portal's, and lead back to it.
    hub.template_paths = [str(TEMPLATES)]
    hub.template_vars = {"site_name": site_name, "portal_url": f"{PORTAL_PREFIX}/"}
    hub.logo_file = str(LOGO)
    hub.default_url = f"{PORTAL_PREFIX}/"  # people come to the portal; notebooks are opened from there

    # The proxy is a process of its own: it keeps pages reachable while the hub restarts.
    c.ConfigurableHTTPProxy.should_start = False
    # Seconds; also how soon a proxy that was restarted is told its routes again.
    hub.last_activity_interval = 5
    c.ConfigurableHTTPProxy.api_url = settings.proxy_api_url
    c.ConfigurableHTTPProxy.auth_token = secret(settings.keys_dir, "proxy-token")

    _sign_in(c, settings, door)

    # A notebook belongs to a grant, so it has the grant's name; a server without a name is refused.
    hub.allow_named_servers = True
    hub.spawner_class = LockedSpawner
    c.LockedSpawner.house = house
    c.Spawner.default_url = "/lab/tree/Welcome.ipynb"  # start.sh puts it there
    c.Spawner.apply_user_options = lambda spawner, options: None  # nobody chooses an image or a size
    c.Spawner.poll_interval = 10  # seconds until a dead, idle or revoked notebook is noticed
    c.Spawner.start_timeout = 60
    c.Spawner.http_timeout = 60
    c.Spawner.consecutive_failure_limit = 0  # one person's broken image does not stop the hub
    # The container's token: be counted as active, answer for its own pages, ask the portal. Nothing else.
    c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", PORTAL_ACCESS]
    # Starting is processor-bound: more at once only makes all of them slow.
    hub.concurrent_spawn_limit = os.cpu_count() or 1

    hub.tornado_settings = copy.deepcopy(TORNADO_SETTINGS)  # the hub adds to it
    hub.oauth_require_pkce = True  # a stolen code is worth nothing
    hub.services = [
        {
            "name": "portal",
            "url": settings.portal_inner_url,
            "api_token": secret(settings.keys_dir, "portal-token"),
            "oauth_redirect_uri": f"{settings.portal_url}/oauth_callback",
            "oauth_no_confirm": True,  # it is ours: no 'do you trust this program?'
            "oauth_client_allowed_scopes": [PORTAL_ACCESS, *OWN_NOTEBOOKS],
        },
        {"name": "launcher", "api_token": secret(settings.keys_dir, "launcher-token")},
    ]
    hub.load_roles = [
        # A person: their own servers and tokens (self), and the portal.
        {"name": "user", "scopes": ["self", PORTAL_ACCESS]},
        # The portal itself: end notebooks whose right to the data is gone. It starts none, and reads of none.
        {"name": "portal", "services": ["portal"], "scopes": ["delete:servers"]},
        # The launcher: see which notebooks the hub knows, to end those that it forgot.
        {"name": "launcher", "services": ["launcher"], "scopes": ["list:users", "read:servers"]},
    ]


def _sign_in(c: Any, settings: Settings, door: LocalDoor | ProviderDoor) -> None:
    c.Authenticator.enable_auth_state = False  # nothing of a sign-in is kept
    c.KnownPeople.door = door
    if isinstance(door, LocalDoor):
        c.JupyterHub.authenticator_class = SandboxAuthenticator
        return
    c.JupyterHub.authenticator_class = OidcAuthenticator
    provider = c.OidcAuthenticator
    provider.client_id = door.terms.client_id
    provider.client_secret = door.secret
    provider.scope = list(door.terms.scopes)
    provider.login_service = door.terms.label
    # Written out: a request's Host header does not decide where the provider sends the code.
    provider.oauth_callback_url = f"{settings.url}/hub/oauth_callback"
    provider.enable_pkce = True
