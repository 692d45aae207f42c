"""Places where one container leaves a word that another finds: covert storage, past the gate and the reviews.

``planted`` runs first, in the container of another person of the same project; then ``code`` looks for the word.
"""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack

_COLLEAGUES = (
    "both belong to one project, whose people may talk; the folder holds what was let in for it and is read-only, so "
    "a lock carries a signal between colleagues and nothing out"
)


def _left(name: str, planted: str, code: str, refused_by: str, **more: dict[str, str]) -> Attack:
    return Attack(
        name=name,
        would="pass rows from one person's container to another's, unseen",
        planted=planted,
        code=code,
        refused_by=refused_by,
        **more,  # type: ignore[arg-type]  # by_design alone
    )


NEIGHBOURS: tuple[Attack, ...] = (
    _left(
        "meet at an abstract socket",
        "s = socket.socket(socket.AF_UNIX); s.bind('\\0a-neighbours-word'); s.listen()",
        """
with socket.socket(socket.AF_UNIX) as s:
    s.connect('\\0a-neighbours-word')
""",
        "network_mode",
    ),
    _left(
        "meet at a port of loopback",
        "s = socket.create_server(('127.0.0.1', 29_771))",
        "socket.create_connection(('127.0.0.1', 29_771), timeout=2).close()",
        "network_mode",
    ),
    _left(
        "leave a word in /dev/shm",
        "open('/dev/shm/a-neighbours-word', 'w').close()",
        "open('/dev/shm/a-neighbours-word').close()",
        "ipc_mode, tmpfs",
    ),
    _left(
        "leave a word in /tmp",
        "open('/tmp/a-neighbours-word', 'w').close()",
        "open('/tmp/a-neighbours-word').close()",
        "tmpfs",
    ),
    _left(
        "leave a word in a shared segment",
        "checked(libc.shmget(29_771, ctypes.c_size_t(4096), 0o1666))",
        "checked(libc.shmget(29_771, ctypes.c_size_t(4096), 0o666))",
        "ipc_mode",
    ),
    _left(
        "leave a word in a semaphore",
        "checked(libc.semget(29_771, 1, 0o1666))",
        "checked(libc.semget(29_771, 1, 0o666))",
        "ipc_mode",
    ),
    _left(
        "leave a word in a message queue",
        "checked(libc.msgget(29_771, 0o1666))",
        "checked(libc.msgget(29_771, 0o666))",
        "ipc_mode",
    ),
    _left(
        "leave a word in a POSIX message queue",
        "checked(libc.mq_open(b'/a-neighbours-word', os.O_CREAT | os.O_RDWR, 0o666, None))",
        "checked(libc.mq_open(b'/a-neighbours-word', os.O_RDONLY))",
        "ipc_mode",
    ),
    _left(
        "leave a file among what was let in",
        "open('/imports/a-neighbours-word', 'w').close()",
        "open('/imports/a-neighbours-word').close()",
        "mounts (read-only)",
    ),
    _left(
        "leave a time at what was let in",
        "os.utime('/imports/list.txt', (29_771, 29_771))",
        """
if os.stat('/imports/list.txt').st_mtime != 29_771:
    raise FileNotFoundError(errno.ENOENT, 'no sign')
""",
        "mounts (read-only)",
    ),
    _left(
        "leave an attribute at what was let in",
        "os.setxattr('/imports/list.txt', 'user.word', b'x')",
        "os.getxattr('/imports/list.txt', 'user.word')",
        "mounts (read-only)",
    ),
    _left(
        "leave a file beside the rows",
        "open('/data/a-neighbours-word', 'w').close()",
        "open('/data/a-neighbours-word').close()",
        "mounts (read-only, one extract for each grant)",
    ),
    _left(
        "signal by a lock on the rows",
        "kept = open('/data/rows.csv'); fcntl.flock(kept, fcntl.LOCK_EX)",
        "see_lock('/data/rows.csv')",
        "mounts (one extract for each grant)",
    ),
    _left(
        "signal by a lock on what was let in",
        "kept = open('/imports/list.txt'); fcntl.flock(kept, fcntl.LOCK_EX)",
        "see_lock('/imports/list.txt')",
        "gVisor's own kernel",
        by_design={"runc": _COLLEAGUES},
    ),
    _left(
        "signal by a lock on a program",
        "kept = open('/usr/bin/env'); fcntl.flock(kept, fcntl.LOCK_EX)",
        "see_lock('/usr/bin/env')",
        "the engine's layers",
    ),
)
