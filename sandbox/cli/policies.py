"""``sandbox policy``: the files that say what holds, what they would change, and who has to agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sandbox.cli.common import console, operator, person_named, system
from sandbox.cli.policy_words import (
    print_comparison,
    print_mistakes,
    print_notes,
    print_proposal,
    print_proposals,
)
from sandbox.domain.errors import BadInput, PolicyMistake, PolicyRefused
from sandbox.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Check policy files, and let them hold.")

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="site.yaml, or datasets' policies; all of the folder when left out."),
]
As = Annotated[
    str, typer.Option("--as", help="Your user name; your password is asked for. The operator when left out.")
]
Number = Annotated[int, typer.Argument(help="The proposal's number.")]
Comment = Annotated[str, typer.Option(help="A sentence that is kept with the decision.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("check")
def policy_check(files: Files = None) -> None:
    """Check policy files; every mistake of all of them is named with file, line, key and allowed values.

    Without FILES, says as well what is published without a file, or otherwise than its file says.
    """
    from sandbox.store.policy_files import Site, read_dataset_policy, read_site

    settings = Settings.from_environment()
    mistakes: list[PolicyMistake] = []
    sites: dict[Path, Site | None] = {}

    def site_of(file: Path) -> Site | None:
        if file not in sites:
            try:
                sites[file] = read_site(file)
            except PolicyRefused as refused:
                mistakes.extend(refused.mistakes)
                sites[file] = None
            except BadInput as wrong:
                mistakes.append(PolicyMistake(str(file), 0, "file", wrong.message))
                sites[file] = None
        return sites[file]

    good: list[Path] = []
    for file in files or _all_files(settings):
        try:
            if file.name == "site.yaml":
                good += [file] if site_of(file) else []
            else:
                here = file.resolve().parent
                read_dataset_policy(
                    file, site_of(settings.policies / "site.yaml"), by_name=here.name == "datasets"
                )
                good.append(file)
        except PolicyRefused as refused:
            mistakes += refused.mistakes
        except BadInput as wrong:
            mistakes.append(PolicyMistake(str(file), 0, "file", f"{wrong.message} {wrong.fix}"))
    for file in good:
        console.print(f"[green]✓[/] {escape(str(file))}", highlight=False, soft_wrap=True)
    if mistakes:
        print_mistakes(Console(stderr=True), mistakes)
        raise typer.Exit(2)
    if not files and _has_state(settings):
        print_notes(console, [n for n in system().policy_views.standing(settings.policies) if not n.good])


@app.command("diff")
def policy_diff(files: Files = None, as_json: Json = False) -> None:
    """Say what files would change of what is published, key by key: what tightens, what loosens, what is neutral."""
    from sandbox.portal.documents import policy_comparison

    settings, sandbox = Settings.from_environment(), system()
    compared = [(file, sandbox.change_policy.compare(file)) for file in files or _all_files(settings)]
    if as_json:
        documents = [{"file": str(file), **policy_comparison(comparison)} for file, comparison in compared]
        typer.echo(json.dumps(documents, ensure_ascii=False, indent=2))
        return
    for file, comparison in compared:
        print_comparison(console, str(file), comparison)


@app.command("apply")
def policy_apply(
    file: Annotated[Path, typer.Argument(help="site.yaml, or a dataset's policy.")],
    reason: Annotated[str, typer.Option(help="Why; for the one who has to approve it.")] = "",
    as_name: As = "",
) -> None:
    """Let a file hold without publishing the data again. What loosens becomes a proposal for a second person."""
    sandbox = system()
    person = person_named(sandbox, as_name) if as_name else operator(sandbox)
    done = sandbox.change_policy.apply(person, file, reason=reason)
    print_comparison(console, str(file), done.comparison)
    if done.proposal is not None:
        console.print(
            f"[yellow]…[/] Proposal [bold]{done.proposal.id}[/] waits for a second person: "
            f"sandbox policy approve {done.proposal.id} --as NAME",
            highlight=False,
            soft_wrap=True,
        )
    elif done.comparison.changes:
        console.print(f"[green]✓[/] It holds: version {done.version}.", highlight=False)


@app.command("proposals")
def policy_proposals(
    number: Annotated[int | None, typer.Argument(help="One of them, with all that it changes.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that wait no more.")] = False,
    as_json: Json = False,
) -> None:
    """List the changes that wait for a second person."""
    from sandbox.portal.documents import policy_proposal

    sandbox = system()
    if number is not None:
        views = [sandbox.policy_views.proposal(operator(sandbox), number)]
    else:
        found = sandbox.policy_views.proposals(operator(sandbox))
        views = [v for v in found if everything or v.waits]
    if as_json:
        typer.echo(json.dumps([policy_proposal(v) for v in views], ensure_ascii=False, indent=2))
    elif number is not None:
        print_proposal(console, views[0])
    else:
        print_proposals(console, views)


@app.command("approve")
def policy_approve(
    number: Number,
    as_name: Annotated[str, typer.Option("--as", help="Your user name; your password is asked for.")],
    comment: Comment = "",
) -> None:
    """Approve a proposal of somebody else: it holds then, or once the dataset is published by it."""
    sandbox = system()
    person = person_named(sandbox, as_name)
    print_proposal(console, sandbox.policy_views.proposal(person, number))
    done = sandbox.change_policy.approve(person, number, comment=comment)
    if done.state == "applied":
        console.print(f"[green]✓[/] Proposal {number} is approved, and holds.", highlight=False)
    else:
        console.print(
            f"[green]✓[/] Proposal {number} is approved. It holds once {done.name} is published by it: "
            "sandbox dataset publish FILE TABLE=FILE",
            highlight=False,
            soft_wrap=True,
        )


@app.command("reject")
def policy_reject(number: Number, comment: Comment = "", as_name: As = "") -> None:
    """Reject a proposal, or take one's own back."""
    sandbox = system()
    person = person_named(sandbox, as_name) if as_name else operator(sandbox)
    sandbox.change_policy.reject(person, number, comment=comment)
    console.print(f"Proposal {number} is rejected.", highlight=False)


@app.command("show")
def policy_show(
    name: Annotated[str, typer.Argument(help="A dataset's name, or 'site'.")],
) -> None:
    """Print the policy that holds as a file: what was published stays when its file is gone."""
    from sandbox.store.policy_files import written_policy

    typer.echo(written_policy(system().change_policy.holds(name)), nl=False)


@app.command("schema")
def policy_schema(
    kind: Annotated[str, typer.Argument(help="site, dataset or outputs.")],
) -> None:
    """Print the JSON Schema of a policy file or of outputs.yaml, for editors that complete and check while typing."""
    from sandbox.store.policy_reference import SCHEMAS, json_schema_text

    if kind not in SCHEMAS:
        raise BadInput(f"There is no schema of {kind!r}.", where="kind", fix=f"Write {' or '.join(SCHEMAS)}.")
    typer.echo(json_schema_text(kind), nl=False)


def _all_files(settings: Settings) -> list[Path]:
    return [settings.policies / "site.yaml", *sorted((settings.policies / "datasets").glob("*.yaml"))]


def _has_state(settings: Settings) -> bool:
    """Checking a folder does not make an installation."""
    return bool(settings.database_url) or (settings.home / "state.db").is_file()
