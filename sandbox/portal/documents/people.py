"""Accounts, second factors and training. Nothing secret: of a second factor only whether there is one."""

from __future__ import annotations

from typing import Any

from sandbox.domain.second_factor import FactorState
from sandbox.domain.training import Standing
from sandbox.flows.look_after_people import PersonView
from sandbox.flows.my_account import AccountView


def account(view: AccountView) -> dict[str, Any]:
    return {
        "name": view.person.name,
        "roles": sorted(view.person.roles),
        "sign_in": "local" if view.local else "oidc",
        "second_factor": _factor(view.factor, view.must_enrol),
        "training": [_course(course) for course in view.training],
        "allowed_actions": list(view.allowed_actions),
    }


def person(view: PersonView) -> dict[str, Any]:
    return {
        "name": view.account.person.name,
        "roles": sorted(view.account.person.roles),
        "active": view.account.person.active,
        "added_at": view.account.added_at,
        "last_sign_in_at": view.account.last_sign_in_at or None,
        "second_factor": _factor(view.factor, view.must_enrol),
        "training": [_course(course) for course in view.training],
        "not_together": [list(pair) for pair in view.not_together],
        "allowed_actions": list(view.allowed_actions),
    }


def _factor(state: FactorState, must_enrol: bool) -> dict[str, Any]:
    return {
        "enrolled": state.enrolled,
        "needed": must_enrol,
        "recovery_codes_left": state.recovery_left,
    }


def _course(course: Standing) -> dict[str, Any]:
    return {
        "course": course.course,
        "title": course.title,
        "until": course.until.isoformat() if course.until else None,
        "needed": course.needed,
        "before": list(course.before),
        "holds": course.holds,
        "ends_soon": course.ends_soon,
    }
