"""The catalogue through its doors: searched, filtered, downloaded, cited; and what strangers try on it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from sandbox.flows.open_data import AT_ONCE
from sandbox.settings import PORTAL_PREFIX
from tests.portal.example_world import (
    INSPECTIONS,
    LOANS,
    TAXES,
    Door,
    World,
    inspections_csv,
    loans_csv,
    open_world,
)
from tests.portal.markup import dangers, text_of, without_nonce

HIDDEN = (
    TAXES.replace("name: tax_files", "name: spy_files").replace("Tax files", "Spy files") + "listed: false\n"
)
ROWS = "/datasets/inspections/tables/visits/rows"


def suspend(world: World, name: str) -> None:
    world.sandbox.suspend_dataset.suspend(world.person("alma"), name, reason="A table was wrong.")


# --- searching


def test_a_search_answers_with_names_totals_and_counts(world: World) -> None:
    found = world.program().get("/datasets?q=savings+bank").json()
    assert [entry["name"] for entry in found["datasets"]] == ["loans"]
    assert (found["total"], found["offset"], found["limit"]) == (1, 0, 100)
    assert found["counts"]["mode"] == {"sandbox": 1}
    assert "tables" not in found["datasets"][0]
    everything = world.program().get("/datasets").json()
    assert everything["counts"]["open_class"] == {"conditional": 1, "unconditional": 1, "closed": 1}
    second = world.program().get("/datasets?offset=1&limit=1").json()
    assert [entry["name"] for entry in second["datasets"]] == ["inspections"]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=1000000", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("limit=ten", "limit"),
        ("open_class=free", "open_class"),
        ("domain=%00", "domain"),
        ("q=%25", "q"),
        ("serach=loans", "serach"),
    ],
)
def test_an_absurd_search_is_refused_with_its_place(world: World, query: str, where: str) -> None:
    answer = world.program().get(f"/datasets?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["where"] == where


def test_the_page_counts_each_filter_and_links_keep_the_others(world: World) -> None:
    page = world.browser().get("/datasets?q=bank+loan&mode=sandbox").text
    assert (
        '<a href="/services/portal/datasets?q=bank+loan&amp;mode=sandbox&amp;domain=inclusive+finance">'
        in page
    )
    chosen = re.search(r'<a href="([^"]+)" aria-current="true"[^>]*><span>sandbox</span>', page)
    assert chosen is not None
    assert chosen[1] == "/services/portal/datasets?q=bank+loan"  # takes the filter away
    assert '<input type="hidden" name="mode" value="sandbox">' in page


def test_the_catalogue_has_pages(world: World) -> None:
    for n in range(21):
        name = f"tax_files_{n}"
        world.publish(name, TAXES.replace("tax_files", name).replace("Tax files", f"Tax files {n}"), {})
    first = world.browser().get("/datasets?q=tax").text
    assert "1 to 20 of 22 datasets" in text_of(first)
    assert 'rel="next" href="/services/portal/datasets?q=tax&amp;page=2"' in first
    second = world.browser().get("/datasets?q=tax&page=2").text
    assert "21 to 22 of 22 datasets" in text_of(second)
    assert 'rel="next"' not in second
    for absurd in ("0", "-5", "3", "99999999999999999999999"):
        answer = world.browser().get(f"/datasets?q=tax&page={absurd}")
        assert answer.status_code == 200
        assert dangers(answer.text) == []
    assert world.browser().get("/datasets?page=x").status_code == 422


def test_names_of_classes_are_the_installations_own(founded: Path, tmp_path: Path) -> None:
    shutil.copytree(founded, tmp_path / "world")
    site = tmp_path / "world" / "policies" / "site.yaml"
    names = "class_names: {unconditional: public, conditional: restricted, closed: <prohibited>}\n"
    site.write_text(site.read_text() + names)
    world = open_world(tmp_path / "world")
    page = world.browser().get("/").text
    shown = text_of(page)
    for name in ("public", "restricted", "<prohibited>"):
        assert name in shown
    assert "unconditional" not in shown
    assert dangers(page) == []
    assert "restricted" in text_of(world.browser().get("/datasets/loans").text)
    document = world.program().get("/datasets/loans").json()
    assert (document["open_class"], document["class_name"]) == ("conditional", "restricted")
    world.close()


# --- hidden, closed, suspended

EVERY_WAY = (
    "/datasets/{}",
    "/datasets/{}.jsonld",
    "/datasets/{}/versions",
    "/datasets/{}/citation",
    "/datasets/{}/citation.bib",
    "/datasets/{}/citation.json",
    "/datasets/{}/data-dictionary.csv",
    "/datasets/{}/visits.csv",
    "/datasets/{}/visits.parquet",
    "/datasets/{}/tables/visits/rows",
)


def _answer(door: Door, path: str, name: str) -> tuple[int, str, dict[str, str]]:
    answer = door.get(path.format(name))
    own_to_the_answer = {
        "content-length",
        "content-security-policy",
    }  # the page's word for its scripts is in it
    headers = {key: value for key, value in answer.headers.items() if key not in own_to_the_answer}
    return answer.status_code, without_nonce(answer.text.replace(name, "NAME")), headers


@pytest.mark.parametrize("who", ["", "ana", "olga", "alma"])
def test_a_hidden_dataset_answers_as_one_that_does_not_exist(world: World, who: str) -> None:
    world.publish("spy_files", HIDDEN, {})
    for path in EVERY_WAY:
        hidden = _answer(world.program(who), path, "spy_files")
        assert hidden == _answer(world.program(who), path, "dragon_files"), path
        assert hidden[0] == 404
    page = _answer(world.browser(who), "/datasets/{}", "spy_files")
    assert page == _answer(world.browser(who), "/datasets/{}", "dragon_files")
    for path in ("/datasets", "/datasets?q=spy", "/catalogue.jsonld"):
        assert "spy_files" not in world.program(who).get(path).text
    assert "Spy files" not in world.browser(who).get("/").text


def test_the_same_dataset_listed_is_there(world: World) -> None:
    """The control of the test above."""
    world.publish("spy_files", HIDDEN.replace("listed: false", "listed: true"), {})
    assert _answer(world.program(), "/datasets/{}", "spy_files")[0] == 200
    assert "Spy files" in world.browser().get("/").text


def test_of_a_closed_dataset_no_schema_is_told_anywhere(world: World) -> None:
    inside = "tables:\n  files:\n    max_rows: 9\n    columns:\n      secret_column: {type: text, description: hush}\n"
    world.publish("tax_files", TAXES + inside, {})
    told = [world.program().get(path.format("tax_files")).text for path in EVERY_WAY]
    told.append(world.browser().get("/datasets/tax_files").text)
    told.append(world.program().get("/catalogue.jsonld").text)
    for text in told:
        assert "secret_column" not in text
        assert "hush" not in text
    assert world.program().get("/datasets?q=secret_column").json()["total"] == 0
    assert "secret_column" in (world.home / "policies/datasets/tax_files.yaml").read_text()  # the control


def test_downloads_stop_at_once_when_a_dataset_is_suspended(world: World) -> None:
    paths = ("/datasets/inspections/visits.csv", "/datasets/inspections/visits.parquet", ROWS)
    tags = {path: world.program().get(path).headers["etag"] for path in paths}
    suspend(world, "inspections")
    for path in paths:
        for headers in ({}, {"If-None-Match": tags[path]}, {"Range": "bytes=0-9"}):
            answer = world.program().get(path, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert answer.json()["error"]["clause"] == "suspension"
    assert world.program().get("/datasets/inspections").json()["suspended"] is True


@pytest.mark.parametrize(
    "path", ["/datasets/loans/applications.parquet", "/datasets/loans/tables/applications/rows"]
)
def test_private_rows_have_no_other_way_out(world: World, path: str) -> None:
    world.granted()
    for who in ("", "ana", "olga", "alma"):
        answer = world.program(who).get(path)
        assert (answer.status_code, answer.json()["error"]["clause"]) == (403, "open_class")


# --- what is said of private data does not follow from its rows


def _told_of(home: Path, name: str, rows: str) -> dict[str, bytes | str]:
    """All that everybody can read about a dataset, in an installation whose table holds these rows."""
    world = open_world(home)
    policy, table = (LOANS, "applications") if name == "loans" else (INSPECTIONS, "visits")
    policy = policy.replace("title: ", "title: New ")  # a version of its own, whatever the rows
    world.publish(name, policy, {table: rows})
    paths = [path.format(name) for path in EVERY_WAY if "visits" not in path]
    told: dict[str, bytes | str] = {
        path: world.program().get(path).content for path in (*paths, "/datasets", "/catalogue.jsonld")
    }
    told["page"] = without_nonce(world.browser().get(f"/datasets/{name}").text)
    told["catalogue"] = without_nonce(world.browser().get("/").text)
    world.close()
    return told


def test_a_conditional_datasets_documents_are_the_same_bytes_whatever_its_rows_are(
    founded: Path, tmp_path: Path
) -> None:
    few = "applicant_id,sex,housing,amount,paid_back\n7,female,own,13,true\n"
    for place in ("one", "two"):
        shutil.copytree(founded, tmp_path / place)
    one = _told_of(tmp_path / "one", "loans", loans_csv())
    two = _told_of(tmp_path / "two", "loans", few)
    assert one == two


def test_an_unconditional_ones_follow_its_rows(founded: Path, tmp_path: Path) -> None:
    """The control of the test above."""
    for place in ("one", "two"):
        shutil.copytree(founded, tmp_path / place)
    one = _told_of(tmp_path / "one", "inspections", inspections_csv(40))
    two = _told_of(tmp_path / "two", "inspections", inspections_csv(41))
    assert [path for path in one if one[path] != two[path]]
    sizes = [json.loads(told["/datasets/inspections"])["downloads"][0]["size_bytes"] for told in (one, two)]
    assert sizes[0] != sizes[1]


# --- open data


def test_both_files_hold_the_table(world: World) -> None:
    text = world.program().get("/datasets/inspections/visits.csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert text.headers["content-disposition"] == 'attachment; filename="inspections-v1-visits.csv"'
    assert text.text == inspections_csv()
    columns = world.program().get("/datasets/inspections/visits.parquet")
    table = parquet.read_table(io.BytesIO(columns.content))
    assert table.num_rows == 40
    assert table.column_names == ["place", "score"]
    for file in world.program().get("/datasets/inspections").json()["downloads"]:
        body = world.program().get(file["url"].partition("/api/v1")[2])
        assert len(body.content) == file["size_bytes"]


def test_a_program_can_ask_for_a_part_for_the_head_or_whether_anything_is_new(world: World) -> None:
    path = "/datasets/inspections/visits.csv"
    whole = world.program().get(path)
    head = world.program().request("HEAD", path)
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.content == b""
    part = world.program().get(path, headers={"Range": "bytes=6-10"})
    assert (part.status_code, part.content) == (206, whole.content[6:11])
    assert world.program().get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    tag = whole.headers["etag"]
    known = world.program().get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert world.program().get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    stale = world.program().get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert stale.content == whole.content


def test_a_file_that_was_changed_on_the_disk_does_not_leave(world: World) -> None:
    file = world.sandbox.browse_catalogue.dataset("inspections").files[0]
    path = world.sandbox.store.vault.checked_path(file.sha256)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"60", b"61"))
    for address in ("/datasets/inspections/visits.csv",):
        assert world.program().get(address).status_code == 500
        assert world.program().get(address, headers={"Range": "bytes=0-9"}).status_code == 500


def test_rows_come_by_page_column_and_filter(world: World) -> None:
    first = (
        world.program()
        .get(f"{ROWS}?columns=score,place&filter=score:ge:90&filter=place:contains:3&limit=2")
        .json()
    )
    assert first["rows"] == [
        {"score": 90, "place": "Restaurant 30"},
        {"score": 91, "place": "Restaurant 31"},
    ]
    assert first["total"] == 10
    assert [column["name"] for column in first["columns"]] == ["score", "place"]
    assert first["columns"][0]["measured_in"] == "points"
    assert "Example Town (2025). Restaurant inspections, version 1" in first["citation"]
    seen, path = [], f"{ROWS}?limit=15"
    while path:
        page = world.program().get(path).json()
        seen += [row["place"] for row in page["rows"]]
        path = (page["next"] or "").partition("/api/v1")[2]
    assert seen == [f"Restaurant {n}" for n in range(40)]


def test_rows_that_a_program_has_are_not_sent_again(world: World) -> None:
    tag = world.program().get(f"{ROWS}?limit=3").headers["etag"]
    assert world.program().get(f"{ROWS}?limit=3", headers={"If-None-Match": tag}).status_code == 304
    assert world.program().get(f"{ROWS}?limit=4", headers={"If-None-Match": tag}).status_code == 200
    world.publish("inspections", INSPECTIONS, {"visits": inspections_csv(41)})
    assert world.program().get(f"{ROWS}?limit=3", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("offset=-1", "offset"),
        ("offset=1000000000000000000000", "offset"),
        ("limit=0", "limit"),
        ("limit=1e9", "limit"),
        ("columns=place,wages", "columns"),
        ("columns=place%22--", "columns"),
        ("columns=plаce", "columns"),  # one letter is Cyrillic
        ("filter=place", "filter"),
        ("filter=score:ge:many", "filter"),
        ("filter=score:sounds:3", "filter"),
        ("colums=place", "colums"),
    ],
)
def test_rows_that_cannot_be_asked_for_are_refused_with_their_place(
    world: World, query: str, where: str
) -> None:
    answer = world.program().get(f"{ROWS}?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["where"] == where
    assert "score" in answer.json()["error"]["fix"] or where != "columns"


@pytest.mark.parametrize(
    "name", ["面", "inspections\u200b", "INSPECTIONS", "inspections%00", "..%2f..%2fetc", "a" * 5000, "%"]
)
def test_a_strange_name_is_a_name_that_nobody_has(world: World, name: str) -> None:
    for path in (
        "/datasets/{}",
        "/datasets/{}.jsonld",
        "/datasets/{}/visits.csv",
        "/datasets/inspections/tables/{}/rows",
    ):
        answer = world.program().get(path.format(name))
        assert answer.status_code == 404, path


# --- dictionary and citation


def test_the_data_dictionary_lists_every_column(world: World) -> None:
    answer = world.program().get("/datasets/loans/data-dictionary.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="loans-v1-dictionary.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["column"] for line in lines] == ["applicant_id", "sex", "housing", "amount", "paid_back"]
    amount = lines[3]
    assert (amount["lower"], amount["upper"], amount["measured_in"]) == ("0", "20000", "EUR")
    assert [line["is_unit"] for line in lines] == ["yes", "no", "no", "no", "no"]
    assert lines[1]["values"] == "female; male"
    closed = world.program().get("/datasets/tax_files/data-dictionary.csv")
    assert closed.text.count("\n") == 1


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_runs_nothing_of_the_data_dictionary(world: World, text: str) -> None:
    column = f"score: {{type: integer, lower: -5, upper: 100, measured_in: {json.dumps(text)}, description: {json.dumps(text)}}}"
    policy = re.sub(r"score: \{.*\}", lambda _: column, INSPECTIONS)
    world.publish("inspections", policy, {"visits": inspections_csv()})
    body = world.program().get("/datasets/inspections/data-dictionary.csv").text
    (line,) = [line for line in csv.DictReader(io.StringIO(body)) if line["column"] == "score"]
    assert (line["description"], line["measured_in"]) == (f"'{text}", f"'{text}")
    assert line["lower"] == "-5"  # a number stays one


def test_a_citation_comes_as_text_bibtex_and_csl(world: World) -> None:
    citation = world.program().get("/datasets/loans/citation").json()
    assert citation["text"] == (
        "Example Savings Bank (2025). Loan applications, version 1 of 2025-03-10 [Data set]. Example Data Sandbox. "
        "http://localhost:8000/services/portal/datasets/loans. "
        "Source: Example Savings Bank, loan register, https://bank.example/register."
    )
    assert world.program().get("/datasets/loans/citation.bib").text == citation["bibtex"]
    assert world.program().get("/datasets/loans/citation.json").json() == [citation["csl"]]
    assert citation["text"] in text_of(world.browser().get("/datasets/loans").text).replace(" .", ".")
    assert world.program().get("/datasets/loans").json()["citation"] == citation["text"]


# --- pages


def test_a_datasets_page_shows_what_its_owner_says(world: World) -> None:
    page = text_of(world.browser().get("/datasets/loans").text)
    for words in (
        "data@bank.example",
        "fair lending",
        "Amounts above 20 000 count as 20 000.",
        "About two hundred applicants.",
        "Nothing here was counted in the data.",
        "yearly; version 1 of 10 March 2025",
        "sandbox : inside, under an agreement",
        "the first one",
        "BibTeX",
        "the data dictionary (CSV)",
    ):
        assert words in page, words


def test_a_page_comes_without_its_preview_when_too_many_read_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.flows.open_data.PATIENCE_S", 0.01)
    assert "Restaurant 19" in world.browser().get("/datasets/inspections").text
    for _ in range(AT_ONCE):
        assert world.sandbox.open_data.places.acquire(timeout=1)
    page = world.browser().get("/datasets/inspections")
    assert page.status_code == 200
    assert "Restaurant 19" not in page.text
    assert "Download visits.csv" in page.text


def test_a_new_version_is_told_with_its_changes(world: World) -> None:
    world.publish(
        "inspections", INSPECTIONS.replace("upper: 100", "upper: 90"), {"visits": inspections_csv()}
    )
    page = text_of(world.browser().get("/datasets/inspections").text)
    assert "Column visits.score: upper from 100 to 90." in page
    versions = world.program().get("/datasets/inspections/versions").json()
    assert [version["version"] for version in versions] == [2, 1]
    assert versions[0]["changes"] == ["Column visits.score: upper from 100 to 90."]
    assert world.program().get("/datasets/inspections/versions?limit=1&offset=1").json() == versions[1:]


def test_every_link_of_a_datasets_page_leads_somewhere(world: World) -> None:
    for name in ("loans", "inspections", "tax_files"):
        page = world.browser().get(f"/datasets/{name}").text
        for link in re.findall(r'href="/services/portal(/api/v1/[^"#]*)"', page):
            assert world.browser().get(link.replace("&amp;", "&")).status_code == 200, link


# --- what a closed dataset's page leads to


CONTACT = "contact: {name: Tax desk, email: desk@ministry.example, url: 'https://ministry.example/data'}\n"


def test_a_closed_datasets_page_says_who_holds_it_and_what_to_do(world: World) -> None:
    page = world.browser().get("/datasets/tax_files").text
    assert dangers(page) == []
    words = text_of(page)
    assert "Example Ministry holds these data." in words
    assert "The catalogue has no address of theirs." in words
    assert f'href="{PORTAL_PREFIX}/demands/new?dataset=tax_files"' in page
    assert f'href="{PORTAL_PREFIX}/datasets?domain=other"' in page
    world.publish("tax_files", TAXES + CONTACT, {})
    words = text_of(world.browser().get("/datasets/tax_files").text)
    for part in ("Ask who holds them: Tax desk", "desk@ministry.example", "https://ministry.example/data"):
        assert part in words
    assert "no address" not in words
    assert "What you can do" not in text_of(world.browser().get("/datasets/loans").text)


def test_the_form_for_a_wish_knows_a_closed_dataset_and_no_hidden_one(world: World) -> None:
    page = world.browser().get("/demands/new?dataset=tax_files").text
    assert 'value="Tax files"' in page
    assert 'value="Example Ministry"' in page
    hidden = TAXES.replace("tax_files", "secret_set").replace("Tax files", "A secret title")
    world.publish("secret_set", hidden + "listed: false\n", {})
    for name in ("secret_set", "loans", "nothing_of_this_name", "<script>"):
        other = world.browser().get("/demands/new", params={"dataset": name})
        assert other.status_code == 200
        assert "A secret title" not in other.text
        assert "Loan applications" not in other.text
