"""What every container of ours has, and how a row of settings is written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.isolation.container import Part, Setting

MIB = 1024 * 1024
GVISOR = "runsc"  # the name by which container engines know it
_CPU_PERIOD_US = 100_000

# Of the kernel's files, what a program here has no use for. Some show the host, some show what others do.
_COVERED = (
    "/proc/acpi", "/proc/asound", "/proc/buddyinfo", "/proc/cmdline", "/proc/config.gz", "/proc/diskstats",
    "/proc/interrupts", "/proc/kallsyms", "/proc/kcore", "/proc/key-users", "/proc/keys", "/proc/latency_stats",
    "/proc/modules", "/proc/pagetypeinfo", "/proc/partitions", "/proc/pressure", "/proc/sched_debug",
    "/proc/schedstat", "/proc/scsi", "/proc/softirqs", "/proc/swaps", "/proc/timer_list", "/proc/timer_stats",
    "/proc/zoneinfo", "/sys/block", "/sys/bus", "/sys/class", "/sys/dev", "/sys/devices/virtual/powercap",
    "/sys/firmware", "/sys/kernel", "/sys/module",
)  # fmt: skip
_ONLY_READ = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@cache
def own_seccomp() -> str:
    """The allow-list of system calls as the engine's API takes it: JSON on one line."""
    return json.dumps(json.loads(Path(__file__).with_name("seccomp.json").read_text()))


def seccomp_for(runtime: str, seccomp: str) -> str:
    """The list as a runtime reads it rightly.

    gVisor's kernel has no clone3 and says so (ENOSYS). The runsc of Debian 12 reads our refusal with that answer as one
    without a right (EPERM): the C library would not fall back on clone, and no thread would start.
    """
    if runtime != GVISOR:
        return seccomp
    rules = json.loads(seccomp)
    for row in rules.get("syscalls", ()):
        if row["names"] == ["clone3"]:
            row["action"] = "SCMP_ACT_ALLOW"
            row.pop("errnoRet", None)
    return json.dumps(rules)


def cut_off() -> tuple[Setting, ...]:
    """No network at all."""
    return (
        host("network_mode", "none", "loopback only: nothing to scan, no DNS to tunnel through"),
        host("dns", ["127.0.0.1"], "the host's name servers are not copied into the container"),
        host("dns_search", ["."], "nor its search domains"),
    )


def locked(seccomp: str, *, runtime: str = "runc") -> tuple[Setting, ...]:
    """What every container of ours has."""
    return (
        host("runtime", runtime, "runc: the host's kernel behind our list of calls; runsc: gVisor's kernel"),
        host("read_only", True, "programs and libraries cannot be changed from inside"),
        host("cap_drop", ["ALL"], "no privilege of root is left, whatever becomes root"),
        host(
            "security_opt",
            ["no-new-privileges:true", f"seccomp={seccomp_for(runtime, seccomp)}"],
            "set-uid programs gain nothing; system calls outside our own list are refused",
        ),
        host("ipc_mode", "private", "no shared memory with other containers"),
        host("cgroupns", "private", "the host's tree of groups is not shown"),
        Setting(
            Part.PATHS, "MaskedPaths", list(_COVERED), "the kernel shows the host there, and what others do"
        ),
        Setting(Part.PATHS, "ReadonlyPaths", list(_ONLY_READ), "the kernel is set there"),
        host("oom_score_adj", 500, "when memory ends, containers end before the host's services"),
        host("auto_remove", True, "nothing of a stopped container stays behind"),
        host(
            "log_config",
            {"type": "json-file", "config": {"max-size": "1m", "max-file": "2"}},
            "printing without end fills no disk",
        ),
    )


def sized(
    *, memory_mib: int, cpu_percent: int, processes: int, open_files: int, file_bytes: int, shm_mib: int
) -> tuple[Setting, ...]:
    return (
        host("mem_limit", memory_mib * MIB, "bytes; more than this and the program is ended"),
        host("memswap_limit", memory_mib * MIB, "memory and swap together: the same, so no swap"),
        host("cpu_period", _CPU_PERIOD_US, "microseconds over which the quota counts"),
        host(
            "cpu_quota", _CPU_PERIOD_US * cpu_percent // 100, "processor time within a period, microseconds"
        ),
        host("pids_limit", processes, "a fork bomb ends here"),
        host("shm_size", shm_mib * MIB, "bytes of /dev/shm, which also counts as memory"),
        host(
            "ulimits",
            [
                # The engine cannot give more than it has itself; these are far below common hard limits.
                {"name": "nofile", "soft": open_files, "hard": open_files},
                {"name": "core", "soft": 0, "hard": 0},
                {"name": "fsize", "soft": file_bytes, "hard": file_bytes},
            ],
            "open files; no core dumps, which would hold data; the largest single file, in bytes",
        ),
    )


def tmpfs(mib: int, *, inodes: int, more: str) -> str:
    # Without nr_inodes, empty files cost kernel memory without end.
    return f"rw,noexec,nosuid,nodev,size={mib}m,nr_inodes={inodes},{more}"


def container(key: str, value: Any, reason: str) -> Setting:
    return Setting(Part.CONTAINER, key, value, reason)


def host(key: str, value: Any, reason: str) -> Setting:
    return Setting(Part.HOST, key, value, reason)
