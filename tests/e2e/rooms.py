"""Real containers for the tests of the locked room."""

from __future__ import annotations

import os
import socket
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.probe import BRIDGE, INTERNET, METADATA, NAME_SERVER, NEIGHBOUR
from sandbox.isolation.profile import profile
from sandbox.settings import Settings

SMALL = NotebookLimits(memory_mib=256, home_mib=32, tmp_mib=32, processes=64)
SLEEP = ["sleep", "600"]


def images() -> Images:
    return Images.read(Settings().images_file)


def grant(number: int = 1, person: str = "alice") -> Grant:
    return Grant(
        id=number,
        person=person,
        dataset="loans",
        project="credit",
        purpose="a model of credit risk",
        mode=Mode.QUERY,
        starts=date(2020, 1, 1),
        ends=date(2099, 1, 1),
        agreement_hash="0" * 64,
    )


def name(kind: str) -> str:
    """Of this test run only, so that two runs on one machine do not meet."""
    return f"test-{os.getpid()}-{kind}"


def five_free_ports() -> int:
    """The first of five free ports in a row."""
    for first in range(21_000, 30_000, 10):
        with ExitStack() as probes:
            try:
                for port in range(first, first + 5):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no five free ports")


def locked(limits: NotebookLimits = SMALL) -> ContainerSettings:
    return profile(grant(), limits=limits, images=images(), seccomp=own_seccomp())


@contextmanager
def started(
    containers: Containers, settings: ContainerSettings, kind: str, command: list[str]
) -> Iterator[str]:
    """A container for as long as the block."""
    try:
        yield containers.start(settings, name=name(kind), command=command)
    finally:
        containers.remove(name(kind))


def inside(container: str, code: str) -> str:
    """What a Python program prints in a container."""
    done = subprocess.run(
        ["docker", "exec", container, "python3", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


_TRAP = """
import fcntl, socket, struct, threading, time
s = socket.socket()
def add(number, address):
    ifname = f"lo:{number}".encode()
    request = struct.pack("16sH2s4s8s", ifname, socket.AF_INET, b"", socket.inet_aton(address), b"")
    fcntl.ioctl(s, 0x8916, request)  # SIOCSIFADDR
def tcp(address, port):
    with socket.create_server((address, port)) as listener:
        while True:
            listener.accept()[0].close()
def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, port))
        while True:
            packet, sender = listener.recvfrom(512)
            if port == 53:  # the question again, and one address as its answer
                end = 12 + packet[12:].index(0) + 5
                packet = (packet[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + packet[12:end]
                          + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4" + socket.inet_aton("203.0.113.1"))
            listener.sendto(packet, sender)
for number, address in enumerate(ADDRESSES):
    add(number, address)
for serve, address, port in SERVICES:
    threading.Thread(target=globals()[serve], args=(address, port), daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def weak_room(folder: Path) -> Iterator[str]:
    """A container with everything that the profile takes away. Its network is a trap: all traffic ends in it.

    The trap has no interface but loopback, and takes the addresses that the attacks ask for as its own.
    """
    (folder / "raw").mkdir()
    (folder / "raw" / "rows.csv").write_text("not,a,row\n")
    (folder / "gate").mkdir()
    addresses = [INTERNET, NAME_SERVER, METADATA, BRIDGE, NEIGHBOUR]
    services = [
        ("tcp", INTERNET, 443),
        ("udp", INTERNET, 9),
        ("udp", NAME_SERVER, 53),
        ("tcp", METADATA, 80),
        ("tcp", BRIDGE, 2375),
        ("tcp", NEIGHBOUR, 8888),
    ]
    trap = f"ADDRESSES = {addresses!r}\nSERVICES = {services!r}\n{_TRAP}"
    base = images().notebook
    run = ["docker", "run", "--detach", "--rm", "--init", "--entrypoint", "python3", "--user", "0:0"]
    trapped = ["--network", "none", "--dns", NAME_SERVER, "--cap-add", "NET_ADMIN", "--name", name("trap")]
    # Not --privileged: where root itself lacks a capability, the engine cannot give all of them.
    weak = [
        "--cap-add",
        "SYS_ADMIN",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
    ]
    weak += ["--security-opt", "systempaths=unconfined", "--ulimit", "core=-1", "--name", name("weak")]
    weak += ["--network", f"container:{name('trap')}"]
    weak += ["--volume", f"{folder}/raw:/data/raw:ro", "--volume", f"{folder}/gate:/gate"]
    listen = (
        "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('/var/run/docker.sock'); "
        "s.listen(); time.sleep(600)"
    )
    try:
        subprocess.run([*run, *trapped, base, "-c", trap], check=True, capture_output=True)
        subprocess.run([*run, *weak, base, "-c", listen], check=True, capture_output=True)
        yield name("weak")
    finally:
        for kind in ("weak", "trap"):
            subprocess.run(["docker", "rm", "--force", name(kind)], capture_output=True, check=False)
