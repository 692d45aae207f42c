"""Datasets that an owner prepares: what stands in a draft, and how its policy is judged now."""

from __future__ import annotations

from typing import Any

from sandbox.domain.errors import CallerError
from sandbox.flows.prepare_dataset import Checked
from sandbox.portal.documents.policies import policy_comparison, policy_proposal_brief
from sandbox.store.drafts import Draft, DraftFile


def draft_line(draft: Draft) -> dict[str, Any]:
    """One of a list."""
    return {
        "id": draft.id,
        "dataset": draft.name,
        "open_class": str(draft.open_class),
        "changes": draft.changes,
        "began_at": draft.began_at,
        "files": {table: _file(file) for table, file in draft.files.items()},
    }


def draft(draft: Draft, checked: Checked) -> dict[str, Any]:
    """All of it; ``mark`` goes back with another text, and says what was read."""
    return draft_line(draft) | {
        "policy": draft.text,
        "mark": draft.mark,
        "mistakes": [
            {"line": one.line, "key": one.key, "problem": one.problem, "allowed": one.allowed}
            for one in checked.mistakes
        ],
        "problems": [_problem(one) for one in checked.problems],
        "missing_files": list(checked.missing),
        "means": [{"about": one.key, "text": one.text} for one in checked.meanings],
        "comparison": policy_comparison(checked.comparison) if checked.comparison else None,
        "proposal": policy_proposal_brief(checked.proposal) if checked.proposal else None,
        "allowed_actions": list(checked.allowed_actions),
    }


def _file(file: DraftFile) -> dict[str, Any]:
    """No count of rows: nobody is told one before it is published."""
    return {
        "called": file.called,
        "bytes": file.size_bytes,
        "sha256": file.sha256,
        "columns": [{"name": c.name, "type": c.type, "usable": c.usable} for c in file.columns],
    }


def _problem(error: CallerError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "fix": error.fix}
