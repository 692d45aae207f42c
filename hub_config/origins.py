"""Where the hub serves what: each person's notebooks from a host of their own, hub and portal from the site's."""

from __future__ import annotations

from sandbox.domain.origins import host_label


def own_host(name: str, domain: str, kind: str) -> str:
    """``JupyterHub.subdomain_hook``.

    >>> own_host("ana_b", "localhost", "user"), own_host("portal", "localhost", "service")
    ('ana-0b.localhost', 'localhost')
    """
    return f"{host_label(name)}.{domain}" if kind == "user" else domain
