"""What the documents show is done as they show it: the README's example in a locked notebook, the console's lines."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sandbox.demo.kernel import Kernel
from tests.documents import PAGES, ROOT, blocks, typed
from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# Typed by a person, or with a test of its own; everything else is run here.
PERSON = "is a person's own step, in the order of the page: tests/cli/test_cli_access.py"
DEMANDS = "is about what people asked for: tests/cli/test_cli_society.py"
PROPOSALS = "is about a change that waits: tests/cli/test_cli_policies.py"
OBJECTIONS = "is about an objection that somebody made: tests/cli"
SUSPENSION = "stops what other tests use: below, and resumed at once"
MARIA = "is about the person who is added below, and run there"
FILES = "is about files that somebody kept: tests/cli/test_cli_proofs.py, tests/disclosure/test_crate.py"
IMPORTS = "is about a request that somebody made: tests/cli/test_cli_imports.py"
JOBS = "asks for the token of a login: tests/cli/test_cli_jobs.py"
ATTACKS = "takes minutes: tests/e2e/test_notebook_attacks.py, tests/cli/test_cli_attacks.py"
NOTICES = "needs an address and a server of one's own: tests/cli/test_cli_notices.py"
ELSEWHERE = {
    "sandbox audit check mine.jsonl --key platform.pem": FILES,
    "sandbox audit consistent old.json new.json --proof proof.json --key platform.pem": FILES,
    "sandbox audit key > platform.pem": "is a shell's line",
    'sandbox dataset destroy german_credit --reason "The contract ended." --certificate destroyed.json': (
        "would end what other tests use: tests/cli/test_cli_data_keys.py"
    ),
    "sandbox dataset verify-destruction destroyed.json --key signing.pub.pem": FILES,
    "sandbox deploy kubernetes cluster --public-url https://data.example.org "
    "--registry registry.example.org/sandbox --api-server 10.0.0.1/32": "writes a folder here: tests/deploy",
    "sandbox doctor --attack": ATTACKS,
    "sandbox doctor --attack --notebook ana/grant-1": ATTACKS,
    "sandbox doctor --report": ATTACKS,
    "sandbox images faults --advisories FOLDER": "is about a folder of one's own: tests/cli",
    'sandbox imports ask regions.csv --why "Unemployment by region, from the statistics office."': IMPORTS,
    "sandbox imports for-everybody 7": IMPORTS,
    "sandbox imports let-in 7 --days 90": IMPORTS,
    'sandbox imports refuse 7 --reason "By region, please, not by person."': IMPORTS,
    'sandbox imports remove 7 --reason "The publisher withdrew it."': IMPORTS,
    "sandbox imports show 7": IMPORTS,
    "sandbox jobs fetch 1": JOBS,
    "sandbox jobs list": JOBS,
    'sandbox jobs raw 1 --context "Mean amounts by purpose, of all applicants." --wait': JOBS,
    "sandbox jobs send analysis.py --output mean_amounts.csv --wait": JOBS,
    "sandbox notices address maria maria@example.org": NOTICES,
    "sandbox notices test mail --to you@example.org": NOTICES,
    "sandbox release verify crate.zip --key platform.pem": FILES,
    "sandbox verify-answer answer.json --key platform.pem": FILES,
    "sandbox access agreement 1": PERSON,
    "sandbox access apply wish.yaml": PERSON,
    "sandbox access approve 1 --epsilon 0.3 --days 60 --condition 'Send us the paper.'": PERSON,
    "sandbox access list": PERSON,
    "sandbox access reject 1 --reason 'These data do not say that.'": PERSON,
    "sandbox access report 1 --usefulness 4 --text 'The paper appeared in May; housing had many gaps.'": PERSON,
    "sandbox access return 1 --reason 'Without housing, please.'": PERSON,
    "sandbox access sign 1": PERSON,
    "sandbox access verify agreement-1.json": PERSON,
    "sandbox login ana": "asks for a password",
    "sandbox audit accept-restored": "changes the log for good; tests/store",
    "sandbox dataset publish policies/datasets/hospital.yaml patients=patients.csv visits=visits.csv "
    "claims=claims.csv": "is about files of one's own: tests/privacy/test_relations_joins.py",
    "sandbox dataset publish policies/datasets/prisons.yaml": "is about a file of one's own: tests/flows",
    "sandbox dataset export-dcat catalogue.jsonld": "writes a file here: tests/cli/test_cli_catalogue.py",
    'sandbox dataset resume german_credit --reason "It was mended."': SUSPENSION,
    'sandbox dataset suspend german_credit --column loans.purpose --reason "Purposes are being checked."': SUSPENSION,
    'sandbox dataset suspend german_credit --reason "A table was wrong."': SUSPENSION,
    "sandbox demand answer 3 open --dataset german_credit": DEMANDS,
    'sandbox demand answer 3 plan --text "It is being prepared for spring."': DEMANDS,
    "sandbox demand answer 4 merge --into 3": DEMANDS,
    'sandbox demand hide 5 --reason "An advertisement."': DEMANDS,
    "sandbox demand show 3": DEMANDS,
    'sandbox objection decide 7 dismiss --reason "It is another firm of that name."': OBJECTIONS,
    "sandbox objection decide 7 look": OBJECTIONS,
    "sandbox objection show 7": OBJECTIONS,
    "sandbox policy approve 1 --as olga": PROPOSALS,
    "sandbox policy proposals 1": PROPOSALS,
    'sandbox policy reject 1 --as olga --comment "Not this year."': PROPOSALS,
    "sandbox policy schema dataset > policies/schema/dataset.json": "is a shell's line: tests/cli/test_cli_policies.py",
    "sandbox policy schema outputs > policies/schema/outputs.json": "is a shell's line: tests/cli/test_cli_policies.py",
    "sandbox policy schema site > policies/schema/site.json": "is a shell's line: tests/cli/test_cli_policies.py",
    'sandbox review plant 12 "The third count is about three people." --word abcd-efgh-ijkl-mnop --flaw small_count '
    "--file by_sex.csv": "is about a request that waits: tests/cli/test_cli_review.py",
    "sandbox training add maria safe_data --until 2027-06-30": MARIA,
    "sandbox user add maria --role researcher": "asks for a password: below",
    "sandbox user deactivate maria": MARIA,
    "sandbox user activate maria": MARIA,
    "sandbox user totp maria": "asks for a code: tests/cli/test_cli_people.py",
    "sandbox user totp maria --reset": "is about somebody enrolled: tests/cli/test_cli_people.py",
}
SANDBOX_LINES = sorted({c for page in PAGES for c in typed(page.read_text()) if c.startswith("sandbox ")})


def test_the_readmes_example_runs_in_a_locked_notebook(running: Installation) -> None:
    example = next(iter(blocks((ROOT / "README.md").read_text(), "python")))
    assert len([line for line in example.splitlines() if line.strip() and not line.startswith("import")]) == 5
    with running.session("ana") as ana:
        server = next(
            g["server_name"] for g in ana.portal("GET", "grants") if g["dataset"] == "german_credit"
        )
        ana.start_notebook(server)
        try:
            shown, asked, broken = (
                Kernel(ana, server).run(code)[0]
                for code in (example, example + "\nanswer.plot()", example.replace("loans", "lones"))
            )
        finally:
            ana.stop_notebook(server)
    assert not shown.error
    assert "is submitted" in shown.text
    assert asked.images
    assert "lones" in broken.error  # the control: a mistake in the example would be seen


@pytest.mark.parametrize("command", [c for c in SANDBOX_LINES if c not in ELSEWHERE])
def test_each_line_of_the_console_runs(running: Installation, command: str, tmp_path: Path) -> None:
    running.sandbox(*shlex.split(command)[1:])


def test_a_person_is_added_as_the_page_says(running: Installation) -> None:
    name, password = "maria", "correct horse battery staple"
    running.sandbox("user", "add", name, "--role", "researcher", "--password", password)
    assert name in running.sandbox("user", "list").stdout
    for command in (command for command, why in ELSEWHERE.items() if why == MARIA):
        running.sandbox(*shlex.split(command)[1:])


def test_a_dataset_is_suspended_and_resumed_as_the_page_says(running: Installation) -> None:
    resume, column, whole = (
        shlex.split(c)[1:] for c in sorted(c for c, why in ELSEWHERE.items() if why == SUSPENSION)
    )
    running.sandbox(*column)
    running.sandbox(*resume, "--column", "loans.purpose")
    running.sandbox(*whole)
    running.sandbox(*resume)


def test_every_exception_is_still_in_a_document() -> None:
    assert set(ELSEWHERE) <= set(SANDBOX_LINES)
