"""What the site's policy says about notices: who writes e-mails, how many, how long they are tried; what is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.domain.errors import BadInput
from sandbox.domain.mail_address import mail_address
from sandbox.domain.policy_keys import Way, doc


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTerms:
    """Notices: in the portal always, by e-mail and webhook where the operator set these up."""

    mail_from: str = doc(
        "The address that e-mails come from, of this installation. Empty: none are sent.",
        Way.NEVER,
        default="",
    )
    language: str = doc(
        "The language (BCP 47) of what is sent to people who chose none.", Way.NEVER, default="en"
    )
    digest_hour: int = doc("The hour (UTC, 0 to 23) at which daily digests are sent.", Way.NEVER, default=6)
    most_a_day: int = doc(
        "So many messages are sent at once to one person in a day (UTC) by one channel; what comes beyond is in the "
        "digest.",
        Way.NEVER,
        default=40,
    )
    keep_trying_hours: int = doc(
        "A message that cannot be sent is tried again for so long, in hours; then it is kept, and administrators are "
        "told.",
        Way.NEVER,
        default=72,
    )
    grant_ends_days: tuple[int, ...] = doc(
        "People are told so many days before their access ends.", Way.NEVER, default=(14, 3)
    )
    refusals_a_day: int = doc(
        "So many refused requests of one person on one dataset within a day are unusual use.",
        Way.LARGER,
        default=20,
    )
    questions_an_hour: int = doc(
        "So many questions of one person on one dataset within an hour are unusual use.",
        Way.LARGER,
        default=300,
    )
    wrong_sign_ins_a_day: int = doc(
        "After so many wrong sign-ins within a day the account's person is told.", Way.LARGER, default=10
    )


def notice_mistakes(terms: NoticeTerms) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What no type can say: (keys from the top, problem, what would be accepted)."""
    if terms.mail_from:
        try:
            mail_address(terms.mail_from)
        except BadInput as mistake:
            yield ("notices", "mail_from"), mistake.message, "name@host.example"
    if not 0 <= terms.digest_hour <= 23:
        yield ("notices", "digest_hour"), f"{terms.digest_hour} is no hour", "0 to 23"
    for place, days in enumerate(terms.grant_ends_days):
        if not 1 <= days <= 365:
            yield ("notices", "grant_ends_days", place), f"{days} days cannot be", "1 to 365"
    for name in (
        "most_a_day",
        "keep_trying_hours",
        "refusals_a_day",
        "questions_an_hour",
        "wrong_sign_ins_a_day",
    ):
        if getattr(terms, name) < 1:
            yield ("notices", name), f"{getattr(terms, name)} is too few", "1 or more"
