"""``sandbox prepare``: folders and secrets of an installation whose processes something else starts.

``sandbox up`` needs none of it. ``docker-compose.yml`` runs it first, as root, so that no other container has to be.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from sandbox.settings import Settings

_DATABASE_USER = (999, 999)  # of Debian's and of the official image alike


def prepare(
    owner: Annotated[int, typer.Option(help="The number of the user that the processes run as.")] = 64_000,
) -> None:
    """Make folders and secrets for processes that something else starts, such as Docker Compose."""
    from sandbox.cli import processes
    from sandbox.store.secrets import secret

    settings = Settings.from_environment()
    processes.lay_out(settings)
    for name in (
        "hub-cookie",
        "proxy-token",
        "portal-token",
        "launcher-token",
        "pseudonyms",
        "mail-codes",
        "webhook-secret",
    ):
        secret(settings.keys_dir, name)
    # The proxy speaks to the world: it gets its own secret and no other.
    proxy = settings.home / "proxy" / "keys"
    _write(proxy / "proxy-token", secret(settings.keys_dir, "proxy-token"))
    password = settings.home / "postgres" / "password"
    if not password.exists():
        _write(password, secrets.token_urlsafe(32))
    _write(settings.keys_dir / "database", f"postgres:5432:sandbox:sandbox:{password.read_text()}\n")
    for folder in (settings.imports_dir, settings.home / "anchor", settings.home / "postgres" / "data"):
        folder.mkdir(mode=0o700, exist_ok=True)
    _give(settings.home / "postgres", _DATABASE_USER)
    for folder in (settings.home, settings.extracts_dir):
        _give(folder, (owner, owner))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _give(folder: Path, owner: tuple[int, int]) -> None:
    """A folder and all in it, links as links. What has another owner already is left: a container is using it."""
    if os.getuid() != 0:
        return
    os.chown(folder, *owner, follow_symlinks=False)
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(where, name)
            if path.lstat().st_uid == 0:
                os.chown(path, *owner, follow_symlinks=False)
