"""``connect()`` and the connected sandbox: everything a researcher does from a notebook.

>>> import sandbox                                                               # doctest: +SKIP
>>> box = sandbox.connect()                                                      # doctest: +SKIP
>>> answer = box.ask("SELECT purpose, COUNT(*) AS n FROM loans GROUP BY purpose") # doctest: +SKIP
>>> answer.plot()                                                                # doctest: +SKIP
>>> answer.frame.to_csv(box.outbox / "purposes.csv", index=False)                # doctest: +SKIP
>>> box.submit("purposes.csv", context="Loans by purpose, all applicants.")      # doctest: +SKIP
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from sandbox.client.answer import Answer
from sandbox.client.checked import Checked
from sandbox.client.connection import Connection
from sandbox.client.declare import declared, only_about, output, with_declaration
from sandbox.client.errors import BadInput
from sandbox.client.imports import NOTEBOOK_BYTES, ImportRequest, read_files
from sandbox.client.jobs import Job, send_job
from sandbox.client.models import NODES, model_table
from sandbox.client.outbox import make_outbox, read_outbox
from sandbox.client.views import Budget, Dataset, Estimate, Release

DEFAULT_URL = "http://127.0.0.1:8081/services/portal"  # the gate, inside a locked notebook
AT_ONCE = 100  # requests that one answer brings

PathLike = str | os.PathLike[str]


def connect(
    url: str | None = None,
    token: str | None = None,
    *,
    grant: int | None = None,
    outbox: PathLike | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Sandbox:
    """Connect to the sandbox. In a notebook no argument is needed.

    Args:
        url: the portal's address; ``SANDBOX_URL``, else the notebook's gate.
        token: ``JUPYTERHUB_API_TOKEN`` when not given.
        grant: which of your grants is meant; a notebook's token knows its own.
        outbox: the folder files are sent from; ``~/outbox``. It is made when it is missing.
        transport: for tests.
    """
    address = url or os.environ.get("SANDBOX_URL") or DEFAULT_URL
    secret = token if token is not None else os.environ.get("JUPYTERHUB_API_TOKEN", "")
    folder = Path(outbox) if outbox is not None else Path.home() / "outbox"
    return Sandbox(
        Connection(address, token=secret, transport=transport), grant=grant, outbox=make_outbox(folder)
    )


class Sandbox:
    """A connected sandbox.

    Attributes:
        outbox: the folder that files are submitted from.
    """

    def __init__(self, connection: Connection, *, grant: int | None, outbox: Path) -> None:
        self._connection = connection
        self._grant = grant
        self.outbox = outbox

    def datasets(self, search: str = "") -> pd.DataFrame:
        """The catalogue, one row for each dataset; with words to search for, the best first."""
        shown = ["name", "title", "open_class", "domain", "provider", "licence"]
        entries: list[dict[str, Any]] = []
        while True:
            page = self._connection.get("datasets", q=search, offset=len(entries), limit=200)
            entries += page["datasets"]
            if not page["datasets"] or len(entries) >= page["total"]:
                return pd.DataFrame([{k: e.get(k, "") for k in shown} for e in entries], columns=shown)

    def dataset(self, name: str | None = None) -> Dataset:
        """One dataset with its tables, columns, bounds and listed values; in a notebook, its own when not named."""
        name = name or os.environ.get("SANDBOX_DATASET")
        if not name:
            raise BadInput("No dataset was named.", fix="Give its name; see datasets().")
        entry = self._connection.get(f"datasets/{_segment(name)}")

        def fetch(table: str) -> pd.DataFrame:
            body = self._connection.get_bytes(f"datasets/{_segment(name)}/{_segment(table)}.csv")
            return pd.read_csv(io.BytesIO(body))

        return Dataset(entry, fetch)

    def estimate(
        self,
        sql: str,
        epsilon: float | None = None,
        *,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        max_rows_per_unit: int | None = None,
        max_groups: int | None = None,
    ) -> Estimate:
        """What a question would cost, and how exact its answer would be. Spends nothing."""
        body = {"sql": sql, "grant": self._grant, **_price(epsilon, budget, accuracy)}
        body |= _limits(max_rows_per_unit, max_groups)
        return Estimate(self._connection.post("questions/estimate", body, again=True))

    def ask(
        self,
        sql: str,
        epsilon: float | None = None,
        *,
        budget: str | None = None,
        accuracy: str | Mapping[str, object] | None = None,
        max_rows_per_unit: int | None = None,
        max_groups: int | None = None,
        free: bool = False,
    ) -> Answer:
        """Ask a question and pay for it from the budget.

        Args:
            epsilon: how much privacy to spend: more is exacter and dearer. By default what the question says in
                OPTIONS(epsilon = …); nothing for counts that the dataset's base release measured; or 0.1.
            budget: instead of epsilon, a share of the agreement's budget, such as '1%'.
            accuracy: instead of both, how exact it has to be: '±50 at 95%' finds the lowest price for that; or for
                each aggregate, as {'n': '±50', 'total': '±1000'}.
            free: spend nothing: take what follows from stored answers, however exact it is, or from the base release,
                also what it can but model (without interval).
            max_rows_per_unit: count at most so many rows of one unit, where that is less than what is best.
            max_groups: count one unit in at most so many rows of the answer, likewise.

        Raises:
            QuestionRefused, OverBudget: nothing was spent.
            Unanswered: it was charged, and there is no answer.
        """
        # One key for all sendings of this call: a lost reply is sent again, and is paid for once.
        key = uuid.uuid4().hex
        body = {"sql": sql, "grant": self._grant, "idempotency_key": key}
        body |= _price(epsilon, budget, accuracy) | ({"free": True} if free else {})
        body |= _limits(max_rows_per_unit, max_groups)
        return Answer(self._connection.post("questions", body, again=True))

    def sample(self, rows: int | None = None) -> pd.DataFrame:
        """Synthetic rows of the grant's dataset, to write and try code with: like the data in each column and in many
        pairs of them, and nobody's. They cost nothing; the owner has to have bought a base release.

        Args:
            rows: as many as the base counts when not given.
        """
        body = self._connection.get_bytes("sample", grant=self._grant, rows=rows)
        return pd.read_csv(io.BytesIO(body))

    def run(
        self,
        code: PathLike,
        *,
        outputs: str | Iterable[str],
        inputs: PathLike | Iterable[PathLike] = (),
        context: str = "",
        raw: bool = False,
        wait: bool = True,
    ) -> Job:
        """Send code: it runs on the sample, where you see all it prints and writes.

        Args:
            code: ``analysis.py``, ``study.ipynb`` or ``analysis.R``. It reads ``sandbox.data()`` (in R
                ``sandbox::data()``) and writes to ``sandbox.outbox`` (``sandbox::outbox()``).
            outputs: the names of the files that it writes there; nothing else is taken.
            inputs: further files that lie beside the code.
            context: what the outputs are and why they may leave; for the reviewers.
            raw: go on to the raw rows when it ran to its end on the sample; the outputs go to the reviewers.
            wait: for its end.
        """
        job = send_job(
            self._connection, code, inputs=inputs, outputs=outputs, context=context, grant=self._grant
        )
        if wait or raw:
            job.wait()
        if raw and job.state == "finished":
            return job.on_raw_data(context=context, wait=wait)
        return job

    def job(self, id: int) -> Job:
        """One of your jobs."""
        return Job(self._connection, self._connection.get(f"jobs/{int(id)}"))

    def jobs(self) -> pd.DataFrame:
        """Your jobs, newest first."""
        shown = ["id", "dataset", "phase", "state", "told", "release"]
        rows = [{"code": j["code"]["name"], **{k: j[k] for k in shown}} for j in self._connection.get("jobs")]
        return pd.DataFrame(rows, columns=["id", "code", *shown[1:]])

    def budget(self) -> Budget:
        """What may still be asked under the grant."""
        return Budget(self._connection.get("budget", grant=self._grant))

    def submit(
        self,
        files: PathLike | Iterable[PathLike],
        *,
        context: str,
        sql: str | Mapping[str, str] | None = None,
        supersedes: int | None = None,
        builds_on: Iterable[int] = (),
    ) -> Release:
        """Ask to take files out. They are checked at once, and then looked at by people.

        Args:
            files: one file of the outbox or several, by name.
            context: what they show, who is counted in them, and why they may leave.
            sql: the question behind a table, so that it can be computed again: one text for one file, or a text
                for each file's name.
            supersedes: your release in whose place this one will stand.
            builds_on: earlier releases that its numbers rest on.
        """
        staged, questions = self._staged(files, sql)
        fields = {
            "context": context,
            "sql": json.dumps(questions),
            "grant": self._grant,
            "supersedes": supersedes,
            "builds_on": ",".join(str(int(n)) for n in builds_on) or None,
        }
        return Release(self._connection.upload("releases", fields, staged))

    def resubmit(
        self,
        id: int,
        files: PathLike | Iterable[PathLike],
        *,
        context: str,
        sql: str | Mapping[str, str] | None = None,
    ) -> Release:
        """Hand in a request again that a check stopped or reviewers returned: all its files, with what changed."""
        staged, questions = self._staged(files, sql)
        seen = self._connection.get(f"releases/{int(id)}")
        fields = {"context": context, "sql": json.dumps(questions), "version": seen["version"]}
        return Release(self._connection.upload(f"releases/{int(id)}/resubmit", fields, staged))

    def output(
        self,
        frame: pd.DataFrame | None,
        file: str,
        *,
        kind: str,
        dims: Iterable[str] = (),
        statistics: Mapping[str, str] | None = None,
        units: str = "",
        sql: str = "",
        **more: Any,
    ) -> Path:
        """Write a table to the outbox and say what it is, in the ``outputs.yaml`` beside it.

        Args:
            frame: the table; None for a file that is in the outbox already, such as a picture.
            kind: frequency, magnitude, quantile, regression … : docs/how-to/what-leaves.md lists them.
            dims: the columns that it is grouped by.
            statistics: for other columns what their numbers are: {"mean_age": "mean", "p90": "quantile 0.9"}.
            units: the column that counts the distinct units behind each row.
            sql: the question that made it, so that it can be computed again.
            more: n, df, rounding, method, table, draw, x, y, by, as outputs.yaml has them.
        """
        return output(
            self.outbox,
            frame,
            file,
            kind=kind,
            dims=dims,
            statistics=statistics,
            units=units,
            sql=sql,
            **more,
        )

    def model(self, estimator: Any, file: str, *, train: str, outcome: str, **more: Any) -> Path:
        """Write a fitted classifier to the outbox as a table, and say what it is: nodes of trees, or coefficients.

        Args:
            estimator: a decision tree, a random forest, or a logistic regression of two classes (scikit-learn), fitted
                to a DataFrame whose columns are named as the dataset's, or ``column=value`` as
                ``pd.get_dummies(frame, prefix_sep="=")`` names them.
            train: the folds that it was trained on, such as "0123456789ab": first digits of the unit's pseudonyms. The
                platform attacks it with the rows of the other folds.
            outcome: the column that it predicts.
            more: n, df, as outputs.yaml has them.
        """
        table, method = model_table(estimator)
        dims = [c for c in NODES if c in table]
        return output(
            self.outbox,
            table,
            file,
            kind="model",
            dims=dims,
            method=method,
            train=train,
            outcome=outcome,
            **more,
        )

    def check(self, file: PathLike, *, sql: str | None = None) -> Checked:
        """What the checks would say of a file, before anything is submitted. Its repairs: suppress(), round(5),
        merge_bands().

        Args:
            sql: the question behind it, where ``outputs.yaml`` does not say.
        """
        staged, questions = self._staged(file, sql)
        fields = {"sql": json.dumps(questions), "grant": self._grant}
        name = staged[0][0]
        entry = declared(self.outbox).get(name, {})
        return Checked(
            self._connection.upload("checks", fields, staged),
            self.outbox / name,
            dims=tuple(entry.get("dims", ())),
            again=lambda: self.check(file, sql=sql),
        )

    def _staged(
        self, files: PathLike | Iterable[PathLike], sql: str | Mapping[str, str] | None
    ) -> tuple[list[tuple[str, bytes]], dict[str, str]]:
        """The files to send, with what is declared about them, and the question behind each."""
        staged = read_outbox(self.outbox, files)
        names = [name for name, _ in staged]
        if isinstance(sql, str):
            if len(names) != 1:
                raise BadInput(
                    "One sql cannot be behind several files.", fix='Give sql={"table.csv": "SELECT …"}.'
                )
            sql = {names[0]: sql}
        for name, content in read_outbox(self.outbox, with_declaration(self.outbox, names))[len(names) :]:
            about = only_about(content, names)
            staged += [(name, about)] if about else []
        return staged, dict(sql or {})

    def status(self, id: int | None = None) -> Release | pd.DataFrame:
        """One request, or all of yours."""
        return self.releases() if id is None else Release(self._connection.get(f"releases/{int(id)}"))

    def _every_release(self) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while some := self._connection.get("releases", offset=offset, limit=AT_ONCE):
            yield from some
            if len(some) < AT_ONCE:
                return
            offset += AT_ONCE

    def releases(self) -> pd.DataFrame:
        """Your requests, newest first."""
        rows = [
            {
                "id": r["id"],
                "dataset": r["dataset"],
                "status": r["status"],
                "files": ", ".join(f["name"] for f in r["files"]),
                "votes": f"{r.get('votes_in', 0)} of {r.get('votes_needed', 0)}",
                "context": r["context"],
            }
            for r in self._every_release()
        ]
        return pd.DataFrame(rows, columns=["id", "dataset", "status", "files", "votes", "context"])

    def withdraw(self, id: int) -> Release:
        """Take a request back."""
        return Release(self._connection.post(f"releases/{int(id)}/withdraw", {}))

    def ask_to_import(self, files: PathLike | Iterable[PathLike], *, why: str) -> ImportRequest:
        """Ask to bring files in: data, code, or Python packages as wheels. They are checked at once, and then looked at
        by the owner of the data or an administrator. What is let in is under ``/imports`` from the next start on.

        Args:
            files: one file or several, of this machine; 8 MiB together from a notebook.
            why: where they come from and what you will do with them.
        """
        inside = "JUPYTERHUB_SERVER_NAME" in os.environ
        staged = read_files(files, most=NOTEBOOK_BYTES if inside else 64 * 2**20)
        fields = {"why": why, "grant": self._grant}
        return ImportRequest(self._connection.upload("imports", fields, staged))

    def imports(self) -> pd.DataFrame:
        """Your import requests and what was let in for your project, newest first."""
        rows = [
            {
                "id": r["id"],
                "state": r["state"],
                "files": ", ".join(f["name"] for f in r["files"]),
                "asked_by": r["requester"],
                "until": r["until"] or "",
                "reason": r["reason"],
            }
            for r in self._connection.get("imports")
        ]
        return pd.DataFrame(rows, columns=["id", "state", "files", "asked_by", "until", "reason"])

    def import_request(self, id: int) -> ImportRequest:
        """One of them, with what the checks found."""
        return ImportRequest(self._connection.get(f"imports/{int(id)}"))

    def crate(self, id: int) -> bytes:
        """A released crate. Only outside of notebooks: inside one, nothing comes back in."""
        return self._connection.get_bytes(f"releases/{int(id)}/crate")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __repr__(self) -> str:
        return f"<Sandbox at {self._connection.url}>"


def _segment(name: str) -> Any:
    """A name that is one part of an address, whatever a caller passes."""
    if not name.replace("_", "").isalnum():
        raise BadInput(f"{name!r} is no dataset's or table's name.", fix="See datasets().")
    return name


def _limits(max_rows_per_unit: int | None, max_groups: int | None) -> dict[str, int]:
    """Only what was said."""
    given = {"max_rows_per_unit": max_rows_per_unit, "max_groups": max_groups}
    return {name: value for name, value in given.items() if value is not None}


def _price(
    epsilon: float | None, budget: str | None, accuracy: str | Mapping[str, object] | None
) -> dict[str, Any]:
    """Only what was said; whether that is one price, the portal checks."""
    named = dict(accuracy) if isinstance(accuracy, Mapping) else accuracy
    given = {"epsilon": epsilon, "budget": budget, "accuracy": named}
    return {name: value for name, value in given.items() if value is not None}
