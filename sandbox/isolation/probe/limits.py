"""What would use up what others need. Each attack ends by itself, and asks for a little more than a small room has."""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack

_IN_ITS_MEMORY = (
    "gVisor counts no files; they lie in its own memory, which is the container's and ends with mem_limit"
)
_ITS_OWN_THREADS = (
    "gVisor's threads are its own, in the container's memory, and end with mem_limit: 3,000 of them that wait were "
    "measured as 47 of the host's, and pids_limit counts those"
)
_ITS_OWN_COUNT = (
    "gVisor's own count of a program's time goes on while the host holds all of it still; the host's quota is on the "
    "whole of gVisor, and was measured to hold"
)
_BATCH = """
try:
    with open({path!r}, "wb") as f:
        for _ in range({mib}):
            f.write(bytes(1 << 20))
finally:
    os.path.exists({path!r}) and os.unlink({path!r})
"""


def _fill(name: str, folder: str, mib: int, refused_by: str) -> Attack:
    return Attack(
        name=name,
        would="fill the host's memory or disk",
        code=_BATCH.format(path=f"{folder}/probe-large", mib=mib),
        refused_by=refused_by,
    )


def _many(name: str, folder: str, count: int) -> Attack:
    return Attack(
        name=name,
        would="use up the kernel's memory with empty files",
        code=f"""
os.mkdir("{folder}/probe-many")
try:
    for n in range({count}):
        open(f"{folder}/probe-many/{{n}}", "w").close()
finally:
    shutil.rmtree("{folder}/probe-many")
""",
        refused_by="tmpfs (nr_inodes)",
        by_design={"runsc": _IN_ITS_MEMORY},
    )


LIMITS: tuple[Attack, ...] = (
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
        name="start threads without end",
        would="the same, past a count of processes",
        code="""
import threading
over = threading.Event()
started = []
try:
    for _ in range(600):
        started.append(threading.Thread(target=over.wait))
        started[-1].start()
except RuntimeError as error:
    raise OSError(errno.EAGAIN, str(error)) from error
finally:
    over.set()
""",
        refused_by="pids_limit",
        by_design={"runsc": _ITS_OWN_THREADS},
    ),
    Attack(
        name="take more memory than was given",
        would="push other programs out",
        code="bytearray(400 << 20)",
        refused_by="mem_limit",
    ),
    Attack(
        name="take more memory, by a file in memory",
        would="the same, past a count of a program's own memory",
        code="""
page = mmap.mmap(-1, 400 << 20)
for place in range(0, 400 << 20, 4096):
    page[place] = 1
""",
        refused_by="mem_limit",
    ),
    Attack(
        name="take more memory, as a shared segment",
        would="the same, in memory that stays when the program ends",
        code="""
libc.shmat.restype = ctypes.c_void_p
segment = checked(libc.shmget(0, ctypes.c_size_t(400 << 20), 0o1600))
place = libc.shmat(segment, None, 0)
libc.shmctl(segment, 0, None)  # it goes when this program ends
ctypes.memset(place, 1, 400 << 20)
""",
        refused_by="mem_limit",
    ),
    _fill("write a file without end", "/tmp", 80, "tmpfs (size), ulimits (fsize)"),
    _fill("fill the home folder", "/home/researcher", 80, "tmpfs (size), ulimits (fsize)"),
    _fill("fill the shared memory", "/dev/shm", 100, "tmpfs (size), shm_size"),
    Attack(
        name="make a file that looks larger than the disk",
        would="break programs that copy or pack it",
        code="""
try:
    with open("/tmp/probe-sparse", "wb") as f:
        f.truncate(1 << 30)
finally:
    os.unlink("/tmp/probe-sparse")
""",
        refused_by="ulimits (fsize)",
    ),
    _many("make files without end", "/tmp", 6_000),
    _many("make files without end in the home folder", "/home/researcher", 20_000),
    _many("make files without end in shared memory", "/dev/shm", 20_000),
    Attack(
        name="open files without end",
        would="use up a count that the whole host shares",
        code="kept = [os.open('/dev/null', os.O_RDONLY) for _ in range(4_200)]",
        refused_by="ulimits (nofile)",
    ),
    Attack(
        name="use more processors than were given",
        would="slow down everybody else",
        code="""
if (os.cpu_count() or 1) < 2:
    raise OSError(errno.ENOSYS, 'this machine has one processor')
def used():
    return sum(float(x) for c in children for x in open(f'/proc/{c}/stat').read().rpartition(')')[2].split()[11:13])
def idle():
    return float(open('/proc/stat').readline().split()[4])
children = []
try:
    for _ in range(4):
        child = os.fork()
        while child == 0:
            pass
        children.append(child)
    for _ in range(4):
        before, unused, began = used(), idle(), time.monotonic()
        time.sleep(1)
        second = os.sysconf('SC_CLK_TCK') * (time.monotonic() - began)
        if used() - before > 1.2 * second:
            break
    else:
        if idle() - unused < 0.1 * second:
            raise OSError(errno.EBUSY, 'others use the processors')
        raise PermissionError(errno.EPERM, 'no more than one')
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
""",
        refused_by="cpu_quota",
        by_design={"runsc": _ITS_OWN_COUNT},
    ),
    Attack(
        name="allow core dumps",
        would="leave data of a crashed program on the host",
        code="resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
        refused_by="ulimits (core)",
    ),
    Attack(
        name="allow larger files",
        would="take back a limit",
        code="resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))",
        refused_by="ulimits (fsize)",
    ),
)
