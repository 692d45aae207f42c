"""A template and its values become a response. Everything is escaped; a missing value is an error."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from sandbox import language
from sandbox.domain.audit import Fact
from sandbox.domain.errors import SandboxError
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import Planting
from sandbox.domain.privacy_loss import Accounting
from sandbox.language import marked as _
from sandbox.portal.display import THEMES, theme_of
from sandbox.portal.forms import FIELD, form_token, visitor_token
from sandbox.portal.pages.log_words import about, done
from sandbox.portal.pages.policy_words import changed, meaning
from sandbox.portal.requests import caller_or_none, system_of, token_of
from sandbox.settings import PORTAL_PREFIX

_ADDRESS = re.compile(r"https?://[^\s<>\"'\\^`{|}]+[^\s<>\"'\\^`{|}.,;:!?)\]]")

_SHA256 = re.compile(r"[0-9a-f]{64}")

# What everybody may read, beside the catalogue.
_PUBLIC: tuple[tuple[str, str], ...] = (
    ("/demands", _("Wanted data")),
    ("/projects", _("Projects")),
    ("/results", _("Results")),
    ("/transparency", _("Transparency")),
)

# Which rooms of the portal a person's roles need; the rooms themselves check again.
_NAVIGATION: tuple[tuple[str, str, frozenset[Role]], ...] = (
    ("/grants", _("My data"), frozenset({Role.RESEARCHER})),
    ("/jobs", _("My jobs"), frozenset({Role.RESEARCHER})),
    ("/releases", _("My outputs"), frozenset({Role.RESEARCHER})),
    ("/owner", _("Owned data"), frozenset({Role.OWNER})),
    ("/decisions", _("Decisions"), frozenset({Role.OWNER})),
    ("/review", _("Review"), frozenset({Role.REVIEWER})),
    ("/imports", _("Imports"), frozenset({Role.RESEARCHER, Role.OWNER, Role.ADMINISTRATOR})),
    ("/objections", _("Objections"), frozenset({Role.OWNER, Role.ADMINISTRATOR})),
    ("/planted", _("Planted outputs"), frozenset({Role.ADMINISTRATOR})),
    ("/people", _("People"), frozenset({Role.ADMINISTRATOR})),
    ("/policies", _("Policies"), frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR})),
    ("/log", _("Log"), frozenset({Role.AUDITOR, Role.ADMINISTRATOR})),
    ("/health", _("Health"), frozenset({Role.ADMINISTRATOR})),
)

# What a page says after a form: only these texts, so that an address cannot put words on a page.
_NOTICES = {
    "applied": "Your application was handed in. The owner decides next.",
    "drafted": "Your draft was kept. Only you see it; submit it when it is complete.",
    "kept": "Your changes were kept. They are not submitted yet.",
    "access-submit": "Your application was handed in. The owner decides next.",
    "access-withdraw": "You took the application back.",
    "access-approve": "The application was approved. Everybody it names signs next.",
    "access-return": "The application went back to the applicant.",
    "access-reject": "The application was rejected.",
    "access-sign": "You signed the agreement. The grants begin with the last signature.",
    "access-decline": "You did not accept the agreement. The application went back to the applicant.",
    "access-leave": "You gave your grant back. The others go on.",
    "access-remove_member": "The member's grant ended. The others go on.",
    "access-revoke": "All grants of the application were revoked.",
    "access-close": "It is closed. Keep the certificate.",
    "access-report": "Thank you: the report is there.",
    "access-lift": "The block was lifted.",
    "job-cancel": "You took the job back.",
    "job-raw": "The same package was sent to the raw rows. What it writes goes to the reviewers.",
    "vote": "Your vote was counted.",
    "commented": "Your comment was kept. Others see it when the votes are in.",
    "comment-voided": "Your comment counts no more. It stays, with your reason.",
    "planted": "The request is planted. Its reviewers learn of it when they have decided.",
    "next-turn": "The next turn was handed in, and the checks have looked at it.",
    "policy_approve": "You approved the change. It holds now, or once the dataset is published by it.",
    "policy_reject": "You rejected the change. Nothing was changed.",
    "draft-kept": "The draft was kept. Nothing is published yet.",
    "draft-file": "The file was taken. Its columns are in the policy now, where that said nothing of them.",
    "draft-file-out": "The file was taken out of the draft.",
    "draft-discarded": "The draft is gone, and its files with it.",
    "change-applied": "The change holds now.",
    "change-proposed": "The change was proposed. It holds when a second person approves it.",
    "notebook-stop": "It is stopped, or will be in a moment.",
    "withdraw": "You took the request back.",
    "import-asked": "It was handed in, and the checks have looked at it.",
    "import-let_in": "It is let in: notebooks and jobs of the project see it from their next start.",
    "import-refuse": "The request was refused.",
    "import-withdraw": "You took the request back.",
    "import-remove": "It was taken away: it is gone at the next start.",
    "objection": "It was written down. Whoever objected reads your answer by their tracking word.",
    "suspended": "The data are suspended: nothing can be asked, opened or let out until you resume them.",
    "resumed": "What you suspended is resumed. If something else suspends the data, it stands below.",
    "destroyed": "The data are destroyed: no byte of them can be opened any more. The certificate is below.",
    "hold": "The request is on hold.",
    "let_go": "The request goes on from where it was.",
    "recall": "The output was called back. Its crate is not handed out any more.",
    "asked": "It is on the list. Others can now say that they want it too.",
    "wanted": "Your vote was counted.",
    "answered": "Your answer is on the list.",
    "hidden": "It is hidden. It stays in the records, with your reason.",
    "shown": "It is shown again.",
    "rated": "Your rating was kept. You may change it at any time.",
    "reported": "Thank you. The data's owner looks at it; then everybody can see it.",
    "confirm": "The result is on the register.",
    "return": "The result went back to the one who reported it.",
    "off": "The result is off the register.",
    "recorded": "The breach is on record, and its notice is public.",
    "lifted": "The breach is lifted. Its notice says so.",
    "password": "You have a new password.",
    "roles": "The roles were changed.",
    "deactivate": "The account was closed. Sign-in, tokens and notebooks refuse from now on.",
    "activate": "The account was opened again.",
    "reset_second_factor": "The second factor was taken away.",
    "training": "The course was recorded.",
    "notices": "Your choice was kept.",
    "address": "A code is on its way to that address. Type it below when it is there.",
    "confirmed": "The address is confirmed. Notices are sent there.",
    "no_address": "The address was taken away. Nothing is sent to you by e-mail.",
    "language": "Your language was kept.",
    "read": "They are marked as read.",
}


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page.

    Args:
        template: a file's name in ``templates/``.
        status: the HTTP status.
        context: the template's values. Every page also has ``site``, ``prefix``, ``path``, ``person``,
            ``navigation``, ``notice``, ``unread`` (notices), the form token, what the reader chose to see, and
            ``titled``, which gives the title of the dataset of a name.
    """
    person = _signed_in(request)
    nonce = secrets.token_urlsafe(16)
    html = _environment.get_template(template).render(
        site=system_of(request).site.name,
        prefix=PORTAL_PREFIX,
        path=request.url.path.removeprefix(PORTAL_PREFIX) or "/",
        person=person,
        public=_PUBLIC,
        unread=_unread(request, person),
        navigation=_rooms(request, person),
        notice=_NOTICES.get(request.query_params.get("done", ""), ""),
        languages=language.LANGUAGES,
        speaking=language.speaking(),
        themes=THEMES,
        theme=theme_of(request),
        may_choose=person is not None or not token_of(request),
        nonce=nonce,
        titled=partial(_title, request),
        form_field=FIELD,
        form_token=form_token(request) if person else visitor_token(request),
        **context,
    )
    return HTMLResponse(html, status_code=status, headers={"Content-Security-Policy": page_policy(nonce)})


def fragment(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A piece of a page for our own script, which puts it in its place. It has no form token and no script."""
    html = _environment.get_template(template).render(prefix=PORTAL_PREFIX, **context)
    return HTMLResponse(html, status_code=status)


def page_policy(nonce: str) -> str:
    """A page's Content-Security-Policy: our scripts, by a word that no content knows."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'; style-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def go(path: str, *, done: str, at: str = "") -> RedirectResponse:
    """To a page after a form, so that reloading it sends nothing twice.

    Args:
        path: below the portal's prefix; written by us, never taken from a request.
        done: a key of the notices.
        at: where on the page; likewise.
    """
    place = f"#{at}" if at else ""
    return RedirectResponse(f"{PORTAL_PREFIX}{path}?done={done}{place}", status_code=303)


def _rooms(request: Request, person: Person | None) -> list[tuple[str, str]]:
    """A person's own rooms; one that the site's policy keeps shut is not among them."""
    shut = set() if system_of(request).site.review.planted is Planting.ALLOWED else {"/planted"}
    if person is None:
        return []
    return [(path, label) for path, label, roles in _NAVIGATION if person.roles & roles and path not in shut]


def _signed_in(request: Request) -> Person | None:
    try:
        caller = caller_or_none(request)
    except (
        Exception
    ):  # the page that says what is wrong has to be written even when the hub or the store is down
        return None
    return caller.person if caller and caller.grant_id is None else None


def _unread(request: Request, person: Person | None) -> int:
    """How many notices this person has not read; pages are written also when nobody can say."""
    try:
        return system_of(request).my_notices.unread(person) if person else 0
    except SandboxError:
        return 0


def _title(request: Request, name: str) -> str:
    listed = system_of(request).listed.all().get(name)
    return listed.title if listed is not None else name


def with_links(text: str) -> Markup:
    """Text with its web addresses as links; everything else escaped.

    >>> str(with_links("<b> https://example.org/a."))
    '&lt;b&gt; <a href="https://example.org/a" rel="noopener noreferrer">https://example.org/a</a>.'
    """
    parts, at = [], 0
    for match in _ADDRESS.finditer(text):
        link = Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(match.group())
        parts += [escape(text[at : match.start()]), link]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def day(value: date | str) -> str:
    """``2024-03-05`` as ``5 March 2024``, in the reader's language."""
    return language.day(date.fromisoformat(value) if isinstance(value, str) else value)


def moment(value: str, seconds: bool = False) -> str:
    """An ISO time in UTC as ``5 Mar 2024, 14:07``, in the reader's language."""
    return language.moment(datetime.fromisoformat(value), seconds=seconds)


def size(n_bytes: int) -> str:
    """``48200`` as ``48 kB``."""
    for unit, step in (("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= step:
            return f"{n_bytes / step:.3g} {unit}"
    return language.gettext("%s bytes") % n_bytes


def rounded(value: float) -> str:
    """Three significant digits, never in exponent form for everyday sizes."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def plain(value: float | str) -> str:
    """A delta without padding: ``1e-06`` as ``1e-6``."""
    return f"{float(value):g}".replace("e-0", "e-")


def nanos(budget: Mapping[str, Any], whose: str) -> str:
    """A loss of an agreement, ``all`` or ``question``, as it is kept."""
    return f"{_nanos(budget, whose):,} nano-{Accounting(budget['accounting']).symbol}"


def _nanos(budget: Mapping[str, Any], whose: str) -> int:
    # Agreements that were signed before there were two accountings call it by its old name.
    return int(budget.get(f"{whose}_nano", budget.get(f"{whose}_nano_rho", 0)))


def fact(value: Fact) -> Markup:
    """A fact of the log; a SHA-256 is shown by its beginning, with all of it as its title."""
    items = value if isinstance(value, list) else [value]
    return Markup(", ").join(
        Markup('<code title="{}">{}…</code>').format(item, item[:12])
        if isinstance(item, str) and _SHA256.fullmatch(item)
        else escape(item)
        for item in items
    )


def left(percent: float) -> str:
    """A share that is left, in percent: whole, and never whole when something was spent.

    >>> left(100.0), left(99.97), left(42.4), left(0.04), left(0.0)
    ('100', '99.9', '42', '0.04', '0')
    """
    if 99 < percent < 100:
        return f"{math.floor(10 * percent) / 10:.1f}"
    return f"{percent:.1g}" if 0 < percent < 0.5 else f"{percent:.0f}"


def opening(text: str, most: int) -> str:
    """The sentences that fit into so many characters; words and an ellipsis when they are too few.

    >>> opening("Ten people. Each has a row with many columns.", 40)
    'Ten people.'
    >>> opening("Each of them has a row with many columns.", 20)
    'Each of them has a…'
    """
    if len(text) <= most:
        return text
    sentences = text[: text.rfind(". ", 0, most) + 1]
    if len(sentences) > most // 4:
        return sentences
    return text[:most].rsplit(maxsplit=1)[0].rstrip(",;:") + "…"


def grouped(value: int | float) -> str:
    """``20000`` as ``20,000``; smaller ones, years among them, as they are."""
    return f"{value:,}" if abs(value) >= 10_000 else str(value)


def words(value: str) -> str:
    """``partially_reviewed`` as ``partially reviewed``, in the reader's language."""
    return language.gettext(str(value).replace("_", " "))


# The classes as the regulation calls them; an installation's own names are shown as they are.
# Between words: what a sentence lists (``language.said``), and what templates join.
_LISTS = (_("joined: or"), _("joined: and"), _("joined: ,"), _("joined: :"), _("joined: ."))


def joint(sign: str) -> str:
    """A sign between words, with the space that follows it in the reader's language.

    >>> joint(":")
    ': '
    """
    text = f"joined: {sign}"
    worded = language.gettext(text)
    return f"{sign} " if worded == text else worded


_CLASSES = {
    "unconditional": _("open class: unconditional"),
    "conditional": _("open class: conditional"),
    "closed": _("open class: closed"),
}


def class_word(name: str) -> str:
    """The name of a class, in the reader's language where it is the usual one."""
    text = _CLASSES.get(str(name), "")
    worded = language.gettext(text) if text else ""
    return str(name) if worded == text else worded


def _spoken(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a filter that is worked out anew for each page.

    Jinja works a constant's filter out once, in the language of who came first: but for one that takes the context.
    """

    @pass_context
    def filtered(_context: Context, *values: Any, **named: Any) -> Any:
        return function(*values, **named)

    return filtered


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    extensions=["jinja2.ext.i18n"],
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.policies["ext.i18n.trimmed"] = True
_environment.install_gettext_callables(  # type: ignore[attr-defined]  # put there by the extension
    language.gettext, language.ngettext, newstyle=True
)
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "said": language.said,
    "class_word": class_word,
    "named": language.named,
    "done": done,
    "about": about,
    "changed": changed,
    "policy_key": meaning,
    "with_links": with_links,
    "day": day,
    "moment": moment,
    "size": size,
    "rounded": rounded,
    "plain": plain,
    "nanos": nanos,
    "fact": fact,
    "words": words,
    "opening": opening,
    "grouped": grouped,
    "left": left,
}
_environment.globals["joint"] = joint
_environment.filters.update({name: _spoken(function) for name, function in _FILTERS.items()})
