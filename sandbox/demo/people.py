"""The demo accounts. Their passwords are made for each installation and kept in its keys folder."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role
from sandbox.wiring import Sandbox

PEOPLE: dict[str, tuple[Role, ...]] = {
    "ana": (Role.RESEARCHER,),  # analyst at a bank
    "ben": (Role.RESEARCHER,),  # health researcher
    "cleo": (Role.RESEARCHER,),  # model builder at the same bank
    "olga": (Role.OWNER,),  # owner of the four datasets
    "rita": (Role.REVIEWER,),
    "ravi": (Role.REVIEWER,),
    "rosa": (Role.REVIEWER,),
    "ada": (Role.ADMINISTRATOR,),
    "arno": (Role.AUDITOR,),
}


def ensure_demo_people(sandbox: Sandbox) -> dict[str, str]:
    """Add the demo people that are missing.

    Returns:
        The password of each.
    """
    passwords = _passwords(sandbox.settings.keys_dir / "demo-accounts.json")
    for name, roles in PEOPLE.items():
        if sandbox.store.people.get(name) is None:
            sandbox.store.people.add(
                Person(name=name, roles=frozenset(roles)),
                password=passwords[name],
                event=Event(
                    "system:demo", "person.added", f"person:{name}", {"roles": sorted(str(r) for r in roles)}
                ),
            )
    return passwords


def _passwords(file: Path) -> dict[str, str]:
    kept: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    made = {name: kept.get(name) or f"{name}-{secrets.token_urlsafe(9)}" for name in PEOPLE}
    if made != kept:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            json.dump(made, opened, indent=2)
    return made
