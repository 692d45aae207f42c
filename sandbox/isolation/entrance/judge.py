"""All checks of the entrance, file by file. What is unknown does not come in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name
from packaging.version import Version

from sandbox.domain.errors import BadInput
from sandbox.domain.findings import Finding
from sandbox.domain.import_request import check_import_name, ending
from sandbox.domain.import_terms import ImportTerms
from sandbox.isolation.entrance.folder import clashing
from sandbox.isolation.entrance.found import Refused, fine, listed, look
from sandbox.isolation.entrance.scan import Scan
from sandbox.isolation.entrance.tables import judge_table
from sandbox.isolation.entrance.target import Target
from sandbox.isolation.entrance.text import judge_text
from sandbox.isolation.entrance.wheel import Wheel, read_wheel

TEXT = frozenset({"csv", "tsv", "txt", "md", "json", "yaml", "yml", "toml", "py", "r", "sql", "ipynb"})
TABLES = frozenset({"csv", "tsv"})
_SOURCES = (".tar.gz", ".tgz", ".zip", ".egg", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a file will lie beside.

    Attributes:
        columns: of the dataset.
        unit: the column that says whose a row is; empty where there is none.
        names: files that were let in for the project.
        packages: packages that were let in for the project: canonical name -> version.
    """

    columns: frozenset[str] = frozenset()
    unit: str = ""
    names: frozenset[str] = frozenset()
    packages: Mapping[str, Version] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The checks and what they need.

    Args:
        target: what packages have to fit.
        scan: the machine's malware scanner.
        recognise: names what bytes are, in words.
    """

    terms: ImportTerms
    target: Target
    scan: Scan
    recognise: Callable[[bytes], str]

    def judge(self, files: Sequence[tuple[str, bytes]], beside: Beside) -> tuple[Finding, ...]:
        """What there is to say about the files of one request.

        Args:
            files: (name, content).
        """
        found: list[Finding] = []
        wheels: list[tuple[str, Wheel]] = []
        for name, data in files:
            found += _guarded(name, self._judged(name, data, beside, wheels))
        together = {wheel.name: wheel.version for _, wheel in wheels}
        packages = {**beside.packages, **together}
        for name, wheel in wheels:
            found += _guarded(name, self._about(name, wheel, packages))
        return (*found, *_twice(wheels))

    def read_wheel(self, name: str, data: bytes, *, max_bytes: int | None = None) -> Wheel:
        """A wheel, proved.

        Args:
            max_bytes: that it may have, unpacked; all that a project may hold when not given.

        Raises:
            Refused: whatever is wrong with it.
        """
        try:
            return read_wheel(
                name, data, max_bytes=self.terms.max_project_bytes if max_bytes is None else max_bytes
            )
        except Refused:
            raise
        except (
            Exception
        ) as broken:  # a stranger's bytes, read by libraries: what they cannot read does not come in
            raise _unreadable(broken) from None

    def _judged(
        self, name: str, data: bytes, beside: Beside, wheels: list[tuple[str, Wheel]]
    ) -> Iterator[Finding]:
        kind = ending(name)
        self._check_name(name, kind, beside.names)
        yield self.scan(name, data)
        if kind == "whl":
            unpacked = sum(len(content) for _, wheel in wheels for content in wheel.installed.values())
            wheel = self.read_wheel(name, data, max_bytes=self.terms.max_project_bytes - unpacked)
            self._check_fits(wheel, beside.packages)
            wheels.append((name, wheel))
            return
        text, doubts = judge_text(name, data, self.recognise)
        yield from doubts
        if kind in TABLES:
            yield from judge_table(name, text, known=beside.columns, unit=beside.unit)

    def _check_name(self, name: str, kind: str, there: Collection[str]) -> None:
        try:
            check_import_name(name)
        except BadInput as wrong:
            raise Refused("name", wrong.message, wrong.fix) from None
        if name.lower().endswith(_SOURCES) and kind != "whl":
            raise Refused(
                "type",
                "Archives do not come in, and packages only as wheels: building one from its sources runs its code.",
                "Build the wheel outside ('pip wheel NAME'), or bring the files in one by one.",
            )
        allowed = {one.lower() for one in self.terms.file_types}
        if kind not in allowed:
            raise Refused(
                "type",
                f"A file ending in '.{kind[:20]}' does not come in; only {', '.join(sorted(allowed))}.",
                "Write it as one of these.",
            )
        if kind not in TEXT and kind != "whl":
            raise Refused(
                "type", f"There is no check for '.{kind}' files, so none comes in.", "Use another type."
            )
        if name.lower() in {one.lower() for one in there}:
            raise Refused(
                "name",
                "A file of this name is there already.",
                "Name it otherwise, or have the other taken away.",
            )

    def _check_fits(self, wheel: Wheel, let_in: Mapping[str, Version]) -> None:
        if wheel.name in self.target.packages:
            raise Refused(
                "in_image",
                f"{wheel.name} {self.target.packages[wheel.name]} is in every notebook already, and would win.",
                "Use that one, or ask the operator for a newer image.",
            )
        if wheel.name in let_in:
            raise Refused(
                "name",
                f"{wheel.name} {let_in[wheel.name]} was let in already.",
                "Have that one taken away first.",
            )
        python = ".".join(str(n) for n in self.target.python)
        if not wheel.tags & self.target.tags():
            raise Refused(
                "platform",
                f"It is made for {listed(sorted(str(t) for t in wheel.tags), 3)}; notebooks run Python {python} on "
                f"Linux {self.target.machine}.",
                f"Choose the wheel for cp{python.replace('.', '')} and manylinux, or one for any platform.",
            )
        if not wheel.requires_python.contains(f"{python}.0"):
            raise Refused(
                "platform",
                f"It needs Python {wheel.requires_python}; notebooks run {python}.",
                "Choose another version of it.",
            )

    def _about(self, name: str, wheel: Wheel, packages: Mapping[str, Version]) -> Iterator[Finding]:
        """What a person has to know about a wheel that is sound."""
        yield fine(name, "record", f"All {len(wheel.installed)} files are those that its RECORD hashes.")
        if wheel.native:
            yield look(
                name,
                "native_code",
                f"Machine code, which nobody can read: {listed(list(wheel.native))}.",
                "Compare its hash with the one that its makers published.",
            )
        if wheel.compiled:
            yield look(
                name, "compiled", f"Compiled Python: {listed(list(wheel.compiled))}.", "Ask for its sources."
            )
        if wheel.entry_points:
            yield look(
                name,
                "entry_points",
                f"Other programs load by themselves: {listed(list(wheel.entry_points), 5)}.",
                "Such as the notebook's server, when it starts.",
            )
        if wheel.left_out:
            yield look(
                name,
                "left_out",
                f"Not installed: {listed(list(wheel.left_out))}.",
                "Commands and data files.",
            )
        shadowed = [top for top in wheel.top_level if top in sys.stdlib_module_names or top == "sandbox"]
        if shadowed:
            yield look(
                name,
                "shadow",
                f"{listed(shadowed)}: Python has modules of these names, and takes its own.",
                "Ask why it brings them.",
            )
        yield from self._needed(name, wheel, packages)

    def _needed(self, name: str, wheel: Wheel, packages: Mapping[str, Version]) -> Iterator[Finding]:
        there = {**self.target.packages, **packages}
        missing, other = [], []
        environment = {**self.target.environment, "extra": ""}
        for need in wheel.needs:
            if need.marker is not None and not need.marker.evaluate(environment):
                continue
            version = there.get(str(canonicalize_name(need.name)))
            if version is None:
                missing.append(str(need))
            elif not need.specifier.contains(version, prereleases=True):
                other.append(f"{need} (there is {version})")
        if missing or other:
            yield look(
                name,
                "needs",
                " ".join(
                    (
                        f"Missing: {listed(missing)}." if missing else "",
                        f"Other version: {listed(other)}." if other else "",
                    )
                ).strip(),
                "Without them it may not work: ask for their wheels too.",
            )
        else:
            yield fine(name, "needs", "All that it needs is there.")


def _guarded(name: str, check: Iterator[Finding]) -> Iterator[Finding]:
    """What a check says; what it cannot read does not come in."""
    try:
        yield from check
    except Refused as refused:
        yield refused.finding(name)
    except Exception as broken:  # likewise: one file must not stop the others, nor the next start
        yield _unreadable(broken).finding(name)


def _unreadable(broken: Exception) -> Refused:
    return Refused("unreadable", f"It cannot be read ({type(broken).__name__}).", "Bring in one that can.")


def _twice(wheels: Sequence[tuple[str, Wheel]]) -> Iterator[Finding]:
    """Two wheels of a request that would write the same path in two ways."""
    contents: dict[str, bytes] = {}
    for name, wheel in wheels:
        clash = clashing(contents, wheel.installed)
        if clash:
            yield Refused(
                "path", f"Another package of this request has {clash} too.", "Bring in one of the two."
            ).finding(name)
        contents.update(wheel.installed)
