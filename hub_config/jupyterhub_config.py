"""JupyterHub's settings. All values come from ``sandbox.settings``; all decisions are made elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from traitlets.config import get_config

# JupyterHub runs this file by its path; its neighbours are imported as a package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hub_config.house import authenticate_with, house_of
from hub_config.spawner import LockedSpawner
from hub_config.authenticator import SandboxAuthenticator
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.store.secrets import secret

settings = Settings.from_environment()
c = get_config()
