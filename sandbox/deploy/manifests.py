"""Everything, as files: a folder that ``kubectl apply -k`` takes."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from sandbox.deploy import admission, network, notebooks, system
from sandbox.deploy.objects import Document
from sandbox.deploy.terms import Terms
from sandbox.domain.errors import BadInput
from sandbox.isolation.kubernetes import node_seccomp
from sandbox.isolation.lockdown import own_seccomp

KUSTOMIZATION = "kustomization.yaml"
ARCHITECTURES = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}  # as nodes name theirs


def manifests(terms: Terms, *, site: str) -> dict[str, list[Document]]:
    """Documents by file, in the order in which they are applied.

    Args:
        site: the text of ``site.yaml``.
    """
    return {
        "10-namespaces.yaml": notebooks.namespaces(terms),
        "20-network.yaml": network.policies(terms),
        "21-admission.yaml": admission.admission(terms),
        "22-rights.yaml": notebooks.rights(terms),
        "23-limits.yaml": notebooks.limits(terms),
        "30-settings.yaml": system.settings(terms, site),
        "31-claims.yaml": system.claims(terms),
        "32-services.yaml": system.services(terms),
        "33-entrance.yaml": system.entrance(terms),
        "40-system.yaml": system.deployments(terms),
    }


def files(terms: Terms, *, site: str) -> dict[str, str]:
    """The text of each file: manifests, the list of them, and our list of system calls for the nodes."""
    made = manifests(terms, site=site)
    kustomization: Document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(made),
    }
    profile = json.loads(own_seccomp())
    return {
        KUSTOMIZATION: as_yaml([kustomization]),
        **{name: as_yaml(documents) for name, documents in made.items()},
        **{
            f"nodes/seccomp-{node}.json": json.dumps(node_seccomp(profile, architecture), indent=1) + "\n"
            for node, architecture in ARCHITECTURES.items()
        },
    }


def write(folder: Path, terms: Terms, *, site: str) -> list[Path]:
    """Write them. Files of an earlier writing are replaced; nothing else is.

    Raises:
        BadInput: the folder holds something else.
    """
    found = files(terms, site=site)
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is no folder.", where="folder", fix="Name a new or an empty one.")
    known = {name.split("/")[0] for name in found}
    strange = sorted(p.name for p in folder.glob("*") if p.name not in known)
    if strange:
        raise BadInput(
            f"{folder} holds {strange[0]}, which is none of these manifests.",
            where="folder",
            fix="Name a new or an empty folder.",
        )
    written = []
    for name, text in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


def as_yaml(documents: list[Document]) -> str:
    """Several documents in one file, for readers of YAML 1.1, to whom a bare yes is no text.

    >>> as_yaml([{"entrance": "yes", "times": 3}])
    'entrance: "yes"\\ntimes: 3\\n'
    """
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda data: True  # the same list twice is written twice
    out = io.StringIO()
    yaml.dump_all([_blocks(document) for document in documents], out)
    return out.getvalue()


# Of a text that no version of YAML takes for anything else.
_PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z/][a-z0-9/._-]*(?: [a-z0-9/._-]+)*", re.IGNORECASE
)


def _blocks(value: object) -> object:
    if isinstance(value, dict):
        return {key: _blocks(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blocks(inner) for inner in value]
    if not isinstance(value, str) or _PLAIN.fullmatch(value):
        return value
    return LiteralScalarString(value) if "\n" in value else DoubleQuotedScalarString(value)
