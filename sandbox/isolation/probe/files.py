"""Files and devices: of the host, of the image, of the data."""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack

_SHOWS = "this mode shows rows, read-only: that they stay inside is what the container and the gate are for"
_MAPPED = (
    "gVisor keeps noexec when a file is executed, not when it is mapped; a program may make memory executable in any "
    "case (compilers of numeric libraries do), and every call it makes is still held to the list"
)

FILES: tuple[Attack, ...] = (
    Attack(
        name="open the container engine's socket",
        would="become root on the host",
        code="""
with socket.socket(socket.AF_UNIX) as s:
    s.connect("/var/run/docker.sock")
""",
        refused_by="mounts (none)",
    ),
    Attack(
        name="open another container engine's socket",
        would="the same with containerd or Podman",
        code="""
for path in ("/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock"):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        break
    except OSError as error:
        why = error
else:
    raise why
""",
        refused_by="mounts (none)",
    ),
    Attack(
        name="open the launcher's socket",
        would="start containers, past the agreement",
        code="""
for path in ("/run/launcher/launcher.sock", "/launcher/launcher.sock"):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        break
    except OSError as error:
        why = error
else:
    raise why
""",
        refused_by="mounts (none)",
    ),
    Attack(
        name="open the raw data",
        would="read the rows themselves",
        code='open("/data/rows.csv").read()',
        refused_by="mounts (none)",
        by_design={"job": _SHOWS, "room": _SHOWS},
    ),
    Attack(
        name="open what the engine alone opens",
        would="read rows that no agreement opens to anybody",
        code='open("/data/raw/rows.csv").read()',
        refused_by="mounts (none)",
    ),
    Attack(
        name="change the raw data",
        would="falsify what others are shown, or leave signs in it",
        code='open("/data/rows.csv", "a").close()',
        refused_by="mounts (read-only)",
    ),
    Attack(
        name="add a file to the data",
        would="leave a message for the next who is shown it",
        code='open("/data/probe", "w").close()',
        refused_by="mounts (read-only)",
    ),
    Attack(
        name="make the data's mount writable",
        would="the same, more thoroughly",
        code="c_call('mount', b'none', b'/imports', None, 0x20 | 0x1000, None)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    Attack(
        name="add a file to what was let in",
        would="pass programs to colleagues without the review of imports",
        code='open("/imports/probe", "w").close()',
        refused_by="mounts (read-only)",
    ),
    Attack(
        name="link raw data into the outbox",
        would="let a release carry the file itself",
        code="""
os.makedirs("/home/researcher/outbox", exist_ok=True)
link = "/home/researcher/outbox/probe-link"
os.link("/data/rows.csv", link)
os.unlink(link)
""",
        refused_by="mounts, tmpfs (another file system)",
    ),
    Attack(
        name="list the carrier's sockets",
        would="speak to the gate as somebody else, or take its place",
        code='os.listdir("/gate")',
        refused_by="mounts (none)",
    ),
    Attack(
        name="speak to the gate's control socket",
        would="open a door for a notebook that no grant belongs to",
        code="""
names = [l.split()[-1] for l in open('/proc/net/unix') if l.strip().endswith(('control.sock', 'in.sock'))]
for path in [*names, "/gate/control.sock", "/run/gate/control.sock"]:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        break
    except OSError as error:
        why = error
else:
    raise why
""",
        refused_by="mounts (none)",
    ),
    Attack(
        name="change a program",
        would="be there at the next start",
        code='open("/usr/bin/probe", "w").close()',
        refused_by="read_only, user",
    ),
    Attack(
        name="change a library",
        would="the same, in what every program loads",
        code='open("/opt/venv/probe", "w").close()',
        refused_by="read_only, user",
    ),
    Attack(
        name="change where names lead",
        would="be taken for hub or portal by its own programs",
        code='open("/etc/hosts", "a").close()',
        refused_by="read_only, user",
    ),
    Attack(
        name="add an account",
        would="become another user",
        code='open("/etc/passwd", "a").close()',
        refused_by="read_only, user",
    ),
    Attack(
        name="read the accounts' secrets",
        would="guess passwords",
        code='open("/etc/shadow").read()',
        refused_by="user",
    ),
    Attack(
        name="execute a file from /tmp",
        would="run tools that are not in the image",
        code='run_a_copy_in("/tmp")',
        refused_by="tmpfs (noexec)",
    ),
    Attack(
        name="execute a file from the home folder",
        would="the same",
        code='run_a_copy_in("/home/researcher")',
        refused_by="tmpfs (noexec)",
    ),
    Attack(
        name="execute a file from /dev/shm",
        would="the same",
        code='run_a_copy_in("/dev/shm")',
        refused_by="tmpfs (noexec)",
    ),
    Attack(
        name="execute a file from /run",
        would="the same",
        code='run_a_copy_in("/run")',
        refused_by="tmpfs (noexec), user",
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
        name="map a file from /tmp as a program",
        would="load a library that is not in the image",
        code="""
shutil.copy(next(p for p in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6")
                 if os.path.exists(p)), "/tmp/probe-library.so")
try:
    ctypes.CDLL("/tmp/probe-library.so")
finally:
    os.unlink("/tmp/probe-library.so")
""",
        refused_by="tmpfs (noexec)",
        by_design={"runsc": _MAPPED},
    ),
    Attack(
        name="make a device",
        would="read the host's disk",
        code="""
os.mknod("/tmp/probe-device", 0o60600, os.makedev(8, 0))
os.unlink("/tmp/probe-device")
""",
        refused_by="seccomp, cap_drop",
    ),
    Attack(
        name="make a device of memory",
        would="read the host's memory",
        code="""
os.mknod("/tmp/probe-memory", 0o20600, os.makedev(1, 1))
os.unlink("/tmp/probe-memory")
""",
        refused_by="seccomp, cap_drop",
    ),
    Attack(
        name="find a device beyond the harmless ones",
        would="use hardware of the host",
        code="""
harmless = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "fd", "stdin", "stdout", "stderr",
            "core", "shm", "mqueue", "pts", "net"}
more = [n for n in os.listdir("/dev") if n not in harmless]
if not more and not os.path.exists("/dev/net/tun"):
    raise FileNotFoundError(errno.ENOENT, "there is none")
""",
        refused_by="devices (none)",
        by_design={"runsc": "the device (fuse) is gVisor's own, in its own kernel; the host's is not opened"},
    ),
)
