"""Local accounts: names and passwords are kept, and judged, by the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Any as AnyTrait
from traitlets import default

from hub_config.pages import guarded_pages
from sandbox.domain.errors import NotSignedIn
from sandbox.domain.people import Person

FAILURE_DELAY_S = 1.0

# Raises NotSignedIn, or returns None, when name and password do not belong together.
PasswordCheck = Callable[[str, str], Person | None]


class SandboxAuthenticator(Authenticator):  # type: ignore[misc]  # the hub ships no types
    """Asks ``check_password``; whoever it knows may sign in, and nobody else."""

    check_password = AnyTrait(help="PasswordCheck: the person, or nobody.").tag(config=True)

    @default("allow_all")
    def _allow_all(self) -> bool:
        return True  # the store is the list of who may

    def normalize_username(self, username: str) -> str:
        """As it was typed: a name with capitals is not the same name, it is none."""
        return username.strip()

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """The sign-in page and all other pages, guarded: the hub asks nobody else for addresses before its own."""
        return guarded_pages(super().get_handlers(app))

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, str] | None:
        person: Person | None = None
        try:
            # In a thread: hashing a password takes a while, on purpose.
            person = await asyncio.to_thread(self.check_password, data["username"].strip(), data["password"])
        except NotSignedIn as refused:
            self.log.info("Sign-in refused: %s", refused.message)
        if person is None:
            await asyncio.sleep(FAILURE_DELAY_S)
            return None
        return {"name": person.name}
