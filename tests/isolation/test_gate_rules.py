"""What may pass: both lists, row by row, and the ways around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.isolation.gate_rules import CONTENT_TYPES, IN, OUT, Kind, Refusal, Rule, clean_path, find_rule

KERNEL = "0a1b2c3d-0000-4000-8000-000000000001"

PASSES_IN = [
    ("GET", "/"),
    ("GET", "/lab"),
    ("GET", "/lab/tree/analysis/first.ipynb"),
    ("GET", "/static/lab/main.8f1b.js"),
    ("GET", "/lab/api/settings/@jupyterlab/apputils-extension:themes"),
    ("PUT", "/lab/api/workspaces/default"),
    ("GET", "/api"),
    ("GET", "/api/me"),
    ("POST", "/api/kernels"),
    ("GET", f"/api/kernels/{KERNEL}/channels"),
    ("POST", f"/api/kernels/{KERNEL}/interrupt"),
    ("PATCH", f"/api/sessions/{KERNEL}"),
    ("GET", "/api/contents"),
    ("GET", "/api/contents/"),
    ("GET", "/api/contents/my%20folder/%C3%BC.txt"),
    ("PUT", "/api/contents/first.ipynb"),
    ("GET", "/oauth_callback"),
]
REFUSED_IN = [
    ("GET", "/files/table.csv"),
    ("GET", "/files"),
    ("GET", "/view/table.csv"),
    ("GET", "/nbconvert/html/first.ipynb"),
    ("POST", "/nbconvert/html"),
    ("GET", "/api/terminals"),
    ("POST", "/api/terminals"),
    ("GET", "/terminals/websocket/1"),
    ("GET", "/proxy/8080/"),
    ("GET", "/lsp/status"),
    ("GET", "/metrics"),
    ("GET", "/api/metrics/v1"),
    ("POST", "/api/shutdown"),
    ("PUT", "/lab/api/extensions"),
    ("POST", "/lab/api/build"),
    ("GET", "/api/contentsX"),
    ("GET", "/labX"),
    ("GET", "/api/kernels/not-a-kernel"),
    ("GET", f"/api/kernels/{KERNEL}/other"),
    ("DELETE", "/static/lab/main.js"),
    ("TRACE", "/lab"),
    ("CONNECT", "/lab"),
    ("PROPFIND", "/api/contents"),
    ("get", "/lab"),
]
PASSES_OUT = [
    ("GET", "/hub/api"),
    ("GET", "/hub/api/user"),
    ("POST", "/hub/api/oauth2/token"),
    ("POST", "/hub/api/users/alice/activity"),
    ("GET", "/services/portal/api/v1/datasets/loans"),
    ("POST", "/services/portal/api/v1/questions"),
]
REFUSED_OUT = [
    ("GET", "/"),
    ("GET", "/hub/home"),
    ("GET", "/hub/login"),
    ("GET", "/hub/api/users"),
    ("GET", "/hub/api/users/alice"),
    ("POST", "/hub/api/users/ben/activity"),
    ("POST", "/hub/api/users/alice/tokens"),
    ("POST", "/hub/api/users/alice/servers/grant-2"),
    ("DELETE", "/hub/api/users/alice/servers/grant-1"),
    ("GET", "/hub/api/proxy"),
    ("POST", "/hub/api/shutdown"),
    ("POST", "/hub/api"),
    ("GET", "/hub/api/oauth2/authorize"),
    ("GET", "/services/portal/"),
    ("GET", "/services/portal/grants"),
    ("GET", "/services/portal/api/v2/x"),
    ("GET", "/services/portal/api/v1"),
    ("GET", "/user/ben/grant-2/api/contents"),
    ("GET", "/services/other/api/v1/x"),
]


@pytest.mark.parametrize(("method", "path"), PASSES_IN)
def test_what_the_lab_needs_comes_in(method: str, path: str) -> None:
    assert isinstance(find_rule(IN, method, path, person="alice"), Rule)


@pytest.mark.parametrize(("method", "path"), REFUSED_IN)
def test_nothing_else_comes_in(method: str, path: str) -> None:
    assert isinstance(find_rule(IN, method, path, person="alice"), Refusal)


@pytest.mark.parametrize(("method", "path"), PASSES_OUT)
def test_what_a_notebook_needs_goes_out(method: str, path: str) -> None:
    assert isinstance(find_rule(OUT, method, path, person="alice"), Rule)


@pytest.mark.parametrize(("method", "path"), REFUSED_OUT)
def test_nothing_else_goes_out(method: str, path: str) -> None:
    assert isinstance(find_rule(OUT, method, path, person="alice"), Refusal)


def test_a_wrong_method_is_told_apart_from_a_wrong_address() -> None:
    refusal = find_rule(IN, "DELETE", "/lab", person="alice")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 405


def test_a_persons_name_is_no_pattern() -> None:
    assert isinstance(find_rule(OUT, "POST", "/hub/api/users/axb/activity", person="a.b"), Refusal)


@pytest.mark.parametrize("rule", [*IN, *OUT], ids=lambda r: f"{'/'.join(r.methods)} {r.path}")
def test_every_row_has_its_reason_and_its_bounds(rule: Rule) -> None:
    assert len(rule.reason) > 10
    assert 0 < rule.request_bytes <= 16 * 2**20
    assert 0 < rule.answer_bytes <= 64 * 2**20
    assert rule.kind in (Kind.ANY, Kind.FRAMES, Kind.EVENTS) or CONTENT_TYPES[rule.kind]


def test_the_portal_is_asked_with_the_containers_own_token_only() -> None:
    assert all(rule.own_token for rule in OUT if rule.to_portal)
    assert any(rule.to_portal for rule in OUT)


DISPUTED = [
    "/user/alice/grant-1/lab/../files/x",
    "/user/alice/grant-1/./lab",
    "/user/alice/grant-1//files/x",
    "/user/alice/grant-1/lab/%2e%2e/files/x",
    "/user/alice/grant-1/lab/%2E./files/x",
    "/user/alice/grant-1/lab%2f..%2ffiles/x",
    "/user/alice/grant-1/lab%2Ffiles",
    "/user/alice/grant-1/lab\\..\\files",
    "/user/alice/grant-1/lab%5c..%5cfiles",
    "/user/alice/grant-1/%252e%252e/files",
    "/user/alice/grant-1/lab%00",
    "/user/alice/grant-1/lab%0d%0aX: y",
    "/user/alice/grant-1/lab%7f",
    "/user/alice/grant-1/lab%",
    "/user/alice/grant-1/lab%zz",
    "/user/alice/grant-1/lab?x=%z",
    "/user/alice/grant-1/%ff%fe",
    "/user/alice/grant-1/%c0%ae%c0%ae/files",
    "/user/alice/grant-1/lab#x",
    "/user/alice/grant-1/lab x",
    "/user/alice/grant-1/lab\t",
    "/user/alice/grant-1/läb",
    "http://127.0.0.1/user/alice/grant-1/lab",
    "*",
    "",
    "user/alice/grant-1/lab",
    "/user/alice/grant-1/lab/..",
]


@pytest.mark.parametrize("target", DISPUTED)
def test_an_address_that_can_be_read_in_two_ways_is_refused(target: str) -> None:
    assert isinstance(clean_path(target), Refusal)


@pytest.mark.parametrize(
    "target",
    [
        "/user/alice/grant-1/api/contents/my%20folder/%E4%B8%AD.txt?content=1&hash=0",
        "/user/alice/grant-1/oauth_callback?code=x&state=eyJ1%3D%2F..%2F",
        "/user/alice/grant-1/api/contents/a..b/...c/.hidden",
        "/user/alice/grant-1/lab/api/settings/@jupyterlab/a-b:c?1795452919269",
    ],
)
def test_an_honest_address_passes_as_it_was_sent(target: str) -> None:
    assert clean_path(target) == target.partition("?")[0]


@given(st.text(alphabet="/.%2eEfF5cC\\ab?#;", max_size=24))
def test_no_mixture_of_dots_and_encodings_leads_elsewhere(tail: str) -> None:
    from posixpath import normpath
    from urllib.parse import unquote

    path = clean_path("/lab/" + tail)
    if isinstance(path, str):
        decoded = unquote(path)
        assert normpath(decoded) == normpath(decoded.rstrip("/"))
        assert normpath(decoded).startswith("/lab")
        assert unquote(decoded) == decoded  # nothing is left to decode a second time
