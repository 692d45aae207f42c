"""Every setting of every container: what it is, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.job import PYTHON_LANGUAGES, Language
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images, Part, languages_here
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import Shown, carrier_profile, engine_profile, profile

MIB = 2**20
IMAGES = Images(gate="sandbox-gate:1", engine="sandbox-engine:1", notebook="sandbox-notebook:1")
GRANT = Grant(
    id=7,
    person="alice",
    dataset="loans",
    project="credit",
    purpose="a model",
    mode=Mode.QUERY,
    starts=date(2026, 1, 1),
    ends=date(2026, 12, 31),
    agreement_hash="0" * 64,
)
LIMITS = NotebookLimits(memory_mib=512, cpus=2, processes=99, open_files=1000, home_mib=64, tmp_mib=32)


def a_notebook() -> ContainerSettings:
    return profile(GRANT, limits=LIMITS, images=IMAGES, seccomp="{}")


def a_carrier() -> ContainerSettings:
    return carrier_profile("abc", images=IMAGES, sockets=Path("/run/x/sockets"), seccomp="{}")


def an_engine() -> ContainerSettings:
    return engine_profile(
        images=IMAGES,
        raw=Path("/h/raw"),
        views=Path("/h/views"),
        keys=Path("/h/keys/data"),
        extracts=Path("/h/extracts"),
        sockets=Path("/h/run"),
        user="64000:64000",
        memory_mib=2048,
        cpus=2,
        seccomp="{}",
    )


ALL = pytest.mark.parametrize(
    "settings", [a_notebook(), a_carrier(), an_engine()], ids=["notebook", "carrier", "engine"]
)


@ALL
def test_each_setting_has_a_reason_and_stands_once(settings: ContainerSettings) -> None:
    assert all(len(row.reason) >= 10 for row in settings.rows)
    assert len({row.key for row in settings.rows}) == len(settings.rows)


@ALL
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_only", True),
        ("cap_drop", ["ALL"]),
        ("security_opt", ["no-new-privileges:true", "seccomp={}"]),
        ("ipc_mode", "private"),
        ("auto_remove", True),
    ],
)
def test_every_container_is_locked(settings: ContainerSettings, key: str, value: object) -> None:
    assert settings[key] == value


@ALL
def test_every_container_is_bounded(settings: ContainerSettings) -> None:
    assert settings["mem_limit"] == settings["memswap_limit"] > 0
    assert settings["pids_limit"] > 0
    assert settings["cpu_quota"] > 0
    limits = {limit["name"]: limit["hard"] for limit in settings["ulimits"]}
    assert limits["core"] == 0
    assert limits["nofile"] <= 4096  # what an engine without special rights can give
    assert settings["log_config"]["config"]["max-size"] == "1m"


@ALL
def test_no_container_is_root_or_has_a_network(settings: ContainerSettings) -> None:
    assert settings["user"].split(":")[0] not in ("0", "root", "")
    assert settings["network_mode"] in ("none", "container:abc")


@ALL
def test_the_kernels_files_are_covered_as_an_engine_does_by_itself_and_more(
    settings: ContainerSettings,
) -> None:
    """Lists that are given replace the engine's own: what Docker 28 covers has to be in ours."""
    by_itself = {
        "/proc/asound",
        "/proc/acpi",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
    }
    by_itself |= {"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}
    by_itself |= {"/sys/devices/virtual/powercap"}
    assert by_itself < set(settings.paths()["MaskedPaths"])
    assert set(settings.paths()["ReadonlyPaths"]) == {
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    }


@ALL
@pytest.mark.parametrize(
    "key", ["privileged", "cap_add", "devices", "pid_mode", "binds", "userns_mode", "port_bindings"]
)
def test_no_container_is_opened(settings: ContainerSettings, key: str) -> None:
    with pytest.raises(KeyError):
        settings[key]


def test_a_notebook_mounts_nothing_and_writes_to_memory_only() -> None:
    settings = a_notebook()
    with pytest.raises(KeyError):
        settings["mounts"]
    for folder, options in settings["tmpfs"].items():
        assert {"noexec", "nosuid", "nodev"} <= set(options.split(",")), folder
        assert "size=" in options
        assert "nr_inodes=" in options
    assert set(settings["tmpfs"]) == {"/home/researcher", "/tmp", "/run", "/dev/shm"}
    assert "uid=1000,gid=1000,mode=0700" in settings["tmpfs"]["/home/researcher"]


def test_sizes_come_from_the_sites_policy() -> None:
    settings = a_notebook()
    assert settings["mem_limit"] == 512 * MIB
    assert settings["cpu_quota"] == 2 * settings["cpu_period"]
    assert settings["pids_limit"] == 99
    assert {u["name"]: u["hard"] for u in settings["ulimits"]} == {
        "nofile": 1000,
        "core": 0,
        "fsize": 64 * MIB,
    }
    assert "size=64m" in settings["tmpfs"]["/home/researcher"]


@pytest.mark.parametrize("mode", [Mode.QUERY, Mode.JOB])
def test_only_a_room_is_shown_rows(mode: Mode) -> None:
    rows = Shown(data=Path("/extracts/1"))
    with pytest.raises(NotAllowed, match=str(mode)):
        profile(replace(GRANT, mode=mode), limits=LIMITS, images=IMAGES, seccomp="{}", shown=rows)
    settings = profile(replace(GRANT, mode=mode), limits=LIMITS, images=IMAGES, seccomp="{}")
    assert "mounts" not in settings.host_config()


def test_a_room_is_shown_rows_and_cannot_change_them() -> None:
    room = replace(GRANT, mode=Mode.ROOM)
    rows = Shown(data=Path("/extracts/1"), imports=Path("/imports/1"))
    settings = profile(room, limits=LIMITS, images=IMAGES, seccomp="{}", shown=rows)
    assert [(m["Source"], m["Target"], m["ReadOnly"]) for m in settings["mounts"]] == [
        ("/extracts/1", "/data", True),
        ("/imports/1", "/imports", True),
    ]
    with pytest.raises(NotAllowed, match="needs them"):
        profile(room, limits=LIMITS, images=IMAGES, seccomp="{}")


def test_the_carrier_sees_its_sockets_only_and_can_fill_nothing() -> None:
    settings = a_carrier()
    (mount,) = settings["mounts"]
    assert (mount["Source"], mount["Target"]) == ("/run/x/sockets", "/gate")
    assert settings["user"] != a_notebook()["user"]
    assert {"name": "fsize", "soft": 0, "hard": 0} in settings["ulimits"]


def test_the_engine_alone_has_the_keys_and_the_folder_of_extracts() -> None:
    mounts = {m["Target"]: (m["Source"], m["ReadOnly"]) for m in an_engine()["mounts"]}
    assert mounts == {
        "/data/raw": ("/h/raw", False),  # it closes them anew when their key is replaced
        "/data/views": ("/h/views", False),
        "/data/keys": ("/h/keys/data", False),
        "/data/extracts": ("/h/extracts", False),
        "/run/engine": ("/h/run", False),
    }


def test_the_engines_library_takes_every_setting() -> None:
    from docker.types import HostConfig

    for settings in (a_notebook(), a_carrier(), an_engine()):
        made = HostConfig(version="1.41", **settings.host_config())
        assert made["ReadonlyRootfs"] is True
        assert {row.part for row in settings.rows} == set(Part)
        assert "image" in settings.create_kwargs()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "[]",
        '{"gate": "x"}',
        # tags alone, as they were written once, and what only looks like a digest
        '{"gate": "g:1", "engine": "e:1", "notebook": "n:1"}',
        '{"gate": {"digest": "g:1"}, "engine": {"digest": "e:1"}, "notebook": {"digest": "n:1"}}',
    ],
)
def test_a_missing_list_of_images_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "images.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(OperatorError, match="make images"):
        Images.read(file)


def test_a_complete_list_of_images_is_read(tmp_path: Path) -> None:
    file = tmp_path / "images.json"
    digests = {role: f"sha256:{number:064x}" for number, role in enumerate(("gate", "engine", "notebook"))}
    named = {role: {"tag": f"sandbox-{role}:1", "digest": digest} for role, digest in digests.items()}
    file.write_text(json.dumps({"base": {"tag": "b", "digest": "b"}, **named}))
    assert Images.read(file) == Images(**digests)
    assert Images.read(file).of_jobs(Language.NOTEBOOK) == digests["notebook"]


def test_jobs_in_r_run_where_their_image_was_built_and_elsewhere_the_operator_is_told(tmp_path: Path) -> None:
    file = tmp_path / "images.json"
    assert languages_here(file) == PYTHON_LANGUAGES
    named = {
        role: {"digest": f"sha256:{n:064x}"} for n, role in enumerate(("gate", "engine", "notebook", "r"))
    }
    file.write_text(json.dumps(named))
    assert languages_here(file) == frozenset(Language)
    assert Images.read(file).of_jobs(Language.R) == named.pop("r")["digest"]
    file.write_text(json.dumps(named))
    assert languages_here(file) == PYTHON_LANGUAGES
    with pytest.raises(OperatorError, match="sandbox images build r"):
        Images.read(file).of_jobs(Language.R)
    file.write_text(json.dumps({**named, "r": {"digest": "sandbox-r:1"}}))
    with pytest.raises(OperatorError, match="make images"):  # a tag is as little believed here
        Images.read(file)


def test_the_list_of_system_calls_is_one_line_of_json() -> None:
    assert "\n" not in own_seccomp()
    assert own_seccomp().startswith('{"defaultAction": "SCMP_ACT_ERRNO"')
