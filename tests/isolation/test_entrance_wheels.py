"""Wheels at the entrance: each attack beside a sound wheel that comes in."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from packaging.version import Version

from sandbox.domain.findings import Finding, Verdict, worst
from sandbox.domain.import_terms import ImportTerms
from sandbox.isolation.entrance.archive import MAX_ENTRIES
from sandbox.isolation.entrance.found import Refused, fine
from sandbox.isolation.entrance.judge import Beside, Entrance
from sandbox.isolation.entrance.target import Target, pinned
from sandbox.isolation.entrance.wheel import read_wheel
from tests.wheels import CODE, wheel

MIB = 2**20
TARGET = Target(packages={"numpy": Version("2.1"), "pandas": Version("2.3")})


def entrance(target: Target = TARGET) -> Entrance:
    return Entrance(
        terms=ImportTerms(max_project_mib=4),
        target=target,
        scan=lambda name, data: fine(name, "malware", "Nothing."),
        recognise=lambda data: "binary data",
    )


def judged(*files: tuple[str, bytes], beside: Beside | None = None) -> tuple[Finding, ...]:
    return entrance().judge(files, beside or Beside())


def failed(*files: tuple[str, bytes], beside: Beside | None = None) -> set[str]:
    return {f.check for f in judged(*files, beside=beside) if f.verdict is Verdict.FAIL}


def entry(path: str, mode: int = 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path)
    info.external_attr = mode << 16
    return info


def test_a_sound_wheel_comes_in_and_is_read_and_not_run() -> None:
    name, data = wheel(needs=["numpy>=2"])
    findings = judged((name, data))
    assert worst(findings) is Verdict.PASS
    read = read_wheel(name, data, max_bytes=MIB)
    assert (read.name, str(read.version), read.top_level) == ("kind-words", "1.0", ("kind_words",))
    assert read.installed["kind_words/__init__.py"] == CODE["kind_words/__init__.py"]


# --- the zip file


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "kind_words/../../outside.py",
        "/etc/cron.d/job",
        "kind_words//hidden.py",
        "./kind_words/a.py",
        "C:\\windows\\a.py",
        "kind_words\\a.py",
        "C:/a.py",
        "kind_words/a\nb.py",
        "kind_words/\u202egnp.py",
        "kind_words/ .py",
        "k/" * 130 + "a.py",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(path: str) -> None:
    assert failed(wheel(files={**CODE, path: b"x"})) == {"path"}


def test_a_name_cut_off_by_a_nul_is_refused() -> None:
    name, data = wheel(files={**CODE, "kind_words/aXb.py": b"x"})
    assert failed((name, data.replace(b"kind_words/aXb.py", b"kind_words/a\0b.py"))) & {"path", "zip"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_link_or_a_device_is_refused(kind: int) -> None:
    assert failed(wheel(entries=[(entry("kind_words/passwd", kind | 0o777), b"/etc/passwd")])) == {"link"}


def test_a_zip_bomb_is_refused_by_its_ratio_before_it_is_unpacked() -> None:
    assert failed(wheel(files={**CODE, "kind_words/zeros.bin": bytes(3 * MIB)})) == {"zip_bomb"}


def test_more_than_the_project_may_hold_is_refused() -> None:
    name, data = wheel(files={**CODE, "kind_words/big.bin": bytes(5 * MIB)}, method=zipfile.ZIP_STORED)
    assert failed((name, data)) == {"zip_bomb"}


def declaring(data: bytes, path: str, size: int) -> bytes:
    """The same wheel, whose directory gives another size for a file."""
    at = data.rindex(path.encode()) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


@pytest.mark.parametrize("size", [2**32 - 2, 10**9, 1, 0])
def test_a_size_that_is_not_so_is_refused(size: int) -> None:
    name, data = wheel()
    assert failed((name, declaring(data, "kind_words/__init__.py", size))) & {"zip_bomb", "zip", "record"}


def test_ten_gigabytes_that_are_declared_are_never_asked_for() -> None:
    info = zipfile.ZipInfo("kind_words/huge.bin")
    name, data = wheel(entries=[(info, b"x")])
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        before = len(packed.infolist())
    assert failed((name, declaring(data, "kind_words/huge.bin", 4_000_000_000))) == {"zip_bomb"}
    assert before == 5


def test_entries_that_overlap_are_refused() -> None:
    """One packed piece under two names, as in a bomb that no ratio of a single entry shows."""
    name, data = wheel(
        files={"kind_words/a.py": b"A" * 900, "kind_words/b.py": b"B" * 900}, method=zipfile.ZIP_STORED
    )
    first, second = data.index(b"kind_words/a.py") - 30, data.index(b"kind_words/b.py") - 30
    at = data.rindex(b"kind_words/b.py") - 46
    moved = data[: at + 42] + struct.pack("<I", first) + data[at + 46 :]
    assert second != first
    assert failed((name, moved)) & {"zip", "zip_bomb"}


def test_too_many_entries_are_refused() -> None:
    many = {f"kind_words/{n}.py": b"" for n in range(MAX_ENTRIES)}
    assert failed(wheel(files=many, method=zipfile.ZIP_STORED)) == {"zip_bomb"}


@pytest.mark.parametrize(
    "mix",
    [
        lambda data: b"\x7fELF" + bytes(60) + data,
        lambda data: b"#!/bin/sh\nexit\n" + data,
        lambda data: data + b"MZ\x90\0 and more",
        lambda data: data + data,
        lambda data: data[:-2] + b"\x05\x00hello",
    ],
    ids=["program before", "script before", "program behind", "twice", "comment"],
)
def test_a_file_that_is_two_things_at_once_is_refused(mix: Callable[[bytes], bytes]) -> None:
    name, data = wheel()
    assert failed((name, mix(data))) == {"polyglot"}
    assert failed((name, data)) == set()


@pytest.mark.parametrize("again", ["kind_words/__init__.py", "KIND_words/__INIT__.py"])
def test_the_same_path_twice_is_refused(again: str) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if again in CODE else _nothing():
        made = wheel(entries=[(entry(again), b"import os")])
    assert failed(made) == {"path"}


class _nothing:  # noqa: N801 - stands where a context manager's function would
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_path_that_is_file_and_folder_is_refused() -> None:
    assert failed(wheel(files={"kind_words/a": b"1", "kind_words/a/b.py": b"2"})) == {"path"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_packing_is_refused(method: int) -> None:
    assert failed(wheel(method=method)) == {"zip"}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip file", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_file_is_refused(data: bytes) -> None:
    assert failed(("kind_words-1.0-py3-none-any.whl", data)) == {"zip"}


def test_every_beginning_of_a_wheel_is_refused_and_no_other_error_comes() -> None:
    name, data = wheel()
    for length in range(len(data)):
        assert failed((name, data[:length])), length


def test_every_changed_byte_is_refused_or_harmless() -> None:
    """What still comes in holds the very same files."""
    name, data = wheel()
    sound = read_wheel(name, data, max_bytes=MIB)
    let_in = 0
    for at in range(len(data)):
        try:
            found = read_wheel(name, data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :], max_bytes=MIB)
        except Refused:
            continue
        let_in += 1
        info = "kind_words-1.0.dist-info/RECORD"
        assert {p: c for p, c in found.installed.items() if p != info} == {
            p: c for p, c in sound.installed.items() if p != info
        }
    assert let_in < len(data) / 2


# --- what it says about itself


def test_a_record_that_lies_is_refused() -> None:
    path = "kind_words/__init__.py"
    assert failed(wheel(record={path: b"another file"})) == {"record"}
    assert failed(wheel(record={path: None})) == {"record"}
    assert failed(wheel(record={"kind_words/not_there.py": b""})) == {"record"}
    assert failed(wheel(entries=[(entry("kind_words/unlisted.py"), b"import os")])) == {"record"}


def test_a_wheel_that_is_called_otherwise_inside_is_refused() -> None:
    assert failed(wheel(inner_name="numpy")) == {"wheel_name"}
    name, data = wheel()
    assert failed((name.replace("1.0", "1.1"), data)) == {"wheel_name"}
    assert failed((name.replace("kind", "cruel"), data)) == {"wheel_name"}
    assert failed(wheel(inner_tag="cp311-cp311-linux_x86_64")) == {"wheel_name"}
    assert failed(("kind_words.whl", data)) == {"wheel_name"}


@pytest.mark.parametrize(
    "path",
    [
        "kind.pth",
        "kind_words/Kind.PTH",
        "sitecustomize.py",
        "sitecustomize/__init__.py",
        "usercustomize.py",
        "UserCustomize.cpython-311-x86_64-linux-gnu.so",
        "kind_words-1.0.data/purelib/evil.pth",
        "kind_words-1.0.data/platlib/sitecustomize.py",
    ],
)
def test_what_python_runs_by_itself_is_refused(path: str) -> None:
    assert failed(wheel(files={**CODE, path: b"import os\n"})) == {"start_up"}


def test_a_file_that_only_sounds_like_it_comes_in() -> None:
    """The control of the test above."""
    assert failed(wheel(files={**CODE, "kind_words/sitecustomize.py": b"x = 1\n"})) == set()


def test_entry_points_machine_code_and_compiled_code_are_shown_to_a_person() -> None:
    points = b"[console_scripts]\nkind=kind_words:hello\n[jupyter_client.kernel_provisioners]\nk = kind_words:hello\n"
    findings = judged(
        wheel(
            files={
                **CODE,
                "kind_words/fast.so": b"\x7fELF...",
                "kind_words/data": b"\x7fELF in disguise",
                "kind_words/old.pyc": b"x",
                "json/__init__.py": b"",
            },
            extra_info={"entry_points.txt": points},
        )
    )
    said = {f.check: f.reason for f in findings if f.verdict is Verdict.REVIEW}
    assert "kind_words/fast.so" in said["native_code"]
    assert "kind_words/data" in said["native_code"]
    assert "kind_words/old.pyc" in said["compiled"]
    assert "jupyter_client.kernel_provisioners: k = kind_words:hello" in said["entry_points"]
    assert "console_scripts" not in said["entry_points"]
    assert "json" in said["shadow"]


def test_scripts_and_data_files_are_not_installed() -> None:
    made = wheel(
        files={
            **CODE,
            "kind_words-1.0.data/scripts/kind": b"#!python",
            "kind_words-1.0.data/data/etc/jupyter/jupyter_server_config.d/k.json": b"{}",
            "kind_words-1.0.data/purelib/more.py": b"x = 1\n",
        }
    )
    read = read_wheel(*made, max_bytes=MIB)
    assert {p for p in read.installed if ".dist-info" not in p} == {"kind_words/__init__.py", "more.py"}
    assert {f.check for f in judged(made) if f.verdict is Verdict.REVIEW} == {"left_out"}
    assert failed(wheel(files={**CODE, "other-1.0.data/purelib/x.py": b""})) == {"wheel"}


# --- where it would run


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("cp311-cp311-manylinux_2_17_x86_64", True),
        ("cp311-cp311-manylinux2014_x86_64", True),
        ("cp38-abi3-manylinux_2_28_x86_64", True),
        ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp311-cp311-manylinux_2_39_x86_64", False),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311-macosx_11_0_arm64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("py2-none-any", False),
    ],
)
def test_it_has_to_fit_the_image(tag: str, fits: bool) -> None:
    tags = tag if "." not in tag else "py2-none-any\nTag: py3-none-any"
    assert failed(wheel(tag=tag, inner_tag=tags)) == (set() if fits else {"platform"})


def test_it_has_to_fit_the_python() -> None:
    assert failed(wheel(metadata="Requires-Python: >=3.12")) == {"platform"}
    assert failed(wheel(metadata="Requires-Python: >=3.9")) == set()
    assert failed(wheel(metadata="Requires-Python: whatever")) == {"wheel"}


def test_what_is_in_the_image_or_in_the_project_does_not_come_again() -> None:
    assert failed(wheel("numpy", "9.9", files={"numpy/__init__.py": b""})) == {"in_image"}
    beside = Beside(packages={"kind-words": Version("0.9")})
    assert failed(wheel(), beside=beside) == {"name"}


def test_what_it_needs_is_named_when_it_is_not_there() -> None:
    needs = ["numpy>=3", "pandas", "polite", "windows-only; sys_platform == 'win32'", "more; extra == 'all'"]
    (missing,) = (f for f in judged(wheel(needs=needs)) if f.check == "needs")
    assert missing.verdict is Verdict.REVIEW
    assert "polite" in missing.reason
    assert "numpy>=3 (there is 2.1)" in missing.reason
    assert "pandas" not in missing.reason
    assert "windows" not in missing.reason
    other = wheel("polite", "2", files={"polite/__init__.py": b""})
    both = judged(wheel(needs=["polite"]), other)
    assert worst(both) is Verdict.PASS


def test_two_packages_that_write_the_same_file_do_not_come_together() -> None:
    shared = {"kind_words/__init__.py": b"something else\n"}
    assert failed(wheel(), wheel("cruel_words", files=shared)) == {"path"}
    assert failed(wheel(), wheel("cruel_words", files=dict(CODE))) == set()


def test_sources_are_refused_with_the_reason() -> None:
    for name in ("kind_words-1.0.tar.gz", "kind.zip", "kind-1.0.egg"):
        (finding,) = (f for f in judged((name, b"PK")) if f.verdict is Verdict.FAIL)
        assert "runs its code" in finding.reason


def test_a_lock_is_read_for_this_platform() -> None:
    text = "a-b==1.0 \\\n    --hash=sha256:00\nC==2 ; sys_platform == 'win32' \\\n    --hash=x\nd==3 ; os_name != 'nt' \\\n"
    assert pinned(text, TARGET.environment) == {"a-b": Version("1.0"), "d": Version("3")}


# --- words that libraries stumble over


@pytest.mark.parametrize(
    ("metadata", "info"),
    [
        ("Requires-Dist: polite; python_version ~= 'nonsense'", {}),
        ("Requires-Dist: polite; python_full_version >= 'x.y.z'", {}),
        ("Requires-Dist: po\u00e9lite", {}),
        ("Requires-Dist: " + "(" * 5000, {}),
        ("Requires-Dist: polite; " + "(" * 3000 + "os_name == 'a'" + ")" * 3000, {}),
        ("Name: \u00e9", {}),
        ("", {"entry_points.txt": b"[a\nb"}),
        ("", {"entry_points.txt": b"\xff"}),
        ("", {"entry_points.txt": b"[a]\nx=1\nx=2\n"}),
    ],
)
def test_odd_words_end_in_a_finding_and_never_in_another_error(metadata: str, info: dict[str, bytes]) -> None:
    judged(wheel(metadata=metadata, extra_info=info))


def test_tags_that_stand_for_millions_are_not_written_out() -> None:
    many = "-".join(".".join(f"p{n}" for n in range(160)) for _ in range(3))
    assert failed(wheel(inner_tag=many)) == {"wheel"}
    _, data = wheel()
    short = "-".join(".".join("p" for _ in range(20)) for _ in range(3))
    assert failed((f"kind_words-1.0-{short}.whl", data)) & {"wheel", "name"}


def test_what_is_said_about_itself_is_not_without_end() -> None:
    assert failed(wheel(metadata="Keywords: " + "x y " * 2**20)) & {"wheel", "zip_bomb"}


def test_all_packages_of_a_request_together_fit_the_project() -> None:
    import os

    half = {"a.bin": os.urandom(5 * MIB // 2)}
    one = wheel("one", files={f"one/{p}": c for p, c in half.items()}, method=zipfile.ZIP_STORED)
    two = wheel("two", files={f"two/{p}": c for p, c in half.items()}, method=zipfile.ZIP_STORED)
    assert failed(one) == failed(two) == set()
    assert failed(one, two) == {"zip_bomb"}
