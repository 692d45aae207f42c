"""Every guard asks ``allows``, and its no stops each of them.

Who asks is found in the source, so that a new guard needs a row here; that the no stops it is tried on the real flows,
each with its control: with the real ``allows`` the same call goes through.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed
from sandbox.domain.permission import Action, Decision, Facts, allows
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision as Vote
from sandbox.flows.permission import Permission

ROOT = Path(__file__).resolve().parents[2]
GUARDS = {
    ("answer_question.py", "_permitted", "ASK"),  # the gateway: prices, paid and free answers
    ("buy_base.py", "sample_under", "SAMPLE"),
    ("open_notebook.py", "allowed", "OPEN_NOTEBOOK"),  # the spawner
    ("open_notebook.py", "_may_see", "SHOW_ROWS"),  # the launcher, at the start and at every look
    ("import_files.py", "ask", "IMPORT"),
    ("run_job.py", "_permitted", "RUN_JOB"),  # the queue, and again before a container starts
    ("look_at_request.py", "__call__", "SUBMIT"),
    ("check_output.py", "preview", "SUBMIT"),  # what the checks would say
    ("check_output.py", "judge_one", "CHECK"),  # the checks
    ("review_release.py", "vote", "REVIEW"),  # the review
    ("let_out.py", "__call__", "RELEASE"),
}
SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
TABLE = b"sex,n\nfemale,50\nmale,50\n"


def askers(root: Path) -> set[tuple[str, str, str]]:
    """(file, function, action) of every call that passes an ``Action``."""
    found = set()
    for path in root.glob("sandbox/**/*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                for argument in call.args:
                    if (
                        isinstance(argument, ast.Attribute)
                        and isinstance(argument.value, ast.Name)
                        and argument.value.id == "Action"
                        and getattr(call.func, "attr", "") == "permission"
                    ):
                        found.add((path.name, function.name, argument.attr))
    return found


def test_the_guards_are_those_of_the_table_and_every_action_has_one() -> None:
    assert askers(ROOT) == GUARDS
    assert {action for _, _, action in GUARDS} == {action.name for action in Action}


def test_nobody_else_evaluates_an_agreement() -> None:
    names = {
        path.name
        for path in ROOT.glob("sandbox/**/*.py")
        if "allows" in {getattr(n, "id", "") for n in ast.walk(ast.parse(path.read_text()))}
    }
    assert names == {"permission.py"}


def test_a_guard_that_is_not_in_the_table_is_seen(tmp_path: Path) -> None:
    planted = tmp_path / "sandbox" / "flows" / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text("def f(self):\n    self.permission(person, grant, Action.ASK)\n")
    assert askers(tmp_path) == {("planted.py", "f", "ASK")}


def refusing(world: Any, action: Action) -> Any:
    """The system, where one action is denied by a clause that no agreement has."""

    def decide(agreement: Mapping[str, Any], wanted: str, facts: Facts) -> Decision:
        return Decision(False, "test", "No.") if wanted == action else allows(agreement, wanted, facts)

    sandbox = world.sandbox
    permission = Permission(store=sandbox.store, today=sandbox.answer_question.today, decide=decide)
    names = (
        "answer_question",
        "buy_base",
        "open_notebook",
        "import_files",
        "check_output",
        "review_release",
        "run_job",
    )
    parts = {name: replace(getattr(sandbox, name), permission=permission) for name in names}
    review = parts["review_release"]
    parts["review_release"] = replace(
        review,
        look=replace(review.look, permission=permission, check=parts["check_output"]),
        leave=replace(review.leave, permission=permission),
    )
    return replace(sandbox, **parts)


def submitted(world: Any, system: Any, **more: Any) -> Any:
    return system.review_release.submit(
        world.person("ana"),
        world.grant,
        files=[("t.csv", TABLE)],
        context="Counts of applicants by sex, for the report.",
        sql={"t.csv": SQL},
    ).release


def vote(world: Any, system: Any, release: Any, name: str) -> Any:
    return system.review_release.vote(
        world.person(name), release.id, version=release.version, decision=Vote.APPROVE, comment=""
    )


def let_out(world: Any, system: Any) -> Any:
    """Approved by two, and held up only by the last guard."""
    stuck = refusing(world, Action.RELEASE)
    release = submitted(world, world.sandbox)
    release = vote(world, world.sandbox, release, "rita")
    with pytest.raises(NotAllowed):
        vote(world, stuck, release, "ravi")
    return system.review_release.let_out(world.sandbox.store.releases.get(release.id))


def asked_to_import(world: Any, system: Any) -> Any:
    return system.import_files.ask(
        world.person("ana"),
        world.grant,
        files=[("regions.csv", b"region,rate\nnorth,0.1\n")],
        why="Growth by region, to lie beside the loans.",
    )


def granted(world: Any, mode: Mode) -> Any:
    """Ana's grant of this mode, under a policy that offers it."""
    if "modes: [query, job, room]" not in world.policy_file.read_text():
        world.policy_file.write_text(world.policy_file.read_text() + "access: {modes: [query, job, room]}\n")
        world.agreed()
    found = [g for g in world.sandbox.store.grants.of_person("ana") if g.mode is mode]
    if not found:
        world.granted(project=str(mode), mode=mode)
        found = [g for g in world.sandbox.store.grants.of_person("ana") if g.mode is mode]
    return found[0]


def coding(world: Any) -> Any:
    return granted(world, Mode.JOB)


@dataclass(frozen=True)
class Rows:
    """In the extracts' place: says what is open, and makes nothing."""

    columns: Mapping[str, frozenset[str]]

    def columns_open(self, grant: Any) -> Mapping[str, frozenset[str]]:
        return self.columns

    def holds(self, target: str) -> Mapping[str, frozenset[str]]:
        return self.columns

    def make(self, grant: Any, *, target: str, tables: Any, form: Any = None) -> Path:
        return Path("/nowhere") / target

    def remove(self, target: str) -> None:
        pass


def with_rows(world: Any, system: Any, grant: Any) -> Any:
    rows = Rows(world.sandbox.extracts.columns_open(grant))
    return replace(system.open_notebook, extracts=rows)


def show_rows(world: Any, system: Any) -> Any:
    grant = granted(world, Mode.ROOM)
    opening = system.open_notebook.allowed("ana", grant.server_name)
    return with_rows(world, system, grant).shown(opening)


def show_rows_still(world: Any, system: Any) -> Any:
    grant = granted(world, Mode.ROOM)
    return with_rows(world, system, grant).goes_on("ana", grant.server_name)


def send_job(world: Any, system: Any) -> Any:
    return system.run_job.send(
        world.person("ana"), coding(world), code=("a.py", b"print(1)"), outputs=("t.csv",)
    )


def open_job(world: Any, system: Any) -> Any:
    """The guard right before a container starts."""
    jobs = world.sandbox.store.jobs
    sent = send_job(world, world.sandbox)
    running = jobs.claim(worker="w", at_once=9, event=Event("t", "job.started", "job:next"))
    assert running.id <= sent.id
    return system.run_job.opening(running.id)


TRIED: dict[Action, tuple[Callable[[Any, Any], Any], ...]] = {
    Action.ASK: (
        lambda w, s: s.answer_question.ask(w.person("ana"), w.grant, sql=SQL, epsilon=0.1),
        lambda w, s: s.answer_question.estimate(w.person("ana"), w.grant, sql=SQL, epsilon=0.1),
    ),
    Action.OPEN_NOTEBOOK: (lambda w, s: s.open_notebook.allowed("ana", w.grant.server_name),),
    Action.SHOW_ROWS: (show_rows, show_rows_still),
    Action.IMPORT: (asked_to_import,),
    Action.RUN_JOB: (send_job, open_job),
    Action.SUBMIT: (submitted,),
    Action.CHECK: (submitted,),
    Action.REVIEW: (lambda w, s: vote(w, s, submitted(w, w.sandbox), "rita"),),
    Action.RELEASE: (let_out,),
}


@pytest.mark.parametrize(
    ("action", "number"), [(action, i) for action, tries in TRIED.items() for i in range(len(tries))]
)
def test_a_no_stops_every_guard(world: Any, action: Action, number: int) -> None:
    attempt = TRIED[action][number]
    with pytest.raises(NotAllowed) as caught:
        attempt(world, refusing(world, action))
    assert caught.value.clause == "test"
    denied = world.sandbox.store.log.newest(limit=50, action="access.denied")
    assert denied[0].event.facts["clause"] == "test"
    assert denied[0].event.facts["action"] == str(action)
    assert attempt(world, world.sandbox) is not None  # the control


def test_a_no_stops_the_sample(world: Any) -> None:
    """Before it is looked whether there is one; the control is told that there is none."""
    with pytest.raises(NotAllowed) as caught:
        refusing(world, Action.SAMPLE).buy_base.sample_under(world.person("ana"), world.grant)
    assert caught.value.clause == "test"
    from sandbox.domain.errors import NotFound

    with pytest.raises(NotFound):
        world.sandbox.buy_base.sample_under(world.person("ana"), world.grant)


def test_what_is_done_says_on_the_log_by_which_clause(world: Any) -> None:
    world.sandbox.answer_question.ask(world.person("ana"), world.grant, sql=SQL, epsilon=0.1)
    world.sandbox.open_notebook.opened(world.grant, container="abc", image="sha256:1", runtime="runsc")
    release = vote(world, world.sandbox, submitted(world, world.sandbox), "rita")
    vote(world, world.sandbox, release, "ravi")
    for action, clause in (
        ("question.reserved", "budget"),
        ("notebook.opened", "mode"),
        ("release.staged", "outputs"),
        ("release.voted", "review"),
        ("release.released", "review"),
    ):
        (entry, *_) = world.sandbox.store.log.newest(limit=5, action=action)
        assert entry.event.facts["clause"] == clause, action
        assert entry.event.facts["agreement_sha256"] == world.grant.agreement_hash
