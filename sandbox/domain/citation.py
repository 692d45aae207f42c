"""How a dataset is named in what was made from it: as a sentence, as CSL-JSON, as BibTeX."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.domain.policy import DatasetPolicy

# Each sign that LaTeX reads as something else, and how it is written.
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "&": r"\&",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What every result has to carry."""

    name: str
    title: str
    provider: str
    source: str
    version: int
    day: date  # the version's
    site: str
    address: str  # the dataset's page

    @property
    def key(self) -> str:
        """Names the version in a list of references."""
        return f"{self.name}-v{self.version}"

    @property
    def text(self) -> str:
        """One paragraph."""
        return (
            f"{_line(self.provider)} ({self.day.year}). {_line(self.title)}, version {self.version} of "
            f"{self.day.isoformat()} [Data set]. {_line(self.site)}. {self.address}. "
            f"Source: {_line(self.source).rstrip('.')}."
        )

    @property
    def csl(self) -> dict[str, Any]:
        """One item of CSL-JSON (Citation Style Language 1.0.2), as reference managers read it."""
        return {
            "id": self.key,
            "type": "dataset",
            "title": _line(self.title),
            "author": [{"literal": _line(self.provider)}],
            "publisher": _line(self.site),
            "version": str(self.version),
            "issued": {"date-parts": [[self.day.year, self.day.month, self.day.day]]},
            "URL": self.address,
            "note": f"Source: {_line(self.source)}",
        }

    @property
    def bibtex(self) -> str:
        """One entry for BibTeX and biber."""
        fields = {
            "author": f"{{{_latex(self.provider)}}}",  # braces: an office is not first name and last name
            "title": f"{{{_latex(self.title)}}}",
            "year": str(self.day.year),
            "month": str(self.day.month),
            "version": str(self.version),
            "publisher": _latex(self.site),
            "howpublished": rf"\url{{{self.address}}}",
            "note": f"Data set, version {self.version} of {self.day.isoformat()}. Source: {_latex(self.source)}",
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@misc{{{self.key},\n{lines}\n}}\n"


def cite(policy: DatasetPolicy, *, version: int, published_at: str, site: str, address: str) -> Citation:
    """The citation of a version.

    Args:
        published_at: ISO 8601.
        address: of the dataset's page.
    """
    return Citation(
        name=policy.name,
        title=policy.title,
        provider=policy.provider,
        source=policy.source,
        version=version,
        day=date.fromisoformat(published_at[:10]),
        site=site,
        address=address,
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in _line(text))
