"""A container engine that only a test lives by, so that it can be killed like any other process.

It shares nothing with the machine's engine but the kernel: folders, socket, containerd, control groups and configuration
are its own, and so is its network namespace, because a starting engine puts bridges and firewall of the namespace that
it finds in order, other engines' too. Images are carried over by ``docker save | docker load``.

Like systemd, a thread starts again what died; ``away_s`` says after how long.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import DockerException, NotFound

from sandbox.isolation.containers import Containers, answering

PARTS = ("containerd", "dockerd")  # in the order of their start
AWAY_S = 1.0
UP_WITHIN_S = 60.0
FORGETS = 4  # in the dozens of deaths of a whole run; see forgotten
PHANTOM = "listed alone"
CGROUPS = Path("/sys/fs/cgroup")
_SHIMS = Path("/run/containerd/s")  # fixed in containerd, whatever its settings say
_PROGRAMS = ("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "unshare")


def why_not() -> str:
    """Empty where a second engine can run; else a sentence for the skipped test."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if os.getuid() != 0:
        return "only root can start a container engine of its own"
    return f"not installed here: {', '.join(missing)}" if missing else ""


def has_children(pid: int) -> bool:
    """Whether a process has any; no where it ended meanwhile."""
    try:
        return any(task.read_text().strip() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return False


def collect_what_was_cut() -> None:
    """Connections that a death cut, and those that docker's client opened to an engine that is not there, are closed by
    nobody. They are collected where they are expected, not in a later test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def nobody_listens(path: Path) -> bool:
    """Whether it is a socket that was left behind."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX) as knocking:
        try:
            knocking.connect(str(path))
        except OSError as error:
            return error.errno != errno.ENOENT
    return False


@dataclass(slots=True)
class PrivateEngine:
    """Started, kept running, killed and stopped by its owner.

    Args:
        root: all its files; a short path, since sockets are among them.
        storage: the storage driver, and whether it is one of containerd's: as the machine's engine has them, so that
            images keep their digests.
    """

    root: Path
    storage: tuple[str, bool]
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _keeper: threading.Thread | None = None
    _shims_before: set[Path] = field(default_factory=set)

    @property
    def url(self) -> str:
        """What DOCKER_HOST says."""
        return f"unix://{self.root / 'd.sock'}"

    @property
    def cgroup(self) -> str:
        return f"sandbox-test-{self.root.name}"

    def start(self) -> None:
        """Start both parts, and keep them running until ``stop``."""
        self._shims_before = set(_SHIMS.glob("*"))
        self._write_settings()
        for part in PARTS:
            self._begin(part)
        self._keeper = threading.Thread(target=self._keep, name="private-engine")
        self._keeper.start()
        self.wait()

    def wait(self, *, within_s: float = UP_WITHIN_S) -> None:
        """Until it answers."""
        until = time.monotonic() + within_s
        while not self.answers():
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)
        collect_what_was_cut()

    def answers(self) -> bool:
        try:
            with closing(docker.APIClient(self.url, timeout=5)):  # it asks for the version
                return True
        except DockerException:
            return False

    def kill(self, part: str, *, away_s: float = AWAY_S) -> None:
        """SIGKILL; it is started again after so many seconds."""
        self._signal(part, signal.SIGKILL, away_s)

    def restart(self, part: str, *, away_s: float = 0.0) -> None:
        """SIGTERM, as an upgrade of its package does: it ends in its own time, and is started again."""
        self._signal(part, signal.SIGTERM, away_s)

    def stop(self) -> None:
        """End both, and take away what they leave when they were killed: a mount, control groups, sockets of shims."""
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
        for part in reversed(PARTS):
            process = self._processes.get(part)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for _, pid in tuple(self._shims()):  # without an engine they would stay for ever
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for place in reversed(self._mounted()):  # its data on themselves, and what a kill left
            subprocess.run(["umount", place], check=True)
        for kind in CGROUPS.glob(self.cgroup), CGROUPS.glob(f"*/{self.cgroup}"):
            for folder in kind:
                folder.rmdir()  # raises while a process is in it
        for path in set(_SHIMS.glob("*")) - self._shims_before:
            if nobody_listens(path):
                path.unlink()

    def clear(self) -> None:
        """Remove what an earlier run left, where the folder is kept."""
        with closing(Containers.of_this_host({"DOCKER_HOST": self.url}).client) as client:
            for row in client.containers(all=True):
                client.remove_container(row["Id"], force=True)

    def take_images(self, digests: Sequence[str]) -> float:
        """Carry images over from the machine's engine, those that are not here yet.

        Returns:
            The seconds it took.
        """
        began = time.monotonic()
        with closing(docker.APIClient(self.url)) as client:
            here = {str(image["Id"]) for image in client.images()}
        missing = [digest for digest in digests if digest not in here]
        if missing:
            with subprocess.Popen(["docker", "save", *missing], stdout=subprocess.PIPE) as saving:
                subprocess.run(
                    ["docker", "--host", self.url, "load", "--quiet"],
                    stdin=saving.stdout,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            assert saving.returncode == 0
        return time.monotonic() - began

    def log(self, lines: int = 20) -> str:
        """The last lines of both."""
        return "\n".join(
            line
            for part in PARTS
            for line in (self.root / f"{part}.log").read_text(errors="replace").splitlines()[-lines:]
        )

    def left_over(self) -> list[str]:
        """What stands of containers that the engine does not run: processes, mounts, control groups.

        Up to ``FORGETS`` ended containers that the engine forgot do not count.
        """
        known = self._known()
        running = {name for name, state in known.items() if state == "running"}
        its_own = {*running, *self.forgotten()[:FORGETS]}
        return [
            *(f"container {name[:12]} is {state}" for name, state in known.items() if name not in its_own),
            *(f"shim of {name[:12]}" for name, _ in self._shims() if name not in its_own),
            *(f"control group {name[:12]}" for name in self._cgroups() if name not in its_own),
            *(
                f"{len(places)} mounts {kind} of {len(running)}"
                for kind, places in self.mounts().items()
                if len(places) > len(running)
            ),
        ]

    def forgotten(self) -> list[str]:
        """Ended containers that are a record alone: containerd's, or a line of the engine's list.

        A dockerd that was killed can miss that a container ended, fail to remove it, and forget it at its next start;
        containerd then keeps the record of it: a shim without a child, and empty control groups (Docker 28.2, in some
        runs). Or it removes it while it starts, and goes on listing as dead what it says itself is not there (20.10).
        Nothing of ours runs in it, and nothing of ours can clear it.
        """
        shims = dict(self._shims())
        known = self._known()  # asked after, so that one that ends meanwhile is not taken for forgotten
        phantoms = [name for name, state in known.items() if state == PHANTOM]
        return sorted(
            [*phantoms, *(n for n, pid in shims.items() if n not in known and not has_children(pid))]
        )

    def _known(self) -> dict[str, str]:
        """The containers that the engine knows, and their states."""
        with closing(Containers.of_this_host({"DOCKER_HOST": self.url}).client) as client, answering():
            known = {str(row["Id"]): str(row["State"]) for row in client.containers(all=True)}
            for name in [name for name, state in known.items() if state == "dead"]:
                try:
                    client.inspect_container(name)
                except NotFound:
                    known[name] = PHANTOM
            return known

    def _shims(self) -> Iterator[tuple[str, int]]:
        """The containers whose shims, the parents of their processes, live; and the shims' numbers."""
        ours = str(self.root / "cd.sock").encode()
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = line.read_bytes().split(b"\0")
            except OSError:
                continue
            if ours in arguments and b"-id" in arguments:
                yield arguments[arguments.index(b"-id") + 1].decode(), int(line.parent.name)

    def _cgroups(self) -> set[str]:
        found = (
            CGROUPS.glob(f"{self.cgroup}/*/"),
            CGROUPS.glob(f"*/{self.cgroup}/*/"),
        )
        return {folder.name for kind in found for folder in kind}

    def mounts(self) -> dict[str, list[Path]]:
        """Of the containers, in the host's list: their file systems and their network namespaces, one each."""
        places = self._mounted()
        return {
            "merged": [place for place in places if place.name == "merged"],
            "netns": [place for place in places if place.parent.name == "netns"],
        }

    def _mounted(self) -> list[Path]:
        """Everything that is mounted below its folder, in the order in which it was."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [place for line in lines if (place := Path(line.split()[4])).is_relative_to(self.root)]

    def _signal(self, part: str, number: signal.Signals, away_s: float) -> None:
        with self._turn:
            process = self._processes[part]
            self._not_before[part] = time.monotonic() + away_s
            process.send_signal(number)  # to nobody, when it has ended and was waited for

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            with self._turn:
                for part in PARTS:
                    if self._processes[part].poll() is not None and time.monotonic() >= self._not_before.get(
                        part, 0
                    ):
                        self._begin(part)

    def _begin(self, part: str) -> None:
        commands = {
            "containerd": ["containerd", "--config", str(self.root / "containerd.toml")],
            "dockerd": ["unshare", "--net", "dockerd", "--config-file", str(self.root / "daemon.json")],
        }
        (self.root / f"{part}.pid").unlink(missing_ok=True)  # its number may be another program's by now
        with (self.root / f"{part}.log").open("ab") as log:
            self._processes[part] = subprocess.Popen(
                commands[part],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _write_settings(self) -> None:
        (self.root / "containerd.toml").write_text(
            "version = 2\n"
            f'root = "{self.root / "cd-root"}"\n'
            f'state = "{self.root / "cd"}"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.root / "cd.sock"}"\n'
        )
        settings = {
            "data-root": str(self.root / "data"),
            "exec-root": str(self.root / "run"),
            "pidfile": str(self.root / "dockerd.pid"),
            "hosts": [self.url],
            "containerd": str(self.root / "cd.sock"),
            "storage-driver": self.storage[0],
            "features": {"containerd-snapshotter": self.storage[1]},
            "cgroup-parent": f"/{self.cgroup}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "bridge": "none",
            "iptables": False,
            "ip-forward": False,
            "ip-masq": False,
            "userland-proxy": False,
            "no-new-privileges": True,
        }
        (self.root / "daemon.json").write_text(json.dumps(settings, indent=2))


@contextmanager
def a_private_engine(images: Sequence[str]) -> Iterator[PrivateEngine]:
    """Started, with these images; afterwards it is stopped and gone.

    ``SANDBOX_TEST_ENGINE`` names a folder that is kept, so that the next run finds the images there.
    """
    kept = os.environ.get("SANDBOX_TEST_ENGINE")
    root = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="sbe-", dir="/tmp"))
    root.mkdir(mode=0o700, exist_ok=True)
    with closing(Containers.of_this_host().client) as client:
        info = client.info()
    engine = PrivateEngine(
        root, (str(info["Driver"]), "io.containerd.snapshotter" in str(info.get("DriverStatus")))
    )
    try:
        engine.start()
        engine.clear()
        engine.take_images(images)
        yield engine
    finally:
        engine.stop()
        if not kept:
            shutil.rmtree(root)
        collect_what_was_cut()
