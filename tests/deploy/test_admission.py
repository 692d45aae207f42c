"""The API server's rule about notebooks' pods, evaluated: the real pod passes, and each change of it is refused."""

from __future__ import annotations

import copy
from typing import Any

import celpy
import pytest
from celpy.adapter import json_to_cel

from sandbox.deploy.admission import admission, validations
from sandbox.deploy.terms import Terms
from tests.deploy.cluster_world import FULL, TERMS, a_notebook
from tests.deploy.test_pod_security import changed

_ENVIRONMENT = celpy.Environment()


def refusals(pod: dict[str, Any], terms: Terms) -> list[str]:
    """What the rule says against a pod. An expression that cannot be evaluated refuses, as failurePolicy has it."""
    activation = {"object": json_to_cel(pod)}
    found = []
    for expression, message in validations(terms):
        program = _ENVIRONMENT.program(_ENVIRONMENT.compile(expression))
        try:
            good = bool(program.evaluate(activation))
        except celpy.CELEvalError:
            good = False
        if not good:
            found.append(message)
    return found


@pytest.mark.parametrize("terms", [TERMS, FULL], ids=["plain", "full"])
def test_the_pod_that_the_hub_makes_is_taken(terms: Terms) -> None:
    assert refusals(a_notebook(terms), terms) == []


# What a hub that was taken over would try.
ATTACKS: dict[str, tuple[str, Any, str]] = {
    "another image": ("spec.containers.0.image", "evil.example.org/miner", "the image is the operator's"),
    "another image before": ("spec.initContainers.0.image", "evil", "the image is the operator's"),
    "another command": (
        "spec.containers.0.command",
        ["/bin/sh", "-c", "id"],
        "it runs the notebook's server, below its limits",
    ),
    "other words": (
        "spec.containers.0.args",
        ["sh"],
        "it runs the notebook's server, below its limits",
    ),
    "another command before the listed words": (
        "spec.containers.0.command",
        ["prlimit", "--core=0:0", "--", "sh", "-c", "id", "/usr/local/bin/start-notebook"],
        "it runs the notebook's server, below its limits",
    ),
    "another look": (
        "spec.initContainers.0.command",
        ["python", "-c", "0"],
        "its walls are looked at",
    ),
    "a second container": (
        "spec.containers",
        [a_notebook()["spec"]["containers"][0]] * 2,
        "a notebook has one container, and one that looks at its walls before",
    ),
    "no look at the walls": (
        "spec.initContainers",
        [],
        "a notebook has one container, and one that looks at its walls before",
    ),
    "a look at nothing": ("spec.initContainers.0.args", ["10.96.0.9:8081"], "its walls are looked at"),
    "a secret in the environment": (
        "spec.containers.0.env",
        [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "database", "key": "url"}}}],
        "nothing of the cluster is in its environment",
    ),
    "a secret as a volume": (
        "spec.volumes",
        [{"name": "a", "secret": {"secretName": "database"}}],
        "it is given memory and no other volume",
    ),
    "a claim of somebody": (
        "spec.volumes",
        [{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}],
        "it is given memory and no other volume",
    ),
    "a token": ("spec.automountServiceAccountToken", True, "it has no token for the cluster"),
    "another account": ("spec.serviceAccountName", "hub", "it has no token for the cluster"),
    "a name server": (
        "spec.dnsPolicy",
        "ClusterFirst",
        "it is told of no services, and asks no name server",
    ),
    "out of the policies' sight": ("metadata.labels", {"app": "x"}, "the network policies know it"),
    "a chosen node": ("spec.nodeName", "node-1", "the scheduler chooses its node"),
    "a hook": (
        "spec.containers.0.lifecycle",
        {"postStart": {"exec": {"command": ["sh"]}}},
        "it has no hooks and no devices",
    ),
    "programs that can be changed": (
        "spec.containers.0.securityContext.readOnlyRootFilesystem",
        False,
        "its programs cannot be changed",
    ),
    "a start without a look": (
        "spec.restartPolicy",
        "Always",
        "its walls are looked at before each start",
    ),
}
FULL_ATTACKS: dict[str, tuple[str, Any, str]] = {
    "the node's own kernel": ("spec.runtimeClassName", "runc", "it runs under the operator's runtime"),
    "a longer list of calls": (
        "spec.containers.0.securityContext.seccompProfile",
        {"type": "RuntimeDefault"},
        "only the listed system calls are open to it",
    ),
    "ids of the node": ("spec.hostUsers", True, "its ids are its own on the node"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pod_that_the_hub_would_not_make_is_refused(attack: str) -> None:
    path, value, message = ATTACKS[attack]
    assert message in refusals(changed(a_notebook(), path, value), TERMS)


@pytest.mark.parametrize("attack", FULL_ATTACKS)
def test_what_the_operator_chose_is_held(attack: str) -> None:
    path, value, message = FULL_ATTACKS[attack]
    assert refusals(changed(a_notebook(FULL), path, value), FULL) == [message]


def test_each_rule_is_broken_by_an_attack() -> None:
    broken = {message for _, _, message in [*ATTACKS.values(), *FULL_ATTACKS.values()]}
    assert broken == {message for _, message in validations(FULL)}


def test_a_field_that_is_left_out_is_refused() -> None:
    for key in ("automountServiceAccountToken", "enableServiceLinks", "initContainers"):
        pod = copy.deepcopy(a_notebook())
        del pod["spec"][key]
        assert refusals(pod, TERMS), key


def test_the_rule_is_bound_to_the_notebooks_namespace_and_denies() -> None:
    policy, binding = admission(FULL)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    chosen = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
    assert chosen == {"kubernetes.io/metadata.name": "health-notebooks"}
