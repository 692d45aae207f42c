"""What ``jupyterhub -f`` reads: the real parts, put into ``hub_config.configure``."""

from __future__ import annotations

import sys
from pathlib import Path

# JupyterHub runs this file by its path; its neighbours are a package of the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hub_config.configure import configure
from hub_config.house import door_of, house_of
from sandbox.settings import Settings
from sandbox.wiring import build

sandbox = build(Settings.from_environment())
configure(
    get_config(),  # type: ignore[name-defined]  # noqa: F821 - traitlets puts it here
    settings=sandbox.settings,
    house=house_of(sandbox),
    door=door_of(sandbox),
    site_name=sandbox.site.name,
)
