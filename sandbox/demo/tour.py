"""The tour: the main job end to end, on real parts and real data. Each step says what happened, or the tour fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape

from sandbox.demo import cells, jobs
from sandbox.demo.datasets import prepare
from sandbox.demo.kernel import Kernel, Ran
from sandbox.demo.people import ensure_demo_people
from sandbox.domain.errors import OperatorError
from sandbox.domain.people import Person, Role
from sandbox.hub_session import HubSession, visitor
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.terminal import indented
from sandbox.wiring import Sandbox, build

APPLICATIONS: dict[str, dict[str, Any]] = {
    "ana": {
        "dataset": "german_credit",
        "project": "sme_credit_model",
        "purpose": "Model the default risk of small loans without exporting any applicant's record.",
        "legal_basis": "Contract with the data owner; regulation on opening public data, conditional class.",
        "mode": "query",
        "days": 90,
        "output_plan": "Counts by purpose and mean amounts by risk, for the model's report.",
    },
    "ben": {
        "dataset": "health_insurance",
        "project": "visits_and_cost_sharing",
        "purpose": "Study how cost sharing changes the number of visits to a doctor.",
        "legal_basis": "Research ethics approval 2026-114.",
        "mode": "query",
        "days": 180,
        "output_plan": "Mean visits by coinsurance rate and health status.",
    },
    "cleo": jobs.APPLICATION,
}


@dataclass(slots=True)
class Tour:
    """One walk."""

    settings: Settings
    console: Console
    sandbox: Sandbox
    passwords: dict[str, str]
    number: int = 0
    sessions: dict[str, HubSession] = field(default_factory=dict)
    notebooks: list[tuple[str, str]] = field(default_factory=list)

    def session(self, name: str) -> HubSession:
        if name not in self.sessions:
            self.sessions[name] = HubSession(self.settings, name, self.passwords[name], note="tour")
        return self.sessions[name]

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.number += 1
        self.console.print(f"\n[bold cyan]{self.number:2}[/]  [bold]{title}[/]")
        with self.console.status(f"{title} …"):
            yield

    def say(self, text: str, *, good: bool = True) -> None:
        mark = "[green]✓[/]" if good else "[yellow]![/]"
        lines = indented(text, indent=" " * 8, width=self.console.width)
        self.console.print(f"      {mark} {escape(lines.lstrip())}", highlight=False, soft_wrap=True)

    def show(self, text: str) -> None:
        lines = indented(text, indent=" " * 8, width=self.console.width)
        self.console.print(f"[dim]{escape(lines)}[/]", highlight=False, soft_wrap=True)


def take_tour(settings: Settings, *, console: Console) -> None:
    """Walk all steps.

    Raises:
        OperatorError: a step did not do what it promises; names it.
    """
    sandbox = build(settings)
    tour = Tour(settings, console, sandbox, ensure_demo_people(sandbox))
    try:
        _publish(tour)
        server, other, coding = _ask_for_access(tour)
        _open_notebooks(tour, server, other)
        release_id = _work_in_the_notebook(tour, server, other)
        _review(tour, release_id)
        _take_home(tour, release_id)
        _review_code(tour, _run_code(tour, coding))
        _look_back(tour)
    finally:
        for name, notebook in tour.notebooks:
            tour.session(name).stop_notebook(notebook)
        for session in tour.sessions.values():
            session.http.close()
    console.print(
        "\n[bold green]The tour is complete.[/]  'make up' leaves the system running, for a browser.\n"
    )


def _publish(tour: Tour) -> None:
    with tour.step("Four public datasets are published, each under its policy"):
        files = prepare(tour.settings.home / "demo-data")
        owner = Person(name="olga", roles=frozenset({Role.OWNER}))
        for name, file in files.items():
            policy_file = tour.settings.policies / "datasets" / f"{name}.yaml"
            report = tour.sandbox.publish_dataset(owner, policy_file=policy_file, files=file)
            tour.say(f"{name}: {report.open_class}, version {report.snapshot[:12]}")
            tour.show("\n".join(report.lines))
    with tour.step("The unconditional one can simply be taken: no login"):
        with visitor(tour.settings) as anybody:
            body = anybody.get(f"{PORTAL_PREFIX}/api/v1/datasets/restaurant_inspections/inspections.csv")
            refused = anybody.get(f"{PORTAL_PREFIX}/api/v1/datasets/german_credit/loans.csv")
        _expect(body.status_code == 200, "the open dataset can be downloaded without login")
        tour.say(f"downloaded {len(body.content):,} bytes, {body.text.count(chr(10)) - 1:,} inspections")
        _expect(refused.status_code == 403, "a conditional dataset cannot be downloaded")
        tour.say(
            f"the same for german_credit: refused ({refused.status_code}) {refused.json()['error']['message']}"
        )


def _ask_for_access(tour: Tour) -> tuple[str, str, str]:
    servers = {}
    with tour.step("A bank's analyst applies; the owner approves; the analyst signs"):
        for name, wish in APPLICATIONS.items():
            analyst, owner = tour.session(name), tour.session("olga")
            held = [
                g for g in analyst.portal("GET", "grants") if g["holds"] and g["dataset"] == wish["dataset"]
            ]
            if held:
                tour.say(
                    f"{name} already holds grant {held[0]['id']} for {wish['dataset']}, until {held[0]['ends']}"
                )
            else:
                made = analyst.portal("POST", "applications", json=wish)
                tour.say(f"{name} applied for {wish['dataset']}: application {made['id']}, {made['state']}")
                approved = owner.portal("POST", f"applications/{made['id']}/approve")
                sha256 = approved["agreement_sha256"]
                tour.say(f"olga approved: agreement {sha256[:16]}…, signed by the platform")
                if name == "ana":
                    tour.show("\n".join(_clauses(approved)))
                signed = analyst.portal(
                    "POST", f"applications/{made['id']}/sign", json={"agreement_sha256": sha256}
                )
                _expect(signed["state"] == "active", "the grants begin with the last signature")
                held = [
                    g
                    for g in analyst.portal("GET", "grants")
                    if g["holds"] and g["dataset"] == wish["dataset"]
                ]
                tour.say(f"{name} signed: grant {held[0]['id']}, until {held[0]['ends']}")
            servers[name] = held[0]["server_name"]
    return servers["ana"], servers["ben"], servers["cleo"]


def _clauses(application: dict[str, Any]) -> Iterator[str]:
    """Some of what is signed: the whole of it stands on the application's page."""
    for clause in application["clauses"]:
        if clause["clause"] in ("people", "period", "mode", "budget", "review", "feedback"):
            yield f"{clause['clause']}: {clause['text']}"


def _open_notebooks(tour: Tour, server: str, other: str) -> None:
    with tour.step("The hub starts their containers: no network, read-only, no privileges"):
        for name, notebook in (("ana", server), ("ben", other)):
            tour.notebooks.append((name, notebook))
            seconds = tour.session(name).start_notebook(notebook)
            tour.say(f"{name}'s notebook {notebook} answers after {seconds:.1f} s")


def _work_in_the_notebook(tour: Tour, server: str, other: str) -> int:
    kernel = Kernel(tour.session("ana"), server)
    attacks = [code.replace("@OWN@", server).replace("@OTHER@", other) for _, code in cells.ATTACKS]
    with tour.step("Inside ana's kernel, over the hub's proxy: three questions and a plot"):
        ran = kernel.run(
            cells.CONNECT,
            *(code for _, code in cells.QUESTIONS),
            cells.PLOT,
            *attacks,
            cells.SUBMIT_SMALL,
            cells.REPAIR,
            timeout_s=240,
        )
        for one in ran:
            _expect(not one.error, f"a cell ran without an error (it raised {one.error})")
        parts = iter(ran)
        tour.show(next(parts).text)
        told: set[str] = set()  # a note that an earlier answer gave is not printed again
        for title, _ in cells.QUESTIONS:
            tour.say(title)
            lines = next(parts).text.splitlines()
            tour.show("\n".join(line for line in lines if line not in told))
            told.update(line for line in lines if line.endswith("."))
        _keep_plot(tour, next(parts))
    with tour.step("The same kernel tries to get out, and is refused"):
        for (title, _), one in zip(cells.ATTACKS, parts, strict=False):
            _expect(one.text.startswith("REFUSED"), f"'{title}' is refused (it printed {one.text!r})")
            tour.say(f"{title}: {one.text.strip()}")
        answer = tour.session("ana").notebook(server, "files/outbox/expected_bad_loans.csv")
        _expect(answer.status_code == 403, "a download through /files/ in the browser is refused")
        tour.say(f"download through /files/ in her browser: REFUSED: {answer.status_code}")
    first, second = ran[-2], ran[-1]
    with tour.step("She submits a table with small cells: the checks stop it at once"):
        _expect("fail" in first.text, "the small cell is found")
        tour.say("the finding, as the notebook shows it:", good=False)
        tour.show(first.text)
    with tour.step("She repairs it and submits again: it goes to the reviewers"):
        shown, _, number = second.text.rpartition("RELEASE")
        tour.show(shown)
        return int(number)


def _keep_plot(tour: Tour, ran: Ran) -> None:
    _expect(bool(ran.images), "the plot was drawn")
    folder = tour.settings.home / "tour"
    folder.mkdir(exist_ok=True)
    (folder / "plot.png").write_bytes(ran.images[0])
    tour.say(f"a plot with error bars: {folder / 'plot.png'}")


def _review(tour: Tour, release_id: int) -> None:
    with tour.step("Two reviewers vote, each blind to the other"):
        requester = tour.session("ana")
        for name in ("rita", "ravi"):
            reviewer = tour.session(name)
            seen = reviewer.portal("GET", f"releases/{release_id}")
            findings = len(seen["findings"])
            tour.say(
                f"{name} sees {findings} finding{'s' if findings != 1 else ''} and {len(seen['votes'])} votes of others"
            )
            _expect(not seen["votes"], "earlier votes are hidden from a reviewer")
            vote = {
                "version": seen["version"],
                "decision": "approve",
                "comment": "Counts of groups, none small.",
            }
            state = reviewer.portal("POST", f"releases/{release_id}/vote", json=vote)
            now = state["status"].replace("_", " ")
            tour.say(f"{name} approved: {state['votes_in']} of {state['votes_needed']} votes, now {now}")
            if name == "rita":
                early = requester.portal("GET", f"releases/{release_id}")
                _expect(not early["votes"], "the requester sees no vote before the last is in")
        _expect(state["status"] == "released", "the release left after the last vote")


def _take_home(tour: Tour, release_id: int) -> None:
    with tour.step("The crate is downloaded and verified offline"):
        folder = tour.settings.home / "tour"
        crate = folder / f"release-{release_id}.crate.zip"
        crate.write_bytes(tour.session("ana").portal("GET", f"releases/{release_id}/crate"))
        tour.show(_run("release", "verify", str(crate)))
        broken = folder / "edited.crate.zip"
        body = bytearray(crate.read_bytes())
        body[len(body) // 3] ^= 1
        broken.write_bytes(bytes(body))
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "sandbox", "release", "verify", str(broken)],
            capture_output=True,
            text=True,
            check=False,
        )
        _expect(done.returncode != 0, "an edited crate does not verify")
        tour.say(f"one bit flipped: REFUSED: {' '.join(done.stderr.split()[1:])}")
        tour.say(f"kept as {crate}")


def _run_code(tour: Tour, server: str) -> int:
    with tour.step("Another analyst, cleo, writes a credit model on synthetic rows: all it prints is shown"):
        tour.notebooks.append(("cleo", server))
        tour.session("cleo").start_notebook(server)
        ran = Kernel(tour.session("cleo"), server).run(jobs.WRITE_AND_TRY, jobs.ON_RAW_ROWS, timeout_s=240)
        for one in ran:
            _expect(not one.error, f"a cell ran without an error (it raised {one.error}: {one.text[-300:]})")
        tried, sent = ran
        tour.show(tried.text)
    with tour.step("The very same code runs beside the real rows; she sees how it ended, and nothing else"):
        shown, _, numbers = sent.text.rpartition("JOB ")
        job, release = (int(number) for number in numbers.split(" RELEASE "))
        tour.show(shown)
        _expect("LOG '' FILES []" in shown, "a job on raw rows shows neither its log nor its files")
        cleo = tour.session("cleo")
        answer = cleo.http.get(f"{PORTAL_PREFIX}/api/v1/jobs/{job}/files/coefficients.csv")
        _expect(answer.status_code == 403, "the outputs of a job on raw rows are refused to its sender")
        tour.say(f"reading coefficients.csv: REFUSED: {answer.json()['error']['message']}")
        return release


def _review_code(tour: Tour, release_id: int) -> None:
    with tour.step("The reviewers see code, image, data version and log beside the outputs, and approve"):
        for name in ("rita", "rosa"):
            reviewer = tour.session(name)
            behind = reviewer.portal("GET", f"releases/{release_id}/job")
            if name == "rita":
                code, image, snapshot = (behind["code"]["sha256"], behind["image"], behind["snapshot"])
                tour.say(f"code {code[:16]}…, image {image[:19]}…, data {snapshot[:12]}")
                tour.say(f"the end of what it printed: {behind['log'].strip().splitlines()[-1]}")
            seen = reviewer.portal("GET", f"releases/{release_id}")
            vote = {
                "version": seen["version"],
                "decision": "approve",
                "comment": "A model of seven terms on a thousand applicants.",
            }
            state = reviewer.portal("POST", f"releases/{release_id}/vote", json=vote)
        _expect(state["status"] == "released", "the job's outputs left after the last vote")
        tour.say(f"request {release_id} is released; now cleo can read her model's coefficients")


def _look_back(tour: Tour) -> None:
    with tour.step("The budget and the log"):
        budget = tour.session("ana").portal("GET", "budget?dataset=german_credit")
        tour.say(
            f"project {budget['project']}: ε {budget['epsilon_left']:.3f} of {budget['epsilon_cap']:.3f} left "
            f"({budget['percent_left']:.0f} %), at δ={budget['delta']:g}"
        )
        page = tour.session("arno").portal("GET", "log?limit=8")
        for entry in reversed(page["entries"]):
            tour.show(
                f"{entry['seq']:4}  {entry['at'][11:19]}  {entry['actor']:14} {entry['action']:22} {entry['object']}"
            )
        tour.show(_run("audit", "verify"))


def _run(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "sandbox", *arguments], capture_output=True, text=True, check=False
    )
    _expect(done.returncode == 0, f"'sandbox {' '.join(arguments[:2])}' succeeds: {done.stderr[-300:]}")
    return done.stdout


def _expect(held: bool, promise: str) -> None:
    if not held:
        raise OperatorError(f"The tour expected that {promise}; it did not hold.", fix="See .sandbox/logs.")
