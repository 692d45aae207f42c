"""What may be made in the notebooks' namespace, as the API server's own rule: the launcher's fixed list of one machine.

The hub has the right to make pods there. A hub that was taken over could make any pod that the restricted standard
takes: another image, another command, a secret in its environment. Here it cannot. The expressions are CEL, which the
API server evaluates; ``validations`` gives each with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.deploy.objects import Document, document
from sandbox.deploy.terms import Terms
from sandbox.isolation.notebook_pod import COMMAND, ENTRY, WALLS

_ALL = "(object.spec.containers + object.spec.initContainers)"


def validations(terms: Terms) -> list[tuple[str, str]]:
    """(expression, what it says when it is false), about a pod called ``object``."""
    image = terms.image("notebook")
    words = _listed(["prlimit", "--", *ENTRY])
    checks = [
        (
            "has(object.spec.initContainers) && object.spec.initContainers.size() == 1 && "
            "object.spec.containers.size() == 1 && !has(object.spec.ephemeralContainers)",
            "a notebook has one container, and one that looks at its walls before",
        ),
        (f"{_ALL}.all(c, c.image == '{image}')", "the image is the operator's"),
        (
            "object.spec.containers.all(c, c.command[0] == 'prlimit' && c.command.exists(w, w == '--core=0:0') && "
            f"c.command.all(w, w in {words} || w.matches('^--(nofile|core|fsize)=[0-9]+:[0-9]+$')) && "
            f"c.command[c.command.size() - 1] == '{ENTRY[-1]}' && c.args == {_listed(COMMAND)})",
            "it runs the notebook's server, below its limits",
        ),
        (
            f"object.spec.initContainers.all(c, c.command == {_listed(WALLS)} && c.args.size() == 3)",
            "its walls are looked at",
        ),
        (
            f"{_ALL}.all(c, !has(c.envFrom) && (!has(c.env) || c.env.all(e, !has(e.valueFrom))))",
            "nothing of the cluster is in its environment",
        ),
        (f"{_ALL}.all(c, !has(c.lifecycle) && !has(c.volumeDevices))", "it has no hooks and no devices"),
        (
            f"{_ALL}.all(c, has(c.securityContext.readOnlyRootFilesystem) && "
            "c.securityContext.readOnlyRootFilesystem == true)",
            "its programs cannot be changed",
        ),
        (
            "!has(object.spec.volumes) || object.spec.volumes.all(v, has(v.emptyDir))",
            "it is given memory and no other volume",
        ),
        (
            "has(object.spec.automountServiceAccountToken) && object.spec.automountServiceAccountToken == false && "
            "(!has(object.spec.serviceAccountName) || object.spec.serviceAccountName == 'default')",
            "it has no token for the cluster",
        ),
        (
            "has(object.spec.enableServiceLinks) && object.spec.enableServiceLinks == false && "
            "object.spec.dnsPolicy == 'None'",
            "it is told of no services, and asks no name server",
        ),
        ("object.spec.restartPolicy == 'Never'", "its walls are looked at before each start"),
        (
            "has(object.metadata.labels) && 'sandbox.kind' in object.metadata.labels && "
            "object.metadata.labels['sandbox.kind'] == 'notebook'",
            "the network policies know it",
        ),
        ("!has(object.spec.nodeName)", "the scheduler chooses its node"),
    ]
    if terms.runtime_class:
        checks.append(
            (
                "has(object.spec.runtimeClassName) && "
                f"object.spec.runtimeClassName == '{terms.runtime_class}'",
                "it runs under the operator's runtime",
            )
        )
    if terms.seccomp_profile:
        checks.append(
            (
                f"{_ALL}.all(c, c.securityContext.seccompProfile.type == 'Localhost' && "
                f"c.securityContext.seccompProfile.localhostProfile == '{terms.seccomp_profile}')",
                "only the listed system calls are open to it",
            )
        )
    if terms.user_namespaces:
        checks.append(
            (
                "has(object.spec.hostUsers) && object.spec.hostUsers == false",
                "its ids are its own on the node",
            )
        )
    return checks


def _listed(words: Sequence[str]) -> str:
    """A list of texts as CEL writes it."""
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def admission(terms: Terms) -> list[Document]:
    """The rule and its binding. They are of the whole cluster, and are about one namespace."""
    name = f"{terms.notebook_namespace}-pods"
    return [
        document(
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            name,
            spec={
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["pods"],
                        }
                    ]
                },
                "validations": [
                    {"expression": expression, "message": message}
                    for expression, message in validations(terms)
                ],
            },
        ),
        document(
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicyBinding",
            name,
            spec={
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": terms.notebook_namespace}
                    }
                },
            },
        ),
    ]
