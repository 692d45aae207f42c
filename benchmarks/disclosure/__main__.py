"""``make disclosure-report``: our verdicts on the corpus beside ACRO's, in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.disclosure.corpus import Output, corpus
from benchmarks.disclosure.ours import Judge, Verdicts

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".sandbox" / "disclosure"
ACRO = ROOT / ".sandbox" / "bench-envs" / "acro" / "bin" / "python"


def main() -> None:
    judge = Judge(FOLDER)
    outputs = corpus(judge.sources["german_credit"], judge.sources["health_insurance"])
    began = time.perf_counter()
    ours = [judge.verdicts(output) for output in outputs]
    took_s = time.perf_counter() - began
    version, theirs = acro_verdicts(judge, outputs)
    lines = [
        f"{len(outputs)} outputs: {sum(not o.safe for o in outputs)} unsafe, {sum(o.safe for o in outputs)} safe. "
        f"Judged in {took_s:.1f} s, recomputation included.",
        "Caught and flagged count findings (review or fail) on this very output; what every output of a kind is told "
        "counts for neither.",
        "",
        *_by_family(outputs, ours, theirs, version),
        "",
        *_by_check(outputs, ours),
        "",
        *_mistakes(outputs, ours),
    ]
    text = "\n".join(lines) + "\n"
    (FOLDER / "report.md").write_text(text)
    print(text)


def acro_verdicts(judge: Judge, outputs: Sequence[Output]) -> tuple[str, list[str | None]]:
    """ACRO's version and its word on each output; None where it has no call for it, or is not installed."""
    if not ACRO.is_file():
        return "not installed", [None] * len(outputs)
    for name, source in judge.sources.items():
        source.rows.to_csv(FOLDER / f"{name}.csv", index=False)
    asked = [(i, {"dataset": o.dataset, **o.acro}) for i, o in enumerate(outputs) if o.acro is not None]
    (FOLDER / "calls.json").write_text(json.dumps([call for _, call in asked]))
    script = Path(__file__).with_name("acro_peer.py")
    done = subprocess.run(
        [ACRO, script, FOLDER], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=1800
    )
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1:]}", [None] * len(outputs)
    found = json.loads((FOLDER / "acro.json").read_text())
    words: list[str | None] = [None] * len(outputs)
    for (i, _), word in zip(asked, found["verdicts"], strict=True):
        words[i] = word
    return found["version"], words


def _by_family(
    outputs: Sequence[Output], ours: Sequence[Verdicts], theirs: Sequence[str | None], version: str
) -> Iterable[str]:
    yield f"| family | unsafe | ours caught | ACRO {version} caught | safe | ours flagged | ACRO flagged |"
    yield "|---|---|---|---|---|---|---|"
    for family in [*dict.fromkeys(o.family for o in outputs), ""]:
        at = [i for i, o in enumerate(outputs) if not family or o.family == family]
        unsafe, safe = [i for i in at if not outputs[i].safe], [i for i in at if outputs[i].safe]

        def flagged(of: Sequence[int]) -> str:
            return _rate(sum(ours[i].flagged for i in of), len(of))

        def acro(of: Sequence[int]) -> str:
            asked = [theirs[i] for i in of if theirs[i] is not None]
            return _rate(sum(word != "pass" for word in asked), len(asked))

        yield (
            f"| {family or '**all**'} | {len(unsafe)} | {flagged(unsafe)} | {acro(unsafe)} "
            f"| {len(safe)} | {flagged(safe)} | {acro(safe)} |"
        )


def _rate(some: int, whole: int) -> str:
    return f"{some} of {whole} ({100 * some / whole:.1f} %)" if whole else "–"


def _by_check(outputs: Sequence[Output], ours: Sequence[Verdicts]) -> Iterable[str]:
    caught = Counter(c for o, v in zip(outputs, ours, strict=True) if not o.safe for c in v.checks)
    false = Counter(c for o, v in zip(outputs, ours, strict=True) if o.safe for c in v.checks)
    yield "| check | unsafe outputs it found | safe outputs it flagged |"
    yield "|---|---|---|"
    for check, _ in sorted(((c, -caught[c]) for c in {*caught, *false}), key=lambda pair: (pair[1], pair[0])):
        yield f"| `{check}` | {caught[check]} | {false[check]} |"


def _mistakes(outputs: Sequence[Output], ours: Sequence[Verdicts]) -> Iterable[str]:
    for output, verdicts in zip(outputs, ours, strict=True):
        if output.safe == verdicts.flagged:
            word = "flagged though safe" if output.safe else f"missed ({output.why})"
            found = "; ".join(f"{f.check}: {f.reason}" for f in verdicts.findings[:2])
            yield f"- {output.family}, {output.dataset}: {word} {output.sql} {found}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
