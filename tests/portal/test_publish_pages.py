"""An owner publishes on the portal: files, form and YAML, check, publish; and nobody else comes near it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.domain.policy import OpenClass
from sandbox.settings import PORTAL_PREFIX
from sandbox.store.drafts import Draft
from tests.portal.example_world import Door, World
from tests.portal.markup import dangers

FARMS = (
    "farm_id,region,hectares,founded,organic\n"
    + "".join(
        f"{n},{('north', 'south')[n % 2]},{n * 1.5},19{n % 90 + 10}-03-01,{n % 3 == 0}\n" for n in range(60)
    )
).encode()


def begun(world: World, name: str = "farms", person: str = "olga", kind: str = "conditional") -> Draft:
    return world.sandbox.prepare_dataset.begin(
        world.person(person), name=name, title="Farms", open_class=kind
    )


def upload(
    browser: Door, draft: Draft, content: bytes = FARMS, *, called: str = "farms.csv", **fields: str
) -> httpx.Response:
    told = {"form_token": browser.form_token(), "table": "farms", **fields}
    return browser.post(f"/publish/{draft.id}/files", data=told, files={"file": (called, content)})


def page_fields(html: str) -> dict[str, Any]:
    """What a browser would send of the page's main form."""
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden"[^>]* name="([^"]+)" value="([^"]*)"', html):
        fields[name] = httpx.QueryParams(f"x={value}")["x"] if "%" in value else _unescaped(value)
    found = re.search(r'<textarea id="yaml"[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    assert found is not None
    fields["text"] = _unescaped(found[1])
    for name, value in re.findall(r'<input id="f-[^"]+" name="([^"]+)" value="([^"]*)"', html):
        fields[name] = _unescaped(value)
    for name, value in re.findall(
        r'<textarea id="f-[^"]+" name="([^"]+)"[^>]*>\n(.*?)</textarea>', html, re.DOTALL
    ):
        fields[name] = _unescaped(value)
    for name, options in re.findall(
        r'<select id="f-[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    for name, value in re.findall(
        r'<input type="checkbox" id="f-[^"]+" name="([^"]+)" value="([^"]+)" checked', html
    ):
        fields.setdefault(name, [])
        fields[name].append(value)
    return fields


def _unescaped(text: str) -> str:
    for entity, sign in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def saved(browser: Door, draft: Draft, step: str, **changes: Any) -> httpx.Response:
    """Open a step, change fields, save."""
    fields = page_fields(browser.get(f"/publish/{draft.id}?step={step}").text)
    for name, value in changes.items():
        fields[name.replace("__", ".")] = value
    return browser.post(f"/publish/{draft.id}", data=fields)


def filled(world: World, browser: Door, draft: Draft) -> None:
    """A draft that can be published."""
    about = {
        "provider": "Town",
        "source": "Farm register",
        "licence": "CC0",
        "description": "One row a farm.",
    }
    assert saved(browser, draft, "about", **about).status_code == 303
    columns = {
        "unit__column": "farm_id",
        "unit__noun": "farm",
        "tables__farms__columns__region__categories": "north\nsouth",
        "tables__farms__columns__hectares__lower": "0",
        "tables__farms__columns__hectares__upper": "500",
        "tables__farms__columns__hectares__resolution": "0.1",
        "tables__farms__columns__hectares__measured_in": "ha",
    }
    assert saved(browser, draft, "columns", **columns).status_code == 303
    terms = {
        "budget__epsilon": "4",
        "release__pool": ["ravi", "rita", "rosa"],
        "access__conditions": "I am careful.",
    }
    assert saved(browser, draft, "terms", **terms).status_code == 303


# the journey


def test_an_owner_publishes_from_the_browser_alone(world: World) -> None:
    olga = world.browser("olga")
    begun_at = olga.send("/publish", name="farms", title="Farms of the valley", open_class="conditional")
    assert begun_at.status_code == 303
    (draft,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    assert upload(olga, draft).status_code == 303
    page = olga.get(f"/publish/{draft.id}?step=files").text
    for column, kind in (
        ("farm_id", "integer"),
        ("region", "text"),
        ("hectares", "decimal"),
        ("founded", "date"),
    ):
        assert f"<code>{column}</code> {kind}" in page
    filled(world, olga, draft)
    check = olga.get(f"/publish/{draft.id}?step=check").text
    assert "no mistakes" in check
    assert re.search(r"a count of 100 is shown as 100 ± \d+", check)
    assert re.search(r"About \d+ such counts fit into the budget", check)
    done = olga.send(f"/publish/{draft.id}/publish")
    assert "farms is published" in done.text
    assert "60 rows kept" in done.text
    row = world.sandbox.store.datasets.get("farms")
    assert row is not None
    assert row.policy.open_class is OpenClass.CONDITIONAL
    assert row.policy.release.pool == ("ravi", "rita", "rosa")
    assert world.sandbox.prepare_dataset.mine(world.person("olga")) == ()
    assert "farms" in world.browser().get("/datasets/farms").text


def test_an_open_dataset_is_published_with_its_downloads(world: World) -> None:
    olga = world.browser("olga")
    draft = begun(world, "ponds", kind="unconditional")
    upload(olga, draft, b"pond,depth\nGreen,3\n", table="ponds", called="ponds.csv")
    assert saved(olga, draft, "about", provider="Town", source="Town", licence="CC0").status_code == 303
    assert "ponds is published" in olga.send(f"/publish/{draft.id}/publish").text
    row = world.sandbox.store.datasets.get("ponds")
    assert row is not None
    assert len(row.public_files) == 2
    assert not world.sandbox.prepare_dataset.drafts.folder(draft).exists()


# form and text are one


def test_what_the_form_changes_stands_in_the_text_and_the_rest_of_the_text_stays(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=terms").text)
    fields["text"] = "# my own comment\n" + fields["text"] + "lineage: farms\n"
    fields["budget.epsilon"] = "3"
    assert olga.post(f"/publish/{draft.id}", data=fields).status_code == 303
    text = world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).text
    assert text.startswith("# my own comment")
    assert 'epsilon: "3"' in text
    assert "lineage: farms" in text


def test_a_value_written_into_the_text_is_not_undone_by_the_untouched_form(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=terms").text)
    fields["text"] = fields["text"].replace("max_days: 180", "max_days: 30")
    olga.post(f"/publish/{draft.id}", data=fields)
    page = olga.get(f"/publish/{draft.id}?step=terms").text
    assert 'name="access.max_days" value="30"' in page


def test_a_column_is_left_out_and_taken_back(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    upload(olga, draft)
    saved(olga, draft, "columns", tables__farms__columns__founded=[])
    kept = world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).text
    assert "founded" not in kept
    saved(olga, draft, "columns", tables__farms__columns__founded=["date"])
    kept = world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).text
    assert "founded" in kept


def test_a_text_that_is_no_yaml_is_kept_with_the_line_that_is_wrong(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=files").text)
    fields["text"] = "name: farms\ntitle: [unclosed\n"
    assert olga.post(f"/publish/{draft.id}", data=fields).status_code == 303
    page = olga.get(f"/publish/{draft.id}?step=terms").text
    assert "[unclosed" in page
    assert "cannot be read as YAML" in page
    assert (
        "publish"
        not in world.sandbox.prepare_dataset.check(
            world.person("olga"), world.sandbox.prepare_dataset.get(world.person("olga"), draft.id)
        ).allowed_actions
    )


def test_a_mistake_leads_to_its_field_and_marks_its_step(world: World) -> None:
    browser, draft = world.browser("olga"), begun(world)
    upload(browser, draft)
    filled(world, browser, draft)
    here = f"/services/portal/publish/{draft.id}?step=columns"
    saved(browser, draft, "columns", tables__farms__columns__hectares__lower="900")
    check = browser.get(f"/publish/{draft.id}?step=check").text
    assert f'<a href="{here}#f-tables.farms.columns.hectares' in check
    assert "(hectares)" in check
    saved(browser, draft, "columns", unit__noun="")
    check = browser.get(f"/publish/{draft.id}?step=check").text
    assert f'<a href="{here}#f-unit.noun">One of them is called</a>' in check
    assert "It can be published once these are mended" in check
    assert f'<li class="stopped"><a href="{here}">' in check
    assert f'<li class="done"><a href="{here.replace("columns", "about")}">' in check
    columns = browser.get(f"/publish/{draft.id}?step=columns").text
    assert 'name="unit.noun" value="" aria-invalid="true"' in columns
    filled(world, browser, draft)  # the control
    check = browser.get(f"/publish/{draft.id}?step=check").text
    assert "It can be published once" not in check
    assert 'class="stopped"' not in check


def test_two_windows_do_not_undo_each_other(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    first = page_fields(olga.get(f"/publish/{draft.id}?step=terms").text)
    second = dict(first)
    olga.post(f"/publish/{draft.id}", data={**first, "access.max_days": "20"})
    refused = olga.post(f"/publish/{draft.id}", data={**second, "access.max_days": "10"})
    assert refused.status_code == 409
    assert "changed in another window" in refused.text
    assert 'name="access.max_days" value="10"' in refused.text


# pieces


def piece(browser: Door, draft: Draft, which: str, fields: dict[str, Any], **headers: str) -> httpx.Response:
    told = {
        "sec-fetch-site": "same-origin",
        "sec-fetch-dest": "empty",
        "sec-fetch-mode": "cors",
        "hx-request": "true",
    }
    return browser.post(f"/piece/publish/{draft.id}/{which}", data=fields, headers={**told, **headers})


def test_a_piece_says_what_a_setting_means_and_keeps_nothing(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    upload(olga, draft)
    filled(world, olga, draft)
    before = world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).text
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=terms").text)
    said = piece(olga, draft, "form", {**fields, "budget.epsilon": "1"})
    assert "such counts fit into the budget" in said.text
    assert "epsilon: &#34;1&#34;" in said.text
    assert "form_token" not in said.text
    wrong = piece(
        olga, draft, "yaml", {**fields, "text": fields["text"].replace("max_days: 180", "max_days: never")}
    )
    assert "1 mistake" in wrong.text
    assert "access.max_days" in wrong.text
    assert world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).text == before


def test_a_script_of_another_page_gets_no_piece(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=terms").text)
    assert piece(olga, draft, "form", fields, **{"sec-fetch-site": "same-site"}).status_code == 401
    assert piece(olga, draft, "form", {**fields, "form_token": "0" * 64}).status_code == 403
    assert piece(olga, draft, "form", fields).status_code == 200


# who and what may come in


def test_a_draft_is_its_owners_alone(world: World) -> None:
    draft = begun(world)
    oscar, ana = world.browser("oscar"), world.browser("ana")
    for door in (oscar, ana, world.browser("alma")):
        assert door.get(f"/publish/{draft.id}").status_code in (403, 404)
        for verb in ("publish", "apply", "discard", "without", "path"):
            assert door.send(f"/publish/{draft.id}/{verb}", table="farms").status_code in (403, 404)
        assert door.send(
            f"/publish/{draft.id}", text="name: taken", mark=draft.mark, step="files"
        ).status_code in (403, 404)
        assert upload(door, draft).status_code in (403, 404)
    assert ana.get("/publish").status_code == 403
    assert world.sandbox.prepare_dataset.get(world.person("olga"), draft.id) == draft
    assert world.browser("olga").get(f"/publish/{draft.id}").status_code == 200


@pytest.mark.parametrize("draft_id", ["0" * 16, "%2e%2e", "draft.json", "a" * 400])
def test_an_id_leads_to_no_other_folder(world: World, draft_id: str) -> None:
    assert world.browser("olga").get(f"/publish/{draft_id}").status_code in (404, 405)


def test_a_form_of_another_site_changes_nothing(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    before = world.sandbox.store.log.head()
    for path in (
        "/publish",
        f"/publish/{draft.id}",
        *(f"/publish/{draft.id}/{v}" for v in ("path", "without", "publish", "apply", "discard")),
        "/datasets/loans/change",
    ):
        assert (
            olga.post(path, data={"form_token": "0" * 64, "name": "planted", "text": "x"}).status_code == 403
        ), path
    assert (
        olga.post(
            f"/publish/{draft.id}/files", data={"table": "farms"}, files={"file": ("f.csv", FARMS)}
        ).status_code
        == 403
    )
    assert upload(olga, draft, form_token="0" * 64).status_code == 403
    assert world.sandbox.store.log.head() == before
    assert world.sandbox.prepare_dataset.mine(world.person("olga")) == (draft,)
    assert upload(olga, draft).status_code == 303


def test_nobody_is_shown_a_cell_of_the_file(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    upload(olga, draft, FARMS + b"61,hiddenvalley,1,1999-01-01,true\n")
    for step in ("files", "about", "columns", "terms", "check"):
        assert "hiddenvalley" not in olga.get(f"/publish/{draft.id}?step={step}").text
    assert "region" in olga.get(f"/publish/{draft.id}?step=columns").text


def test_what_is_too_large_or_no_table_is_refused_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga, draft = world.browser("olga"), begun(world)
    raw = world.sandbox.settings.raw_dir
    before = sorted(raw.iterdir())
    for called, content, status in (
        ("farms.xlsx", FARMS, 422),
        ("farms.csv", b"", 422),
        ("farms.parquet", b"PAR1 and no more", 422),
        ("farms.csv", b"a,a\n1,2\n", 422),
    ):
        assert upload(olga, draft, content, called=called).status_code == status, called
        assert sorted(raw.iterdir()) == before
    assert upload(olga, draft, table="../etc").status_code == 422
    assert world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).files == {}
    assert upload(olga, draft, called="../../farms.csv").status_code == 303  # only its ending is used


def test_a_body_larger_than_the_limit_is_refused_before_it_is_read(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    most = (world.sandbox.settings.publish_mib << 20) + 2**21
    large = {"content-length": str(most), "content-type": "multipart/form-data; boundary=x"}
    assert olga.post(f"/publish/{draft.id}/files", content=b"", headers=large).status_code == 413
    other = {"content-length": str(100 * 2**20), "content-type": "multipart/form-data; boundary=x"}
    ana = world.browser("ana")
    assert ana.post(f"/publish/{draft.id}/files", content=b"", headers=other).status_code == 413
    assert olga.post(f"/publish/{draft.id}/files", content=b"", headers=other).status_code != 413


def test_hostile_names_of_columns_and_files_become_no_part_of_a_page(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    hostile = b'"<script>alert(1)</script>","""><img src=x onerror=alert(1)>",fine\n1,2,3\n'
    upload(olga, draft, hostile, called='"><script>alert(2)</script>.csv')
    for step in ("files", "about", "columns", "terms", "check"):
        assert dangers(olga.get(f"/publish/{draft.id}?step={step}").text) == [], step
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=about").text)
    fields["title"] = "</textarea><script>alert(3)</script>"
    olga.post(f"/publish/{draft.id}", data=fields)
    assert dangers(olga.get(f"/publish/{draft.id}?step=about").text) == []
    assert dangers(piece(olga, draft, "yaml", fields).text) == []
    assert dangers(olga.get("/owner").text) == []


def test_a_name_that_would_be_taken_for_another_is_refused_at_the_beginning(world: World) -> None:
    olga = world.browser("olga")
    for name in ("loans", "inspections", "1oans", "Loans", "../x", ""):
        refused = olga.send("/publish", name=name, title="Copy", open_class="conditional")
        assert refused.status_code in (403, 409, 422), name
    assert world.sandbox.prepare_dataset.mine(world.person("olga")) == ()


# files of the machine


def from_path(browser: Door, draft: Draft, path: str) -> httpx.Response:
    told = {"form_token": browser.form_token(), "table": "farms", "path": path}
    return browser.post(f"/publish/{draft.id}/path", data=told)


@pytest.fixture
def shared(world: World, tmp_path: Path) -> Iterator[Path]:
    folder = (tmp_path / "shared").resolve()
    for name in ("olga", "oscar"):
        (folder / name).mkdir(parents=True)
        (folder / name / "farms.csv").write_bytes(FARMS)
    world.sandbox.prepare_dataset.folders._folders = (folder,)
    yield folder
    world.sandbox.prepare_dataset.folders._folders = ()


def test_a_file_below_the_own_folder_is_taken_and_no_other(
    world: World, shared: Path, tmp_path: Path
) -> None:
    olga, draft = world.browser("olga"), begun(world)
    secret = tmp_path / "secret.csv"
    secret.write_bytes(FARMS)
    (shared / "olga" / "link.csv").symlink_to(secret)
    (shared / "olga" / "linked").symlink_to(tmp_path)
    page = olga.get(f"/publish/{draft.id}").text
    assert f"{shared}/olga/farms.csv" in page
    assert f"{shared}/oscar" not in page
    for path in (
        f"{shared}/oscar/farms.csv",
        f"{shared}/olga/../oscar/farms.csv",
        f"{shared}/olga/link.csv",
        f"{shared}/olga/linked/secret.csv",
        str(secret),
        "/proc/self/environ",
        f"{shared}/olga",
        "/dev/zero",
        f"{shared}/olga/missing.csv",
        "farms.csv\0",
    ):
        refused = from_path(olga, draft, path)
        assert refused.status_code == 403, path
        assert "not in a folder that you may publish from" in refused.text
    assert from_path(olga, draft, f"{shared}/olga/farms.csv").status_code == 303
    assert (
        world.sandbox.prepare_dataset.get(world.person("olga"), draft.id).files["farms"].called == "farms.csv"
    )


def test_without_the_operators_word_no_path_is_taken(world: World, tmp_path: Path) -> None:
    olga, draft = world.browser("olga"), begun(world)
    (tmp_path / "olga").mkdir()
    (tmp_path / "olga" / "farms.csv").write_bytes(FARMS)
    page = olga.get(f"/publish/{draft.id}").text
    assert "that is on the machine" not in page
    assert from_path(olga, draft, f"{tmp_path}/olga/farms.csv").status_code == 403


# changing what is published


def test_a_change_that_tightens_holds_at_once(world: World) -> None:
    olga = world.browser("olga")
    assert olga.send("/datasets/loans/change").status_code == 303
    (draft,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    saved(olga, draft, "terms", access__max_days="90")
    check = olga.get(f"/publish/{draft.id}?step=check").text
    assert "tightens" in check
    assert olga.send(f"/publish/{draft.id}/apply").status_code == 303
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.access.max_days == 90
    assert world.sandbox.prepare_dataset.mine(world.person("olga")) == ()


def test_a_change_that_loosens_waits_for_a_second_person(world: World) -> None:
    olga = world.browser("olga")
    olga.send("/datasets/loans/change")
    (draft,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    saved(olga, draft, "terms", budget__epsilon="9")
    check = olga.get(f"/publish/{draft.id}?step=check").text
    assert "a second person has to approve it" in check
    assert "Propose it" in check
    forced = olga.send(f"/publish/{draft.id}/publish")
    assert forced.status_code == 403
    assert olga.send(f"/publish/{draft.id}/apply", reason="").status_code == 422
    assert olga.send(f"/publish/{draft.id}/apply", reason="Many more questions come.").status_code == 303
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.budget is not None
    assert row.policy.budget.epsilon == "8"
    (waiting,) = world.sandbox.policy_views.proposals(world.person("alma"))
    assert [change["key"] for change in waiting.proposal.difference] == ["budget.epsilon"]
    world.sandbox.change_policy.approve(world.person("alma"), waiting.proposal.id)
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert row.policy.budget is not None
    assert row.policy.budget.epsilon == "9"


def test_a_change_of_views_is_published_from_the_rows_that_are_kept(world: World) -> None:
    olga = world.browser("olga")
    olga.send("/datasets/loans/change")
    (draft,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    saved(olga, draft, "columns", tables__applications__columns__housing=[])
    check = olga.get(f"/publish/{draft.id}?step=check").text
    assert ">Publish</button>" in check
    assert "loans is published" in olga.send(f"/publish/{draft.id}/publish").text
    row = world.sandbox.store.datasets.get("loans")
    assert row is not None
    assert "housing" not in row.policy.tables["applications"].columns
    assert (world.sandbox.settings.raw_dir / row.raw_files["applications"]).exists()


def test_another_owners_dataset_cannot_be_changed(world: World) -> None:
    assert world.browser("oscar").send("/datasets/loans/change").status_code == 403
    olga = world.browser("olga")
    olga.send("/datasets/loans/change")
    (draft,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    saved(olga, draft, "about", title="Mine")
    fields = page_fields(olga.get(f"/publish/{draft.id}?step=files").text)
    fields["text"] = fields["text"].replace("name: loans", "name: inspections")
    olga.post(f"/publish/{draft.id}", data=fields)
    assert olga.send(f"/publish/{draft.id}/publish").status_code == 422
    assert olga.send(f"/publish/{draft.id}/apply", reason="Taking it over.").status_code == 422


def test_a_publishing_that_fails_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    olga, draft = world.browser("olga"), begun(world)
    upload(olga, draft)
    filled(world, olga, draft)
    saved(olga, draft, "columns", tables__farms__max_rows="10")
    before = world.sandbox.prepare_dataset.get(world.person("olga"), draft.id)
    failed = olga.send(f"/publish/{draft.id}/publish")
    assert failed.status_code == 422
    assert "the policy says at most 10" in failed.text
    assert world.sandbox.prepare_dataset.get(world.person("olga"), draft.id) == before
    saved(olga, draft, "columns", tables__farms__max_rows="1000")
    assert "farms is published" in olga.send(f"/publish/{draft.id}/publish").text


def test_a_discarded_draft_takes_its_files_along_but_not_those_of_a_version(world: World) -> None:
    olga, draft = world.browser("olga"), begun(world)
    upload(olga, draft)
    raw = world.sandbox.settings.raw_dir
    (taken,) = raw.glob("farms-*")
    assert olga.send(f"/publish/{draft.id}/discard").status_code == 303
    assert not taken.exists()
    draft = begun(world)
    upload(olga, draft)
    filled(world, olga, draft)
    olga.send(f"/publish/{draft.id}/publish")
    assert len(list(raw.glob("farms-*"))) == 1
    olga.send("/datasets/farms/change")
    (again,) = world.sandbox.prepare_dataset.mine(world.person("olga"))
    upload(olga, again)  # the same rows once more: no new version, and no second copy of them
    said = olga.send(f"/publish/{again.id}/publish").text
    assert "no new version" in said
    assert len(list(raw.glob("farms-*"))) == 1


# the owner's home


def test_an_owner_sees_use_cost_and_what_waits(world: World) -> None:
    grant = world.granted()
    world.sandbox.answer_question.ask(
        world.person("ana"), grant, sql="SELECT COUNT(*) AS n FROM applications"
    )
    world.applied("ben", project="Elsewhere")
    page = world.browser("olga").get("/owner").text
    assert "1 application waits for your decision." in page
    assert "Loan applications" in page
    assert "Restaurant inspections" not in page
    assert "Fair credit" in page
    assert "Questions by month" in page
    assert world.browser("ana").get("/owner").status_code == 403
    assert "Loan applications" not in world.browser("oscar").get("/owner").text


def test_a_dataset_is_suspended_and_resumed_in_one_step(world: World) -> None:
    olga = world.browser("olga")
    assert 'action="/services/portal/datasets/loans/suspend"' in olga.get("/owner").text
    sent = olga.send("/datasets/loans/suspend", reason="A mistake in the amounts.", back="owner")
    assert sent.headers["location"] == f"{PORTAL_PREFIX}/owner?done=suspended"
    page = olga.get("/owner").text
    assert "A mistake in the amounts." in page
    assert 'action="/services/portal/datasets/loans/resume"' in page
    away = olga.send("/datasets/loans/resume", reason="It was mended.", back="//a.example")
    assert away.headers["location"].startswith(f"{PORTAL_PREFIX}/objections")
