"""The namespace of notebooks: what may be in it, how much of it, and who may make it."""

from __future__ import annotations

from sandbox.deploy.network import selector
from sandbox.deploy.objects import Document, document
from sandbox.deploy.terms import Terms

RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}{more}": value
    for mode in ("enforce", "audit", "warn")
    for more, value in (("", "restricted"), ("-version", "latest"))
}
_DISK = "256Mi"  # of a pod's logs; it has no other place on a disk


def namespaces(terms: Terms) -> list[Document]:
    """Both hold their pods to the restricted Pod Security Standard."""
    return [
        document("v1", "Namespace", name, labelled=RESTRICTED)
        for name in (terms.namespace, terms.notebook_namespace)
    ]


def limits(terms: Terms) -> list[Document]:
    """Sizes: of one notebook, and of all of them. Nothing but pods is to be there."""
    place = terms.notebook_namespace
    memory = f"{terms.memory_mib}Mi"
    largest = {"memory": memory, "cpu": str(terms.cpus), "ephemeral-storage": _DISK}
    return [
        document(
            "v1",
            "LimitRange",
            "notebook",
            namespace=place,
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "max": largest,
                        "default": largest,
                        "defaultRequest": {"memory": memory, "cpu": "100m", "ephemeral-storage": "16Mi"},
                    }
                ]
            },
        ),
        document(
            "v1",
            "ResourceQuota",
            "notebooks",
            namespace=place,
            spec={
                "hard": {
                    "pods": str(terms.notebooks),
                    "limits.memory": f"{terms.notebooks * terms.memory_mib}Mi",
                    "limits.cpu": str(terms.notebooks * terms.cpus),
                    "services": "0",
                    "persistentvolumeclaims": "0",
                    "secrets": "0",
                    "count/deployments.apps": "0",
                    "count/jobs.batch": "0",
                }
            },
        ),
        # A home is in memory: a node that is emptied waits for its notebooks. More than there can be, so always.
        document(
            "policy/v1",
            "PodDisruptionBudget",
            "notebooks",
            namespace=place,
            spec={"minAvailable": terms.notebooks, "selector": {"matchLabels": selector("notebook")}},
        ),
    ]


def rights(terms: Terms) -> list[Document]:
    """The hub: pods of notebooks. No logs of them, no commands in them, no secrets, no other place."""
    place = terms.notebook_namespace
    return [
        document(
            "v1", "ServiceAccount", "hub", namespace=terms.namespace, automountServiceAccountToken=False
        ),
        *(
            # What every pod gets that names no account: here it is nobody's, and its token is not handed out.
            document("v1", "ServiceAccount", "default", namespace=name, automountServiceAccountToken=False)
            for name in (terms.namespace, place)
        ),
        document(
            "rbac.authorization.k8s.io/v1",
            "Role",
            "hub",
            namespace=place,
            rules=[
                {
                    "apiGroups": [""],
                    "resources": ["pods"],
                    "verbs": ["get", "list", "watch", "create", "delete"],
                }
            ],
        ),
        document(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "hub",
            namespace=place,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "hub"},
            subjects=[{"kind": "ServiceAccount", "name": "hub", "namespace": terms.namespace}],
        ),
    ]
