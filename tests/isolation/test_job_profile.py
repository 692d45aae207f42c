"""What a job's container is given: rows to read, three places in memory to write, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.job_profile import OUTBOX, job_profile
from sandbox.isolation.lockdown import MIB, locked
from sandbox.isolation.profile import HOME

LIMITS = JobLimits(memory_mib=512, cpus=2, work_mib=64, output_mib=16, processes=99, open_files=1000)
OWN = {"auto_remove", "log_config"}


def a_job(imports: Path | None = None, limits: JobLimits = LIMITS) -> ContainerSettings:
    return job_profile(
        7,
        image="sandbox-notebook",
        limits=limits,
        seccomp="{}",
        data=Path("/h/extract"),
        imports=imports,
        runtime="runsc",
    )


def test_it_is_locked_as_every_container_of_ours() -> None:
    settings = a_job()
    for row in locked("{}", runtime="runsc"):
        if row.key not in OWN:
            assert settings[row.key] == row.value, row.key
    assert settings["network_mode"] == "none"
    assert settings["user"] == "1000:1000"
    assert len({row.key for row in settings.rows}) == len(settings.rows)
    assert all(len(row.reason) >= 10 for row in settings.rows)


def test_it_reads_rows_and_what_was_let_in_and_can_change_neither() -> None:
    mounts = a_job(Path("/h/imports"))["mounts"]
    assert [(m["Source"], m["Target"], m["ReadOnly"]) for m in mounts] == [
        ("/h/extract", "/data", True),
        ("/h/imports", "/imports", True),
    ]
    assert len(a_job()["mounts"]) == 1


def test_it_writes_to_bounded_memory_only() -> None:
    places = a_job()["tmpfs"]
    assert set(places) == {HOME, OUTBOX, "/tmp", "/run", "/dev/shm"}
    for options in places.values():
        assert {"noexec", "nosuid", "nodev"} <= set(options.split(","))
        assert "size=" in options
        assert "nr_inodes=" in options
    assert "size=16m" in places[OUTBOX]


def test_what_it_prints_is_kept_in_no_file_and_its_end_can_be_read() -> None:
    settings = a_job()
    assert settings["log_config"]["type"] == "none"
    assert settings["auto_remove"] is False
    assert (settings["stdin_open"], settings["tty"]) == (True, False)
    assert settings["labels"] == {"sandbox.kind": "job", "sandbox.job": "7"}


def test_sizes_come_from_the_sites_policy_and_both_runtimes_are_taken() -> None:
    settings = a_job()
    assert settings["mem_limit"] == settings["memswap_limit"] == 512 * MIB
    assert settings["pids_limit"] == 99
    assert settings["runtime"] == "runsc"
    larger = a_job(limits=replace(LIMITS, memory_mib=1024))
    assert larger["mem_limit"] == 1024 * MIB


@pytest.mark.parametrize("key", ["privileged", "cap_add", "devices", "pid_mode", "binds", "port_bindings"])
def test_it_is_not_opened(key: str) -> None:
    with pytest.raises(KeyError):
        a_job()[key]
