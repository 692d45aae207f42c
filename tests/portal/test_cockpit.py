"""The reviewer's page and queue, and the requester's form for the next turn."""

from __future__ import annotations

import re

import pytest

from sandbox.domain.release import Cause, Decision, Release
from tests.portal.example_world import GOOD_TABLE, Door, World
from tests.portal.markup import dangers, text_of

TWO = (("by_sex.csv", GOOD_TABLE), ("repaid.csv", b"paid_back,n\ntrue,150\nfalse,50\n"))
A, R, X = Decision
BACK = (("rita", R, "Say which year."), ("ravi", R, "Name the population."))
OTHER_TABLE = b"sex,n\nfemale,95\nmale,105\n"
SQL = "SELECT sex, housing, COUNT(*) AS n FROM applications GROUP BY sex, housing"


def page(door: Door, path: str) -> str:
    answer = door.get(path)
    assert answer.status_code == 200, answer.text
    assert dangers(answer.text) == []
    return answer.text


def linked(html: str, pattern: str) -> str:
    """The address of a link on the page, below the portal's prefix."""
    found = re.search(rf'href="/services/portal({pattern})"', html)
    assert found is not None, pattern
    return found[1]


def test_a_clean_request_of_two_files_is_decided_in_six_actions(world: World) -> None:
    world.voted(world.submitted(world.granted(), files=TWO), ("ravi", A, ""))
    rita, actions = world.browser("rita"), 1  # signing in
    home = page(rita, "/")
    queue = page(rita, linked(home, "/review"))
    actions += 1
    request = linked(queue, r"/releases/\d+")
    shown = page(rita, request)
    actions += 1
    assert 'name="decision" value="approve" required' in shown
    actions += 1  # choosing
    token = re.search(r'name="form_token" value="(\w+)"', shown)
    version = re.search(r'name="version" value="(\d+)"', shown)
    assert token is not None
    assert version is not None
    sent = rita.post(
        f"{request}/vote", data={"form_token": token[1], "version": version[1], "decision": "approve"}
    )
    actions += 1
    assert sent.status_code == 303
    found = world.sandbox.store.releases.get(1)
    assert found is not None
    assert found.status == "released"
    assert actions <= 6


def test_the_queue_is_filtered_and_says_how_my_vote_stands(world: World) -> None:
    grant = world.granted()
    first, second = world.submitted(grant), world.submitted(grant, files=TWO)
    world.voted(first, ("rita", A, ""))
    rita = world.browser("rita")
    both = page(rita, "/review")
    assert "yours is in" in both
    assert "yours is awaited" in both
    assert f"/releases/{second.id}" not in page(rita, "/review?mine=voted")
    assert f"/releases/{first.id}" not in page(rita, "/review?mine=waits")
    assert "Nothing in the queue is like that." in page(rita, "/review?late=yes")
    assert "Nothing in the queue is like that." in page(rita, "/review?kind=model")
    assert f"/releases/{second.id}" in page(rita, "/review?kind=csv&dataset=loans")


def test_the_queue_shows_why_requests_go_back_and_how_far_reviewers_agree(world: World) -> None:
    grant = world.granted()
    world.voted(world.submitted(grant), ("rita", A, ""), ("ravi", A, ""))
    release = world.submitted(grant, context="A second one, by sex, for 2024.")
    for who in ("rita", "ravi"):
        now = world.sandbox.store.releases.get(release.id)
        assert now is not None
        world.browser(who).send(
            f"/releases/{release.id}/vote",
            version=now.version,
            decision="return",
            comment="Say which year.",
            cause="missing_context",
        )
    text = text_of(page(world.browser("rita"), "/review"))
    assert "Context is missing" in text
    assert "1.00 Cohen" in text
    (line,) = world.program("olga").get("/releases/turnaround").json()
    assert line["causes"] == {"missing_context": 2}
    assert line["agreement"]["kappa"] == 1.0
    assert "The line in the middle of a picture is 0." in text
    assert "No picture is drawn" not in text


def test_where_all_votes_were_the_same_the_page_says_why_nothing_is_drawn(world: World) -> None:
    world.voted(world.submitted(world.granted()), ("rita", A, ""), ("ravi", A, ""))
    text = text_of(page(world.browser("rita"), "/review"))
    assert "– all voted the same" in text
    assert "No picture is drawn where all votes were the same" in text
    assert "The line in the middle" not in text


def test_findings_numbers_and_reasons_stand_side_by_side(world: World) -> None:
    dataset = world.sandbox.store.datasets.get("loans")
    assert dataset is not None
    rows = world.sandbox.engine.evidence(dataset="loans", snapshot=dataset.snapshot, sql=SQL).rows
    lines = [f"{r.key[0]},{r.key[1]},{r.rows}" for r in rows if r.rows >= 10]
    wrong = lines[0].rpartition(",")[0] + ",77"
    content = "\n".join(["sex,housing,n", wrong, *lines[1:]]) + "\n"
    release = world.submitted(world.granted(), files=(("t.csv", content.encode()),), sql={"t.csv": SQL})
    shown = page(world.browser("rita"), f"/releases/{release.id}")
    assert "≠ 1 not reproduced" in text_of(shown)
    assert f"✓ {len(lines) - 1} reproduced" in text_of(shown)
    assert 'id="finding-1-1"' in shown
    assert "bits leave" in shown
    mine = page(world.browser("ana"), f"/releases/{release.id}")
    assert "not reproduced" not in mine  # it would tell of rows that ana may not read


def test_a_comment_is_written_beside_a_cell_and_voided(world: World) -> None:
    release = world.submitted(world.granted())
    rita = world.browser("rita")
    address = f"/releases/{release.id}"
    before = page(rita, f"{address}?file=by_sex.csv&column=n&row=1")
    assert re.search(r"<option selected>n</option>", before)
    sent = rita.send(f"{address}/comments", file="by_sex.csv", column="n", row="2", text="Who are these?")
    assert sent.headers["location"].endswith("?done=commented#comments")
    assert "by_sex.csv, row 2, column n" in text_of(page(rita, address))
    bad = rita.send(f"{address}/comments", file="by_sex.csv", column="n", row="9", text="Typed with care.")
    assert bad.status_code == 422
    assert "Typed with care." in bad.text
    odd = rita.send(f"{address}/comments", file="by_sex.csv", column="n", row="x", text="Typed with care.")
    assert (odd.status_code, "Typed with care." in odd.text) == (422, True)
    rita.send(f"{address}/comments/1/void", reason="I misread it.")
    assert "<del>Who are these?</del>" in page(rita, address)


@pytest.mark.parametrize("gone", [False, True])
def test_a_vote_on_what_changed_says_so_and_loses_no_word(world: World, gone: bool) -> None:
    release = world.submitted(world.granted())
    if gone:
        world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    else:
        world.voted(release, ("ravi", A, ""))
    sent = world.browser("rita").send(
        f"/releases/{release.id}/vote",
        version=release.version,
        decision="return",
        comment="Four hundred careful words.",
        cause="small_counts",
    )
    assert sent.status_code == 409
    assert "Four hundred careful words." in sent.text
    assert "Nothing was voted." in sent.text
    if not gone:
        assert f'name="version" value="{release.version + 1}"' in sent.text
        assert '<option value="small_counts" selected>' in sent.text
        assert " checked" not in sent.text.split('id="vote"')[1].split("</form>")[0]  # one looks once more


def test_a_turn_shows_what_changed_in_it(world: World) -> None:
    release = world.voted(world.submitted(world.granted()), *BACK)
    world.sandbox.review_release.resubmit(
        world.person("ana"),
        release.id,
        version=release.version,
        files=[("by_sex.csv", OTHER_TABLE)],
        context="Loan applicants by sex in 2024.",
        sql={},
    )
    for who in ("rita", "ana"):
        shown = page(world.browser(who), f"/releases/{release.id}")
        assert "Beside turn 1: 2 differences" in text_of(shown)
        assert "<del>90</del>" in shown
        assert "<ins>95</ins>" in shown


def test_what_left_before_is_beside_and_of_others_only_that_it_is(world: World) -> None:
    of_ravi = world.submitted(world.granted("ravi", project="Housing"))
    world.voted(of_ravi, ("rita", A, ""), ("rosa", A, ""))
    later = world.submitted(world.granted())
    assert "Request 1 of the project Housing" in page(world.browser("rosa"), f"/releases/{later.id}")
    shown = page(world.browser("ravi"), f"/releases/{later.id}")  # he does not review his own project
    assert "of the project Housing" not in shown
    assert "1 further one is older, or not yours to review" in shown
    assert "Housing" not in page(world.browser("ana"), f"/releases/{later.id}")


# --- the next turn


def returned(world: World) -> Release:
    return world.voted(world.submitted(world.granted(), files=TWO), *BACK)


def hand_in(
    world: World,
    release: Release,
    *,
    who: str = "ana",
    files: tuple[tuple[str, bytes], ...] = (),
    **fields: object,
) -> tuple[int, str]:
    door = world.browser(who)
    data = {
        "form_token": door.form_token(),
        "version": str(release.version),
        "context": "Loan applicants by sex in 2024.",
        **fields,
    }
    sent = door.post(
        f"/releases/{release.id}/resubmit", data=data, files=[("files", (n, c, "text/csv")) for n, c in files]
    )
    return sent.status_code, sent.text


def test_the_form_says_what_to_mend_and_keeps_what_is_not_sent(world: World) -> None:
    release = returned(world)
    form = page(world.browser("ana"), f"/releases/{release.id}/resubmit")
    assert "Say which year." in form
    assert "What would mend it:" in form
    assert linked(page(world.browser("ana"), "/releases"), rf"/releases/{release.id}/resubmit")
    status, _ = hand_in(world, release, files=(("by_sex.csv", OTHER_TABLE),))
    assert status == 303
    now = world.sandbox.store.releases.get(release.id)
    assert now is not None
    assert (now.turn, [f.name for f in now.files]) == (2, ["by_sex.csv", "repaid.csv"])
    assert now.files[1].sha256 == release.files[1].sha256
    assert world.sandbox.store.vault.get(now.files[0].sha256) == OTHER_TABLE


def test_files_are_left_out_added_and_get_their_question(world: World) -> None:
    release = returned(world)
    status, _ = hand_in(
        world,
        release,
        files=(("new.csv", OTHER_TABLE),),
        left_out="repaid.csv",
        sql_of="by_sex.csv",
        sql=" SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex ",
    )
    assert status == 303
    now = world.sandbox.store.releases.get(release.id)
    assert now is not None
    assert [f.name for f in now.files] == ["by_sex.csv", "new.csv"]
    assert now.files[0].sql.startswith("SELECT sex, COUNT(*)")


def test_a_mistake_brings_the_form_back_with_what_was_written(world: World) -> None:
    release = returned(world)
    for fields, files in (
        ({"left_out": ["by_sex.csv", "repaid.csv"]}, ()),
        ({"context": "short"}, ()),
        ({"sql_of": "by_sex.csv", "sql": "SELECT everything"}, ()),
        ({"context": release.context}, ()),  # nothing changed
        ({}, (("a.csv", b"x\n1\n"), ("a.csv", b"x\n2\n"))),
        ({}, (("../../etc.csv", b"x\n1\n"),)),
    ):
        status, text = hand_in(world, release, files=files, **fields)
        assert status in (409, 422), fields
        assert fields.get("context", "Loan applicants by sex in 2024.") in text
    assert hand_in(world, release, version=str(release.version - 1))[0] == 409
    assert world.sandbox.store.releases.get(release.id) == release


def test_nobody_else_hands_in_a_turn_and_no_state_but_those_takes_one(world: World) -> None:
    release = returned(world)
    for who in ("rita", "ben", "olga"):
        assert hand_in(world, release, who=who)[0] == 404
        assert world.browser(who).get(f"/releases/{release.id}/resubmit").status_code == 404
    world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    assert world.browser("ana").get(f"/releases/{release.id}/resubmit").status_code == 409


def test_causes_are_a_closed_list(world: World) -> None:
    release = world.submitted(world.granted())
    fields = {"version": release.version, "decision": "return", "comment": "Say which year."}
    assert (
        world.browser("rita").send(f"/releases/{release.id}/vote", **fields, cause="<b>").status_code == 422
    )
    approving = {**fields, "decision": "approve", "cause": Cause.OTHER.value}
    assert world.browser("rita").send(f"/releases/{release.id}/vote", **approving).status_code == 303
    now = world.sandbox.store.releases.get(release.id)
    assert now is not None
    assert now.votes[0].cause is None  # only what sends back has one
