"""Applications, agreements and certificates in a terminal. People wrote most of it: it stays text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape

from sandbox.cli.common import console
from sandbox.domain.agreement import in_words
from sandbox.domain.earlier_form import is_present
from sandbox.domain.papers import Paper
from sandbox.domain.privacy_loss import Accounting
from sandbox.terminal import indented, plain, plain_table


def show_step(document: Mapping[str, Any], *, since: int = 0) -> None:
    """The newest entry of the log about an application, its clause, and what may be done next.

    Args:
        since: the entry that was the newest before: then all that came since.
    """
    events = [event for event in document["events"] if since and event["entry"] > since]
    state = str(document["state"]).replace("_", " ")
    console.print(f"[green]✓[/] Application {document['id']} is [bold]{escape(state)}[/].", highlight=False)
    for event in events or document["events"][-1:]:
        show_event(event)
    if document["state"] == "approved" and document["unsigned"]:
        say(f"Still to sign: {', '.join(document['unsigned'])}.", indent=2)
    if document["allowed_actions"]:
        say(f"You may: {', '.join(document['allowed_actions'])}.", indent=2)


def show_event(event: Mapping[str, Any]) -> None:
    """One entry of the log: what, by which clause, where it stands."""
    clause = f"  [clause: {event['clause']}]" if event["clause"] else ""
    when = str(event["at"])[:16].replace("T", " ")
    say(f"{when}  {event['actor']}: {event['action']}{clause}  log entry {event['entry']}", indent=2)
    if event["reason"]:
        say(event["reason"], indent=4)


def show_list(documents: list[dict[str, Any]]) -> None:
    """One line for each application."""
    if not documents:
        say("There is no application of yours, and none that you decide.")
        return
    table = plain_table("no.", "dataset", "project", "people", "state", "decision by", "you may")
    for one in documents:
        people = ", ".join([one["applicant"], *one["members"]])
        cells = (
            one["id"],
            one["dataset"],
            one["project"],
            people,
            one["state"],
            one["decision_due"] or "",
            ", ".join(one["allowed_actions"]),
        )
        table.add_row(*(escape(plain(cell)) for cell in cells))
    console.print(table)


def show_application(document: Mapping[str, Any]) -> None:
    """All of an application: what is asked for, its turns, the agreement, what is owed, what happened."""
    state = str(document["state"]).replace("_", " ")
    say(f"Application {document['id']}, version {document['version']}: {document['title']} ({state})")
    for name, value in _asked(document):
        say(f"{name}: {value}", indent=2)
    for turn in document["turns"]:
        if turn["answer"]:
            say(f"Turn {turn['turn']} came back: {turn['answer']}", indent=2)
    if document["changes"]:
        say("What the newest turn changed:")
        for change in document["changes"]:
            say(f"{change['name']}: {change['before'] or '–'} → {change['after'] or '–'}", indent=2)
    show_clauses(document)
    for duty in document["duties"]:
        say(f"A report is due on {duty['due']} ({duty['state']}).")
    for report in document["reports"]:
        say(f"Report of {report['person']}, usefulness {report['usefulness']} of 5: {report['text']}")
    say("What happened:")
    for event in document["events"]:
        show_event(event)
    if document["allowed_actions"]:
        say(f"You may: {', '.join(document['allowed_actions'])}.")


def show_clauses(document: Mapping[str, Any]) -> None:
    """The agreement, clause by clause, and who signed it."""
    if not document["clauses"]:
        return
    say("The agreement:")
    for clause in document["clauses"]:
        say(f"{clause['clause']}: {clause['text']}", indent=2)
    say(f"SHA-256 {document['agreement_sha256']}", indent=2)
    say(f"Signed by: {', '.join(document['signed']) or 'nobody yet'}.", indent=2)


def show_paper(paper: Paper) -> None:
    """What a verified agreement or certificate says."""
    say(f"SHA-256 {paper.sha256}", indent=2)
    for name, text in _paper_words(paper):
        say(f"{name}: {text}", indent=2)


def say(text: object, *, indent: int = 0) -> None:
    """One line or paragraph, as it is."""
    lines = indented(plain(text), indent=" " * indent, width=console.width)
    console.print(lines, highlight=False, markup=False, soft_wrap=True)


def _asked(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    tables = "; ".join(f"{table} ({', '.join(columns)})" for table, columns in document["tables"].items())
    yield "project", document["project"]
    yield "people", ", ".join([document["applicant"], *document["members"]])
    if document["organisation"]:
        yield "organisation", document["organisation"]
    yield "purpose", document["purpose"]
    yield "legal basis", document["legal_basis"] or "none given"
    yield "mode", document["mode"]
    yield "days", document["days"]
    yield "columns", tables or "all of them"
    yield "budget wanted", f"ε = {document['epsilon']}" if document["epsilon"] else "what the owner can give"
    yield "planned outputs", document["output_plan"]
    if document["decision_due"]:
        yield "first decision due", document["decision_due"]


def _paper_words(paper: Paper) -> Iterator[tuple[str, Any]]:
    body = paper.body
    if paper.kind == "agreement":
        if "format" in body and is_present(body):
            yield from in_words(body)
        else:
            yield "format", "an earlier one, which permits nothing any more"
        return
    symbol = Accounting(body["accounting"]).symbol
    yield "application", f"{body['application']}, project {body['project']}, dataset {body['dataset']}"
    yield "people", ", ".join(body["people"])
    yield "period", f"{body['period']['starts']} to {body['period']['ends']}, closed on {body['closed_on']}"
    yield "agreement", body["agreement_sha256"]
    yield "spent", f"{body['spent_nano']:,} nano-{symbol}"
    for release in body["releases"]:
        yield "release", f"{release['release']}, crate {release['crate_sha256']}"
    yield "kept", body["kept"]
    yield "log", f"entry {body['log']['seq']} ({body['log']['hash']})"
