"""Who may reach whom, by the policies themselves: a small model of how a cluster reads them."""

from __future__ import annotations

import copy
import ipaddress
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from sandbox.deploy.network import WAYS
from sandbox.deploy.terms import Terms
from tests.deploy.cluster_world import FULL, TERMS, a_notebook, of_kind


@dataclass(frozen=True)
class Peer:
    """A pod (namespace and labels), or an address outside."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    namespace_labels: dict[str, str] = field(default_factory=dict)
    address: str = ""

    def __hash__(self) -> int:
        return hash(self.name)


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "the model reads no other kind of selector"
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(rule: dict[str, Any], peer: Peer, own_namespace: str) -> bool:
    if "ipBlock" in rule:
        network = ipaddress.ip_network(rule["ipBlock"]["cidr"])
        return bool(peer.address) and ipaddress.ip_address(peer.address) in network
    if peer.address:
        return False
    names = {"kubernetes.io/metadata.name": peer.namespace, **peer.namespace_labels}
    in_namespace = (
        matches(rule["namespaceSelector"], names)
        if "namespaceSelector" in rule
        else peer.namespace == own_namespace
    )
    return in_namespace and matches(rule.get("podSelector", {}), peer.labels)


def side(policies: list[dict[str, Any]], pod: Peer, other: Peer, port: int, protocol: str, way: str) -> bool:
    """Whether one end allows it. A pod that no policy selects is open, and so is an address outside."""
    if pod.address:
        return True
    rules, peers = ("egress", "to") if way == "Egress" else ("ingress", "from")
    selected = [
        p["spec"]
        for p in policies
        if p["metadata"]["namespace"] == pod.namespace
        and way in p["spec"]["policyTypes"]
        and matches(p["spec"]["podSelector"], pod.labels)
    ]
    if not selected:
        return True
    return any(
        (not rule.get(peers) or any(is_peer(r, other, pod.namespace) for r in rule[peers]))
        and (
            not rule.get("ports")
            or any(p["port"] == port and p.get("protocol", "TCP") == protocol for p in rule["ports"])
        )
        for spec in selected
        for rule in spec.get(rules, [])
    )


def may(policies: list[dict[str, Any]], one: Peer, other: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection can be made: both ends have to allow it."""
    return side(policies, one, other, port, protocol, "Egress") and side(
        policies, other, one, port, protocol, "Ingress"
    )


def world(terms: Terms) -> dict[str, Peer]:
    """Everybody: the pods with the labels that they really have, and who else there is."""
    pods = {
        d["metadata"]["name"]: Peer(
            d["metadata"]["name"], d["metadata"]["namespace"], d["spec"]["template"]["metadata"]["labels"]
        )
        for d in of_kind("Deployment", terms).values()
    }
    notebook = a_notebook(terms)["metadata"]
    place = terms.notebook_namespace
    others = [
        Peer("notebook", place, notebook["labels"]),
        Peer("other notebook", place, {**notebook["labels"], "sandbox.grant": "8"}),
        Peer("stray pod beside the notebooks", place, {"app": "anything"}),
        Peer("stray pod beside the system", terms.namespace, {"app": "anything"}),
        Peer("entrance", "ingress", {"app": "ingress"}, {"sandbox.entrance": "yes"}),
        Peer("names", "kube-system", {"k8s-app": "kube-dns"}),
        Peer("another pod of kube-system", "kube-system", {"k8s-app": "metrics-server"}),
        Peer("neighbour", "shop", {"app.kubernetes.io/name": "hub", "sandbox.kind": "notebook"}),
        Peer("api-server", address="10.0.0.1"),
        Peer("metadata", address="169.254.169.254"),
        Peer("internet", address="93.184.216.34"),
        Peer("node", address="10.0.0.77"),
        Peer("identity", address="192.0.2.10"),
        Peer("database", address="10.9.8.7")
        if terms.database
        else Peer("database", "postgres", {"app": "postgres"}, {"sandbox.database": "yes"}),
    ]
    return pods | {peer.name: peer for peer in others}


# Who may reach whom, and where, written out once more: not taken from the program.
ALLOWED = {
    ("entrance", "proxy", 8000),
    ("hub", "proxy", 8001),
    ("proxy", "hub", 8002),
    ("proxy", "hub", 8003),
    ("proxy", "portal", 8004),
    ("portal", "hub", 8002),
    ("hub", "portal", 8004),
    ("hub", "notebook", 8888),
    ("hub", "other notebook", 8888),
    ("notebook", "hub", 8081),
    ("other notebook", "hub", 8081),
    ("proxy", "names", 53),
    ("hub", "names", 53),
    ("portal", "names", 53),
    ("hub", "database", 5432),
    ("portal", "database", 5432),
    ("hub", "api-server", 443),
    ("hub", "api-server", 6443),
}
PORTS = (22, 53, 80, 443, 2049, 5432, 6443, 8000, 8001, 8002, 8003, 8004, 8081, 8888, 10250)


def reached(policies: list[dict[str, Any]], terms: Terms) -> set[tuple[str, str, int]]:
    """Every pair and port that a pod of ours takes part in."""
    everybody = world(terms)
    ours = {terms.namespace, terms.notebook_namespace}
    return {
        (one.name, other.name, port)
        for one, other in product(everybody.values(), repeat=2)
        if one != other and (one.namespace in ours or other.namespace in ours)
        for port in PORTS
        if may(policies, one, other, port)
    }


@pytest.mark.parametrize("terms", [TERMS, FULL], ids=["plain", "full"])
def test_what_is_allowed_is_this_table_and_nothing_else(terms: Terms) -> None:
    policies = list(of_kind("NetworkPolicy", terms).values())
    with_provider = {("hub", "identity", 443)} if terms.identity else set()
    assert reached(policies, terms) == ALLOWED | with_provider


@pytest.mark.parametrize("name", ["engine", "stray pod beside the notebooks", "stray pod beside the system"])
def test_some_pods_are_alone(name: str) -> None:
    policies = list(of_kind("NetworkPolicy").values())
    assert not [pair for pair in reached(policies, TERMS) if name in pair[:2]]


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_only_names_are_asked_by_another_protocol(protocol: str) -> None:
    policies = list(of_kind("NetworkPolicy").values())
    everybody = world(TERMS)
    found = {
        (one.name, other.name, port)
        for one, other in product(everybody.values(), repeat=2)
        if one != other and one.namespace in ("sandbox", "sandbox-notebooks")
        for port in PORTS
        if may(policies, one, other, port, protocol)
    }
    assert found == ({(n, "names", 53) for n in ("proxy", "hub", "portal")} if protocol == "UDP" else set())


def test_no_policy_names_more_than_the_machines_of_a_service() -> None:
    for terms in (TERMS, FULL):
        for policy in of_kind("NetworkPolicy", terms).values():
            for rule in [*policy["spec"].get("egress", []), *policy["spec"].get("ingress", [])]:
                for peer in [*rule.get("to", []), *rule.get("from", [])]:
                    if "ipBlock" in peer:
                        assert ipaddress.ip_network(peer["ipBlock"]["cidr"]).num_addresses <= 256
    notebook = of_kind("NetworkPolicy", FULL)["health-notebooks/notebook"]["spec"]
    assert all("ipBlock" not in peer for rule in notebook["egress"] for peer in rule["to"])


HOLES: dict[str, tuple[str, str, Any, tuple[str, str, int]]] = {
    "a way out for notebooks": (
        "sandbox-notebooks/notebook",
        "egress",
        [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        ("notebook", "metadata", 80),
    ),
    "no rule of where to": (
        "sandbox-notebooks/notebook",
        "egress",
        [{"ports": [{"protocol": "TCP", "port": 443}]}],
        ("notebook", "internet", 443),
    ),
    "a way between notebooks, one end": (
        "sandbox-notebooks/notebook",
        "egress",
        [{"to": [{"podSelector": {}}]}],
        ("notebook", "stray pod beside the system", 0),
    ),
    "every namespace comes in": (
        "sandbox/portal",
        "ingress",
        [{"from": [{"namespaceSelector": {}}]}],
        ("entrance", "portal", 8004),
    ),
    "the engine gets a way out": (
        "sandbox/engine",
        "egress",
        [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
        ("engine", "internet", 443),
    ),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_planted_hole_is_seen_unless_the_other_end_is_shut(hole: str) -> None:
    name, way, rules, seen = HOLES[hole]
    policies = copy.deepcopy(of_kind("NetworkPolicy"))
    policies[name]["spec"][way] = rules
    found = reached(list(policies.values()), TERMS)
    if seen[2]:
        assert seen in found
    else:
        assert found <= ALLOWED  # the default of the other end holds


@pytest.mark.parametrize("name", ["sandbox/deny-all", "sandbox-notebooks/deny-all"])
def test_without_the_default_a_stray_pod_is_open(name: str) -> None:
    policies = of_kind("NetworkPolicy")
    del policies[name]
    found = reached(list(policies.values()), TERMS)
    assert [pair for pair in found if "stray pod" in pair[0] and pair[1] == "internet"]


def test_every_way_has_a_reason() -> None:
    assert all(len(way.reason) >= 10 for way in WAYS)
