"""What strangers write is plain and visible; only checked links are links; no cell starts a formula."""

from __future__ import annotations

import csv
import io

import pytest

from sandbox.domain.errors import BadInput
from sandbox.domain.plain_text import harmless_cell, plain_text, public_link


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",  # right-to-left override
        "\u2066",  # isolate
        "\u200b",  # zero width
        "\u00ad",  # soft hyphen
        "\x00",
        "\x1b[2J",
        "\ud800",
        "\ue000",
        "\u2028",
        "\u3164",  # a letter without a shape
        "\u2800",
        "\U000e0041",  # a tag
    ],
)
def test_invisible_characters_are_refused(hidden: str) -> None:
    with pytest.raises(BadInput, match="invisible"):
        plain_text(f"Air quality {hidden} by hour", where="title", least=5, most=80)
    assert plain_text("Air quality by hour", where="title", least=5, most=80)


@pytest.mark.parametrize(
    "kind", ["العربية بيانات", "交通數據公開", "Données d’hôpital", "हिन्दी डेटा", "Tiếng Việt"]
)
def test_every_script_may_be_written(kind: str) -> None:
    assert plain_text(kind, where="title", least=5, most=80) == kind


def test_piled_accents_are_refused_and_the_usual_ones_are_not() -> None:
    with pytest.raises(BadInput, match="accents"):
        plain_text("Z" + "\u0334" * 9 + "algo text", where="title", least=3, most=80)
    assert plain_text("a\u0300\u0301\u0302bcd", where="title", least=3, most=80)


def test_lengths_are_counted_after_blanks_and_a_megabyte_is_not_looked_at() -> None:
    with pytest.raises(BadInput, match="too short"):
        plain_text("   a   ", where="title", least=2, most=80)
    with pytest.raises(BadInput, match="longer than 80"):
        plain_text("a" * 81, where="title", least=2, most=80)
    with pytest.raises(BadInput, match="longer than 80"):
        plain_text("\u202e" * 10**6, where="title", least=2, most=80)
    assert len(plain_text("a" * 80, where="title", least=2, most=80)) == 80


def test_one_line_stays_one_line_and_several_stay_several() -> None:
    assert plain_text("a\r\nb\tc", where="x", least=1, most=9) == "a b c"
    assert plain_text("a\r\nb\tc", where="x", least=1, most=9, lines=True) == "a\nb c"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http://example.org/",
        "//example.org/",
        "https://name:password@example.org/",
        "https://example.org@evil.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://exаmple.org/",  # a Cyrillic letter
        'https://example.org/" onclick="x',
        "https://example.org/<b>",
        "https://example.org/a b",
        "https://example.org\\evil",
        "https://example.org/\u202egpj",
        "https://",
        "example.org",
        "doi:javascript:alert(1)",
        "https://example.org/" + "a" * 600,
    ],
)
def test_what_is_no_https_address_is_no_link(link: str) -> None:
    with pytest.raises(BadInput):
        public_link(link)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        (" https://example.org ", "https://example.org"),
        ("https://data.example.org:8443/a/b?c=d&e=%20#f", "https://data.example.org:8443/a/b?c=d&e=%20#f"),
        ("10.1000/xyz-123", "https://doi.org/10.1000/xyz-123"),
        ("DOI: 10.1000/182", "https://doi.org/10.1000/182"),
        ("https://doi.org/10.1000/182", "https://doi.org/10.1000/182"),
    ],
)
def test_an_https_address_or_a_doi_is_a_link(given: str, kept: str) -> None:
    assert public_link(given) == kept


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "  =", "|", "%", "＝", "＋"])
def test_no_cell_starts_a_formula(start: str) -> None:
    cell = harmless_cell(f"{start}cmd|' /C calc'!A0")
    assert cell.startswith("'")
    assert next(csv.reader(io.StringIO(f'"{cell}"')))[0].startswith("'")
    assert harmless_cell("5 = five") == "5 = five"
