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
c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets puts it here
configure(
    c,
    settings=sandbox.settings,
    house=house_of(sandbox),
    door=door_of(sandbox),
    site_name=sandbox.site.name,
)
if sandbox.settings.cluster:
    # A package of its own, which one machine does not need.
    from hub_config.kube_house import house_on_cluster, settle_on_cluster
    from sandbox.isolation.notebook_pod import Cluster

    settle_on_cluster(c, house_on_cluster(sandbox, Cluster.read(sandbox.settings.cluster)))
