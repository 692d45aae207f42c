"""What clauses are called, and words in a row."""

from __future__ import annotations

import pytest

from sandbox.language import named, said, spoken


@pytest.mark.parametrize(
    ("clause", "english", "chinese"),
    [
        ("open_class", "open class", "开放类别"),
        ("imports.per_day", "imports.per day", "引入 · 每天"),
        ("sign-in: known name", "sign-in: known name", "登录 · 已登记的名称"),
        ("nobody's.word", "nobody's.word", "nobody's.word"),
        ("table.csv", "table.csv", "table.csv"),
        ("." * 2000, "." * 2000, "." * 2000),
        ("", "", ""),
        ("–", "–", "–"),
    ],
)
def test_a_clause_and_its_part(clause: str, english: str, chinese: str) -> None:
    assert named(clause) == english
    with spoken("zh-Hans"):
        assert named(clause) == chinese


def test_known_words_in_a_row_are_worded_each() -> None:
    text = "This needs the role owner or administrator; you are auditor, reviewer."
    assert said(text) == text
    with spoken("zh-Hans"):
        worded = said(text)
        assert "数据提供方或管理员" in worded
        assert "审计员、审核员" in worded
        assert said("Its columns: date, count.").endswith("date, count。")
        assert said("This needs the role owner or somebody; you are auditor.").count("owner or somebody") == 1
