"""Builds the images: base ← gate, engine, notebook. Each is built only when its inputs changed. That of jobs in R is
built when it is asked for (``--only r``), and kept up to date from then on.

- An image's tag is the hash of its inputs: its files, and its parent's tag. Nothing else goes into the build.
- What the host needs for reaching its package mirrors (pip's and apt's settings, the CA bundle) is lent to
  the build as secrets: mounted while a step runs, kept in no layer.
- The result, `.sandbox/images.json`, names the tag of each role and the digest that containers are started by: whoever
  gives the tag to another image changes nothing. Beside it, `.sandbox/sbom/ROLE.cdx.json` lists what is in each.
- `.sandbox/assets.json` has the hashes of the files that the notebook's server hands out (`isolation/gate_assets.py`).
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console

from sandbox.isolation.gate_assets import PROGRAM

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".sandbox" / "logs"
RESULT = ROOT / ".sandbox" / "images.json"
PACKAGES = ROOT / ".sandbox" / "sbom"
PACKAGES_INSIDE = "/usr/share/sandbox/packages.cdx.json"  # written by images/inventory.py
ASSETS = RESULT.with_name("assets.json")
PULLED_BASE = "python:3.11-slim-bookworm"
BOOTSTRAPPED_BASE = "mmdebstrap"
QUIET_LINE_S = 30  # how often a build without a terminal says that it still runs
INVENTORY = ("images/inventory.py",)
INSTALL = ("images/install.sh", *INVENTORY)
APT = ("images/apt.sh", *INVENTORY)
RUNNER = "images/run_job.py"

console = Console(highlight=False)


@dataclass(frozen=True)
class Image:
    """A role and the files (or folders) of this repository that its build may see."""

    role: str
    inputs: tuple[str, ...]

    def files(self) -> list[Path]:
        found: list[Path] = []
        for name in self.inputs:
            path = ROOT / name
            if not path.exists():
                raise BuildError(f"{name}, which the {self.role} image is made from, is not there.")
            found += [path] if path.is_file() else (p for p in path.rglob("*") if p.is_file())
        return sorted(p for p in found if "__pycache__" not in p.parts)

    def tag(self, *, parent: str) -> str:
        digest = hashlib.sha256(parent.encode())
        for path in self.files():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"\n{path.relative_to(ROOT)} {_mode(path):o} {content}".encode())
        return f"sandbox-{self.role}:{digest.hexdigest()[:12]}"

    def context(self) -> bytes:
        """The same files as a tar, with nothing in it that differs from machine to machine."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in self.files():
                content = path.read_bytes()
                entry = tarfile.TarInfo(str(path.relative_to(ROOT)))
                entry.size, entry.mode = len(content), _mode(path)
                tar.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


BASE = Image("base", ("images/base/bootstrap.sh", "images/base/Dockerfile"))
CHILDREN = (
    Image("gate", ("images/gate", *APT)),
    Image(
        "engine",
        (
            "images/engine/Dockerfile",
            *INSTALL,
            "requirements/engine.lock",
            "sandbox/__init__.py",
            "sandbox/domain",
            "sandbox/privacy",
        ),
    ),
    Image(
        "notebook",
        (
            "images/notebook",
            RUNNER,
            *INSTALL,
            "requirements/notebook.lock",
            "sandbox/__init__.py",
            "sandbox/client",
        ),
    ),
)
# Built where somebody asks for it, and from then on with the others.
ON_DEMAND = (Image("r", ("images/r", RUNNER, *APT)),)
# For docker-compose.yml: the processes that run on the machine itself otherwise.
COMPOSE = (
    Image(
        "house",
        (
            "images/house",
            "images/proxy",
            *INSTALL,
            "requirements/house.lock",
            *("sandbox", "hub_config", "policies", "requirements/notebook.lock"),
        ),
    ),
    Image("postgres", ("images/postgres", *APT)),
)


class BuildError(Exception):
    """An image could not be built; the message says what to do."""


def build_images(*, only: Sequence[str] = (), more: Sequence[Image] = ()) -> dict[str, str]:
    """Builds what is missing and returns role → tag.

    Args:
        more: images beyond those that every installation needs.
    """
    known = existing_tags() - renamed()
    source = choose_base(known)
    base = BASE.tag(parent=source)
    asked_for = {*only, *recorded()}
    on_demand = [image for image in ON_DEMAND if image.role in asked_for]
    children = [image for image in (*CHILDREN, *on_demand, *more) if not only or image.role in only]
    tags = {"base": base, **{image.role: image.tag(parent=base) for image in children}}
    if known.issuperset(tags.values()):
        return tags
    with lent_settings() as settings:
        if base not in known and source == BOOTSTRAPPED_BASE:
            bootstrap_base(base)
        elif base not in known:
            docker_build(BASE, base, arguments={"SOURCE": source}, settings=settings)
        for image in children:
            if tags[image.role] not in known:
                docker_build(image, tags[image.role], arguments={"BASE": base}, settings=settings)
    return tags


def choose_base(known: set[str]) -> str:
    """Named by SANDBOX_BASE_IMAGE; else one that is there already; else our own if we may; else pulled."""
    if named := os.environ.get("SANDBOX_BASE_IMAGE"):
        return named
    for source in (BOOTSTRAPPED_BASE, PULLED_BASE):
        if BASE.tag(parent=source) in known:
            return source
    can_bootstrap = os.geteuid() == 0 and shutil.which("mmdebstrap") is not None
    return BOOTSTRAPPED_BASE if can_bootstrap else PULLED_BASE


def bootstrap_base(tag: str) -> None:
    log = LOGS / "image-base.log"
    with tempfile.TemporaryFile() as tar, log.open("wb") as output:
        run("base", "Making the base image (Debian 12)", [str(ROOT / BASE.inputs[0])], log=output, out=tar)
        tar.seek(0)
        changes = ["--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin", "--change", "ENV LANG=C.UTF-8"]
        run("base", "Importing it", [docker(), "import", *changes, "-", tag], log=output, stdin=tar)


def docker_build(image: Image, tag: str, *, arguments: dict[str, str], settings: dict[str, Path]) -> None:
    command = [docker(), "build", "--progress=plain", "--network=host", "--tag", tag]
    command += ["--file", f"images/{image.role}/Dockerfile"]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    for proxy in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        if proxy in os.environ:  # by name only: these the builder keeps out of the image's history
            command += ["--build-arg", proxy]
    for name, path in settings.items():
        command += ["--secret", f"id={name},src={path}"]
    with (
        tempfile.TemporaryFile() as context,
        (LOGS / f"image-{image.role}.log").open("wb") as log,
    ):
        context.write(image.context())
        context.seek(0)
        run(image.role, f"Building the {image.role} image", [*command, "-"], log=log, stdin=context)


def run(
    role: str,
    title: str,
    command: Sequence[str],
    *,
    log: IO[bytes],
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    out: IO[bytes] | None = None,
) -> None:
    """Runs a long command with its output in the log, showing the time on one line; raises BuildError."""
    started = shown = time.monotonic()
    with (
        console.status(title) as status,
        subprocess.Popen(
            command,
            stdin=stdin,
            stdout=out or log,
            stderr=log,
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
            cwd=ROOT,
        ) as process,
    ):
        if not console.is_terminal:
            console.print(f"  … {title}")
        try:
            while process.poll() is None:
                time.sleep(0.1)
                now = time.monotonic()
                status.update(f"{title}  {now - started:.0f} s")
                if not console.is_terminal and now - shown > QUIET_LINE_S:
                    shown = now
                    console.print(f"    {title}: running for {now - started:.0f} s")
        except BaseException:
            process.terminate()
            raise
    took = time.monotonic() - started
    if process.returncode != 0:
        console.print(f"  ✗ {title} (failed after {took:.0f} s)")
        tail = (LOGS / f"image-{role}.log").read_text(errors="replace").splitlines()[-30:]
        console.print("\n".join(tail), markup=False, soft_wrap=True)
        raise BuildError(
            f"{title} did not work. All of its output is in .sandbox/logs/image-{role}.log.\n"
            "  A base image can also be named: SANDBOX_BASE_IMAGE=python:3.11-slim-bookworm"
        )
    console.print(f"  ✓ {title} ({took:.0f} s)")


@contextmanager
def lent_settings() -> Iterator[dict[str, Path]]:
    """The host's settings for package mirrors as files that exist only while the images are built."""
    with tempfile.TemporaryDirectory() as folder:
        lent = {"ca": ca_bundle()}
        for name, text in {
            "pip": pip_settings(),
            "apt_sources": host_output("apt-get", "indextargets", "--format", _APT_LINE),
            "apt_conf": host_output("apt-config", "dump"),
        }.items():
            lent[name] = Path(folder, name)
            lent[name].write_text(_FILTERS.get(name, str)(text))
        netrc = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
        if netrc.is_file():
            lent["netrc"] = netrc
        npmrc = Path(os.environ.get("NPM_CONFIG_USERCONFIG", Path.home() / ".npmrc"))
        if npmrc.is_file():
            lent["npm"] = npmrc
        yield lent


def ca_bundle() -> Path:
    named = [os.environ.get(name, "") for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")]
    for candidate in (*named, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    import certifi

    return Path(certifi.where())


def pip_settings() -> str:
    """What pip is told on this host about mirrors, without anything that is a path of this host."""
    listed = host_output(sys.executable, "-m", "pip", "config", "list")
    config = configparser.RawConfigParser()
    config.add_section("global")
    for line in listed.splitlines():
        key, _, quoted = line.partition("=")
        name = key.rpartition(".")[2]
        value = quoted.strip("'\"").replace("\\n", " ")
        if name.endswith("index-url"):
            value = " ".join(url for url in value.split() if url.startswith(("http://", "https://")))
        elif name not in {"trusted-host", "proxy", "timeout", "default-timeout", "retries"}:
            continue
        if value:
            config.set("global", name.removeprefix("default-"), value)
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


_APT_LINE = "$(CREATED_BY) $(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
_APT_PREFIX = (
    "Packages Debian bookworm ",
    "Packages Debian bookworm-updates ",
    "Packages Debian bookworm-security ",
)


def _debian_sources(text: str) -> str:
    lines = (line.removeprefix(p) for line in text.splitlines() for p in _APT_PREFIX if line.startswith(p))
    return "".join(f"{line}\n" for line in sorted(set(lines)))


def _transport_settings(text: str) -> str:
    wanted = ("Acquire::http", "Acquire::Retries", "Acquire::Check-")
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith(wanted))


_FILTERS = {"apt_sources": _debian_sources, "apt_conf": _transport_settings}


def host_output(*command: str) -> str:
    """What a command of the host prints, or nothing where it does not exist."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def docker() -> str:
    """Debian's own client builds with BuildKit; a bare newer one may lack the plugin for it."""
    return "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"


def docker_lines(*arguments: str) -> list[str]:
    done = subprocess.run([docker(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"the container engine does not answer as it should: {done.stderr.strip()}")
    return done.stdout.split()


def existing_tags() -> set[str]:
    return set(
        docker_lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=sandbox-*")
    )


def digest_of(tag: str) -> str:
    """The image's own name: the hash of its contents and settings."""
    return docker_lines("image", "inspect", "--format", "{{.Id}}", tag)[0]


def recorded() -> dict[str, dict[str, str]]:
    """Role → tag and digest, as the last build wrote them; without what cannot be read."""
    try:
        found = json.loads(RESULT.read_text())
    except (OSError, ValueError):
        return {}
    return {role: image for role, image in found.items() if isinstance(image, dict)}


def renamed() -> set[str]:
    """Tags that somebody gave to another image since: these are built again."""
    known = existing_tags()
    found = {
        image["tag"]
        for image in recorded().values()
        if image["tag"] in known and digest_of(image["tag"]) != image["digest"]
    }
    for tag in sorted(found):
        console.print(f"  ! {tag} is not the image that was built here; it is built again.")
    return found


def list_packages(images: dict[str, dict[str, str]]) -> None:
    """Copy each image's list of packages out of it."""
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for role, image in images.items():
        if role != BASE.role:
            inside = ["--rm", "--network=none", "--entrypoint=/bin/cat", image["digest"], PACKAGES_INSIDE]
            done = subprocess.run([docker(), "run", *inside], capture_output=True, check=False)
            if done.returncode != 0:
                raise BuildError(
                    f"the {role} image has no list of its packages: {done.stderr.decode().strip()}"
                )
            (PACKAGES / f"{role}.cdx.json").write_bytes(done.stdout)


def list_assets(image: str) -> str:
    """The hashes of the lab's own files, as the image's Python finds them."""
    locked = ["--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", "python3"]
    return "\n".join(docker_lines("run", *locked, image, "-c", PROGRAM)) + "\n"


def prune(tags: dict[str, str]) -> None:
    """Removes older images of these roles; the engine itself refuses those that a container uses."""
    roles = {f"sandbox-{role}" for role in tags}
    for old in sorted(existing_tags() - set(tags.values()), reverse=True):
        if old.partition(":")[0] in roles:
            done = subprocess.run([docker(), "image", "rm", old], capture_output=True, text=True, check=False)
            console.print(f"  {'✓ Removed' if done.returncode == 0 else '… In use, kept:'} {old}")


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the images that are missing.")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=[image.role for image in (*CHILDREN, *ON_DEMAND)],
        metavar="ROLE",
        help="gate, engine, notebook; or r, for jobs in R",
    )
    parser.add_argument("--compose", action="store_true", help="those of docker-compose.yml too")
    parser.add_argument("--prune", action="store_true", help="remove older images that no container uses")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        tags = build_images(only=options.only, more=COMPOSE if options.compose else ())
        built = {role: {"tag": tag, "digest": digest_of(tag)} for role, tag in tags.items()}
        list_packages(built)
        if options.prune:
            prune(tags)
        if "notebook" in tags:
            ASSETS.write_text(list_assets(tags["notebook"]))
    except BuildError as error:
        console.print(f"\nSet-up stops here: {error}", markup=False, soft_wrap=True, style="red")
        return 1
    kept = {role: image for role, image in recorded().items() if options.only or role not in tags}
    images = {**kept, **built}
    RESULT.write_text(json.dumps(images, indent=2) + "\n")
    console.print(f"  ✓ images ({', '.join(tags)})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
