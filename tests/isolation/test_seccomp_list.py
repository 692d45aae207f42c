"""The list of system calls: an allow-list, without those that break-outs came through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.isolation.lockdown import own_seccomp

LIST: dict[str, Any] = json.loads(own_seccomp())
ROWS: list[dict[str, Any]] = LIST["syscalls"]
FREELY = {n for r in ROWS if r["action"] == "SCMP_ACT_ALLOW" and not r.get("args") for n in r["names"]}


# fmt: off
DANGEROUS = [
    "acct", "add_key", "bpf", "chroot", "clock_settime", "delete_module", "fanotify_init",
    "finit_module", "fsopen", "init_module", "inotify_init", "inotify_init1", "inotify_add_watch", "mq_open", "io_setup", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_load", "keyctl", "lookup_dcookie", "mbind",
    "memfd_create", "memfd_secret", "mknod", "mknodat", "modify_ldt", "mount", "mount_setattr",
    "move_mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree",
    "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "set_mempolicy",
    "setdomainname", "sethostname", "setns", "settimeofday", "socketcall", "swapon", "syslog", "umount",
    "umount2", "unshare", "uselib", "userfaultfd", "vhangup", "vmsplice",
]
# fmt: on


def test_what_is_not_listed_is_refused() -> None:
    assert LIST["defaultAction"] == "SCMP_ACT_ERRNO"


def test_no_foreign_calling_convention_is_open() -> None:
    """The 32-bit convention has other numbers for the same calls."""
    assert [(a["architecture"], a["subArchitectures"]) for a in LIST["archMap"]] == [
        ("SCMP_ARCH_X86_64", []),
        ("SCMP_ARCH_AARCH64", []),
    ]


def test_every_row_says_what_it_is_for() -> None:
    assert all(row.get("comment") for row in ROWS)


@pytest.mark.parametrize(
    "name", ["read", "openat", "mmap", "futex", "epoll_wait", "execve", "fork", "getrandom"]
)
def test_programs_can_run(name: str) -> None:
    assert name in FREELY


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_call_is_not_listed(name: str) -> None:
    assert name not in {n for row in ROWS for n in row["names"] if row["action"] == "SCMP_ACT_ALLOW"}


def test_sockets_are_local_or_loopback() -> None:
    """AF_UNIX 1, AF_INET 2, and of AF_NETLINK (16) the list of interfaces (protocol 0)."""
    rows = [row for row in ROWS if "socket" in row["names"]]
    allowed = [[(a["index"], a["value"], a["op"]) for a in row["args"]] for row in rows]
    assert allowed == [
        [(0, 1, "SCMP_CMP_EQ")],
        [(0, 2, "SCMP_CMP_EQ")],
        [(0, 16, "SCMP_CMP_EQ"), (2, 0, "SCMP_CMP_EQ")],
    ]
    assert "socket" not in FREELY


def test_threads_can_be_made_but_no_namespace() -> None:
    (row,) = [row for row in ROWS if row["names"] == ["clone"]]
    (condition,) = row["args"]
    new_namespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
    assert condition == {"index": 0, "value": new_namespaces, "op": "SCMP_CMP_MASKED_EQ"}
    assert new_namespaces & 0x10000000  # CLONE_NEWUSER is among them
    (row,) = [row for row in ROWS if row["names"] == ["clone3"]]
    assert (row["action"], row["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
