"""Prices and budgets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.flows.answer_question import Estimate
from sandbox.flows.grant_views import BudgetView


def estimate(value: Estimate) -> dict[str, Any]:
    return {
        "question": value.question,
        "price": {
            "accounting": str(value.plan.guarantee.accounting),
            "nano": value.plan.loss.nano,
            "atto_delta": value.plan.loss.atto_delta,
            "epsilon": value.epsilon,
            "delta": value.delta,
        },
        "columns": [asdict(c) for c in value.plan.columns],
        "bounding": {
            "text": value.plan.text,
            "estimated_loss_percent": value.plan.bounding_loss.percent if value.plan.bounding_loss else None,
            "estimated_loss_text": value.plan.bounding_loss.text if value.plan.bounding_loss else "",
        },
        "charge": {"nano": value.charge.nano, "free": value.charge.nano == 0},
        "percent_of_project": value.percent_of_project,
        "asks_left": value.asks_left,
        "affordable": value.affordable,
    }


def budget(value: BudgetView) -> dict[str, Any]:
    return {
        "dataset": value.dataset,
        "project": value.project,
        "epsilon_cap": value.epsilon_cap,
        "epsilon_left": value.epsilon_left,
        "delta": value.delta,
        "percent_left": value.percent_left,
        "lineage_percent_left": value.lineage_percent_left,
        "member_epsilon_left": value.member_epsilon_left,
        "day_epsilon_left": value.day_epsilon_left,
        "counts": asdict(value.counts) if value.counts else None,
        "nano": {"cap": value.account.cap.nano, "spent": value.account.spent.nano},
    }
