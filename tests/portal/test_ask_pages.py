"""The question workbench: what it shows before and after a question, what it spends, and what it never does."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import OperatorError
from sandbox.portal.pages.answer_view import shown_answer, three_texts
from sandbox.settings import PORTAL_PREFIX
from tests.portal.example_world import LOANS, Door, World, loans_csv
from tests.portal.markup import dangers, text_of

BY_SEX = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"
HTMX = {
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "HX-Request": "true",
}


@pytest.fixture
def grant(world: World) -> Grant:
    return world.granted()


def _spent(world: World, grant: Grant) -> int:
    return int(world.sandbox.access_views.budget(grant).account.spent.nano)


def _asked(door: Door, sql: str = BY_SEX, **fields: Any) -> httpx.Response:
    return door.send("/ask/1", sql=sql, **fields)


def _followed(door: Door, response: httpx.Response) -> httpx.Response:
    assert response.status_code == 303, text_of(response.text)
    return door.get(response.headers["location"].removeprefix(PORTAL_PREFIX))


# --- what it shows


def test_the_desk_shows_what_the_agreement_opens_and_what_is_left(world: World, grant: Grant) -> None:
    seen = text_of(world.browser("ana").get("/ask/1").text)
    for words in (
        "Ask: Loan applications",
        "0 to 20,000 EUR",
        "female, male",
        "ε = 5.37 of 5.37",
        "Nothing yet.",
    ):
        assert words in seen


def test_only_the_agreements_columns_are_shown_or_completed(world: World) -> None:
    world.granted(tables={"applications": ("sex", "amount")})
    page = world.browser("ana").get("/ask/1").text
    assert 'data-column="amount"' in page
    assert "housing" not in page


@pytest.mark.parametrize("number", range(4))
def test_every_example_is_a_question_that_can_be_asked(world: World, grant: Grant, number: int) -> None:
    desk = world.sandbox.question_desk(world.person("ana"), grant.id)
    assert len(desk.examples) == 4
    found = world.sandbox.answer_question.estimate(world.person("ana"), grant, sql=desk.examples[number][1])
    assert found.affordable
    page = world.browser("ana").get(f"/ask/1?example={number}").text
    assert desk.examples[number][1].splitlines()[0] in page


def test_an_estimate_says_price_and_precision_and_spends_nothing(world: World, grant: Grant) -> None:
    answer = world.browser("ana").send("/ask/1/estimate", sql=BY_SEX, price="epsilon", amount="1")
    seen = text_of(answer.text)
    assert answer.status_code == 200
    assert "of the agreement's budget" in seen
    assert "±" in seen
    assert "2 known values" in seen
    assert BY_SEX in answer.text
    assert _spent(world, grant) == 0


def test_a_refusal_names_its_place_and_what_to_write_instead(world: World, grant: Grant) -> None:
    answer = world.browser("ana").send(
        "/ask/1", sql="SELECT sx, COUNT(*) AS n\r\nFROM applications GROUP BY sx"
    )
    assert answer.status_code == 422
    assert 'data-position="7"' in answer.text
    assert "<mark>sx</mark>" in answer.text
    assert "Did you mean sex?" in text_of(answer.text)
    assert "SELECT sx, COUNT(*) AS n" in answer.text  # nothing typed is lost
    assert _spent(world, grant) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sql": ""}, "The question is empty."),
        ({"sql": "SELECT"}, "There is no FROM."),
        ({"price": "epsilon", "amount": "much"}, "This is no number."),
        ({"price": "epsilon", "amount": ""}, "The price has no number."),
        ({"price": "epsilon", "amount": "0"}, "psilon"),
        ({"price": "accuracy", "amount": "±0"}, "an exact answer"),
        ({"price": "budget", "amount": "400"}, "outside of 0 to 100"),
        ({"price": "barter", "amount": "1"}, "no way to say a price"),
        ({"price": "epsilon", "amount": "5"}, "at most"),
    ],
)
def test_what_cannot_be_asked_says_why_and_costs_nothing(
    world: World, grant: Grant, fields: dict[str, str], words: str
) -> None:
    answer = _asked(world.browser("ana"), **{"sql": BY_SEX, **fields})
    assert answer.status_code in (402, 422)
    assert words in text_of(answer.text)
    assert _spent(world, grant) == 0


@pytest.mark.parametrize(
    ("price", "amount"), [("epsilon", "0,5"), ("accuracy", "±30 at 95%"), ("budget", "2"), ("budget", "2 %")]
)
def test_each_way_to_say_a_price_is_taken(world: World, grant: Grant, price: str, amount: str) -> None:
    ana = world.browser("ana")
    assert _followed(ana, _asked(ana, price=price, amount=amount)).status_code == 200
    assert _spent(world, grant) > 0


# --- what it answers


def test_an_answer_is_shown_with_intervals_meaning_receipt_and_what_is_left(
    world: World, grant: Grant
) -> None:
    ana = world.browser("ana")
    page = _followed(ana, _asked(ana, price="epsilon", amount="2")).text
    seen = text_of(page)
    for words in (
        "What this means",
        "For female, n is about",
        "in 95 of 100 such cases",
        "sandbox-receipt-v1",
    ):
        assert words in seen
    assert page.count('<line class="within"') == 6
    assert "epsilon=1.99" in page or "epsilon=2" in page
    assert "of the agreement's budget" in seen
    assert dangers(page) == []


def test_an_answer_in_its_order_is_shown_in_its_order_again(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    sent = _asked(ana, sql=f"{BY_SEX} ORDER BY n DESC LIMIT 1", price="epsilon", amount="2")
    page = _followed(ana, sent).text
    assert page.count("<tr>") == 2  # heads, and the one row
    whole = ana.get("/ask/1/answers/1").text
    assert whole.count("<tr>") == 3


def test_another_question_cannot_be_put_over_an_answer(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    _asked(ana)
    answer = ana.get("/ask/1/answers/1", params={"as": "SELECT COUNT(*) AS n FROM applications"})
    assert answer.status_code == 422
    assert "not the question of that answer" in text_of(answer.text)


# --- what it spends


def test_reloading_and_sending_twice_charge_once(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    token = ana.form_token("/ask/1")
    form = {"form_token": token, "sql": BY_SEX, "price": "usual", "amount": "", "once": "once-1"}
    first = ana.post("/ask/1", data=form)
    spent = _spent(world, grant)
    assert spent > 0
    second = ana.post("/ask/1", data=form)
    assert first.headers["location"] == second.headers["location"]
    for _ in range(3):
        assert _followed(ana, first).status_code == 200
    assert _spent(world, grant) == spent
    assert len(world.sandbox.store.ledger.lines()) == 1


def test_the_same_question_again_is_free_and_another_one_of_the_same_page_is_not(
    world: World, grant: Grant
) -> None:
    ana = world.browser("ana")
    _asked(ana, once="once-1")
    spent = _spent(world, grant)
    again = _followed(ana, _asked(ana, once="once-2"))
    assert "nothing: it follows" in text_of(again.text)
    assert _spent(world, grant) == spent
    other = "SELECT housing, COUNT(*) AS n FROM applications GROUP BY housing"
    _followed(ana, _asked(ana, sql=other, once="once-1"))
    assert _spent(world, grant) > spent


def test_an_earlier_question_comes_back_into_the_editor(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    _asked(ana)
    page = ana.get("/ask/1?repeat=1")
    assert page.text.count(BY_SEX) >= 2  # in the editor and in the list
    assert ana.get("/ask/1?repeat=7").status_code == 404


# --- what is guarded


def test_another_persons_grant_and_answers_are_not_found(world: World, grant: Grant) -> None:
    _asked(world.browser("ana"))
    ben = world.browser("ben")
    for path in ("/ask/1", "/ask/1/answers/1", "/ask/1?repeat=1"):
        assert ben.get(path).status_code == 404, path
    for path in ("/ask/1", "/ask/1/estimate", "/piece/ask/1/estimate"):
        assert ben.send(path, sql=BY_SEX).status_code == 404, path
    assert world.browser("ana").get("/ask/1/answers/1").status_code == 200


def test_an_answer_under_one_grant_is_not_shown_under_another(world: World, grant: Grant) -> None:
    _asked(world.browser("ana"))
    other = world.granted(project="Second look", epsilon="0.5")
    assert world.browser("ana").get(f"/ask/{other.id}/answers/1").status_code == 404


def test_a_member_of_the_project_sees_the_question_and_asks_for_the_answer_in_their_own_name(
    world: World,
) -> None:
    application = world.applied(members=("ravi",))
    access, olga = world.sandbox.request_access, world.person("olga")
    access.approve(olga, application.id)
    for name in ("ana", "ravi"):
        access.sign(world.person(name), application.id)
    grants = {name: world.sandbox.store.grants.of_person(name)[0] for name in ("ana", "ravi")}
    ana, ravi = world.browser("ana"), world.browser("ravi")
    ana.send(f"/ask/{grants['ana'].id}", sql=BY_SEX)
    own = f"/ask/{grants['ravi'].id}"
    page = ravi.get(own).text
    assert BY_SEX in page
    assert f"{own}/answers/1" not in page
    assert ravi.get(f"{own}/answers/1").status_code == 404
    spent = _spent(world, grants["ana"])
    assert _followed(ravi, ravi.send(own, sql=BY_SEX)).status_code == 200
    assert _spent(world, grants["ana"]) == spent


@pytest.mark.parametrize("path", ["/ask/1", "/ask/1/estimate", "/piece/ask/1/estimate"])
def test_a_form_of_another_site_asks_nothing(world: World, grant: Grant, path: str) -> None:
    ana = world.browser("ana")
    for token in ("", "0" * 64, world.browser("ben").form_token("/grants")):
        answer = ana.post(path, data={"form_token": token, "sql": BY_SEX})
        assert answer.status_code == 403, token
    assert world.sandbox.store.ledger.lines() == ()
    assert ana.send(path, sql=BY_SEX).status_code in (200, 303)


def test_a_notebooks_token_uses_no_page(world: World, grant: Grant) -> None:
    notebook = world.browser(token="notebook-1-of-ana")
    assert notebook.get("/ask/1").status_code == 403
    assert notebook.get("/ask/1/answers/1").status_code == 403


def test_after_a_revocation_nothing_is_asked_and_no_answer_is_shown(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    token = ana.form_token("/ask/1")
    _asked(ana)
    world.sandbox.end_access.revoke(
        world.person("olga"), grant.application, reason="Photographed.", block_days=9
    )
    form = {"form_token": token, "sql": BY_SEX}
    assert ana.post("/ask/1", data=form).status_code == 403
    assert "Decided by" in ana.post("/ask/1/estimate", data=form).text
    refused = ana.get("/ask/1/answers/1")
    assert refused.status_code == 403
    assert "Decided by" in text_of(refused.text)
    page = ana.get("/ask/1")
    assert page.status_code == 200
    assert "not in force" in text_of(page.text)
    assert "<textarea" not in page.text


def test_a_column_outside_of_the_agreement_is_refused_by_its_clause(world: World) -> None:
    grant = world.granted(tables={"applications": ("sex", "amount")})
    sql = "SELECT housing, COUNT(*) AS n FROM applications GROUP BY housing"
    answer = world.browser("ana").send("/ask/1", sql=sql)
    assert answer.status_code == 403
    assert "Decided by" in text_of(answer.text)
    assert _spent(world, grant) == 0


# --- pieces


def _piece(door: Door, token: str, **headers: str) -> httpx.Response:
    data = {"form_token": token, "sql": BY_SEX}
    return door.request("POST", "/piece/ask/1/estimate", data=data, headers={**HTMX, **headers})


def test_a_piece_is_given_to_our_own_script_and_holds_no_form(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    token = ana.form_token("/ask/1")
    piece = _piece(ana, token)
    assert piece.status_code == 200
    assert "of the agreement's budget" in text_of(piece.text)
    assert "form_token" not in piece.text
    assert "<html" not in piece.text
    for stranger in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"HX-Request": "no"}):
        assert _piece(ana, token, **stranger).status_code == 401, stranger


def test_a_piece_that_goes_wrong_brings_no_page_and_no_form_token(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    headers = {**HTMX, "Accept": "text/html, */*"}
    wrong = ana.request("POST", "/piece/ask/1/estimate", data={"form_token": "0" * 64}, headers=headers)
    assert wrong.status_code == 403
    assert "form_token" not in wrong.text
    lost = ana.request(
        "POST", "/piece/ask/9/estimate", data={"form_token": ana.form_token()}, headers=headers
    )
    assert lost.status_code == 404
    assert "form_token" not in lost.text
    page = ana.post("/ask/1", data={"form_token": "0" * 64})  # a page has one, in its button to sign out
    assert 'name="form_token"' in page.text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</textarea></title><svg onload=alert(1)>",
        "'; DROP TABLE questions; --",
        "SELECT '</code></pre><script>alert(1)</script>' FROM applications",
        "\u202eSELECT \U0001f4a5 FROM applications",
    ],
)
def test_no_text_of_a_question_becomes_part_of_a_page(world: World, grant: Grant, text: str) -> None:
    ana = world.browser("ana")
    token = ana.form_token("/ask/1")
    for path in ("/ask/1", "/ask/1/estimate", "/piece/ask/1/estimate"):
        for amount in ("", text):
            data = {
                "form_token": token,
                "sql": text,
                "price": "accuracy" if amount else "usual",
                "amount": amount,
            }
            answer = ana.post(path, data=data)
            assert dangers(answer.text) == [], path
    assert dangers(ana.get("/ask/1/answers/1", params={"as": text}).text) == []


def test_what_was_asked_by_a_literal_is_shown_as_text(world: World, grant: Grant) -> None:
    sql = "SELECT COUNT(*) AS n FROM applications WHERE housing = '<script>alert(1)</script>'"
    ana = world.browser("ana")
    answer = _asked(ana, sql=sql)
    pages = [ana.get("/ask/1").text] + ([_followed(ana, answer).text] if answer.status_code == 303 else [])
    for page in pages:
        assert dangers(page) == []


def test_the_redirect_goes_to_this_portal_whatever_is_asked(world: World, grant: Grant) -> None:
    sent = _asked(world.browser("ana"), sql=f"{BY_SEX} ORDER BY n DESC")
    target = urlsplit(sent.headers["location"])
    assert (target.scheme, target.netloc) == ("", "")
    assert re.fullmatch(rf"{PORTAL_PREFIX}/ask/1/answers/1", target.path)
    assert "ORDER BY" in parse_qs(target.query)["as"][0]


# --- an answer as a view


def _document(*cells: tuple[str, Any, Any, Any]) -> dict[str, Any]:
    return {
        "columns": [
            {"name": "sex", "kind": "key", "error_95": None, "measured_in": ""},
            {"name": "n", "kind": "count", "error_95": 9, "measured_in": "rows"},
        ],
        "rows": [{"sex": k, "n": {"value": v, "low": low, "high": high}} for k, v, low, high in cells],
    }


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([("a", 90, 80, 100), ("b", 20, 10, 30)], "differ by more than the noise"),
        ([("a", 90, 80, 100), ("b", 95, 85, 105)], "the noise may have made the difference"),
        ([("a", None, None, None)], "Too little is behind n"),
        ([("a", 4, None, None)], "how far the noise takes it is not known"),
        ([], "No row passed"),
    ],
)
def test_what_an_answer_means_is_said(cells: list[tuple[str, Any, Any, Any]], words: str) -> None:
    assert words in " ".join(shown_answer(_document(*cells)).meaning)


def test_bars_start_at_nought_also_below_it() -> None:
    picture = shown_answer(_document(("a", -50, -100, 0), ("b", 100, 50, 100))).pictures[0]
    assert picture.nought == 50.0
    assert [(bar.start, bar.width, bar.low, bar.high) for bar in picture.bars] == [
        (25.0, 25.0, 0.0, 50.0),
        (50.0, 50.0, 75.0, 100.0),
    ]


def test_numbers_have_the_digits_that_their_interval_leaves() -> None:
    assert three_texts(0.123456, 0.1, 0.15) == ("0.123", "0.100", "0.150")
    assert three_texts(None, None, None) == ("–", "–", "–")


# --- what is free, and what is derived


def test_a_count_that_a_base_release_measured_is_free_before_and_after(world: World) -> None:
    policy = LOANS.replace("delta: '1e-6'", "delta: '1e-6', base_percent: 40")
    world.publish("loans", policy, {"applications": loans_csv()})
    world.sandbox.buy_base(world.person("olga"), "loans")
    grant, ana = world.granted(), world.browser("ana")
    assert "Free: it follows from what was paid for before." in text_of(
        ana.send("/ask/1/estimate", sql=BY_SEX).text
    )
    paid = ana.send("/ask/1/estimate", sql=BY_SEX, price="epsilon", amount="0.5")
    assert "It would take" in text_of(paid.text)
    page = _followed(ana, _asked(ana, sql=f"{BY_SEX} ORDER BY n DESC LIMIT 1"))
    assert page.text.count("<tr>") == 2
    assert "nothing: it follows" in text_of(page.text)
    assert "free=True" in page.text
    assert _spent(world, grant) == 0


def test_a_sum_of_an_answers_cells_is_free_and_can_be_looked_at_again(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    _asked(ana, price="epsilon", amount="2")
    spent = _spent(world, grant)
    whole = "SELECT COUNT(*) AS n FROM applications WHERE sex = 'female'"
    assert "Free:" in text_of(ana.send("/ask/1/estimate", sql=whole).text)
    page = _followed(ana, _asked(ana, sql=whole.replace("AS n", "AS n, COUNT(*) / 2 AS half")))
    assert page.text.count("<tr>") == 2
    assert "half" in text_of(page.text)
    assert _spent(world, grant) == spent


def test_a_stopped_engine_costs_nothing_and_loses_no_text(
    world: World, grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise OperatorError("The engine does not answer.", fix="Tell the operator.")

    monkeypatch.setattr(type(world.sandbox.engine), "health", stopped)
    answer = _asked(world.browser("ana"))
    assert answer.status_code == 503
    assert "The engine does not answer." in text_of(answer.text)
    assert f">{BY_SEX}</textarea>" in answer.text
    assert _spent(world, grant) == 0
