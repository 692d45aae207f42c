"""What the red team found is kept: the report as files of the installation, its counts and hash on the log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound, Tampered
from sandbox.isolation.probe.report import Report, markdown
from sandbox.store import Store

ACTION = "installation.attacked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAttacks:
    """The journey's parts."""

    store: Store
    folder: Path  # of the last report

    def __call__(self, report: Report, *, actor: str) -> Path:
        """Keep a report, and put it on the log.

        Returns:
            The page that people read.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        page = self.folder / "report.md"
        page.write_text(markdown(report))
        (self.folder / "report.json").write_text(json.dumps(report.document(), indent=1) + "\n")
        self.store.log.record(
            Event(
                actor,
                ACTION,
                "installation",
                {**report.counts(), "good": report.good, "report_sha256": report.sha256},
            )
        )
        return page

    def last(self) -> Report:
        """The last report, as it was put on the log.

        Raises:
            NotFound: there is none yet.
            Tampered: it is not what the log says that it was.
        """
        file = self.folder / "report.json"
        if not file.is_file():
            raise NotFound("This installation was not attacked yet.", fix="Run: sandbox doctor --attack.")
        try:
            report = Report.read(json.loads(file.read_text()))
        except (ValueError, KeyError, TypeError) as error:
            raise Tampered(f"{file} is no report ({type(error).__name__}).") from error
        newest = self.store.log.newest(limit=1, action=ACTION)
        if not newest or newest[0].event.facts.get("report_sha256") != report.sha256:
            raise Tampered(f"{file} is not the report whose hash is on the log.")
        return report
