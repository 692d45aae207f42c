"""The form that anybody may send, by browser and by program; the owner's page; and what could be tried on both."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from sandbox.domain.objection import Kind, State, Verb
from sandbox.domain.release import Decision, Status
from sandbox.flows.object import Wish
from sandbox.flows.visitors import Visitor
from sandbox.portal.pages import rendering
from tests.portal.example_world import GOOD_TABLE, World
from tests.portal.markup import dangers, text_of

TEXT = "These rows are about me, and nobody asked me."
FORM = {"dataset": "loans", "kind": "privacy", "scope": "dataset", "text": TEXT}
PDF = ("proof.pdf", b"%PDF-1.7 proof", "application/pdf")
HOSTILE = (
    "<script>alert(1)</script> and twenty more characters",
    '"><img src=x onerror=alert(1)> and twenty more characters',
    "</textarea></title><svg onload=alert(1)> twenty more characters",
    '{{ 7 * 7 }}{% raw %} javascript:alert(1) https://a.example/"onclick=alert(1)//',
)


def token(world: World, who: str = "", headers: dict[str, str] | None = None) -> str:
    """The token of the form, as the page carries it for this address."""
    page = world.browser(who).get("/object?dataset=loans", headers=headers or {}).text
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def send(
    world: World, who: str = "", *, files: Any = (), headers: dict[str, str] | None = None, **more: str
) -> Any:
    data = {"form_token": token(world, who, headers), **FORM, **more}
    return world.browser(who).post("/object", data=data, files=list(files) or None, headers=headers or {})


def track(world: World, number: str, word: str, *, verb: str = "status") -> Any:
    data = {"form_token": token(world), "number": number, "word": word}
    return world.browser().post(f"/object/{verb}", data=data)


def word_in(html: str) -> str:
    found = re.search(r'<code class="word">([a-z0-9-]+)</code>', html)
    assert found is not None
    return found[1]


def objected(world: World, **more: Any) -> Any:
    wish = Wish(**{"dataset": "loans", "kind": Kind.PRIVACY, "text": TEXT, **more})
    visitor = Visitor.at(f"203.0.113.{len(world.sandbox.store.objections.all())}")
    return world.sandbox.object_to_data.receive(visitor, wish)


def test_the_whole_way_by_clicking_without_an_account(world: World) -> None:
    nobody = world.browser()
    assert "/services/portal/object?dataset=loans" in nobody.get("/datasets/loans").text
    assert "Loan applications" in nobody.get("/object").text
    assert "Trade secret" in nobody.get("/object?dataset=loans").text
    taken = send(world, scope="column", place="applications.housing", files=[("evidence", PDF)])
    assert taken.status_code == 200
    word = word_in(taken.text)
    assert "nobody can tell you them later" in taken.text
    assert "housing" in nobody.get("/datasets/loans").text
    page = text_of(nobody.get("/datasets/loans").text)
    assert "The column applications.housing is suspended since" in page
    assert "because of objection 1" in page

    olga = world.browser("olga")
    assert "Objection 1" in olga.get("/objections").text
    assert olga.send("/objections/1/look").status_code == 303
    shown = olga.get("/objections/1")
    assert TEXT in text_of(shown.text)
    refused = olga.send("/objections/1/dismiss", reason="no")
    assert (refused.status_code, "too short" in refused.text) == (422, True)
    assert olga.send("/objections/1/dismiss", reason="It says how, not where you live.").status_code == 303
    assert "is suspended" not in nobody.get("/datasets/loans").text

    status = track(world, "1", word, verb="status")
    assert "It says how, not where you live." in text_of(status.text)
    assert word not in str(status.url)


def test_taking_it_back_by_number_and_word(world: World) -> None:
    word = word_in(send(world).text)
    nobody = world.browser()
    assert "Take it back" in track(world, "1", word, verb="status").text
    answer = track(world, "1", word, verb="withdraw")
    assert "withdrawn by objector" in answer.text
    assert "is suspended" not in nobody.get("/datasets/loans").text


def test_a_mistake_brings_the_form_back_with_what_was_written_but_not_whom_it_is_about(world: World) -> None:
    answer = send(world, scope="unit", unit="patient nobody else", text="short", name="Zoë")
    assert answer.status_code == 422
    assert "Zoë" in answer.text
    assert "patient nobody else" not in answer.text
    assert send(world, kind="").status_code == 422
    assert send(world, kind="everything").status_code == 422


@pytest.mark.parametrize("dataset", ["tax_files", "nothing", "../loans"])
def test_closed_and_unknown_data_get_the_same_answer_at_every_door(world: World, dataset: str) -> None:
    for answer in (
        world.browser().get("/object", params={"dataset": dataset}),
        send(world, dataset=dataset),
        world.program().post("/objections", data={**FORM, "dataset": dataset}),
    ):
        assert answer.status_code == 404
        assert "are used here" in answer.text
        assert "Tax files" not in answer.text
    assert "Tax files" not in world.browser().get("/object").text


# the interface for programs


def test_the_whole_way_by_programs(world: World) -> None:
    grant = world.granted()
    release = world.voted(
        world.submitted(grant), ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, "")
    )
    made = world.program().post("/objections", data=FORM, files=[("evidence", PDF)])
    assert made.status_code == 201
    document = made.json()
    assert (document["number"], document["suspended"], document["allowed_actions"]) == (1, True, ["withdraw"])
    assert document["decision_due"] == "2025-03-17"
    assert "text" not in document
    refused = world.program("ana").post(
        "/questions", json={"sql": "SELECT COUNT(*) AS n FROM applications", "epsilon": 0.1}
    )
    assert (refused.status_code, refused.json()["error"]["clause"]) == (403, "suspension")
    assert world.program().get("/datasets/loans/suspensions").json()[0]["objection"] == 1

    olga = world.program("olga")
    seen = olga.get("/objections").json()
    assert [o["number"] for o in seen] == [1]
    assert [d["id"] for d in seen[0]["depending"]] == [release.id]
    called = olga.post(f"/releases/{release.id}/recall", json={"reason": "It is made of these rows."})
    assert (called.json()["status"], called.json()["allowed_actions"]) == ("recalled", [])
    crate = world.program("ana").get(f"/releases/{release.id}/crate")
    assert (crate.status_code, crate.json()["error"]["clause"]) == (403, "recall")
    looked = olga.post("/objections/1/look").json()
    assert "dismiss" in looked["allowed_actions"]
    done = olga.post(
        "/objections/1/dismiss", json={"reason": "It is somebody else.", "version": looked["version"]}
    )
    assert done.json()["state"] == "dismissed"
    status = world.program().post("/objections/status", json={"number": 1, "word": document["word"]})
    assert status.json()["answer"] == "It is somebody else."
    assert (
        world.program().post("/objections/withdraw", json={"number": 1, "word": document["word"]}).status_code
        == 409
    )


def test_an_owner_stops_and_resumes_by_program(world: World) -> None:
    olga = world.program("olga")
    body = {"reason": "A table was wrong.", "table": "applications", "column": "housing"}
    assert olga.post("/datasets/loans/suspend", json=body).json()[0]["column"] == "housing"
    assert olga.post("/datasets/loans/suspend", json=body).status_code == 409
    release = world.submitted(
        world.granted(), sql={"by_sex.csv": "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"}
    )
    held = olga.post(f"/releases/{release.id}/hold", json={"reason": "I have a question."}).json()
    assert (held["status"], held["held_from"]) == ("on_hold", "submitted")
    assert olga.post(f"/releases/{release.id}/let_go").json()["status"] == "submitted"
    assert olga.post("/datasets/loans/resume", json=body).json() == []
    for who in ("ana", "oscar", "rita"):
        assert world.program(who).post("/datasets/loans/suspend", json=body).status_code == 403
    assert world.program().post("/datasets/loans/suspend", json=body).status_code == 401


# what could be tried


def test_a_notebook_does_not_smuggle_rows_out_in_an_objection(world: World) -> None:
    """It is the one thing that anybody may send to an owner, past every reviewer."""
    grant = world.granted()
    own = world.program(token=f"notebook-{grant.id}-of-ana")
    ended = world.program(token=f"notebook-{grant.id}-of-ana-which-was-revoked")
    for door, status in ((own, 403), (ended, 401)):
        for path, more in (
            ("/objections", {"data": {**FORM, "text": "row 1: 17, female, 3000 EUR"}}),
            ("/objections/status", {"json": {"number": 1, "word": "x"}}),
            ("/objections/withdraw", {"json": {"number": 1, "word": "x"}}),
        ):
            assert door.post(path, **more).status_code == status, path
    assert world.sandbox.store.objections.all() == ()
    assert world.program("ana").post("/objections", data=FORM).status_code == 201  # the control: in person


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_stranger_writes_becomes_part_of_a_page(world: World, text: str) -> None:
    taken = send(world, text=text, name=text[:150], contact=text[:150])
    assert taken.status_code == 200
    world.browser("olga").send("/objections/1/look")
    world.browser("olga").send("/objections/1/uphold", reason=text)
    pages = {
        "taken": taken.text,
        "form": send(world, text=text, kind="").text,
        "status": track(world, "1", word_in(taken.text)).text,
        "list": world.browser("olga").get("/objections").text,
        "one": world.browser("olga").get("/objections/1").text,
        "dataset": world.browser().get("/datasets/loans").text,
        "wrong number": track(world, text[:20], text, verb="status").text,
    }
    for name, html in pages.items():
        assert dangers(html) == [], name
    assert "more characters" in pages["one"] or "javascript" in pages["one"]


def test_the_same_text_would_be_found_on_a_page_that_does_not_escape(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    objected(world, text=HOSTILE[0])
    monkeypatch.setattr(rendering, "_environment", rendering._environment.overlay(autoescape=False))
    assert "script" in dangers(world.browser("olga").get("/objections/1").text)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("x.html", b"<script>alert(1)</script>", "text/html"),
        ('"; filename="evil.html', b"%PDF-1.7<script>alert(1)</script>", "text/html"),
        ("../../etc/passwd", b"plain text", "text/plain"),
        ("<b>.pdf", b"%PDF-1.7", "application/pdf"),
        ("\u202efdp.exe", b"%PDF-1.7", "application/x-msdownload"),
    ],
)
def test_evidence_is_a_download_under_our_name_whatever_it_calls_itself(
    world: World, name: str, content: bytes, kind: str
) -> None:
    assert send(world, files=[("evidence", (name, content, kind))]).status_code == 200
    answer = world.browser("olga").get("/api/v1/objections/1/evidence/1")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert re.fullmatch(
        r'attachment; filename="objection-1-evidence-1\.(pdf|txt)"', answer.headers["content-disposition"]
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    for who in ("ana", "rita", "august"):
        assert world.browser(who).get("/api/v1/objections/1/evidence/1").status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"x" * (4 * 2**20 + 1), 413), (b"MZ\x90\x00", 422), (b"PK\x03\x04", 422), (b"", 422)],
)
def test_evidence_that_is_huge_or_of_another_kind_is_refused(
    world: World, content: bytes, status: int
) -> None:
    files = [("evidence", ("proof.pdf", content, "application/pdf"))]
    assert world.program().post("/objections", data=FORM, files=files).status_code == status
    assert send(world, files=files).status_code == status
    assert world.sandbox.store.objections.all() == ()


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World) -> None:
    files = [("evidence", ("proof.txt", b"x" * (10 * 2**20), "text/plain"))]
    assert world.program().post("/objections", data=FORM, files=files).status_code == 413


def test_one_address_sends_five_a_day_and_does_not_get_round_it_by_a_header(world: World) -> None:
    """Our proxy appends the address that spoke to it; what a visitor wrote stands further left."""
    for n in range(5):
        forged = {"X-Forwarded-For": f"10.9.8.{n}, 198.51.100.7"}
        assert send(world, kind="error", headers=forged).status_code == 200
    for forged in ("198.51.100.7", "1.2.3.4,198.51.100.7", "evil, 127.0.0.1, 198.51.100.7"):
        assert send(world, kind="error", headers={"X-Forwarded-For": forged}).status_code == 429
    assert send(world, kind="error", headers={"X-Forwarded-For": "198.51.100.8"}).status_code == 200


def test_behind_a_second_proxy_the_address_before_it_counts(world: World) -> None:
    settings = replace(world.sandbox.settings, public_url="https://data.example")
    world.app.state.sandbox = replace(world.sandbox, settings=settings)
    for _ in range(5):
        assert (
            send(world, kind="error", headers={"X-Forwarded-For": "198.51.100.7, 10.0.0.1"}).status_code
            == 200
        )
    full = send(world, kind="error", headers={"X-Forwarded-For": "9.9.9.9, 198.51.100.7, 10.0.0.1"})
    assert full.status_code == 429
    assert send(world, kind="error", headers={"X-Forwarded-For": "198.51.100.8, 10.0.0.1"}).status_code == 200


def test_a_form_of_another_site_sends_nothing(world: World) -> None:
    """Neither in a visitor's stead nor in the name of somebody who is signed in; nor does a script in a notebook."""
    objected(world, kind=Kind.ERROR)
    forms = {
        "/object": FORM,
        "/object/status": {"number": "1", "word": "x"},
        "/object/withdraw": {"number": "1", "word": "x"},
        "/objections/1/look": {},
        "/datasets/loans/suspend": {"reason": "Because of another site."},
        "/datasets/loans/resume": {"reason": "Because of another site."},
        "/releases/1/recall": {"reason": "Because of another site.", "objection_id": "1"},
    }
    elsewhere = {"X-Forwarded-For": "198.51.100.9"}
    before = world.sandbox.store.log.head()
    for path, fields in forms.items():
        for who in ("", "olga"):
            if not who and not path.startswith("/object/") and path != "/object":
                continue
            given = ("", "0" * 64, "ü", token(world, "ana"), token(world, headers=elsewhere))
            for wrong in given:
                answer = world.browser(who).post(path, data={**fields, "form_token": wrong})
                assert answer.status_code == 403, (path, who)
                assert "was not filled in on this portal" in answer.text
    scripted = {"sec-fetch-dest": "empty", "sec-fetch-mode": "same-origin"}
    assert 'name="form_token" value=""' in world.browser().get("/object?dataset=loans", headers=scripted).text
    assert world.program().post("/objections", data=FORM, headers=scripted).status_code == 403
    assert world.sandbox.store.log.head() == before
    assert send(world, "ana", kind="error").status_code == 200  # the control
    assert world.sandbox.store.objections.contact(2).person == "ana"


def test_contact_and_text_are_on_no_page_but_the_deciders(world: World) -> None:
    send(world, name="Zoë Zimmer", contact="zoe@example.org", text="The rows of Zoë Zimmer are in here.")
    for who, paths in {
        "": ("/", "/datasets/loans", "/object", "/object?dataset=loans"),
        "ana": ("/grants", "/releases"),
        "august": ("/log",),
        "rita": ("/review",),
    }.items():
        for path in paths:
            assert "Zimmer" not in world.browser(who).get(path).text, path
    for who in ("ana", "rita", "august", "oscar"):
        assert world.browser(who).get("/objections/1").status_code == 404
        assert world.program(who).get("/objections/1").status_code == 404
    for who in ("olga", "alma"):
        assert "zoe@example.org" in world.browser(who).get("/objections/1").text


def test_open_notebooks_end_and_requests_show_that_they_wait(world: World) -> None:
    grant = world.granted()
    world.submitted(grant, files=(("by_sex.csv", GOOD_TABLE),))
    world.notebooks.open = {grant.id}
    send(world)
    assert world.notebooks.open == set()
    page = text_of(world.browser("ana").get("/releases").text)
    assert "on hold" in page
    assert "loans is suspended." in page
    assert world.browser("rita").get("/review").text.count("Loan applicants by sex") == 0


def test_the_owners_page_offers_just_what_is_possible(world: World) -> None:
    objected(world)
    olga = world.browser("olga")
    page = olga.get("/objections/1").text
    assert "I am looking at it" in page
    assert "/objections/1/dismiss" not in page
    world.sandbox.decide_objection(world.person("olga"), 1, Verb.LOOK)
    page = olga.get("/objections/1").text
    assert "/objections/1/dismiss" in page
    assert "/objections/1/correct" not in page  # nothing was published yet
    assert "/objections/1/suspend" not in page  # it is suspended
    world.sandbox.decide_objection(world.person("olga"), 1, Verb.UPHOLD, reason="It is quite right.")
    assert world.sandbox.store.objections.get(1).state is State.UPHELD_WITHDRAWN
    assert "/objections/1/dismiss" not in olga.get("/objections/1").text


def test_recalling_from_the_objections_page(world: World) -> None:
    release = world.voted(
        world.submitted(world.granted()), ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, "")
    )
    objected(world)
    olga = world.browser("olga")
    assert f"/releases/{release.id}/recall" in olga.get("/objections/1").text
    short = olga.send(f"/releases/{release.id}/recall", objection_id="1", reason="x")
    assert short.status_code == 422
    done = olga.send(f"/releases/{release.id}/recall", objection_id="1", reason="It is made of these rows.")
    assert done.status_code == 303
    assert world.sandbox.store.releases.get(release.id).status is Status.RECALLED
    assert "It is made of these rows." in text_of(world.browser("ana").get("/releases").text)
