"""``docker-compose.yml`` says what the rest of the code says: who may reach what, and the engine's own settings."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cli.processes import NAMES
from sandbox.isolation.container import Images
from sandbox.isolation.engine_room import engine_command
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import engine_profile

ROOT = Path(__file__).resolve().parents[2]
HOME = "${SANDBOX_HOME}"
EXTRACTS = "${SANDBOX_EXTRACTS:-/dev/shm/sandbox-compose}"
Document = dict[str, Any]


def read() -> Document:
    found: Document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def mounted(service: Document) -> dict[str, str]:
    """Target by source."""
    pairs = (
        line.split("}:", 1) if line.startswith("${SANDBOX_EXTRACTS") else line.split(":", 1)
        for line in service.get("volumes", [])
    )
    return {
        source + ("}" if source.startswith("${SANDBOX_EXTRACTS") else ""): rest.removesuffix(":ro")
        for source, rest in pairs
    }


def faults(document: Document) -> Iterator[str]:
    """What must not be, by name of the service."""
    for name, service in document["services"].items():
        for key in ("privileged", "devices", "pid", "userns_mode"):
            if key in service:
                yield f"{name} has {key}"
        if service.get("cap_drop") != ["ALL"] or not service.get("read_only"):
            yield f"{name} is not locked"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name} may gain privileges"
        if service.get("cap_add") and name != "prepared":
            yield f"{name} has a right of root"
        if any("docker.sock" in source for source in mounted(service)) and name != "launcher":
            yield f"{name} reaches the container engine"
        if "ports" in service and name != "proxy":
            yield f"{name} is reached from outside"
        if "outer" in service.get("networks", []) and name != "proxy":
            yield f"{name} reaches the outside"
        if "post" in service.get("networks", []) and name != "post":
            yield f"{name} is where e-mails are written"
        if "data" in service.get("networks", []) and name == "proxy":
            yield "proxy reaches the database"
        sources = mounted(service)
        if name in ("hub", "gate", "proxy", "engine") and sources.keys() & {
            f"{HOME}/run",
            f"{HOME}/run/jobs",
        }:
            yield f"{name} is told what jobs wrote"
        sees_keys = f"{HOME}/keys" in sources or (HOME in sources and name != "prepared")
        if sees_keys and not any(line.startswith(f"{HOME}/keys/data:") for line in service.get("tmpfs", [])):
            yield f"{name} sees the keys of the data"
    for name in ("inner", "data"):
        if not document["networks"][name].get("internal"):
            yield f"the network {name} leads outside"


def test_every_service_reaches_what_it_may_and_no_more() -> None:
    assert list(faults(read())) == []


def _set(service: str, key: str, value: Any) -> Callable[[Document], None]:
    def plant(document: Document) -> None:
        document["services"][service][key] = value

    return plant


PLANTED: dict[str, Callable[[Document], None]] = {
    "hub has privileged": _set("hub", "privileged", True),
    "portal is not locked": _set("portal", "read_only", False),
    "worker may gain privileges": _set("worker", "security_opt", []),
    "gate has a right of root": _set("gate", "cap_add", ["NET_ADMIN"]),
    "hub reaches the container engine": _set("hub", "volumes", ["/var/run/docker.sock:/var/run/docker.sock"]),
    "portal is reached from outside": _set("portal", "ports", ["80:80"]),
    "hub reaches the outside": _set("hub", "networks", ["outer"]),
    "worker is where e-mails are written": _set("worker", "networks", ["data", "post"]),
    "proxy reaches the database": _set("proxy", "networks", ["outer", "data"]),
    "worker sees the keys of the data": _set("worker", "tmpfs", ["/tmp"]),
    "the network data leads outside": lambda document: document["networks"]["data"].clear(),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(fault: str) -> None:
    document = copy.deepcopy(read())
    PLANTED[fault](document)
    assert fault in list(faults(document))


def test_each_process_has_a_container() -> None:
    services = read()["services"]
    assert set(services) == {*NAMES, "postgres", "prepared", "tools"}
    for name in set(NAMES) - {"engine"}:
        assert services[name]["command"] == ["serve", name]


def test_the_engine_has_the_settings_of_its_profile() -> None:
    service = read()["services"]["engine"]
    profile = engine_profile(
        images=Images(gate="g", engine="e", notebook="n"),
        raw=Path(f"{HOME}/raw"),
        views=Path(f"{HOME}/views"),
        keys=Path(f"{HOME}/keys/data"),
        extracts=Path(EXTRACTS),
        sockets=Path(f"{HOME}/run/engine"),
        user="64000:64000",
        memory_mib=2048,
        cpus=2,
        seccomp=own_seccomp(),
    )
    assert mounted(service) == {m["Source"]: m["Target"] for m in profile["mounts"]}
    assert service["network_mode"] == profile["network_mode"]
    assert service["dns"] == profile["dns"]
    assert service["read_only"] is profile["read_only"]
    assert service["cap_drop"] == profile["cap_drop"]
    assert service["pids_limit"] == profile["pids_limit"]
    assert service["oom_score_adj"] == profile["oom_score_adj"]
    assert service["ipc"] == profile["ipc_mode"]
    assert service["hostname"] == profile["hostname"]
    assert set(service["tmpfs"][0].partition(":")[2].split(",")) == set(profile["tmpfs"]["/tmp"].split(","))
    ulimits = {u["name"]: u["hard"] for u in profile["ulimits"] if u["name"] != "fsize"}
    given = service["ulimits"]
    assert {"core": given["core"], "nofile": given["nofile"]["hard"]} == ulimits
    seccomp = next(o for o in service["security_opt"] if o.startswith("seccomp:")).partition(":")[2]
    assert json.loads((ROOT / seccomp).read_text()) == json.loads(own_seccomp())
    memory = "${SANDBOX_ENGINE_MEMORY_MIB:-2048}"
    assert service["mem_limit"] == service["memswap_limit"] == f"{memory}m"
    command = engine_command(socket="engine.sock", timeout_s=30, memory_mib=2048, cpus=2)
    said = [word.replace(memory, "2048") for line in service["command"] for word in line.split("=", 1)]
    assert said == command
