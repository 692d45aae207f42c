"""The program that runs inside a container. It is sent as text: standard library only, nothing else of the sandbox.

Each attack runs in a process of its own, which may be killed for it; one line of JSON says how it ended. What stands
above ``main``, the imports too, can be used by an attack's code.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import fcntl
import json
import mmap  # noqa: F401
import os
import platform
import re
import resource  # noqa: F401
import select
import shutil
import signal
import socket
import struct  # noqa: F401
import subprocess
import sys
import time
import zlib
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
_X86 = platform.machine() == "x86_64"
# Numbers of system calls: x86_64, aarch64. Those that came later have one number everywhere.
NUMBERS = {
    name: pair[0 if _X86 else 1]
    for name, pair in {
        "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "clone": (56, 220),
        "fanotify_init": (300, 262), "init_module": (175, 105), "io_setup": (206, 0), "ioperm": (173, -1),
        "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_load": (246, 104), "keyctl": (250, 219),
        "mbind": (237, 235), "memfd_secret": (447, 447), "modify_ldt": (154, -1),
        "name_to_handle_at": (303, 264), "perf_event_open": (298, 241), "personality": (135, 92),
        "pivot_root": (155, 41), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
        "reboot": (169, 142), "request_key": (249, 218), "swapon": (167, 224), "syslog": (103, 116),
        "userfaultfd": (323, 282), "vmsplice": (278, 75),
    }.items()
}  # fmt: skip
PERSON = os.environ.get("JUPYTERHUB_USER", "")
SERVER = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
TOKEN = os.environ.get("JUPYTERHUB_API_TOKEN", "")
HUB_PORT = 8081


def checked(value: int) -> int:
    """What a function of the C library returned. Raises OSError when that is an error."""
    if value < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value


def c_call(name: str, *arguments: Any) -> int:
    """Call a function of the C library."""
    return checked(getattr(libc, name)(*arguments))


def number(call_number: int, *arguments: Any) -> int:
    """Make a system call by its number."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(call_number), *wide))


def call(name: str, *arguments: Any) -> int:
    """Make a system call by its name."""
    return number(NUMBERS[name], *arguments)


def asked(name: str, *arguments: Any, answers: tuple[int, ...] = (errno.EINVAL,)) -> None:
    """Make a system call whose request is nonsense: an answer that says so means that it would have been allowed."""
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno not in answers:
            raise


def exists_here(path: str) -> None:
    """Raise, in the words for what a kernel does not have, when it has no such file."""
    if not os.path.exists(path):
        raise OSError(errno.ENOSYS, f"no {path} in this kernel")


def something_in(path: str) -> None:
    """Raise when a file cannot be read, or is empty, which is how the engine covers one."""
    exists_here(path)
    with open(path, "rb") as file:
        if not file.read(16):
            raise PermissionError(errno.EACCES, f"{path} is covered")


def open_to_write(path: str) -> None:
    """Open, and write nothing."""
    exists_here(path)
    os.close(os.open(path, os.O_WRONLY))


def run_a_copy_in(folder: str) -> None:
    """Copy a program there, and execute it."""
    copy = f"{folder}/probe-true"
    shutil.copy("/bin/true", copy)
    try:
        os.chmod(copy, 0o700)
        subprocess.run([copy], check=True)
    finally:
        os.unlink(copy)


def neighbours_program() -> int:
    """The process that a neighbour planted."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if b"a-neighbours-program" in file.read():
                        return int(name)
            except OSError:
                continue
    raise ProcessLookupError(errno.ESRCH, "none is seen")


def see_lock(path: str) -> None:
    """Raise when nobody holds a lock on a file."""
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise FileNotFoundError(errno.ENOENT, "no lock is seen")


def question(name: str) -> bytes:
    """A question to a name server."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"


def exchange(request: bytes, port: int = HUB_PORT) -> bytes:
    """Send bytes to the carrier, and read what comes back until it ends or falls silent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        try:
            s.sendall(request)
            s.settimeout(2)
            while part := s.recv(65536):
                answer += part
        except (TimeoutError, ConnectionError):
            pass  # it had enough: what it said so far counts
    return answer


def ask(
    method: str,
    path: str,
    body: str,
    *,
    token: str | None = None,
    also: dict[str, str] | None = None,
    size: int = 0,
    port: int = HUB_PORT,
) -> None:
    """Ask hub or portal, with the container's own token. Raises when it is refused."""
    sent = body.encode() or bytes(size)
    headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(sent))}
    if bearer := TOKEN if token is None else token:
        headers["Authorization"] = f"token {bearer}"
    lines = "".join(f"{k}: {v}\r\n" for k, v in {**headers, **(also or {}), "Connection": "close"}.items())
    answer = exchange(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + sent, port)
    said = statuses(answer)
    if "422" in said:
        raise RuntimeError("the request was not understood, so nobody decided about it")
    if not said or said[0] >= "400":
        raise PermissionError(errno.EPERM, f"answered {' '.join(said) or 'nothing'}")


def send(request: str) -> None:
    """Send a malformed request. Raises when nothing passed but what is on the list."""
    passed = exchange(
        request.encode().replace(b"Host: h", f"Authorization: token {TOKEN}\r\nHost: h".encode())
    )
    said = statuses(passed)
    if sum(status < "400" for status in said) < (2 if "/hub/api" in request else 1):
        raise PermissionError(errno.EPERM, f"answered {' '.join(said) or 'nothing'}")


def statuses(answer: bytes) -> list[str]:
    """The status of each answer, three digits."""
    return [found.decode() for found in re.findall(rb"HTTP/1\.[01] ([0-9]{3})", answer)]


def main(work: dict[str, Any]) -> None:
    """Attack, or plant."""
    if work["plant"]:
        for code in work["codes"]:
            _plant(code, work["attack_s"])
        _say({"planted": len(work["codes"])})
        time.sleep(work["life_s"])
        return
    for place, code in enumerate(work["codes"]):
        _say({"attack": place, **_attack(code, work["attack_s"])})


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _plant(code: str, at_most_s: float) -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        _alone()
        try:
            exec(code, globals())
        except (OSError, AttributeError) as error:
            sys.stderr.write(str(error))  # a refusal: the attack that looks for it says so
        os.write(writing, b".")
        signal.pause()
    os.close(writing)
    select.select([reading], [], [], at_most_s)
    os.close(reading)


def _attack(code: str, at_most_s: float) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _alone()
        end = _tried(code)
        os.write(writing, json.dumps(end).encode())
        os._exit(0)
    os.close(writing)
    ended = select.select([reading], [], [], at_most_s)[0]
    told = os.read(reading, 4096) if ended else b""
    os.close(reading)
    overdue = not ended
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # what it left running goes with it
    status = os.waitpid(child, 0)[1]
    if told:
        found: dict[str, Any] = json.loads(told)
        return found
    if overdue:
        return {"end": "unclear", "words": f"not at its end after {at_most_s} s", "errno": 0}
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGSYS, signal.SIGXFSZ):
        return {"end": "refused", "words": f"ended by signal {os.WTERMSIG(status)}", "errno": 0}
    return {"end": "unclear", "words": f"ended with status {status}", "errno": 0}


def _alone() -> None:
    """A group of its own, and a screen of its own."""
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)


def _tried(code: str) -> dict[str, Any]:
    try:
        exec(code, globals())
    except (OSError, MemoryError, ValueError) as why:
        return {
            "end": "refused",
            "words": f"{type(why).__name__}: {why}"[:200],
            "errno": getattr(why, "errno", 0) or 0,
        }
    except BaseException as why:  # the attack itself is broken, which must not be taken for a refusal
        return {"end": "unclear", "words": f"{type(why).__name__}: {why}"[:200], "errno": 0}
    return {"end": "got in", "words": "", "errno": 0}


if __name__ == "__main__":
    main(json.loads(zlib.decompress(base64.b64decode(sys.argv[2]))))
