"""Who may sign in to the hub, and whose session may go on: the store is the list of people, and judges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Any as AnyTrait
from traitlets import default

from hub_config.pages import ICON, guarded_pages
from sandbox.domain.errors import NotSignedIn
from sandbox.domain.people import Person

FAILURE_DELAY_S = 1.0
REFRESH_S = 5  # so long may the hub's own pages believe in an account that was closed

# Name, password, code of the second factor (or empty). Raises NotSignedIn, or returns None, when they do not belong
# together.
PasswordCheck = Callable[[str, str, str], Person | None]
StillOpen = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDoor:
    """Accounts of this installation."""

    check_password: PasswordCheck
    still_open: StillOpen

    def __deepcopy__(self, memo: object) -> LocalDoor:
        return self  # traitlets copies configuration; these parts are shared on purpose


class KnownPeople(Authenticator):  # type: ignore[misc]  # the hub ships no types
    """What every way of signing in has in common."""

    door = AnyTrait(help="LocalDoor or ProviderDoor: who judges.").tag(config=True)

    @default("allow_all")
    def _allow_all(self) -> bool:
        return True  # the store is the list of who may

    @default("auth_refresh_age")
    def _auth_refresh_age(self) -> int:
        return REFRESH_S

    @default("refresh_pre_spawn")
    def _refresh_pre_spawn(self) -> bool:
        return True

    def normalize_username(self, username: str) -> str:
        """As it was typed: a name with capitals is not the same name, it is none."""
        return username.strip()

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """The sign-in pages and all others, guarded: the hub asks nobody else for addresses before its own."""
        return [*guarded_pages(super().get_handlers(app)), ICON]

    async def refresh_user(self, user: Any, handler: Any = None, **_more: Any) -> bool:
        """False ends a session whose account was closed."""
        return bool(await asyncio.to_thread(self.door.still_open, user.name))


class SandboxAuthenticator(KnownPeople):
    """Local accounts: name, password, and the code of whoever has a second factor."""

    @default("request_otp")
    def _request_otp(self) -> bool:
        return True

    @default("otp_prompt")
    def _otp_prompt(self) -> str:
        return "Code (if you set up a second factor):"

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, str] | None:
        person: Person | None = None
        try:
            # In a thread: hashing a password takes a while, on purpose.
            person = await asyncio.to_thread(
                self.door.check_password, data["username"].strip(), data["password"], data.get("otp", "")
            )
        except NotSignedIn as refused:
            self.log.info("Sign-in refused: %s", refused.message)
        if person is None:
            await asyncio.sleep(FAILURE_DELAY_S)
            return None
        return {"name": person.name}
