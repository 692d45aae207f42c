"""Every manifest is what the API servers of three versions read, to the last field. Offline: the schemas are a package."""

from __future__ import annotations

import copy
import re
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy.cluster_world import FULL, TERMS, a_notebook, documents, of_kind

VERSIONS = ("1.30", "1.33", "1.36")


def check(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("terms", [TERMS, FULL], ids=["plain", "full"])
def test_every_manifest_is_read(terms: Any, version: str) -> None:
    for document in [*documents(terms), a_notebook(terms)]:
        check(document, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Deployment", lambda d: d["spec"]["template"]["spec"].update(hostNetworks=True)),
        ("Deployment", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image=7)),
        ("NetworkPolicy", lambda d: d["spec"].update(egres=[])),
        ("Namespace", lambda d: d["metadata"].update(label={})),
        ("ValidatingAdmissionPolicy", lambda d: d["spec"]["validations"][0].update(rule="true")),
        ("Role", lambda d: d["rules"][0].update(verb=["get"])),
    ],
)
def test_a_field_that_no_server_knows_is_seen(kind: str, change: Any, version: str) -> None:
    document = copy.deepcopy(next(iter(of_kind(kind).values())))
    check(document, version)
    change(document)
    with pytest.raises(kubernetes_validate.ValidationError):
        check(document, version)


def test_names_and_labels_are_legal() -> None:
    """What no schema says: the API server refuses them otherwise."""
    name = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
    value = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
    for terms in (TERMS, FULL):
        for document in [*documents(terms), a_notebook(terms)]:
            assert name.fullmatch(document["metadata"]["name"])
            assert all(value.fullmatch(v) for v in document["metadata"]["labels"].values())
