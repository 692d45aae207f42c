"""Settings: the only reader of the environment. Frozen; units in names.

Every variable starts with ``SANDBOX_`` and has a default that works on one machine:

``SANDBOX_HOME``          state: database, keys, files, logs (default: ``.sandbox`` in the checkout)
``SANDBOX_POLICIES``      ``site.yaml`` and ``datasets/`` (default: ``policies`` in the checkout)
``SANDBOX_DATABASE_URL``  SQLAlchemy URL (default: SQLite in the home)
``SANDBOX_HOST``          address that the proxy listens on (default: 127.0.0.1)
``SANDBOX_PORT``          its port (default: 8000); the four inner ports follow it
``SANDBOX_HEADS``         a folder for signed heads of the log, to be mirrored (default: ``heads`` in the home)
``SANDBOX_REMAPPED_TO``   the host's number of the containers' root, for an engine that maps users (default: 0, no map)
``SANDBOX_PUBLIC_URL``    how browsers reach it, when another proxy stands before it: a name, not a number; each
                          person's notebooks are at a name below it
``SANDBOX_HOSTS``         where the processes are when each has a machine or container of its own, such as
                          ``hub=hub gate=gate portal=portal proxy=proxy`` (default: all on this machine's loopback)
``SANDBOX_EXTRACTS``      a folder for the rows that jobs and rooms read, while they run (default: in memory)
``SANDBOX_PUBLISH_FROM``  folders, with ``:`` between, from which owners may publish without an upload: each from the
                          subfolder with their user name (default: none)
``SANDBOX_PUBLISH_MIB``   the largest file that may be uploaded to be published, in MiB (default: 1024)
``SANDBOX_CLUSTER``       a file that says how notebooks run on a Kubernetes cluster (default: they run here)
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from sandbox.domain.errors import BadInput

CHECKOUT = Path(__file__).resolve().parents[1]
PORTAL_PREFIX = "/services/portal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where things are, and on which ports they listen."""

    home: Path = CHECKOUT / ".sandbox"
    policies: Path = CHECKOUT / "policies"
    database_url: str = ""
    bind_host: str = "127.0.0.1"
    hub_port: int = 8000  # the one public port: the proxy's
    public_url: str = ""
    remapped_to: int = 0
    extracts: Path | None = None
    hosts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    heads: Path | None = None
    cluster: Path | None = None
    publish_from: tuple[Path, ...] = ()
    publish_mib: int = 1024

    # Inner ports: on loopback, or on a network that only the processes are in.
    @property
    def proxy_api_port(self) -> int:
        return self.hub_port + 1

    @property
    def hub_api_port(self) -> int:
        return self.hub_port + 2

    @property
    def gate_port(self) -> int:
        return self.hub_port + 3

    @property
    def portal_port(self) -> int:
        return self.hub_port + 4

    @property
    def url(self) -> str:
        """How browsers and programs reach the system; no slash at the end."""
        return (self.public_url or f"http://{_name_of(self.bind_host)}:{self.hub_port}").rstrip("/")

    @property
    def proxy_url(self) -> str:
        """The public port as our own programs reach it; they say which host they mean in a header."""
        return self._inner("proxy", self.hub_port)

    @property
    def portal_url(self) -> str:
        return f"{self.url}{PORTAL_PREFIX}"

    @property
    def listen_host(self) -> str:
        """The address that the inner ports listen on."""
        return "0.0.0.0" if self.hosts else "127.0.0.1"  # noqa: S104  (the network is the processes' own)

    @property
    def hub_url(self) -> str:
        """The hub as the other processes reach it."""
        return self._inner("hub", self.hub_api_port)

    @property
    def gate_url(self) -> str:
        """The gate, likewise."""
        return self._inner("gate", self.gate_port)

    @property
    def portal_inner_url(self) -> str:
        """The portal, likewise; without its path."""
        return self._inner("portal", self.portal_port)

    @property
    def proxy_api_url(self) -> str:
        """Where the proxy is told its routes."""
        return self._inner("proxy", self.proxy_api_port)

    def _inner(self, name: str, port: int) -> str:
        return f"http://{self.hosts.get(name, '127.0.0.1')}:{port}"

    @property
    def hub_dir(self) -> Path:
        """What JupyterHub keeps."""
        return self.home / "hub"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'state.db'}"

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    @property
    def gate_dir(self) -> Path:
        return self.run_dir / "gate"

    @property
    def engine_dir(self) -> Path:
        """The folder that holds the engine's socket."""
        return self.run_dir / "engine"

    @property
    def engine_socket(self) -> Path:
        return self.engine_dir / "engine.sock"

    @property
    def launcher_socket(self) -> Path:
        """Where the one process that may start containers listens."""
        return self.run_dir / "launcher" / "launcher.sock"

    @property
    def jobs_socket(self) -> Path:
        """Where it listens for the worker alone: in a folder that the hub has no need to see."""
        return self.run_dir / "jobs" / "jobs.sock"

    @property
    def extracts_dir(self) -> Path:
        """Rows for jobs and rooms while these run: in memory where the machine has a place for that."""
        if self.extracts:
            return self.extracts
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        memory = Path("/dev/shm")  # noqa: S108  (a folder of this installation in it, closed to others)
        return memory / f"sandbox-{name}" if memory.is_dir() else self.run_dir / "extracts"

    @property
    def imports_dir(self) -> Path:
        """Files and packages that were let in, one folder for each project."""
        return self.home / "imports"

    @property
    def heads_dir(self) -> Path:
        """Signed heads of the log, one file each: for whoever mirrors them."""
        return self.heads or self.home / "heads"

    @property
    def raw_dir(self) -> Path:
        return self.home / "raw"

    @property
    def drafts_dir(self) -> Path:
        """Datasets that their owners prepare to publish."""
        return self.home / "drafts"

    @property
    def views_dir(self) -> Path:
        return self.home / "views"

    @property
    def vault_dir(self) -> Path:
        return self.home / "vault"

    @property
    def keys_dir(self) -> Path:
        return self.home / "keys"

    @property
    def data_keys_dir(self) -> Path:
        """The keys of the data at rest: for the engine alone, and in a backup of their own."""
        return self.keys_dir / "data"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"

    @property
    def images_file(self) -> Path:
        """Which image each kind of container runs: written by ``images/build.py``."""
        return CHECKOUT / ".sandbox" / "images.json"

    @property
    def assets_file(self) -> Path:
        """The hashes of the lab's own files in the notebook image: written with ``images_file``."""
        return self.images_file.with_name("assets.json")

    @property
    def notebook_lock(self) -> Path:
        """The packages of the notebook image, each with its version."""
        return CHECKOUT / "requirements" / "notebook.lock"

    @property
    def extra_wheels_dir(self) -> Path:
        """Packages that the operator adds to the notebook image for everybody."""
        return CHECKOUT / "images" / "notebook" / "wheels"

    def at(self, home: Path) -> Settings:
        """The same settings with its state elsewhere."""
        return replace(self, home=home)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ``SANDBOX_*``.

        Raises:
            BadInput: a port that is not a number, or without room for the inner ports; a user that has no number.
        """
        env = os.environ if environment is None else environment
        port = env.get("SANDBOX_PORT", "8000")
        if not port.isdigit() or not 1024 <= int(port) <= 65_000:
            raise BadInput(f"{port!r} is not a port.", where="SANDBOX_PORT", fix="Use 1024 to 65000.")
        remapped = env.get("SANDBOX_REMAPPED_TO") or "0"
        if not remapped.isdigit() or int(remapped) > 2**32 - 2**17:
            raise BadInput(
                f"{remapped!r} is no user's number.",
                where="SANDBOX_REMAPPED_TO",
                fix="'sandbox doctor' says which one the container engine uses.",
            )
        most = env.get("SANDBOX_PUBLISH_MIB") or "1024"
        if not most.isdigit() or not 1 <= int(most) <= 1_000_000:
            raise BadInput(
                f"{most!r} is no size.", where="SANDBOX_PUBLISH_MIB", fix="Use 1 to 1000000 (MiB)."
            )
        return cls(
            home=Path(env.get("SANDBOX_HOME", CHECKOUT / ".sandbox")).resolve(),
            policies=Path(env.get("SANDBOX_POLICIES", CHECKOUT / "policies")).resolve(),
            database_url=env.get("SANDBOX_DATABASE_URL", ""),
            bind_host=env.get("SANDBOX_HOST", "127.0.0.1"),
            hub_port=int(port),
            remapped_to=int(remapped),
            public_url=_public_url(env.get("SANDBOX_PUBLIC_URL", "")),
            hosts=MappingProxyType(_hosts(env.get("SANDBOX_HOSTS", ""))),
            extracts=Path(env["SANDBOX_EXTRACTS"]).resolve() if env.get("SANDBOX_EXTRACTS") else None,
            heads=Path(env["SANDBOX_HEADS"]).resolve() if env.get("SANDBOX_HEADS") else None,
            cluster=Path(env["SANDBOX_CLUSTER"]).resolve() if env.get("SANDBOX_CLUSTER") else None,
            publish_from=tuple(
                Path(p).resolve() for p in env.get("SANDBOX_PUBLISH_FROM", "").split(":") if p
            ),
            publish_mib=int(most),
        )

    def as_environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings."""
        return {
            "SANDBOX_HOME": str(self.home),
            "SANDBOX_POLICIES": str(self.policies),
            "SANDBOX_DATABASE_URL": self.database_url,
            "SANDBOX_HOST": self.bind_host,
            "SANDBOX_PORT": str(self.hub_port),
            "SANDBOX_PUBLIC_URL": self.public_url,
            "SANDBOX_REMAPPED_TO": str(self.remapped_to),
            "SANDBOX_EXTRACTS": str(self.extracts or ""),
            "SANDBOX_HOSTS": " ".join(f"{name}={host}" for name, host in self.hosts.items()),
            "SANDBOX_HEADS": str(self.heads or ""),
            "SANDBOX_CLUSTER": str(self.cluster or ""),
            "SANDBOX_PUBLISH_FROM": ":".join(map(str, self.publish_from)),
            "SANDBOX_PUBLISH_MIB": str(self.publish_mib),
        }


def _name_of(bind_host: str) -> str:
    """Loopback by its name: browsers know that names below it are loopback too."""
    return "localhost" if bind_host in ("127.0.0.1", "::1") else bind_host


def _public_url(text: str) -> str:
    """The address as given, when names below it are possible.

    Raises:
        BadInput: it is no http(s) address, or its host is a number.
    """
    if not text:
        return ""
    parts = urlsplit(text)
    try:
        ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        if parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"):
            return text
    raise BadInput(
        f"{text!r} is not an address below which each person's notebooks can have a name.",
        where="SANDBOX_PUBLIC_URL",
        fix="Use https://NAME without a path, and let *.NAME lead to the same machine.",
    )


def _hosts(text: str) -> dict[str, str]:
    """``hub=hub gate=10.0.0.7`` as a mapping.

    Raises:
        BadInput: a part that is no such pair.
    """
    found: dict[str, str] = {}
    for pair in text.split():
        name, equals, host = pair.partition("=")
        if not (equals and host) or name not in ("proxy", "hub", "gate", "portal"):
            raise BadInput(
                f"{pair!r} does not say where a process is.",
                where="SANDBOX_HOSTS",
                fix="Write proxy=…, hub=…, gate=… and portal=…, with blanks between.",
            )
        found[name] = host
    return found
