"""What an operator says about a cluster, checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.domain.errors import BadInput

_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
_IMAGES = re.compile(r"[a-z0-9][a-z0-9._:-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_METADATA = tuple(ipaddress.ip_address(a) for a in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254"))
_NARROWEST = {4: 24, 6: 120}  # an address outside is a machine or a few, never a network

ROLES = ("house", "engine", "notebook")  # of images


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One installation on one cluster.

    Attributes:
        public_url: how browsers reach it, over HTTPS.
        registry: where the nodes get the images, such as registry.example.org/sandbox; without a slash at the end.
        tag: of the images.
        digests: (role, sha256:…) of images that the registry named so: they are taken instead of the tag.
        api_server: the addresses of the cluster's API server, as networks: the hub alone reaches them.
        database: the addresses of the database, as networks; empty: it is in a namespace of the cluster that has the
            label ``sandbox.database: "yes"``.
        identity: the addresses of the provider that people sign in with, as networks; empty: accounts are our own.
        storage_class: of the claims; empty: the cluster's default.
        runtime_class: of notebooks; empty: the cluster's default runtime.
        seccomp_profile: our list of system calls below the kubelet's folder; empty: it is not on the nodes.
        user_namespaces: whether pods of notebooks get ids of their own on the node.
        notebooks: at most so many at once.
        memory_mib: of one notebook at most, in MiB: the site's policy names no more.
        cpus: of one notebook at most, in whole processors.
        engine_memory_mib: as the site's policy has it.
        timeout_s: of one question, in seconds, as the site's policy has it.

    Raises:
        BadInput: one is not what it has to be.
    """

    public_url: str
    registry: str
    api_server: tuple[str, ...]
    tag: str = "0.1.0"
    digests: tuple[tuple[str, str], ...] = ()
    namespace: str = "sandbox"
    database: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    storage_class: str = ""
    runtime_class: str = ""
    seccomp_profile: str = ""
    user_namespaces: bool = False
    notebooks: int = 50
    memory_mib: int = 1024
    cpus: int = 1
    engine_memory_mib: int = 2048
    timeout_s: int = 30

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise BadInput(
                f"{self.public_url!r} is not how browsers reach the site.",
                where="public-url",
                fix="Write https:// and a name, and nothing behind it.",
            )
        _matches(self.namespace, _NAME, "namespace", "Use small letters, digits and hyphens, 40 at most.")
        _matches(self.registry, _IMAGES, "registry", "Write a host and a path, without https:// before it.")
        _matches(self.tag, _TAG, "tag", "Use letters, digits, dots and hyphens.")
        for role, digest in self.digests:
            if role not in ROLES or not _DIGEST.fullmatch(digest):
                raise BadInput(
                    f"{role[:40]}={digest[:80]} names no image.",
                    where="digests",
                    fix=f"Write one of {', '.join(ROLES)}, = and sha256: with 64 digits.",
                )
        for where, value in (("storage-class", self.storage_class), ("runtime-class", self.runtime_class)):
            if value:
                _matches(value, _NAME, where, "Write the name of one that the cluster has.")
        if self.seccomp_profile:
            _matches(
                self.seccomp_profile, _PROFILE, "seccomp-profile", "Write a path without dots before it."
            )
        if not self.api_server:
            raise BadInput(
                "Nothing says where the cluster's API server is, and the hub has to reach it.",
                where="api-server",
                fix="Ask the cluster: kubectl get endpoints kubernetes. Write 10.0.0.1/32.",
            )
        for where, networks in (
            ("api-server", self.api_server),
            ("database", self.database),
            ("identity", self.identity),
        ):
            for network in networks:
                _check_network(network, where)
        for where, number in (
            ("notebooks", self.notebooks),
            ("memory", self.memory_mib),
            ("cpus", self.cpus),
        ):
            if number < 1:
                raise BadInput(f"{number} is too small.", where=where, fix="Use 1 or more.")

    @property
    def host(self) -> str:
        """The site's name."""
        return str(urlsplit(self.public_url).hostname)

    @property
    def notebook_namespace(self) -> str:
        return f"{self.namespace}-notebooks"

    def image(self, role: str) -> str:
        digest = dict(self.digests).get(role)
        return f"{self.registry}/sandbox-{role}{f'@{digest}' if digest else f':{self.tag}'}"


def _matches(value: str, pattern: re.Pattern[str], where: str, fix: str) -> None:
    if not pattern.fullmatch(value):
        raise BadInput(f"{value[:80]!r} cannot be used.", where=where, fix=fix)


def _check_network(text: str, where: str) -> None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise BadInput(
            f"{text[:60]!r} is no network.", where=where, fix="Write an address and /32, such as 10.0.0.1/32."
        ) from None
    if network.prefixlen < _NARROWEST[network.version]:
        raise BadInput(
            f"{text} is more than the machines of one service.",
            where=where,
            fix=f"Name them one by one; /{_NARROWEST[network.version]} is the widest that is taken.",
        )
    if network.is_link_local or any(address in network for address in _METADATA):
        raise BadInput(
            f"{text} holds the address where a cloud hands out credentials.", where=where, fix="Leave it out."
        )
