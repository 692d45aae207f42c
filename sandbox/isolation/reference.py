"""``docs/explanation/gate.md``, made from the rules and settings themselves.

python -m sandbox.isolation.reference > docs/explanation/gate.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import JobLimits, NotebookLimits
from sandbox.isolation.container import ContainerSettings, Images
from sandbox.isolation.gate_contents import TEXT_BYTES
from sandbox.isolation.gate_door import CONNECTIONS
from sandbox.isolation.gate_rules import CONTENT_TYPES, IN, MIB, OUT, Kind, Rule
from sandbox.isolation.job_profile import job_profile
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import carrier_profile, engine_profile, profile
from sandbox.isolation.reference_modes import sections

HEAD = """\
# The gate, and what a container may do

Made from the program by `python -m sandbox.isolation.reference > docs/explanation/gate.md`; a test fails when it is
stale.

A notebook has no network interface but loopback. A **carrier** beside it shares that loopback, moves bytes between it
and two unix sockets, and understands none of them. The **gate** is a process outside. It reads every request and every
answer, and decides by the two lists below. What is not on a list is refused.

```text
in    browser ─▶ hub's proxy ─▶ gate ─▶ carrier ─▶ JupyterLab on the container's loopback
out   code ─▶ container's loopback ─▶ carrier ─▶ gate ─▶ hub or portal
```

Why outside: code in a notebook runs as the same user as its Jupyter server, and can change that server's memory. So
nothing that is set inside is a boundary. JupyterLab hides some buttons (download, terminal, upload); that is good
manners, and nothing rests on it.
"""

LOOKED_AT = """\
## How a request is looked at

- An address is judged as it was sent, and forwarded as it was sent. One that could be read in two ways (an encoded
  slash, a dotted or empty segment) is refused.
- Only listed headers go along (`sandbox/isolation/gate_headers.py`). Cookies of other programs stay behind.
- An answer has to be of a listed kind, or it is refused: {kinds}.
- Files are shown as text of up to {text} characters, notebooks and folders as JSON. Bytes pass in neither direction: a
  file comes in by an import request, and leaves through a release. Text and notebooks can be saved.
- A kernel's websocket carries JSON text. The binary subprotocol is not taken, so every message can be read. Each is
  judged by the lists below, and put together anew from the parts that are known.
- Each person's notebooks have a host of their own (`ana.localhost:8000`). The gate serves a notebook on that host only,
  so that a browser keeps its pages apart from everybody else's, from the hub's and from the portal's.
- Every answer carries the gate's own Content-Security-Policy, refusals included: nothing is loaded from elsewhere,
  nothing may frame it.
- At most {connections} connections are open at once, each way.
- Refusals are put on the log, with method, address and reason, and so are running totals of bytes. No body is.
"""


def page() -> str:
    """The whole page, Markdown."""
    kinds = "; ".join(
        f"*{kind}* {', '.join(sorted(CONTENT_TYPES[kind]))}"
        for kind in (Kind.PAGE, Kind.JSON, Kind.CONTENTS, Kind.ASSET)
    )
    looked_at = LOOKED_AT.format(kinds=kinds, text=f"{TEXT_BYTES:,}", connections=CONNECTIONS)
    return "\n".join(
        [
            HEAD,
            "## What may come in\n",
            "From the person's browser to the notebook's server. Addresses are below `/user/PERSON/GRANT`.\n",
            _rules(IN),
            "## What may go out\n",
            "From code in the container to the hub and the portal; nothing else is behind the gate. *Own token*: only "
            "with the token that this container was given, which is bound to its grant.\n",
            _rules(OUT),
            looked_at,
            *sections(),
            "## What a container is created with\n",
            "Every setting comes from `sandbox/isolation/profile.py`, with its reason; nothing that a researcher sends "
            "changes one. Sizes are the site's (`policies/site.yaml`); the defaults are shown.\n",
            "### A notebook\n",
            _settings(_notebook()),
            "### Its carrier\n",
            _settings(_carrier()),
            "### A job, on the sample and on raw rows\n",
            _settings(_job()),
            "### The engine, which alone opens raw data\n",
            _settings(_engine()),
        ]
    )


def _rules(rules: Iterable[Rule]) -> str:
    lines = ["| method | address | kind | at most, sent | at most, back | why |", "|---|---|---|---|---|---|"]
    for rule in rules:
        why = rule.reason + (" (own token)" if rule.own_token else "")
        lines.append(
            f"| {', '.join(rule.methods)} | `{rule.path}` | {rule.kind} | {_size(rule.request_bytes)} "
            f"| {_size(rule.answer_bytes)} | {why} |"
        )
    return "\n".join(lines) + "\n"


def _size(n_bytes: int) -> str:
    return f"{n_bytes // MIB} MiB" if n_bytes >= MIB else f"{n_bytes // 1024} KiB"


def _settings(settings: ContainerSettings) -> str:
    lines = ["| setting | value | why |", "|---|---|---|"]
    lines += [f"| `{row.key}` | {_value(row.key, row.value)} | {row.reason} |" for row in settings.rows]
    return "\n".join(lines) + "\n"


def _value(key: str, value: Any) -> str:
    if key == "security_opt":
        allowed = sum(len(rule["names"]) for rule in json.loads(own_seccomp())["syscalls"] if _allows(rule))
        return f"`no-new-privileges`, `seccomp` with our own list of {allowed} system calls"
    if key == "mounts":
        return "<br>".join(f"`{m['Target']}` ({'read-only' if m['ReadOnly'] else 'writable'})" for m in value)
    if key == "ulimits":
        return "<br>".join(f"`{limit['name']}` {limit['hard']:,}" for limit in value)
    if key in ("mem_limit", "memswap_limit", "shm_size"):
        return _size(value)
    if isinstance(value, dict):
        return "<br>".join(f"`{name}` {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def _allows(rule: dict[str, Any]) -> bool:
    return bool(rule["action"] == "SCMP_ACT_ALLOW")


def _plain(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


_IMAGES = Images(gate="sandbox-gate", engine="sandbox-engine", notebook="sandbox-notebook")


def _notebook() -> ContainerSettings:
    grant = Grant(
        id=1,
        person="ana",
        dataset="german_credit",
        project="example",
        purpose="",
        mode=Mode.QUERY,
        starts=date(2026, 1, 1),
        ends=date(2026, 12, 31),
        agreement_hash="",
    )
    return profile(grant, limits=NotebookLimits(), images=_IMAGES, seccomp=own_seccomp())


def _carrier() -> ContainerSettings:
    return carrier_profile("NOTEBOOK", images=_IMAGES, sockets=Path("/sockets"), seccomp=own_seccomp())


def _job() -> ContainerSettings:
    return job_profile(
        1,
        image=_IMAGES.notebook,
        limits=JobLimits(),
        seccomp=own_seccomp(),
        data=Path("/extract"),
        imports=Path("/imports"),
    )


def _engine() -> ContainerSettings:
    return engine_profile(
        images=_IMAGES,
        raw=Path("/raw"),
        views=Path("/views"),
        keys=Path("/keys"),
        extracts=Path("/extracts"),
        sockets=Path("/sockets"),
        user="UID:GID",
        memory_mib=2048,
        cpus=2,
        seccomp=own_seccomp(),
    )


if __name__ == "__main__":
    sys.stdout.write(page())
