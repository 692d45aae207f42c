"""Validates unpacked crates offline: ``python rocrate_check.py PROFILE SEVERITY FOLDER…`` prints JSON.

Runs in an environment of its own (``scripts/setup_tests.sh``): roc-validator pins an older rich. The one thing that it would
fetch is the JSON-LD context of RO-Crate, which the library ``rocrate`` carries; every other address is refused.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import urllib.request
from email.message import Message
from importlib import resources
from typing import Any
from urllib.error import URLError
from urllib.response import addinfourl

import requests
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

CONTEXT = (resources.files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
CARRIED = "https://w3id.org/ro/crate/"


def context_of(url: str) -> bytes:
    """The carried context is the newest; the one term that RO-Crate 1.1 wrote otherwise is put back."""
    old = b"bioschemas.org/ComputationalWorkflow"
    return CONTEXT.replace(b"bioschemas.org/terms/ComputationalWorkflow", old) if "/1.1/" in url else CONTEXT


class Carried(urllib.request.HTTPSHandler):
    """Answers with the context; no other address is opened."""

    def https_open(self, req: urllib.request.Request) -> Any:
        if not req.full_url.startswith(CARRIED):
            raise URLError(f"{req.full_url} is not carried")
        headers = Message()
        headers["Content-Type"] = "application/ld+json"
        return addinfourl(io.BytesIO(context_of(req.full_url)), headers, req.full_url, 200)


def carried(self: HttpRequester, url: str, *args: object, **more: object) -> requests.Response:
    response = requests.Response()
    response.status_code = 200 if url.startswith(CARRIED) else 404
    response.headers["Content-Type"] = "application/ld+json"
    response._content = context_of(url) if url.startswith(CARRIED) else b""
    return response


def main() -> None:
    profile, severity, *folders = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    urllib.request.install_opener(urllib.request.build_opener(Carried))
    HttpRequester.get = carried
    found = {}
    for folder in folders:
        result = services.validate(
            services.ValidationSettings(
                rocrate_uri=folder,
                profile_identifier=profile,
                requirement_severity=models.Severity[severity],
                skip_availability_check=True,
            )
        )
        found[folder] = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
