"""What clauses are called."""

from __future__ import annotations

import pytest

from sandbox.language import named, spoken


@pytest.mark.parametrize(
    ("clause", "english", "chinese"),
    [
        ("open_class", "open class", "开放类别"),
        ("imports.per_day", "imports.per day", "引入 · 每天"),
        ("sign-in: known name", "sign-in: known name", "登录 · 已登记的名称"),
        ("nobody's.word", "nobody's.word", "nobody's · word"),
        ("a.b: c", "a.b: c", "a · b · c"),
        ("", "", ""),
        ("–", "–", "–"),
    ],
)
def test_a_clause_and_its_part(clause: str, english: str, chinese: str) -> None:
    assert named(clause) == english
    with spoken("zh-Hans"):
        assert named(clause) == chinese
