"""What people see: each page for those it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.domain.audit import Event
from sandbox.domain.release import Decision
from tests.portal.example_world import SMALL_CELL_TABLE, World
from tests.portal.markup import dangers, text_of

VENDORED = Path(__file__).resolve().parents[2] / "sandbox" / "portal" / "static" / "vendor"

EVERYBODY = ("/", "/datasets/loans", "/datasets/inspections", "/datasets/tax_files")


def test_the_catalogue_answers_without_signing_in(world: World) -> None:
    for path in EVERYBODY:
        answer = world.browser().get(path)
        assert answer.status_code == 200, path
        assert "Sign in" in answer.text


def test_all_else_sends_a_stranger_to_sign_in_and_back(world: World) -> None:
    for path in (
        "/grants",
        "/decisions",
        "/releases",
        "/releases/1",
        "/review",
        "/log",
        "/account",
        "/people",
    ):
        answer = world.browser().get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"/services/portal/login?next=/services/portal{path}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ["Catalogue"]),
        ("ana", ["Catalogue", "My data", "My outputs"]),
        ("olga", ["Catalogue", "Decisions"]),
        ("rita", ["Catalogue", "Review"]),
        ("ravi", ["Catalogue", "My data", "My outputs", "Review"]),
        ("august", ["Catalogue", "Log"]),
        ("alma", ["Catalogue", "People", "Log"]),
    ],
)
def test_the_navigation_shows_what_the_roles_need(world: World, name: str, shown: list[str]) -> None:
    page = world.browser(name).get("/").text
    labels = ["Catalogue", "My data", "My outputs", "Decisions", "Review", "People", "Log"]
    navigation = page[page.index('aria-label="Main"') : page.index("</nav>")]
    assert [label for label in labels if f">{label}</a>" in navigation] == shown


QUERIES: tuple[tuple[str, list[str]], ...] = (
    ("", ["loans", "inspections", "tax_files"]),
    ("?q=savings", ["loans"]),
    ("?q=RESTAURANT+town", ["inspections"]),
    ("?q=restaurant+savings", []),
    ("?domain=inclusive+finance", ["loans"]),
    ("?open_class=closed", ["tax_files"]),
    ("?domain=inclusive+finance&open_class=closed", []),
    ("?open_class=nonsense", []),
)


def test_the_catalogue_is_narrowed_by_text_field_and_class(world: World) -> None:
    for query, names in QUERIES:
        page = world.browser().get(f"/datasets{query}").text
        shown = [n for n in ("loans", "inspections", "tax_files") if f"/datasets/{n}" in page]
        assert shown == names, query


def test_a_conditional_dataset_shows_schema_and_terms_in_words(world: World) -> None:
    page = text_of(world.browser().get("/datasets/loans").text)
    for words in (
        "conditional",
        "0 to 20,000 EUR",
        "female, male",
        "Each applicant",
        "ε = 8",
        "fewer than 10 applicants",
        "2 reviewers have to approve",
        "I name the source in everything I publish.",
        "Sign in to apply",
    ):
        assert words in page
    assert "Apply for this dataset" not in page


def test_an_unconditional_dataset_can_be_previewed_and_downloaded_by_anybody(world: World) -> None:
    page = world.browser().get("/datasets/inspections").text
    assert "Restaurant 19" in page
    assert "Restaurant 20" not in page
    link = "/services/portal/api/v1/datasets/inspections/visits.csv"
    assert link in page
    body = world.program().get("/datasets/inspections/visits.csv")
    assert body.status_code == 200
    assert body.text.startswith("place,score\n")
    assert body.text.count("\n") == 41


@pytest.mark.parametrize("name", ["loans", "tax_files"])
def test_nothing_of_another_class_can_be_previewed_or_downloaded(world: World, name: str) -> None:
    assert "Download" not in world.browser("olga").get(f"/datasets/{name}").text
    assert world.program("olga").get(f"/datasets/{name}/applications.csv").status_code == 403


def test_a_suspended_dataset_says_so_and_offers_nothing(world: World) -> None:
    for name, owner in (("loans", "olga"), ("inspections", "oscar")):
        world.sandbox.suspend_dataset.suspend(world.person(owner), name, reason="A table was wrong.")
        page = world.browser("ana").get(f"/datasets/{name}").text
        assert "This dataset is suspended" in page
        assert "Apply for this dataset" not in page
        assert "Download" not in page


def test_the_way_from_applying_to_an_open_notebook(world: World) -> None:
    ana, olga = world.browser("ana"), world.browser("olga")
    assert "/datasets/loans/application" in ana.get("/datasets/loans").text
    sent = ana.send(
        "/datasets/loans/apply",
        project="Fair credit",
        purpose="To see whether women and men get loans on equal terms.",
        mode="query",
        days="30",
        columns=["applications.sex", "applications.housing"],
        output_plan="Counts by sex and housing.",
    )
    assert sent.status_code == 303
    assert sent.headers["location"] == "/services/portal/applications/1?done=applied"
    assert "The owner of the data decides." in ana.get("/applications/1?done=applied").text

    assert "/applications/1" in olga.get("/decisions").text
    assert olga.send("/applications/1/approve").status_code == 303
    page = ana.get("/applications/1").text
    agreement = world.sandbox.access_views.application(world.person("ana"), 1).application.agreement_hash
    assert "Sign the agreement" in page
    assert agreement in page
    assert "I do not try to find out who an applicant is." in page
    assert "Read and sign the agreement for Fair credit" in text_of(ana.get("/grants").text)

    signed = ana.send("/applications/1/sign", read="yes", agreement_sha256=agreement)
    assert signed.headers["location"] == "/services/portal/applications/1?done=access-sign"
    page = ana.get("/grants").text
    assert 'href="/services/portal/notebooks/grant-1"' in page
    assert "100 %" in text_of(page)

    assert olga.send("/applications/1/revoke", reason="The project has ended.").status_code == 303
    page = ana.get("/grants").text
    assert "/notebooks/" not in page
    assert "Past grants (1)" in text_of(page)
    assert "The project has ended." in ana.get("/applications/1").text


def test_an_owner_sees_only_applications_to_their_own_data(world: World) -> None:
    world.applied()
    assert "Fair credit" in world.browser("olga").get("/decisions").text
    assert "Fair credit" not in world.browser("oscar").get("/decisions").text
    assert world.browser("oscar").get("/applications/1").status_code == 404
    assert world.browser("oscar").send("/applications/1/approve").status_code == 404


def test_my_data_show_budget_and_history(world: World) -> None:
    grant = world.granted()
    sql = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"
    world.sandbox.answer_question.ask(world.person("ana"), grant, sql=sql, epsilon=1.0)
    page = world.browser("ana").get("/grants").text
    budget = world.sandbox.access_views.budget(grant)
    assert f"{budget.percent_left:.0f} %" in text_of(page)
    assert f'<rect class="left" width="{budget.percent_left:.2f}"' in page
    assert "GROUP BY sex" in page
    assert "GROUP BY sex" not in world.browser("ben").get("/grants").text


def test_a_request_shows_findings_in_words_and_marks_the_cells(world: World) -> None:
    release = world.submitted(world.granted(), files=(("housing.csv", SMALL_CELL_TABLE),))
    page = world.browser("ana").get(f"/releases/{release.id}").text
    assert "blocked" in page
    assert 'class="cell-fail" title="fail: ' in page
    assert ">small count" in page
    assert "Take the request back" in page


def test_the_queue_is_oldest_first_and_leads_to_the_vote(world: World) -> None:
    grant = world.granted()
    first, second = world.submitted(grant), world.submitted(grant, context="A second table, by sex.")
    rita = world.browser("rita")
    page = rita.get("/review").text
    assert page.index(f"/releases/{first.id}") < page.index(f"/releases/{second.id}")

    assert rita.send(
        f"/releases/{first.id}/vote", version=first.version, decision="approve", comment="Fine."
    ).headers["location"] == (f"/services/portal/releases/{first.id}?done=vote")
    assert f"/releases/{first.id}" not in rita.get("/review?mine=waits").text
    assert "yours is in" in rita.get("/review?mine=voted").text
    again = rita.send(f"/releases/{first.id}/vote", version=first.version + 1, decision="approve")
    assert again.status_code == 409


def test_a_vote_on_an_older_version_is_refused(world: World) -> None:
    release = world.submitted(world.granted())
    world.voted(release, ("rosa", Decision.APPROVE, ""))
    stale = world.browser("rita").send(
        f"/releases/{release.id}/vote", version=release.version, decision="approve"
    )
    assert stale.status_code == 409


def test_a_vote_without_its_reason_brings_the_form_back(world: World) -> None:
    release = world.submitted(world.granted())
    answer = world.browser("rita").send(
        f"/releases/{release.id}/vote", version=release.version, decision="reject", comment="no"
    )
    assert answer.status_code == 422
    assert "needs a reason" in answer.text
    assert ">no</textarea>" in answer.text
    assert 'value="reject" required checked' in answer.text


def test_an_approved_request_can_be_downloaded_by_its_requester(world: World) -> None:
    release = world.submitted(world.granted())
    world.voted(release, ("rita", Decision.APPROVE, ""), ("rosa", Decision.APPROVE, ""))
    ana = world.browser("ana")
    link = f"/api/v1/releases/{release.id}/crate"
    assert (
        f'href="/services/portal{link}">' in ana.get(f"/releases/{release.id}").text
    )  # and no attribute more
    crate = ana.get(link)
    assert crate.headers["content-type"] == "application/zip"
    assert crate.content.startswith(b"PK")


def test_a_request_can_be_taken_back(world: World) -> None:
    release = world.submitted(world.granted())
    ana = world.browser("ana")
    assert ana.send(f"/releases/{release.id}/withdraw").status_code == 303
    page = ana.get(f"/releases/{release.id}").text
    assert "withdrawn" in page
    assert "Take the request back" not in page


def test_the_log_can_be_read_filtered_and_verified_by_auditors(world: World) -> None:
    world.granted()
    august = world.browser("august")
    assert "agreement.signed" in august.get("/log").text
    filtered = august.get("/log?action=agreement.signed").text
    assert "dataset.published" not in filtered[filtered.index("<tbody>") :]
    assert "The chain holds." in august.send("/log/verify").text
    assert world.browser("ana").get("/log").status_code == 403
    assert world.browser("ana").send("/log/verify").status_code == 403


def test_a_broken_chain_is_shown_with_its_place(world: World) -> None:
    world.granted()
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET actor = 'nobody' WHERE seq = 4")
    page = world.browser("august").send("/log/verify").text
    assert "The chain is broken at entry 4" in text_of(page)


def test_the_log_has_pages(world: World) -> None:
    for number in range(60):
        world.sandbox.store.log.record(Event("system:test", "test.noted", f"thing:{number}"))
    august = world.browser("august")
    assert 'rel="next"' in august.get("/log").text
    older = re.search(r'rel="next" href="[^"]*/log\?([^"]+)"', august.get("/log").text)
    assert older is not None
    last = august.get(f"/log?{older[1]}").text
    assert 'rel="prev"' in last
    assert "person.added" in last


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("ana", "/nowhere", 404),
        ("ana", "/datasets/nothing", 404),
        ("ana", "/releases/77", 404),
        ("ana", "/decisions", 403),
        ("ana", "/review", 403),
        ("olga", "/log", 403),
        ("august", "/log?before=x", 422),
        ("ana", "/applications/77", 404),
        ("ana", "/applications/77/edit", 404),
        ("olga", "/datasets/loans/apply", 403),
        ("ana", "/datasets/loans/apply?renews=77", 404),
    ],
)
def test_a_problem_is_a_page_that_says_what_to_do(world: World, name: str, path: str, status: int) -> None:
    answer = world.browser(name).get(path)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "Signed in as" in answer.text


def test_no_page_holds_script_inline_style_or_anything_from_elsewhere(world: World) -> None:
    release = world.submitted(world.granted(), files=(("housing.csv", SMALL_CELL_TABLE),))
    world.applied("ana", project="Another")
    pages = {
        "": EVERYBODY,
        "ana": (
            "/grants",
            "/applications/1",
            "/datasets/loans/apply",
            "/releases",
            f"/releases/{release.id}",
            "/logout",
            "/decisions",
        ),
        "olga": ("/decisions", "/applications/1", "/applications/2"),
        "rita": ("/review",),
        "august": ("/log",),
    }
    for name, paths in pages.items():
        for path in paths:
            assert dangers(world.browser(name).get(path).text) == [], path


def test_the_checker_of_pages_would_find_what_it_looks_for() -> None:
    planted = (
        "<script>x</script><p style='color:red' onclick=x>a</p><a href='javascript:x'>b</a>"
        "<img src='https://elsewhere.example/x'><link href='//elsewhere.example/x.css'>"
    )
    assert len(dangers(planted)) == 7


@pytest.mark.parametrize("path", ["/", "/datasets/loans", "/ask/1", "/nowhere"])
def test_what_a_page_names_for_the_browser_is_there(world: World, path: str) -> None:
    """Sheets, scripts, pictures and the icon: what is missing is a 404 in the browser's console."""
    world.granted()
    ana = world.browser("ana")
    html = ana.get(path).text
    assert re.search(r'<link rel="icon" type="image/svg\+xml" href="[^"]+/static/mark\.svg">', html)
    named = re.findall(r'(?:href|src)="/services/portal(/static/[^"]+)"', html)
    assert "/static/portal.css" in named
    for address in named:
        if "/vendor/" in address and not VENDORED.is_dir():
            continue  # fetched at set-up
        assert ana.get(address).status_code == 200, address
    assert ana.get("/static/mark.svg").headers["content-type"] == "image/svg+xml"
