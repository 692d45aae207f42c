"""Who is told of what: one table from the log's actions to notices, for the portal and for what is sent outside.

- A notice is a kind and values, worded when it is shown, in the language of who reads it.
- What leaves the portal is the subject, the topic and a link: a subject is constant, and holds no value at all.
- Who asks for a review learns how it ended, and nothing before all votes are in: what tells of a vote goes to reviewers
  alone, under one subject, so that no channel shows which step it was. Whom each step of a release is told to stands in
  ``release_states``.
- Who did it is not told of it, but for what concerns their own account.
- A notice carries the minute, rounded up, as ``job.told_time`` has it: the end of a job tells of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from sandbox.domain.audit import Fact
from sandbox.domain.notice_rule import Notice, Rule, Topic, Urgency, Whom, marked
from sandbox.domain.release_states import TRANSITIONS
from sandbox.domain.release_states import Notice as Told


def _rule(
    event: str,
    whom: tuple[Whom, ...] | Whom,
    topic: Topic,
    urgency: Urgency,
    link: str,
    subject: str,
    text: str,
    *,
    to: str = "",
    inside: bool = False,
    **when: Fact,
) -> Rule:
    """A row.

    Args:
        to: tells apart the rows of one event.
        when: facts that the event has to have.
    """
    return Rule(
        kind=f"{event}:{to}" if to else event,
        event=event,
        whom=whom if isinstance(whom, tuple) else (whom,),
        topic=topic,
        urgency=urgency,
        subject=subject,
        text=text,
        link=link,
        when=when,
        inside=inside,
    )


_W, _T, _U = Whom, Topic, Urgency
_APPLICATION, _RELEASE, _DATASET = "/applications/{number}", "/releases/{number}", "/datasets/{dataset}"
_JOB, _IMPORT, _OBJECTION = "/jobs/{number}", "/imports/{number}", "/objections/{number}"
_REVIEW_WAITS = marked("An output waits for your review")

# A table is read by its rows.
# fmt: off

_ACCESS = (
    _rule("application.submitted", _W.OWNER, _T.ACCESS, _U.SOON, _APPLICATION,
          marked("An application waits for your decision"),
          marked("Application {number} for {dataset} waits for your decision.")),
    _rule("application.withdrawn", _W.OWNER, _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("An application was taken back"),
          marked("Application {number} for {dataset} was taken back: there is nothing to decide.")),
    _rule("application.returned", _W.APPLICANT, _T.ACCESS, _U.SOON, _APPLICATION,
          marked("Your application came back to you"),
          marked("Application {number} for {dataset} came back: read why, change it and hand it in again.")),
    _rule("application.rejected", _W.MEMBERS, _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("An application was rejected"),
          marked("Application {number} for {dataset} was rejected. Its page says why.")),
    _rule("application.approved", _W.UNSIGNED, _T.ACCESS, _U.SOON, _APPLICATION,
          marked("An agreement waits for your signature"),
          marked("Application {number} for {dataset} was approved. Read the agreement and sign it.")),
    _rule("agreement.declined", _W.APPLICANT, _T.ACCESS, _U.SOON, _APPLICATION,
          marked("An agreement was declined"),
          marked("Somebody declined the agreement of application {number} for {dataset}. It came back.")),
    _rule("agreement.declined", _W.OWNER, _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("An agreement was declined"),
          marked("Somebody declined the agreement of application {number} for {dataset}. It came back."),
          to="owner"),
    _rule("grant.began", _W.MEMBERS, _T.ACCESS, _U.NOTE, "/grants",
          marked("Your access has begun"),
          marked("All have signed application {number}: you may use {dataset} now.")),
    _rule("grant.ends_soon", _W.MEMBERS, _T.ACCESS, _U.SOON, _APPLICATION,
          marked("Your access ends soon"),
          marked("Your access to {dataset} (application {number}) ends on {ends}. Renew it or close it.")),
    _rule("grant.expired", _W.MEMBERS, _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("Your access has ended"),
          marked("Your access to {dataset} (application {number}) has ended.")),
    _rule("grant.left", (_W.OWNER, _W.APPLICANT), _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("A member gave their access back"),
          marked("A member of application {number} gave their access to {dataset} back. The others go on.")),
    _rule("grant.member_removed", _W.MEMBER, _T.ACCESS, _U.NOW, _APPLICATION,
          marked("Your access was taken back"),
          marked("Your access to {dataset} (application {number}) was taken back. Its page says why.")),
    _rule("grant.revoked", _W.MEMBERS, _T.ACCESS, _U.NOW, _APPLICATION,
          marked("Your access was taken back"),
          marked("All access to {dataset} under application {number} was taken back. Its page says why.")),
    _rule("grant.closed", (_W.MEMBERS, _W.OWNER), _T.ACCESS, _U.NOTE, _APPLICATION,
          marked("An access was closed"),
          marked("The work under application {number} for {dataset} was closed. A certificate is kept.")),
    _rule("person.blocked", _W.THEMSELF, _T.ACCESS, _U.NOW, "/grants",
          marked("You may not apply for some data"),
          marked("Until {until} you may not apply for some data. Your page says for which, and why.")),
)

_DUTIES = (
    _rule("duty.reminded", _W.MEMBERS, _T.DUTY, _U.SOON, _APPLICATION,
          marked("A report on the use of data is due soon"),
          marked("A report on the use of {dataset} (application {number}) is due on {due}."),
          to="due soon", state="due soon"),
    _rule("duty.reminded", _W.MEMBERS, _T.DUTY, _U.NOW, _APPLICATION,
          marked("A report on the use of data is overdue"),
          marked("A report on the use of {dataset} (application {number}) was due on {due}."),
          to="overdue", state="overdue"),
    _rule("duty.reminded", _W.MEMBERS, _T.DUTY, _U.NOW, _APPLICATION,
          marked("You may not go on before a report is given"),
          marked("A report on the use of {dataset} (application {number}) was due on {due}. "
                  "Nothing can be used or applied for until it is given."), to="blocking", state="blocking"),
    _rule("feedback.given", _W.OWNER, _T.DUTY, _U.NOTE, _APPLICATION,
          marked("Users of your data reported"),
          marked("The users of {dataset} under application {number} reported what came of the data.")),
    _rule("training.ends_soon", _W.THEMSELF, _T.DUTY, _U.SOON, "/account",
          marked("A course that you took ends soon"),
          marked("Your course {course} counts until {until}. Take it again before that day.")),
)

# Words for each step of a release that anybody is told of; to whom is ``release_states`` to say.
_RELEASE_WORDS: Mapping[tuple[str, Whom], tuple[Topic, Urgency, str, str]] = {
    ("release.blocked", _W.REQUESTER): (
        _T.OUTPUT, _U.SOON,
        marked("A check stopped your output"),
        marked("A check stopped request {number} from {dataset}. Its page says what to change."),
    ),
    ("release.submitted", _W.REVIEWERS_LEFT): (
        _T.REVIEW, _U.SOON,
        _REVIEW_WAITS,
        marked("Request {number} from {dataset} waits for your review."),
    ),
    ("release.vote_voided", _W.REVIEWERS_LEFT): (
        _T.REVIEW, _U.SOON,
        _REVIEW_WAITS,
        marked("Request {number} from {dataset} waits for your review."),
    ),
    ("release.further_asked", _W.REVIEWERS_LEFT): (
        _T.REVIEW, _U.SOON,
        _REVIEW_WAITS,
        marked("Request {number} from {dataset} waits for your review: the votes split."),
    ),
    ("release.reviewed", _W.VOTERS): (
        _T.REVIEW, _U.NOTE,
        marked("The votes on an output are in"),
        marked("All votes on request {number} from {dataset} are in, and you may read the others'."),
    ),
    ("release.returned", _W.REQUESTER): (
        _T.OUTPUT, _U.SOON,
        marked("Your output came back to you"),
        marked("Request {number} from {dataset} came back: read what should change, and send it again."),
    ),
    ("release.rejected", _W.REQUESTER): (
        _T.OUTPUT, _U.NOTE,
        marked("Your output was rejected"),
        marked("Request {number} from {dataset} was rejected. Its page says why."),
    ),
    ("release.released", _W.REQUESTER): (
        _T.OUTPUT, _U.NOTE,
        marked("Your output was released"),
        marked("Request {number} from {dataset} was released: you may download it."),
    ),
    ("release.unveiled", _W.REQUESTER): (
        _T.OUTPUT, _U.NOTE,
        marked("Your planted output was decided"),
        marked("Request {number} from {dataset} was planted, and is decided. Its page says whether it was found."),
    ),
    ("release.unveiled", _W.REVIEWERS): (
        _T.REVIEW, _U.NOTE,
        marked("An output that you could review was planted"),
        marked("Request {number} from {dataset} was planted. Its page says what was to be found, and whether it was."),
    ),
    ("release.superseded", _W.REQUESTER): (
        _T.OUTPUT, _U.NOTE,
        marked("A newer output stands in the place of yours"),
        marked("Release {number} from {dataset} was superseded by a newer one."),
    ),
    ("release.withdrawn", _W.REVIEWERS): (
        _T.REVIEW, _U.NOTE,
        marked("An output was taken back"),
        marked("Request {number} from {dataset} was taken back: there is nothing to review."),
    ),
    ("release.held", _W.REQUESTER): (
        _T.OUTPUT, _U.NOW,
        marked("Your output is on hold"),
        marked("Request {number} from {dataset} is on hold. Its page says why."),
    ),
    ("release.held", _W.REVIEWERS): (
        _T.REVIEW, _U.NOTE,
        marked("An output under review is on hold"),
        marked("Request {number} from {dataset} is on hold: it cannot be voted on now."),
    ),
    ("release.resumed", _W.REQUESTER): (
        _T.OUTPUT, _U.NOTE,
        marked("Your output goes on"),
        marked("Request {number} from {dataset} goes on from where it was."),
    ),
    ("release.resumed", _W.REVIEWERS): (
        _T.REVIEW, _U.NOTE,
        marked("An output under review goes on"),
        marked("Request {number} from {dataset} goes on from where it was."),
    ),
    ("release.recalled", _W.REQUESTER): (
        _T.OUTPUT, _U.NOW,
        marked("Your output was recalled"),
        marked("Release {number} from {dataset} was recalled: do not use or pass on copies of it."),
    ),
    ("release.recalled", _W.REVIEWERS): (
        _T.REVIEW, _U.NOTE,
        marked("An output that you could review was recalled"),
        marked("Release {number} from {dataset} was recalled."),
    ),
}

# fmt: on

# Asked to vote: those who still can. Told of the rest: whoever may look at it.
_ASKS_FOR_VOTES = frozenset({"release.submitted", "release.vote_voided", "release.further_asked"})


def _told_to(event: str, told: Told) -> tuple[Whom, ...]:
    """``release_states``' word for who is told, as people."""
    reviewers = _W.REVIEWERS_LEFT if event in _ASKS_FOR_VOTES else _W.REVIEWERS
    return {
        Told.NOBODY: (),
        Told.REQUESTER: (_W.REQUESTER,),
        Told.REVIEWERS: (reviewers,),
        Told.VOTERS: (_W.VOTERS,),
        Told.BOTH: (_W.REQUESTER, reviewers),
    }[told]


def _of_release(event: str, whom: Whom) -> Rule:
    topic, urgency, subject, text = _RELEASE_WORDS[event, whom]
    return _rule(event, whom, topic, urgency, _RELEASE, subject, text, to=str(whom))


def _of_releases() -> tuple[Rule, ...]:
    steps = {row.event: row.notice for row in TRANSITIONS}
    return tuple(_of_release(event, whom) for event, told in steps.items() for whom in _told_to(event, told))


# fmt: off

_REVIEW = (
    *_of_releases(),
    _rule("release.overdue", _W.REVIEWERS_LEFT, _T.REVIEW, _U.NOW, _RELEASE,
          _REVIEW_WAITS,
          marked("Request {number} from {dataset} was to be decided by {due}, and waits for your review.")),
    _rule("release.overdue", _W.OWNER_SHORT, _T.REVIEW, _U.NOW, _DATASET,
          marked("There are too few reviewers"),
          marked("Too few people may still review an output of {dataset}: name more in its policy."),
          to="too few reviewers"),
)

_IMPORTS = (
    _rule("import.checked", _W.DECIDERS, _T.IMPORT, _U.SOON, _IMPORT,
          marked("Files ask to come in"),
          marked("Import request {number} for {dataset} waits for your decision.")),
    _rule("import.blocked", _W.REQUESTER, _T.IMPORT, _U.SOON, _IMPORT,
          marked("A check stopped your import"),
          marked("A check stopped import request {number} for {dataset}. Its page says what to change.")),
    _rule("import.let_in", _W.REQUESTER, _T.IMPORT, _U.NOTE, _IMPORT,
          marked("Your files were let in"),
          marked("Import request {number} for {dataset} was let in: the next notebook or job sees the files.")),
    _rule("import.refused", _W.REQUESTER, _T.IMPORT, _U.NOTE, _IMPORT,
          marked("Your files were not let in"),
          marked("Import request {number} for {dataset} was refused. Its page says why.")),
    _rule("import.removed", _W.REQUESTER, _T.IMPORT, _U.NOTE, _IMPORT,
          marked("Imported files were taken away"),
          marked("What import request {number} for {dataset} brought in was taken away.")),
    _rule("import.expired", _W.REQUESTER, _T.IMPORT, _U.NOTE, _IMPORT,
          marked("Imported files are over"),
          marked("The time of import request {number} for {dataset} is over.")),
)

_JOBS = (
    _rule("job.finished", _W.REQUESTER, _T.JOB, _U.NOTE, _JOB,
          marked("Your job has ended"),
          marked("Job {number} on the sample of {dataset} ran to its end.")),
    _rule("job.handed_in", _W.REQUESTER, _T.JOB, _U.NOTE, _JOB,
          marked("Your job has ended"),
          marked("Job {number} on {dataset} ran to its end: its outputs are with the checks and reviewers.")),
    _rule("job.ended_early", _W.REQUESTER, _T.JOB, _U.SOON, _JOB,
          marked("Your job has ended"),
          marked("Job {number} on {dataset} ended early.")),
    _rule("job.stopped", _W.REQUESTER, _T.JOB, _U.NOW, _JOB,
          marked("Your job was stopped"),
          marked("Job {number} on {dataset} was stopped: the right to the data ended.")),
    _rule("job.held", _W.REQUESTER, _T.JOB, _U.NOTE, _JOB,
          marked("Your job is on hold"),
          marked("Job {number} on {dataset} is on hold: the data are suspended.")),
    _rule("job.resumed", _W.REQUESTER, _T.JOB, _U.NOTE, _JOB,
          marked("Your job goes on"),
          marked("Job {number} on {dataset} waits for its turn again.")),
)

_DATA = (
    _rule("dataset.suspended", _W.OWNER, _T.DATA, _U.NOW, _DATASET,
          marked("Your data were suspended"),
          marked("The dataset {dataset} was suspended, wholly or in part. Nothing suspended can be used."), to="owner"),
    _rule("dataset.suspended", (_W.USERS, _W.ADMINISTRATORS), _T.DATA, _U.NOW, _DATASET,
          marked("Data were suspended"),
          marked("The dataset {dataset} was suspended, wholly or in part. Its page says what stopped."), to="users"),
    _rule("dataset.resumed", (_W.OWNER, _W.USERS, _W.ADMINISTRATORS), _T.DATA, _U.NOTE, _DATASET,
          marked("Suspended data may be used again"),
          marked("A suspension of {dataset} ended. Its page says whether another one stands.")),
    _rule("dataset.published", _W.USERS, _T.DATA, _U.NOTE, _DATASET,
          marked("Data that you use have a new version"),
          marked("The dataset {dataset} has a new version.")),
    _rule("dataset.destroyed", (_W.OWNER, _W.USERS, _W.ADMINISTRATORS), _T.DATA, _U.NOW, _DATASET,
          marked("Data were destroyed"),
          marked("The data of {dataset} were destroyed: nobody can use them any more.")),
)

_OBJECTIONS = (
    _rule("objection.received", (_W.OWNER, _W.ADMINISTRATORS), _T.OBJECTION, _U.NOW, _OBJECTION,
          marked("An objection was received"),
          marked("Objection {number} to {dataset} was received, and waits for you.")),
    _rule("objection.withdrawn", (_W.OWNER, _W.ADMINISTRATORS), _T.OBJECTION, _U.NOTE, _OBJECTION,
          marked("An objection was taken back"),
          marked("Objection {number} to {dataset} was taken back.")),
    *(
        _rule(f"objection.{verb}", _W.OBJECTOR, _T.OBJECTION, _U.NOTE, "/object/status",
              marked("There is news about your objection"),
              marked("Objection {number} to {dataset} has moved on. Number and tracking word show how."))
        for verb in ("looked_at", "suspended", "upheld", "corrected", "unit_withheld", "dismissed",
                     "dismissed_as_abuse")
    ),
)

_POLICIES = (
    _rule("policy.proposed", _W.DECIDERS, _T.POLICY, _U.SOON, "/policies",
          marked("A policy change waits for a second person"),
          marked("Change {number} of the policy of {about} loosens it, and waits for a second person.")),
    _rule("policy.approved", _W.PROPOSER, _T.POLICY, _U.NOTE, "/policies",
          marked("Your policy change was approved"),
          marked("Change {number} of the policy of {about} was approved.")),
    _rule("policy.rejected", _W.PROPOSER, _T.POLICY, _U.NOTE, "/policies",
          marked("Your policy change was rejected"),
          marked("Change {number} of the policy of {about} was rejected.")),
    _rule("policy.voided", _W.PROPOSER, _T.POLICY, _U.NOTE, "/policies",
          marked("Your policy change is void"),
          marked("Change {number} of the policy of {about} is void: the policy was changed in another way.")),
)

_USE = (
    _rule("use.unusual", _W.OWNER, _T.USE, _U.NOW, "/decisions",
          marked("Unusual use of data"),
          marked("Somebody of the project {project} uses {dataset} unusually. Look at who has access."),
          to="owner"),
    _rule("use.unusual", _W.ADMINISTRATORS, _T.USE, _U.NOW, "/log",
          marked("Unusual use of data"),
          marked("Somebody of the project {project} uses {dataset} unusually. The log shows what they did."),
          to="administrators"),
    _rule("log.restored", (_W.AUDITORS, _W.ADMINISTRATORS), _T.USE, _U.NOW, "/log",
          marked("The log was restored"),
          marked("The log goes on from a database that was put back. Its entry says from where.")),
    _rule("message.given_up", _W.ADMINISTRATORS, _T.USE, _U.NOW, "/notices",
          marked("Messages could not be sent"),
          marked("Messages by {channel} could not be sent for too long. 'sandbox notices outbox' says why."),
          inside=True),
    _rule("breach.recorded", (_W.MEMBER, _W.OWNER), _T.USE, _U.NOW, "/breaches",
          marked("A breach was recorded"),
          marked("A breach of the agreement on {dataset} was recorded.")),
    _rule("breach.lifted", (_W.MEMBER, _W.OWNER), _T.USE, _U.NOTE, "/breaches",
          marked("A breach was lifted"),
          marked("A recorded breach of the agreement on {dataset} was lifted.")),
)

_ACCOUNTS = (
    _rule("person.roles_set", _W.THEMSELF, _T.ACCOUNT, _U.NOTE, "/account",
          marked("Your roles were changed"),
          marked("An administrator changed your roles. Your account's page shows them.")),
    _rule("person.password_set", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Your password was set"),
          marked("An administrator set a new password for you.")),
    _rule("person.password_changed", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Your password was changed"),
          marked("Your password was changed. If that was not you, tell an administrator at once.")),
    _rule("person.second_factor_set", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Your second factor was set up"),
          marked("A second factor was set up. If that was not you, tell an administrator at once.")),
    _rule("person.second_factor_reset", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Your second factor was taken away"),
          marked("An administrator took your second factor away. Set up a new one.")),
    _rule("person.mail_asked", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Another e-mail address was given"),
          marked("Another e-mail address was given for you. It counts once it is confirmed. "
                  "If that was not you, tell an administrator at once.")),
    _rule("person.bound", _W.THEMSELF, _T.ACCOUNT, _U.NOTE, "/account",
          marked("Your account was bound to a provider"),
          marked("Your account was bound to an identity of your organisation's provider.")),
    _rule("person.unbound", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Your account was unbound from a provider"),
          marked("An administrator unbound your account from its identity at the provider.")),
    _rule("person.activated", _W.THEMSELF, _T.ACCOUNT, _U.NOTE, "/account",
          marked("Your account is open again"),
          marked("An administrator opened your account again.")),
    _rule("person.sign_in_unusual", _W.THEMSELF, _T.ACCOUNT, _U.NOW, "/account",
          marked("Many wrong sign-ins at your account"),
          marked("Many wrong passwords or codes were typed for your account. If "
                  "that was not you, tell an administrator.")),
    _rule("training.recorded", _W.THEMSELF, _T.ACCOUNT, _U.NOTE, "/account",
          marked("A course was recorded"),
          marked("Your course {course} was recorded; it counts until {until}.")),
)

_SOCIETY = (
    *(
        _rule(f"demand.{verb}", _W.REQUESTER, _T.SOCIETY, _U.NOTE, "/demands/{number}",
              marked("Your wish for data was answered"),
              marked("Your wish {number} for data was answered. Its page says how."))
        for verb in ("planned", "opened", "refused", "merged")
    ),
    _rule("result.reported", _W.OWNER, _T.SOCIETY, _U.SOON, "/results",
          marked("A result waits for your confirmation"),
          marked("Result {number} was reported to have been made with {dataset}. Confirm it or send it back.")),
    _rule("result.confirmed", _W.REQUESTER, _T.SOCIETY, _U.NOTE, "/results",
          marked("Your result is on the register"),
          marked("Result {number} made with {dataset} was confirmed, and is on the public register.")),
    _rule("result.returned", _W.REQUESTER, _T.SOCIETY, _U.SOON, "/results",
          marked("Your result came back to you"),
          marked("Result {number} made with {dataset} came back: tell it better.")),
)

# fmt: on

TABLE: tuple[Rule, ...] = (
    *_ACCESS,
    *_DUTIES,
    *_REVIEW,
    *_IMPORTS,
    *_JOBS,
    *_DATA,
    *_OBJECTIONS,
    *_POLICIES,
    *_USE,
    *_ACCOUNTS,
    *_SOCIETY,
)
RULES: Mapping[str, Rule] = {rule.kind: rule for rule in TABLE}
_BY_EVENT: dict[str, tuple[Rule, ...]] = {}
for _one in TABLE:
    _BY_EVENT[_one.event] = (*_BY_EVENT.get(_one.event, ()), _one)
EVENTS = frozenset(_BY_EVENT)
_DAYS = ("due", "ends", "until")
UNKNOWN = marked("There is something for you")


def rules_for(action: str, facts: Mapping[str, Fact]) -> tuple[Rule, ...]:
    """The rows for an event, in the table's order: who is told by one is not told again by a later one."""
    return tuple(
        rule
        for rule in _BY_EVENT.get(action, ())
        if all(facts.get(name) == value for name, value in rule.when.items())
    )


def told_minute(at: str) -> str:
    """The minute of an event, rounded up.

    >>> told_minute("2026-01-05T12:59:01.500000+00:00")
    '2026-01-05T13:00:00+00:00'
    """
    exact = datetime.fromisoformat(at)
    minute = exact.replace(second=0, microsecond=0)
    return (minute if minute == exact else minute + timedelta(minutes=1)).isoformat()


def subject_of(notice: Notice, translate: Callable[[str], str]) -> str:
    """The constant line of a notice, in words; of a kind that this version does not know, that there is something."""
    rule = RULES.get(notice.kind)
    return translate(rule.subject if rule is not None else UNKNOWN)


def text_of(
    notice: Notice, translate: Callable[[str], str], *, day: Callable[[date], str] = date.isoformat
) -> str:
    """What a notice says in the portal; a value that it does not have is a dash.

    Args:
        day: words a day.
    """
    rule = RULES.get(notice.kind)
    values = {name: _day(value, day) if name in _DAYS else value for name, value in notice.values.items()}
    return translate(rule.text if rule is not None else UNKNOWN).format_map(_Dashes(values))


def _day(value: str, day: Callable[[date], str]) -> str:
    try:
        return day(date.fromisoformat(value))
    except ValueError:
        return value


class _Dashes(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "–"
