"""One installation's manifests, and a notebook's pod as the hub would make it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from sandbox.deploy.manifests import manifests
from sandbox.deploy.system import cluster
from sandbox.deploy.terms import Terms
from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.notebook_pod import notebook_pod

TERMS = Terms(
    public_url="https://data.example.org",
    registry="registry.example.org/sandbox",
    api_server=("10.0.0.1/32",),
)
# The same with everything that can be chosen.
FULL = replace(
    TERMS,
    namespace="health",
    database=("10.9.8.7/32",),
    identity=("192.0.2.10/32", "192.0.2.11/32"),
    storage_class="encrypted",
    runtime_class="gvisor",
    seccomp_profile="sandbox/seccomp-amd64.json",
    user_namespaces=True,
)
SITE = "name: Data of the city\n"
GRANT = Grant(
    id=7,
    person="alice",
    dataset="loans",
    project="credit",
    purpose="a model",
    mode=Mode.QUERY,
    starts=date(2026, 1, 1),
    ends=date(2026, 12, 31),
    agreement_hash="0" * 64,
)
WAY = "10.96.0.9"
WALLS = ("10.96.0.10:8002", "10.96.0.11:8004")


def documents(terms: Terms = TERMS) -> list[dict[str, Any]]:
    return [document for file in manifests(terms, site=SITE).values() for document in file]


def of_kind(kind: str, terms: Terms = TERMS) -> dict[str, dict[str, Any]]:
    """By namespace and name."""
    return {
        f"{d['metadata'].get('namespace', '')}/{d['metadata']['name']}": d
        for d in documents(terms)
        if d["kind"] == kind
    }


def a_notebook(terms: Terms = TERMS, grant: Grant = GRANT) -> dict[str, Any]:
    return notebook_pod(
        grant,
        limits=NotebookLimits(),
        cluster=cluster(terms),
        name="jupyter-alice-grant-7",
        environment={"JUPYTERHUB_API_TOKEN": "a token", "JUPYTERHUB_USER": grant.person},
        carrier_ip=WAY,
        walls=WALLS,
    )


def pod_specs(terms: Terms = TERMS) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the spec of every pod that an installation has."""
    for deployment in of_kind("Deployment", terms).values():
        yield deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]
    yield "notebook", a_notebook(terms)["spec"]
