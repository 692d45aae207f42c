"""The notebook's door, against a small sandbox that keeps its promises over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox.client as client
from sandbox.client.box import Sandbox, connect
from sandbox.client.connection import RETRY_AFTER_S
from sandbox.client.words import interval

ANSWER: dict[str, Any] = {
    "question": "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex",
    "dataset": "german_credit",
    "snapshot": "c" * 64,
    "columns": [
        {"name": "sex", "kind": "key", "error_95": None, "measured_in": ""},
        {"name": "n", "kind": "count", "error_95": 14, "measured_in": "applicants"},
        {"name": "mean", "kind": "avg", "error_95": None, "measured_in": "DM"},
    ],
    "rows": [
        {"sex": "<f>", "n": {"value": 310, "low": 296, "high": 324}, "mean": {"value": 2877.5, "low": 2800.0, "high": 2950.25}},
        {"sex": "m", "n": {"value": -2, "low": -16, "high": 12}, "mean": {"value": None, "low": None, "high": None}},
    ],
    "price": {"nano": 400_000, "epsilon": 0.1, "delta": 1e-6},
    "bounding": {"plan": "rows", "rows_per_unit": 1, "groups_per_unit": 1, "text": "Each applicant counts once."},
    "notes": ["Counts may be below zero."],
}  # fmt: skip
BUDGET = {"percent_left": 87.25, "epsilon_left": 3.2, "epsilon_cap": 4.0}
RELEASE = {
    "id": 7,
    "dataset": "german_credit",
    "status": "blocked",
    "context": "Applicants by sex.",
    "files": [{"name": "table.csv", "sha256": "a" * 64, "size_bytes": 9, "sql": ""}],
    "findings": [
        {"file": "table.csv", "check": "reproduced", "verdict": "pass", "place": "", "reason": "ok", "fix": "", "source": ""},
        {"file": "table.csv", "check": "small_count", "verdict": "fail", "place": "row 1, column n",
         "reason": "4 is below the threshold of 10.", "fix": "Merge <b>groups</b>.", "source": "Handbook"},
    ],
    "votes": [],
    "votes_in": 0,
    "votes_needed": 2,
}  # fmt: skip
ENTRY = {
    "name": "german_credit",
    "title": "German <credit>",
    "open_class": "conditional",
    "domain": "inclusive finance",
    "description": "1 000 applicants",
    "provider": "UCI",
    "source": "Hofmann",
    "licence": "CC BY 4.0",
    "unit": {"column": "applicant_id", "noun": "applicant"},
    "tables": {
        "loans": {
            "columns": {
                "amount": {"type": "integer", "lower": 0, "upper": 20000, "measured_in": "DM", "description": "credit", "categories": []},
                "sex": {"type": "text", "lower": None, "upper": None, "measured_in": "", "description": "", "categories": ["f", "m"]},
                "foreign": {"type": "boolean", "lower": None, "upper": None, "measured_in": "", "description": "", "categories": []},
            }
        }
    },
}  # fmt: skip

CATALOGUE = ["german_credit", "flights", "inspections"]
CLOSED = {"name": "prisons", "title": "Prisons", "open_class": "closed", "tables": {}, "lookups": {}}


class Portal:
    """A portal's API in memory: answers from ``replies``, pays once per idempotency key, remembers requests.

    >>> portal = Portal()
    >>> portal.charged
    0
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.failures: list[httpx.Response | Exception] = []  # served first
        self.after: list[Exception] = []  # the request arrives and is served, the reply is lost
        self.keys: set[str] = set()
        self.error: tuple[int, dict[str, Any]] | None = None
        self.handed_in = 1  # requests to let files out

    @property
    def charged(self) -> int:
        return len(self.keys)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        reply = self._reply(request)
        if self.after:
            raise self.after.pop(0)
        return reply

    def _reply(self, request: httpx.Request) -> httpx.Response:
        if self.error:
            return httpx.Response(self.error[0], json={"error": self.error[1]})
        path = request.url.path.removeprefix("/services/portal/api/v1/")
        match request.method, path.split("/"):
            case "POST", ["questions"]:
                self.keys.add(json.loads(request.content)["idempotency_key"])
                return httpx.Response(
                    200, json={"id": 4, "cached": False, "answer": ANSWER, "budget": BUDGET}
                )
            case "POST", ["questions", "estimate"]:
                return httpx.Response(200, json={"price": ANSWER["price"], "columns": ANSWER["columns"],
                                                 "bounding": ANSWER["bounding"], "asks_left": 40,
                                                 "percent_of_project": 1.25, "affordable": True})  # fmt: skip
            case "GET", ["budget"]:
                return httpx.Response(200, json=BUDGET)
            case "GET", ["datasets"]:
                offset = int(request.url.params["offset"])
                page = [ENTRY | {"name": name} for name in CATALOGUE[offset : offset + 2]]
                return httpx.Response(200, json={"total": len(CATALOGUE), "datasets": page})
            case "GET", ["datasets", "prisons"]:
                return httpx.Response(200, json=CLOSED)
            case "GET", ["datasets", "german_credit"]:
                return httpx.Response(200, json=ENTRY)
            case "GET", ["datasets", "german_credit", "loans.csv"]:
                return httpx.Response(200, text="a,b\n1,2\n")
            case "GET", ["sample"]:
                return httpx.Response(200, text="id,sex\n1,f\n2,\n")
            case "POST", ["releases"]:
                return httpx.Response(201, json=RELEASE)
            case "GET", ["releases"]:
                offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
                return httpx.Response(200, json=([RELEASE] * self.handed_in)[offset : offset + limit])
            case _, ["releases", "7", *_]:
                return httpx.Response(200, json=RELEASE | {"status": "withdrawn"})
        return httpx.Response(
            404, json={"error": {"code": "not_found", "message": "Nothing here.", "fix": ""}}
        )


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def box(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.delenv("SANDBOX_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = connect(transport=httpx.MockTransport(portal))
    made._connection._sleep = lambda _: None
    yield made
    made._connection.close()


def test_it_connects_to_the_gate_with_the_notebooks_token_and_makes_the_outbox(
    box: Sandbox, portal: Portal, tmp_path: Path
) -> None:
    box.budget()
    (request,) = portal.requests
    assert str(request.url) == "http://127.0.0.1:8081/services/portal/api/v1/budget"
    assert request.headers["authorization"] == "token secret"
    assert box.outbox == tmp_path / "outbox"
    assert box.outbox.is_dir()


def test_synthetic_rows_come_as_a_frame(box: Sandbox, portal: Portal) -> None:
    frame = box.sample(2)
    assert frame["sex"].isna().tolist() == [False, True]
    assert portal.requests[-1].url.params.get("rows") == "2"
    box.sample()
    assert "rows" not in portal.requests[-1].url.params


def test_free_is_said_only_when_it_is_meant(box: Sandbox, portal: Portal) -> None:
    box.ask("SELECT 1")
    assert "free" not in json.loads(portal.requests[-1].content)
    box.ask("SELECT 1", free=True)
    assert json.loads(portal.requests[-1].content)["free"] is True


def test_an_answer_has_a_frame_with_intervals_and_whole_counts(box: Sandbox) -> None:
    answer = box.ask(ANSWER["question"])
    assert list(answer.frame.columns) == ["sex", "n", "n_low", "n_high", "mean", "mean_low", "mean_high"]
    assert answer.frame["n"].tolist() == [310, -2]
    assert str(answer.frame["n"].dtype) == "Int64"
    assert answer.frame["mean"].isna().tolist() == [False, True]
    assert (answer.keys, answer.measures) == (["sex"], ["n", "mean"])
    assert answer.price["epsilon"] == 0.1
    assert answer.raw == ANSWER
    assert answer.question == ANSWER["question"]
    assert answer["n"].sum() == 308
    assert len(answer) == 2


def test_an_answer_says_its_price_its_bounds_and_what_is_left(box: Sandbox) -> None:
    text = repr(box.ask("SELECT 1"))
    for words in ("It cost ε = 0.1", "87.2 %", "Each applicant counts once.", "Counts may be below zero."):
        assert words in text


def test_an_answer_in_a_terminal_has_one_column_for_each_measure_and_digits_that_mean_something(
    box: Sandbox,
) -> None:
    lines = repr(box.ask("SELECT 1")).splitlines()
    assert lines[:3] == [
        "sex                 n                    mean",
        "<f>  310 (296 to 324)  2,878 (2,800 to 2,950)",
        "m      -2 (-16 to 12)                       –",
    ]


def test_a_sentence_that_is_said_twice_is_shown_once(box: Sandbox) -> None:
    once = ANSWER | {"notes": [ANSWER["bounding"]["text"], "Counts may be below zero."]}
    assert client.Answer({"answer": once}).summary().count("Each applicant counts once.") == 1


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (21.011127, 18.903367, 23.034799, ("21.0", "18.9", "23.0")),
        (0.012345, 0.011111, 0.013579, ("0.0123", "0.0111", "0.0136")),
        (676281, -247258, 1599820, ("676,281", "-247,258", "1,599,820")),
        (3.5, 3.5, 3.5, ("3.5", "3.5", "3.5")),
        (None, None, None, ("–", "–", "–")),
    ],
)
def test_digits_end_where_the_noise_begins(value: Any, low: Any, high: Any, shown: tuple[str, ...]) -> None:
    assert interval(value, low, high) == shown


def test_what_mends_several_findings_is_said_once(box: Sandbox) -> None:
    fail = RELEASE["findings"][1]
    text = str(client.Release(RELEASE | {"findings": [fail, fail | {"place": "row 2, column n"}]}))
    assert text.count("→ Merge") == 1
    assert text.index("row 2") < text.index("→ Merge")
    different = str(client.Release(RELEASE | {"findings": [fail, fail | {"fix": "Leave it out."}]}))
    assert different.count("→") == 2


def test_what_a_plain_prompt_shows_is_what_print_shows(box: Sandbox) -> None:
    for shown in (
        box.budget(),
        box.estimate("SELECT 1"),
        box.dataset("german_credit"),
        client.Release(RELEASE),
    ):
        assert repr(shown) == str(shown)
        assert "raw=" not in repr(shown)


def test_a_dataset_gives_a_first_question_that_its_own_columns_answer(box: Sandbox) -> None:
    assert box.dataset("german_credit").example == "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"


def test_a_notebook_knows_its_own_dataset(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_DATASET", "german_credit")
    assert box.dataset().name == "german_credit"
    monkeypatch.delenv("SANDBOX_DATASET")
    with pytest.raises(client.BadInput, match="No dataset was named"):
        box.dataset()


def test_pages_of_a_notebook_show_names_as_text_and_never_as_markup(box: Sandbox) -> None:
    page = box.ask("SELECT 1")._repr_html_()
    assert "&lt;f&gt;" in page
    assert "<f>" not in page
    assert "German &lt;credit&gt;" in box.dataset("german_credit")._repr_html_()
    assert "Merge &lt;b&gt;groups" in client.Release(RELEASE)._repr_html_()


@pytest.mark.parametrize("keys", [0, 1, 2, 3])
def test_a_plot_is_drawn_without_a_display(keys: int) -> None:
    columns = [{"name": f"k{i}", "kind": "key"} for i in range(keys)] + ANSWER["columns"][1:]
    rows = [
        {**{f"k{i}": f"{at >> i & 1}" for i in range(keys)}, **ANSWER["rows"][at % 2]}
        for at in range(2**keys)
    ]
    answer = client.Answer({"answer": ANSWER | {"columns": columns, "rows": rows}})
    assert answer.plot()._repr_png_().startswith(b"\x89PNG")
    figure = answer.plot("n", title="Applicants").figure
    assert figure.get_suptitle() == "Applicants"
    assert figure.axes[0].get_xlabel() == "n (applicants)"


def test_a_plot_has_a_bar_and_an_interval_for_each_value(box: Sandbox, tmp_path: Path) -> None:
    plot = box.ask("SELECT 1").plot()
    counts, means = plot.figure.axes
    assert [round(bar.get_width()) for bar in counts.containers[0]] == [310, -2]
    assert len(means.containers[0]) == 1  # the other has no value, and is said so
    assert any("too little" in text.get_text() for text in means.texts)
    assert plot.save(tmp_path / "p.png").stat().st_size > 1000


def test_a_measure_that_is_not_there_is_named(box: Sandbox) -> None:
    with pytest.raises(KeyError, match="it has n, mean"):
        box.ask("SELECT 1").plot("m")


def test_a_lost_reply_is_sent_again_and_paid_for_once(box: Sandbox, portal: Portal) -> None:
    portal.after = [httpx.ReadError("lost"), httpx.RemoteProtocolError("lost")]
    assert box.ask("SELECT 1").id == 4
    assert len(portal.requests) == 3
    assert portal.charged == 1
    box.ask("SELECT 1")  # the control: another call is another key
    assert portal.charged == 2


def test_a_gateway_without_its_portal_is_tried_again(box: Sandbox, portal: Portal) -> None:
    portal.failures = [httpx.Response(502, text="bad gateway"), httpx.ConnectError("refused")]
    assert box.ask("SELECT 1").id == 4


def test_the_sandboxs_own_errors_are_not_tried_again(box: Sandbox, portal: Portal) -> None:
    portal.error = (502, {"code": "unanswered", "message": "No answer.", "fix": ""})
    with pytest.raises(client.Unanswered):
        box.ask("SELECT 1")
    assert len(portal.requests) == 1


def test_a_sandbox_that_stays_away_is_reported(box: Sandbox, portal: Portal) -> None:
    portal.failures = [httpx.ConnectError("refused")] * 9
    with pytest.raises(client.Unreachable, match="does not answer"):
        box.ask("SELECT 1")
    assert len(portal.requests) == 1 + len(RETRY_AFTER_S)


def test_a_submission_is_never_sent_twice(box: Sandbox, portal: Portal) -> None:
    (box.outbox / "table.csv").write_text("sex,n\nf,120\n")
    portal.after = [httpx.ReadError("lost")]
    with pytest.raises(client.Unreachable):
        box.submit("table.csv", context="Applicants by sex.")
    assert len(portal.requests) == 1


CODES = {
    "bad_input": client.BadInput,
    "question_refused": client.QuestionRefused,
    "not_signed_in": client.NotSignedIn,
    "not_allowed": client.NotAllowed,
    "not_found": client.NotFound,
    "conflict": client.Conflict,
    "over_budget": client.OverBudget,
    "too_large": client.TooLarge,
    "unanswered": client.Unanswered,
    "operator": client.SandboxClientError,
}


@pytest.mark.parametrize("code", CODES)
def test_each_error_of_the_api_has_its_kind_and_two_lines(code: str, box: Sandbox, portal: Portal) -> None:
    portal.error = (400, {"code": code, "message": "It is wrong.", "fix": "Mend it."})
    with pytest.raises(client.SandboxClientError) as caught:
        box.budget()
    assert type(caught.value) is CODES[code]
    assert caught.value.code == code
    assert str(caught.value) == "It is wrong.\n→ Mend it."
    assert caught.value._render_traceback_() == [f"{CODES[code].__name__}: It is wrong.\n→ Mend it."]


def test_a_refused_question_points_at_its_place(box: Sandbox, portal: Portal) -> None:
    sql = "SELECT sex,\n\tMAX(amount)\nFROM loans"
    portal.error = (
        422,
        {"code": "question_refused", "message": "No MAX.", "fix": "Use AVG.", "position": 13},
    )
    with pytest.raises(client.QuestionRefused) as caught:
        box.ask(sql)
    assert str(caught.value) == "No MAX.\n  \tMAX(amount)\n  \t^\n→ Use AVG."


@pytest.mark.parametrize("position", [None, -1, 10_000, "3"])
def test_a_position_that_is_none_draws_no_caret(position: object, box: Sandbox, portal: Portal) -> None:
    portal.error = (422, {"code": "question_refused", "message": "No.", "fix": "", "position": position})
    with pytest.raises(client.QuestionRefused) as caught:
        box.ask("SELECT 1")
    assert str(caught.value) == "No."


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(403, text="forbidden"), client.NotSignedIn),
        (httpx.Response(302, headers={"location": "/hub/login"}), client.NotSignedIn),
        (httpx.Response(500, text="<html>"), client.Unreachable),
        (httpx.Response(200, text="<html>"), client.SandboxClientError),
    ],
)
def test_what_is_not_the_sandboxs_reply_is_told_as_such(
    response: httpx.Response, kind: type, box: Sandbox, portal: Portal
) -> None:
    portal.failures = [response]
    with pytest.raises(kind):
        box.budget()


def test_a_grant_is_sent_when_it_was_given_and_only_then(
    box: Sandbox, portal: Portal, tmp_path: Path
) -> None:
    box.ask("SELECT 1")
    assert "grant" not in json.loads(portal.requests[-1].content)
    other = connect(
        "http://x/services/portal", "t", grant=3, outbox=tmp_path / "o", transport=httpx.MockTransport(portal)
    )
    other.estimate("SELECT 1")
    assert json.loads(portal.requests[-1].content)["grant"] == 3
    assert str(portal.requests[-1].url) == "http://x/services/portal/api/v1/questions/estimate"


def test_an_estimate_says_price_and_error(box: Sandbox) -> None:
    estimate = box.estimate("SELECT 1")
    text = str(estimate)
    for words in ("ε = 0.1", "1.25 %", "40 of its kind", "n ± 14 (95 %)", "mean depends on the answer"):
        assert words in text
    assert estimate.error("n") == 14
    assert estimate.affordable
    assert "± 14" in estimate._repr_html_()


def test_the_budget_says_what_is_left(box: Sandbox) -> None:
    budget = box.budget()
    assert (budget.percent_left, budget.epsilon_left) == (87.25, 3.2)
    assert "87.2 %" in str(budget)
    assert "87.2%" in budget._repr_html_()


def test_the_catalogue_and_a_schema_are_tables(box: Sandbox) -> None:
    assert box.datasets()["name"].tolist() == CATALOGUE  # two pages of them
    dataset = box.dataset("german_credit")
    assert dataset.schema["values"].tolist() == ["", "f, m", "false, true"]
    assert "0 – 20,000 DM" in dataset._repr_html_()
    assert dataset.download().shape == (1, 2)


def test_words_that_are_searched_for_arrive_as_they_were_written(box: Sandbox, portal: Portal) -> None:
    box.datasets("Zürich & 贷款")
    assert portal.requests[0].url.params["q"] == "Zürich & 贷款"


def test_a_closed_dataset_is_shown_without_a_schema(box: Sandbox) -> None:
    assert str(box.dataset("prisons")) == "Prisons (closed)\nclosed\n"
    assert "Prisons" in box.dataset("prisons")._repr_html_()


@pytest.mark.parametrize("name", ["../budget", "a/b", "", "a?b", "a b"])
def test_a_name_cannot_lead_to_another_address(name: str, box: Sandbox, portal: Portal) -> None:
    with pytest.raises(client.BadInput):
        box.dataset(name)
    assert portal.requests == []


def test_a_submission_carries_files_context_and_sql(box: Sandbox, portal: Portal) -> None:
    (box.outbox / "table.csv").write_text("sex,n\nf,4\n")
    release = box.submit("table.csv", context="Applicants by sex.", sql="SELECT 1")
    body = portal.requests[-1].content.decode()
    assert 'filename="table.csv"' in body
    assert "sex,n\nf,4\n" in body
    assert '{"table.csv": "SELECT 1"}' in body
    assert "Applicants by sex." in body
    assert (release.id, release.status) == (7, "blocked")
    assert release.findings["verdict"].tolist() == ["fail", "pass"]
    assert "row 1, column n: 4 is below" in str(release)


def test_one_sql_for_two_files_is_refused_before_anything_is_sent(box: Sandbox, portal: Portal) -> None:
    for name in ("a.csv", "b.csv"):
        (box.outbox / name).write_text("sex,n\nf,120\n")
    with pytest.raises(client.BadInput, match="several files"):
        box.submit(["a.csv", "b.csv"], context="Applicants by sex.", sql="SELECT 1")
    assert portal.requests == []
    box.submit(["a.csv", box.outbox / "b.csv"], context="x" * 20, sql={"a.csv": "SELECT 1"})
    assert portal.requests[-1].content.count(b"filename=") == 2


@pytest.mark.parametrize("count", [0, 99, 100, 101, 250])
def test_all_requests_are_listed_however_many_there_are(box: Sandbox, portal: Portal, count: int) -> None:
    portal.handed_in = count
    assert len(box.releases()) == count


def test_requests_are_followed_and_withdrawn(box: Sandbox) -> None:
    assert box.status()["status"].tolist() == ["blocked"]  # type: ignore[union-attr]
    assert box.releases()["votes"].tolist() == ["0 of 2"]
    assert box.status(7).status == "withdrawn"
    assert box.withdraw(7).status == "withdrawn"


def test_the_package_is_imported_without_matplotlib_or_anything_else_of_the_product() -> None:
    code = (
        "import sandbox, sys; sandbox.connect;"
        "print([m for m in sys.modules if m == 'matplotlib'"
        " or m.startswith('sandbox.') and not m.startswith('sandbox.client')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"


def test_an_answer_is_saved_with_its_receipt(tmp_path: Path) -> None:
    receipt = {"format": "sandbox-receipt-v1", "signature": "…"}
    answer = client.Answer({"id": 1, "answer": ANSWER, "receipt": receipt})
    assert answer.receipt == receipt
    saved = json.loads(answer.save(tmp_path / "answer.json").read_text(encoding="utf-8"))
    assert saved == {"answer": ANSWER, "receipt": receipt}
