"""Who may reach whom: one table, and the network policies made from it. What is not in the table is denied.

Both ends of a row are closed but for the row: a policy that is forgotten, or deleted, at one end opens nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.deploy.objects import NAME, Document, document
from sandbox.deploy.terms import Terms
from sandbox.isolation.notebook_pod import LABEL
from sandbox.isolation.profile import HUB_PORT, JUPYTER_PORT
from sandbox.settings import Settings

_PORTS = Settings()
PUBLIC, PROXY_API = _PORTS.hub_port, _PORTS.proxy_api_port
HUB, GATE, PORTAL = _PORTS.hub_api_port, _PORTS.gate_port, _PORTS.portal_port
CARRIER = HUB_PORT
NOTEBOOK = JUPYTER_PORT
DNS, DATABASE, HTTPS, API_SERVER = 53, 5432, 443, 6443

SYSTEM = (
    "proxy",
    "hub",
    "portal",
    "engine",
)  # pods of the system, by name; gate and carrier are in the hub's
PODS = (*SYSTEM, "notebook")
ENTRANCE = {"sandbox.entrance": "yes"}  # a namespace's label: what leads browsers to the site is in it
DATABASE_PLACE = {"sandbox.database": "yes"}  # a namespace's label


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One row: connections that may be made."""

    from_: str
    to: str
    ports: tuple[int, ...]
    reason: str
    udp: bool = False  # besides TCP


WAYS: tuple[Way, ...] = (
    Way(from_="entrance", to="proxy", ports=(PUBLIC,), reason="browsers, through the cluster's own entrance"),
    Way(from_="hub", to="proxy", ports=(PROXY_API,), reason="the hub tells the proxy its routes"),
    Way(from_="proxy", to="hub", ports=(HUB, GATE), reason="signing in; every notebook, through the gate"),
    Way(from_="proxy", to="portal", ports=(PORTAL,), reason="pages and API"),
    Way(from_="portal", to="hub", ports=(HUB,), reason="whose token is this; end a notebook"),
    Way(from_="hub", to="portal", ports=(PORTAL,), reason="is it up; the gate brings questions of notebooks"),
    Way(from_="hub", to="notebook", ports=(NOTEBOOK,), reason="the carrier brings what the gate let in"),
    Way(
        from_="notebook",
        to="hub",
        ports=(CARRIER,),
        reason="the carrier brings it to the gate, and to nobody else",
    ),
    Way(from_="proxy", to="names", ports=(DNS,), udp=True, reason="names of services"),
    Way(from_="hub", to="names", ports=(DNS,), udp=True, reason="names of services"),
    Way(from_="portal", to="names", ports=(DNS,), udp=True, reason="names of services"),
    Way(from_="hub", to="database", ports=(DATABASE,), reason="who may open what; the gate's log"),
    Way(from_="portal", to="database", ports=(DATABASE,), reason="the system's state"),
    Way(from_="hub", to="api-server", ports=(HTTPS, API_SERVER), reason="makes pods of notebooks"),
    Way(from_="hub", to="identity", ports=(HTTPS,), reason="people sign in with a provider"),
)


def policies(terms: Terms) -> list[Document]:
    """All network policies: everything denied in both namespaces, then one for each kind of pod."""
    closed = [
        document(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "deny-all",
            namespace=namespace,
            spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        )
        for namespace in (terms.namespace, terms.notebook_namespace)
    ]
    return closed + [_policy(pod, terms) for pod in PODS]


def _policy(pod: str, terms: Terms) -> Document:
    return document(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        pod,
        namespace=_namespace(pod, terms),
        spec={
            "podSelector": {"matchLabels": selector(pod)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": peers, "ports": _ports(way)}
                for way in WAYS
                if way.to == pod and (peers := _peers(way.from_, terms))
            ],
            "egress": [
                {"to": peers, "ports": _ports(way)}
                for way in WAYS
                if way.from_ == pod and (peers := _peers(way.to, terms))
            ],
        },
    )


def selector(pod: str) -> dict[str, str]:
    """The label by which policies and services know a kind of pod."""
    return {"sandbox.kind": LABEL["sandbox.kind"]} if pod == "notebook" else {NAME: pod}


def _namespace(pod: str, terms: Terms) -> str:
    return terms.notebook_namespace if pod == "notebook" else terms.namespace


def _peers(party: str, terms: Terms) -> list[Document]:
    """The other end of a way; none: the installation has no such party."""
    match party:
        case "entrance":
            return [{"namespaceSelector": {"matchLabels": ENTRANCE}}]
        case "names":
            return [_pods_in("kube-system", {"k8s-app": "kube-dns"})]
        case "database" if not terms.database:
            return [{"namespaceSelector": {"matchLabels": DATABASE_PLACE}}]
        case "database":
            return list(_networks(terms.database))
        case "api-server":
            return list(_networks(terms.api_server))
        case "identity":
            return list(_networks(terms.identity))
        case _:
            return [_pods_in(_namespace(party, terms), selector(party))]


def _pods_in(namespace: str, labels: dict[str, str]) -> Document:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": labels},
    }


def _networks(networks: Sequence[str]) -> Iterator[Document]:
    for network in networks:
        yield {"ipBlock": {"cidr": str(ipaddress.ip_network(network))}}


def _ports(way: Way) -> list[Document]:
    protocols = ("UDP", "TCP") if way.udp else ("TCP",)
    return [{"protocol": protocol, "port": port} for port in way.ports for protocol in protocols]
