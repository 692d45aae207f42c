"""Small makers of documents, as the API server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

PART_OF = {"app.kubernetes.io/part-of": "secure-data-sandbox"}
NAME = "app.kubernetes.io/name"


def labels(name: str) -> dict[str, str]:
    """Of one of the system's pods."""
    return {NAME: name, **PART_OF}


def document(
    api: str,
    kind: str,
    name: str,
    *,
    namespace: str = "",
    labelled: Mapping[str, str] | None = None,
    **body: Any,
) -> Document:
    """One object."""
    metadata: Document = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = {**PART_OF, **(labelled or {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def env(name: str, value: str) -> Document:
    return {"name": name, "value": value}


def env_secret(name: str, secret: str, key: str) -> Document:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def mount(volume: str, path: str, *, folder: str = "", read_only: bool = False) -> Document:
    found: Document = {"name": volume, "mountPath": path}
    if folder:
        found["subPath"] = folder
    if read_only:
        found["readOnly"] = True
    return found


def probe(port: int, path: str = "") -> Document:
    """Ready when the port takes connections, or answers a path well."""
    asked: Document = {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}
    return {**asked, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3}


def service(name: str, namespace: str, ports: Mapping[str, int], *, pods: str) -> Document:
    return document(
        "v1",
        "Service",
        name,
        namespace=namespace,
        spec={
            "type": "ClusterIP",
            "selector": {NAME: pods},
            "ports": [
                {"name": label, "port": port, "targetPort": port, "protocol": "TCP"}
                for label, port in ports.items()
            ],
        },
    )
