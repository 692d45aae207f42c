"""The files that an operator gets: what they hold, and what they never hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.deploy.manifests import KUSTOMIZATION, as_yaml, files, manifests, write
from sandbox.deploy.terms import Terms
from sandbox.domain.errors import BadInput
from sandbox.isolation.notebook_pod import Cluster
from sandbox.settings import Settings
from tests.deploy.cluster_world import FULL, SITE, TERMS, documents, of_kind


@pytest.mark.parametrize("terms", [TERMS, FULL], ids=["plain", "full"])
def test_another_reader_of_yaml_reads_what_was_meant(terms: Terms) -> None:
    """The cluster's own tools read YAML 1.1, where yes, 010 and 1:20 are no texts."""
    made = manifests(terms, site=SITE)
    for name, text in files(terms, site=SITE).items():
        if name in made:
            assert list(yaml.safe_load_all(text)) == made[name]


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "No",
        "on",
        "y",
        "null",
        "~",
        "010",
        "1:20",
        "1e3",
        "",
        " a",
        "a: b",
        "a #b",
        "- a",
        "*a",
        "a\nb\n",
    ],
)
def test_a_text_stays_a_text(value: str) -> None:
    assert yaml.safe_load(as_yaml([{"key": value, "list": [value]}])) == {"key": value, "list": [value]}


def test_the_list_of_files_names_every_manifest() -> None:
    made = files(TERMS, site=SITE)
    listed = yaml.safe_load(made[KUSTOMIZATION])["resources"]
    assert listed == [name for name in made if name.endswith(".yaml") and name != KUSTOMIZATION]


def test_no_secret_is_made_and_each_that_is_used_is_a_name() -> None:
    assert of_kind("Secret") == {}
    text = "\n".join(files(FULL, site=SITE).values())
    assert not re.search(r"\b[0-9a-f]{64}\b|BEGIN [A-Z ]*KEY|password", text)
    used = set(re.findall(r"secretName: (\S+)", text)) | set(
        re.findall(r"secretKeyRef:\n\s+name: (\S+)", text)
    )
    assert used == {"database", "proxy-token", "site-tls"}


def test_every_image_is_the_operators() -> None:
    images = {
        container["image"]
        for deployment in of_kind("Deployment").values()
        for kind in ("containers", "initContainers")
        for container in deployment["spec"]["template"]["spec"].get(kind, [])
    }
    assert images == {f"registry.example.org/sandbox/sandbox-{role}:0.1.0" for role in ("house", "engine")}


def test_an_image_that_was_named_by_its_hash_is_that_one() -> None:
    named = replace(TERMS, digests=(("notebook", "sha256:" + "a" * 64),))
    assert named.image("notebook") == f"registry.example.org/sandbox/sandbox-notebook@sha256:{'a' * 64}"
    assert named.image("engine").endswith("sandbox-engine:0.1.0")


def test_what_the_hub_is_told_is_what_the_manifests_make() -> None:
    told = of_kind("ConfigMap", FULL)["health/cluster"]["data"]["cluster.json"]
    cluster = Cluster(**{**json.loads(told), "walls": tuple(json.loads(told)["walls"])})
    assert cluster.namespace == "health-notebooks"
    assert cluster.runtime == "gvisor"
    names = {f"{d['metadata']['name']}.health.svc" for d in of_kind("Service", FULL).values()}
    assert {cluster.carrier, *(wall.partition(":")[0] for wall in cluster.walls)} <= names


def test_every_service_leads_to_a_port_that_its_pod_has() -> None:
    pods = {
        d["metadata"]["name"]: {
            port["containerPort"]
            for c in d["spec"]["template"]["spec"]["containers"]
            for port in c.get("ports", [])
        }
        for d in of_kind("Deployment").values()
    }
    for service in of_kind("Service").values():
        name = service["spec"]["selector"]["app.kubernetes.io/name"]
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= pods[name]


def test_the_processes_read_the_settings_that_they_are_told() -> None:
    for deployment in of_kind("Deployment", FULL).values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            told = {e["name"]: e.get("value", "secret") for e in container.get("env", [])}
            if not told:
                continue
            settings = Settings.from_environment(told)
            assert settings.url == "https://data.example.org"
            assert settings.hub_port == 8000
            mounts = {m["mountPath"] for m in container["volumeMounts"]}
            assert str(settings.home) in mounts
            assert not settings.cluster or str(settings.cluster.parent) in mounts


def test_one_pod_of_each_kind_and_those_that_share_folders_share_a_node() -> None:
    for name, deployment in of_kind("Deployment").items():
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        spec = deployment["spec"]["template"]["spec"]
        claims = [v for v in spec["volumes"] if "persistentVolumeClaim" in v]
        assert bool(claims) is (name != "sandbox/proxy")
        assert ("affinity" in spec) is (name in ("sandbox/hub", "sandbox/engine"))


def test_every_folder_of_a_claim_is_made_before_it_is_mounted() -> None:
    """A folder that the kubelet makes belongs to root, and nobody of ours could close it to others."""
    made, mounted = set(), set()
    for deployment in of_kind("Deployment").values():
        spec = deployment["spec"]["template"]["spec"]
        made |= {f for c in spec.get("initContainers", []) for f in c["args"]}
        mounted |= {
            f"/{m['name']}/{m['subPath']}"
            for c in spec["containers"]
            for m in c["volumeMounts"]
            if m["name"] in ("state", "data")
        }
    assert [m for m in mounted if not any(f"{f}/".startswith(f"{m}/") for f in made)] == []
    assert not any("/state/nowhere/".startswith(f"{f}/") for f in made)


def test_the_hub_may_do_five_things_with_pods_and_nothing_else() -> None:
    (role,) = of_kind("Role").values()
    assert role["metadata"]["namespace"] == "sandbox-notebooks"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]}
    ]
    assert not of_kind("ClusterRole")
    assert not of_kind("ClusterRoleBinding")


def test_as_many_notebooks_as_were_said_and_their_node_waits_for_them() -> None:
    hard = of_kind("ResourceQuota")["sandbox-notebooks/notebooks"]["spec"]["hard"]
    assert hard["pods"] == "50"
    assert {hard[k] for k in ("services", "persistentvolumeclaims", "secrets")} == {"0"}
    assert of_kind("PodDisruptionBudget")["sandbox-notebooks/notebooks"]["spec"]["minAvailable"] == 50


BAD: list[tuple[str, Any]] = [
    ("public_url", "http://data.example.org"),
    ("public_url", "https://"),
    ("public_url", "https://data.example.org/path"),
    ("registry", "https://registry.example.org"),
    ("registry", "registry.example.org/../x"),
    ("tag", "a b"),
    ("digests", (("notebook", "latest"),)),
    ("digests", (("proxy", "sha256:" + "0" * 64),)),
    ("tag", "'"),
    ("namespace", "Sandbox"),
    ("namespace", "-x"),
    ("namespace", "a" * 41),
    ("storage_class", "a b"),
    ("runtime_class", "'] || true"),
    ("seccomp_profile", "../../etc/passwd"),
    ("seccomp_profile", "/etc/passwd"),
    ("api_server", ()),
    ("api_server", ("somewhere",)),
    ("api_server", ("10.0.0.1/8",)),
    ("api_server", ("10.0.0.0/8",)),
    ("database", ("0.0.0.0/0",)),
    ("database", ("::/0",)),
    ("database", ("169.254.169.254/32",)),
    ("identity", ("169.254.169.0/24",)),
    ("identity", ("fd00:ec2::254/128",)),
    ("notebooks", 0),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_cannot_be_used_is_refused_with_its_place(name: str, value: Any) -> None:
    with pytest.raises(BadInput) as refused:
        replace(TERMS, **{name: value})
    assert refused.value.where == name.replace("_", "-")
    assert refused.value.fix


@pytest.mark.parametrize("network", ["10.0.0.1/32", "10.0.0.0/24", "fd00::1/128", "10.0.0.1"])
def test_the_machines_of_a_service_are_taken(network: str) -> None:
    assert replace(TERMS, api_server=(network,)).api_server == (network,)


def test_files_are_written_again_and_nothing_else_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    first = write(folder, TERMS, site=SITE)
    assert write(folder, replace(TERMS, tag="0.2.0"), site=SITE) == first
    assert "sandbox-house:0.2.0" in (folder / "40-system.yaml").read_text()
    (folder / "mine.yaml").write_text("kept")
    with pytest.raises(BadInput, match=r"mine\.yaml"):
        write(folder, TERMS, site=SITE)
    assert "sandbox-house:0.2.0" in (folder / "40-system.yaml").read_text()
    with pytest.raises(BadInput, match="no folder"):
        write(folder / "mine.yaml", TERMS, site=SITE)


def test_an_address_without_a_size_is_one_machine() -> None:
    policy = of_kind("NetworkPolicy", replace(TERMS, api_server=("10.0.0.1",)))["sandbox/hub"]
    blocks = [p["ipBlock"]["cidr"] for rule in policy["spec"]["egress"] for p in rule["to"] if "ipBlock" in p]
    assert blocks == ["10.0.0.1/32"]


def test_the_site_is_told_its_policy_word_for_word() -> None:
    assert [
        d["data"]["site.yaml"]
        for d in documents()
        if d["metadata"]["name"] == "site" and d["kind"] == "ConfigMap"
    ] == [SITE]
