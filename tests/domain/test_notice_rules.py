"""The table of notices: whole, and silent about what nobody may know; addresses; letters that say nothing."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain import letters
from sandbox.domain.blinded_log import HIDES
from sandbox.domain.errors import BadInput
from sandbox.domain.mail_address import confirming_code, mail_address, same_code
from sandbox.domain.notice_choices import Channel, Sending
from sandbox.domain.notice_rule import VALUES, Message, Notice, Rule, Topic, Urgency, Whom
from sandbox.domain.notice_terms import NoticeTerms, notice_mistakes
from sandbox.domain.notices import RULES, TABLE, rules_for, subject_of, text_of
from sandbox.domain.release_states import TRANSITIONS
from sandbox.domain.release_states import Notice as Told

SOURCE = Path(__file__).resolve().parents[2] / "sandbox"
REVIEWERS = {Whom.REVIEWERS, Whom.REVIEWERS_LEFT, Whom.VOTERS}
# What happens between the hand-in and the last vote.
BEFORE_ALL_ARE_IN = HIDES | {"release.further_asked", "release.overdue"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.kind)
def test_each_row_can_be_said(rule: Rule) -> None:
    assert rule.whom
    assert places(rule.text) <= VALUES
    assert places(rule.link) <= {"number", "dataset"}
    assert rule.link.startswith("/")
    assert rule.text.endswith(".")
    assert len(rule.kind) <= 64


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.kind)
def test_what_leaves_the_portal_holds_no_value(rule: Rule) -> None:
    assert places(rule.subject) == set()
    assert not re.search(r"[0-9{}\n\r]", rule.subject)


def test_no_two_rows_have_one_name() -> None:
    assert len(RULES) == len(TABLE)


def test_every_event_of_the_table_is_one_that_happens() -> None:
    """A row for an action that no code writes would tell nobody, for ever."""
    code = "\n".join(
        p.read_text() for p in SOURCE.glob("**/*.py") if p.name not in ("notices.py", "log_sight.py")
    )
    missing = {rule.event for rule in TABLE if f'"{rule.event}"' not in code}
    assert missing == set()


def test_every_step_of_a_release_is_told_as_its_table_says() -> None:
    for row in TRANSITIONS:
        told = {whom for rule in rules_for(row.event, {}) for whom in rule.whom}
        assert (Whom.REQUESTER in told) is (row.notice in (Told.REQUESTER, Told.BOTH)), row.event
        assert bool(told & REVIEWERS) is (row.notice in (Told.REVIEWERS, Told.BOTH, Told.VOTERS)), row.event


def leaks(table: tuple[Rule, ...]) -> list[str]:
    """Rows by which somebody but reviewers learns of votes before all are in, or by which the outside does."""
    found = []
    for rule in table:
        if rule.event not in BEFORE_ALL_ARE_IN:
            continue
        if set(rule.whom) - REVIEWERS - {Whom.OWNER_SHORT}:
            found.append(f"{rule.kind} tells others")
        asked = next(r for r in table if r.event == "release.submitted")
        outside = (rule.subject, rule.topic)
        if (
            rule.event != "release.reviewed"
            and rule.whom == (Whom.REVIEWERS_LEFT,)
            and outside
            != (
                asked.subject,
                asked.topic,
            )
        ):
            found.append(f"{rule.kind} is told apart outside")
        if re.search(r"vot|split", rule.subject) and rule.event != "release.reviewed":
            found.append(f"{rule.kind} speaks of votes outside")
    return found


def test_no_row_tells_of_a_vote_before_all_are_in() -> None:
    assert leaks(TABLE) == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("release.vote_voided:reviewers left", {"whom": (Whom.REQUESTER,)}),
        ("release.further_asked:reviewers left", {"whom": (Whom.REVIEWERS_LEFT, Whom.OWNER)}),
        ("release.further_asked:reviewers left", {"subject": "The votes split"}),
        ("release.reviewed:voters", {"whom": (Whom.MEMBERS,)}),
    ],
)
def test_a_row_that_did_would_be_found(kind: str, change: dict[str, Any]) -> None:
    planted = tuple(replace(rule, **change) if rule.kind == kind else rule for rule in TABLE)
    assert leaks(planted) != []


def notice(kind: str, **values: str) -> Notice:
    rule = RULES.get(kind, RULES["grant.began"])
    return Notice(
        id=7,
        seq=9,
        person="rita",
        kind=kind,
        topic=rule.topic,
        urgency=rule.urgency,
        values=values,
        link="/releases/12",
        at="2026-01-05T12:00:00+00:00",
    )


MESSAGE = Message(
    id=1,
    key="notice-mail-7",
    person="rita",
    channel=Channel.MAIL,
    notices=(7,),
    digest=False,
    state=Sending.WAITING,
    made_at="",
    due_at="",
)
SECRETS = {"dataset": "secret_register", "project": "Hidden work", "due": "1999-12-31", "course": "a_course"}


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.kind)
def test_no_letter_and_no_webhook_says_more_than_that_there_is_something(rule: Rule) -> None:
    told = notice(rule.kind, **SECRETS)
    letter = letters.telling(
        MESSAGE, [told], to="x@example.org", site="Site", portal="https://p", language="en", translate=str
    )
    body = str(letters.posted(MESSAGE, [told], portal="https://p", secret=b"s"))
    for text in (letter.subject, letter.text, letter.html, body):
        for word in (*SECRETS.values(), "rita", "1999", rule.kind if ":" in rule.kind else "{"):
            assert word not in text.replace("{'", "").replace("'}", ""), word
        assert "https://p/releases/12" in text or text == letter.subject
    assert SECRETS["dataset"] in text_of(
        notice("grant.began", **SECRETS), str
    )  # the control: the portal says it


def test_whom_a_webhook_is_for_only_who_has_the_secret_can_tell() -> None:
    one, other = (letters.pseudonym("rita", secret=s) for s in (b"a", b"b"))
    assert one != other
    assert one == letters.pseudonym("rita", secret=b"a")
    assert one != letters.pseudonym("ravi", secret=b"a")


def test_names_in_a_letter_are_text_and_one_line() -> None:
    site = "<script>\r\nBcc: x@example.org\n"
    letter = letters.telling(
        MESSAGE,
        [notice("grant.began")],
        to="x@example.org",
        site=site,
        portal="https://p/<b>",
        language='en"><script>',
        translate=str,
    )
    assert "\n" not in letter.subject
    assert "\r" not in letter.subject
    assert "<script>" not in letter.html
    assert "<b>" not in letter.html


def test_a_kind_of_another_version_is_told_of_without_words() -> None:
    unknown = notice("thing.of_tomorrow", number="7")
    assert subject_of(unknown, str) == text_of(unknown, str) == "There is something for you"


def test_a_value_that_is_not_there_is_a_dash_and_a_value_is_only_text() -> None:
    assert "–" in text_of(notice("grant.ends_soon", number="7"), str)
    hostile = text_of(notice("grant.began", number="{number.__class__}", dataset="{0}"), str)
    assert "{number.__class__}" in hostile


def test_facts_choose_among_the_rows_of_one_event() -> None:
    (row,) = rules_for("duty.reminded", {"state": "overdue", "due": "2026-01-01"})
    assert row.kind == "duty.reminded:overdue"
    assert rules_for("duty.reminded", {"state": "elsewhere"}) == ()
    assert rules_for("question.answered", {}) == ()


# Addresses


@pytest.mark.parametrize("text", ["ana@example.org", "a.b+c@sub.example.co", " x_1@example.museum "])
def test_these_are_addresses(text: str) -> None:
    assert mail_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@localhost",
        "@example.org",
        "ana@",
        "ana@example.org\r\nBcc: eve@example.org",
        "ana@example.org, eve@example.org",
        "ana@example.org eve@example.org",
        '"ana"@example.org',
        "Ana <ana@example.org>",
        "ana(x)@example.org",
        "ana@[127.0.0.1]",
        "ana@127.0.0.1",
        "ana..b@example.org",
        ".ana@example.org",
        "ana@exa\u0000mple.org",
        "an\u0430@example.org",
        "ana@exam\u2028ple.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 250 + ".org",
        "ana@-example.org",
    ],
)
def test_these_are_none(text: str) -> None:
    with pytest.raises(BadInput):
        mail_address(text)


def test_a_code_belongs_to_one_person_address_and_asking() -> None:
    asked = {"person": "ana", "address": "ana@example.org", "asked_at": "2026-01-05"}
    code = confirming_code(b"key", **asked)
    assert re.fullmatch(r"[2-9a-z]{5}-[2-9a-z]{5}", code)
    for name in asked:
        assert confirming_code(b"key", **{**asked, name: "other"}) != code
    assert confirming_code(b"another", **asked) != code
    assert same_code(code, f" {code.upper().replace('-', ' ')} ")
    assert not same_code(code, "")
    assert not same_code(code, code[:-1])


@pytest.mark.parametrize(
    ("terms", "key"),
    [
        ({"mail_from": "no address"}, "mail_from"),
        ({"mail_from": "a@example.org\nBcc: b@example.org"}, "mail_from"),
        ({"digest_hour": 24}, "digest_hour"),
        ({"grant_ends_days": (0,)}, "grant_ends_days"),
        ({"most_a_day": 0}, "most_a_day"),
    ],
)
def test_terms_that_cannot_be_are_found(terms: dict[str, Any], key: str) -> None:
    (mistake,) = notice_mistakes(NoticeTerms(**terms))
    assert mistake[0][:2] == ("notices", key)
    assert list(notice_mistakes(NoticeTerms())) == []


def test_topics_and_urgencies_fit_their_columns() -> None:
    assert max(len(topic) for topic in Topic) <= 16
    assert max(len(urgency) for urgency in Urgency) <= 8
