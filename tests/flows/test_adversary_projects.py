"""Attacks on projects: a name that only looks like another one's would have a quota, and reviewers, of its own."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.domain.application import Application, Wish
from sandbox.domain.errors import BadInput, Conflict, SandboxError


def applied(world: Any, project: str, *, name: str = "ana", **words: Any) -> Application:
    terms: dict[str, Any] = {
        "purpose": "Model the default risk of loans.",
        "output_plan": "Counts by sex.",
    }
    wish = Wish(project=project, days=30, **{**terms, **words})
    made: Application = world.sandbox.request_access.apply(world.person(name), dataset="loans", wish=wish)
    return made


@pytest.mark.parametrize(
    "project",
    ["Model", "MODEL", "m odel", "mo-del", "m_odel", "model.", "mo\u00addel", "mod\u200bel"],
)
def test_no_second_quota_comes_of_another_spelling(world: Any, project: str) -> None:
    with pytest.raises((BadInput, Conflict)):
        applied(world, project)
    assert world.sandbox.store.access.projects() == ("model",)


@pytest.mark.parametrize("project", [" model ", "model\u00a0", "\tmodel", "\uff4dodel"])
def test_blanks_around_a_name_lead_to_the_same_project(world: Any, project: str) -> None:
    assert applied(world, project).project == "model"


def test_another_project_may_be_applied_for(world: Any) -> None:
    assert applied(world, "model of prices").project == "model of prices"
    assert applied(world, "健康研究 2026").project == "健康研究 2026"


@pytest.mark.parametrize(
    "project", ["m\u043edel", "[/red]", "\x1b[31mmodel 2", "\u202eledom", "<b>x</b>", "x" * 81, "...", ""]
)
def test_a_name_that_deceives_the_eye_is_refused(world: Any, project: str) -> None:
    with pytest.raises(BadInput):
        applied(world, project)


def test_other_peoples_projects_are_not_told_by_name(world: Any) -> None:
    with pytest.raises(Conflict) as told:
        applied(world, "Model", name="ben")
    assert "'model'" not in str(told.value)
    with pytest.raises(Conflict) as mine:
        applied(world, "Model")
    assert "'model'" in str(mine.value)


@pytest.mark.parametrize("field", ["purpose", "legal_basis", "output_plan"])
@pytest.mark.parametrize(
    "text", ["x" * 4001, "plain words and more \x1b]0;x\x07", "words \u202e that turn around"]
)
def test_endless_and_invisible_texts_are_refused_in_every_field(world: Any, field: str, text: str) -> None:
    with pytest.raises(BadInput) as told:
        applied(world, "model", **{field: text})
    assert told.value.where == field


def test_paragraphs_are_kept(world: Any) -> None:
    try:
        made = applied(world, "model", purpose="First this is done.\n\nThen\tthat, as the café asked.")
    except SandboxError as error:  # pragma: no cover - the control of the test above
        pytest.fail(str(error))
    assert "\n\n" in made.wish.purpose
