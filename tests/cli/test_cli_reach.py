"""Pages are not served to other machines without TLS."""

from __future__ import annotations

import pytest

from sandbox.cli.processes import check_reach
from sandbox.domain.errors import BadInput, OperatorError
from sandbox.settings import Settings


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", ""),
        ("::1", ""),
        ("0.0.0.0", "https://data.example"),
        ("10.1.2.3", "https://data.example"),
    ],
)
def test_loopback_or_https_is_served(host: str, url: str) -> None:
    check_reach(Settings(bind_host=host, public_url=url))


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", ""), ("10.1.2.3", ""), ("0.0.0.0", "http://data.example")]
)
def test_other_machines_without_https_are_refused(host: str, url: str) -> None:
    with pytest.raises(OperatorError, match="HTTPS"):
        check_reach(Settings(bind_host=host, public_url=url))


@pytest.mark.parametrize("port", ["80", "no", "70000", "-1", ""])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(BadInput):
        Settings.from_environment({"SANDBOX_PORT": port})
