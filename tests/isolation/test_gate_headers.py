"""Headers and cookies: what goes along, each way."""

from __future__ import annotations

import pytest

from sandbox.isolation.gate_headers import Own, answer_in, answer_out, bearer, plain, request_in, request_out

OWN = Own(person="alice", server="grant-1", site="https://data.example.org")


def test_a_notebook_sees_its_own_cookies_only() -> None:
    sent = "sandbox-session=secret; jupyterhub-user-alice-grant-1=mine; _xsrf=x; jupyterhub-session-id=s; other=1"
    kept = dict(request_in([("Cookie", sent), ("Cookie", "also=1")], OWN))
    assert kept["Cookie"] == "jupyterhub-user-alice-grant-1=mine; _xsrf=x"


@pytest.mark.parametrize(
    "cookie",
    [
        "jupyterhub-user-alice-grant-2=hers",  # the sign-in of another grant of hers
        "jupyterhub-user-alice-grant-12=hers",
        "__Host-jupyterhub-user-alice-grant-2=hers",
        "jupyterhub-user-ben-grant-1=his",
        "jupyterhub-hub-login=hers",
        "__Host-jupyterhub-hub-login=hers",
    ],
)
def test_a_notebook_sees_no_other_sign_in(cookie: str) -> None:
    assert "Cookie" not in dict(request_in([("Cookie", cookie)], OWN))


def test_a_cookie_that_is_bound_to_its_host_is_the_notebooks_own_sign_in_or_nothing() -> None:
    own = "__Host-jupyterhub-user-alice-grant-1=v; HttpOnly; Path=/; Secure"
    ((_, kept),), dishonest = answer_in([("Set-Cookie", own)], OWN)
    assert (sorted(kept.split("; ")), dishonest) == (sorted(own.split("; ")), False)
    assert "__Host-" in dict(request_in([("Cookie", own.partition(";")[0])], OWN))["Cookie"]
    other = own.replace("grant-1", "grant-2")
    assert answer_in([("Set-Cookie", other)], OWN) == ([], True)


def test_where_rows_are_inside_headers_carry_nothing_but_what_they_are_for() -> None:
    said = [("ETag", "a row"), ("Content-Type", "text/html; row=1"), ("X-JupyterHub-Version", "a row")]
    assert plain(said, "text/html") == [
        ("Content-Type", "text/html; charset=UTF-8"),
        ("Cache-Control", "private, no-cache"),
    ]


def test_a_notebook_is_asked_for_unpacked_answers() -> None:
    assert request_in([("Accept-Encoding", "gzip, br")], OWN) == [("Accept-Encoding", "identity")]


@pytest.mark.parametrize(
    "name", ["Connection", "Upgrade", "Transfer-Encoding", "Content-Length", "TE", "X-Anything"]
)
def test_framing_is_never_copied(name: str) -> None:
    pair = [(name, "x")]
    assert not [k for k, _ in request_in(pair, OWN) if k == name]
    assert request_out(pair) == []
    assert answer_in(pair, OWN) == ([], False)
    assert answer_out(pair) == []


def test_a_container_cannot_claim_to_be_somebody() -> None:
    claims = [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Cookie", "sandbox-session=x"),
        ("Host", "hub"),
        ("Origin", "x"),
    ]
    assert request_out([*claims, ("Authorization", "token t")]) == [("Authorization", "token t")]


@pytest.mark.parametrize(
    "cookie",
    [
        "jupyterhub-user-alice-grant-1=v; HttpOnly; Path=/user/alice/grant-1/",
        "_xsrf=v; Path=/user/alice/grant-1/",
        "_xsrf=v; Path=/user/alice/grant-1",
    ],
)
def test_a_cookie_for_its_own_path_is_passed_on(cookie: str) -> None:
    kept, dishonest = answer_in([("Set-Cookie", cookie)], OWN)
    assert not dishonest
    assert sorted(kept[0][1].split("; ")) == sorted(cookie.split("; "))


@pytest.mark.parametrize(
    "cookie",
    [
        "jupyterhub-session-id=v; Path=/",
        "_xsrf=v; Path=/hub/",
        "_xsrf=v",
        "a=v; Path=/user/alice/grant-12/",
        "a=v; Path=/user/alice/grant-1/; Domain=example.org",
        "a=v; Path=/user/alice/grant-1/; Path=/hub/",
        "nonsense",
        "",
    ],
)
def test_a_cookie_for_elsewhere_is_not(cookie: str) -> None:
    assert answer_in([("Set-Cookie", cookie)], OWN) == ([], True)


@pytest.mark.parametrize(
    "place", ["/user/alice/grant-1/lab?", "https://data.example.org/hub/api/oauth2/authorize?client_id=x"]
)
def test_it_may_lead_to_itself_and_to_the_hub(place: str) -> None:
    assert answer_in([("Location", place)], OWN) == ([("Location", place)], False)


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example",
        "/user/ben/grant-2/",
        "/services/portal/",
        "lab",
        "/hub/home",
        "https://data.example.org/services/portal/",
        "https://data.example.org.evil.example/hub/",
        "https://data.example.org/hub/\\x",
    ],
)
def test_it_may_lead_nowhere_else(place: str) -> None:
    assert answer_in([("Location", place)], OWN) == ([], True)


def test_a_download_has_no_name_and_no_policy_of_its_own() -> None:
    wanted = [
        ("Content-Disposition", "attachment; filename=rows.csv"),
        ("Content-Security-Policy", "default-src *"),
    ]
    assert answer_in([*wanted, ("Access-Control-Allow-Origin", "*")], OWN) == ([], False)


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([("Authorization", "token abc")], "abc"),
        ([("authorization", "Bearer abc")], "abc"),
        ([("Authorization", "Basic abc")], None),
        ([("Authorization", "token")], None),
        ([("Authorization", "token a"), ("Authorization", "token b")], None),
        ([], None),
    ],
)
def test_a_request_carries_one_token_or_none(headers: list[tuple[str, str]], token: str | None) -> None:
    assert bearer(headers) == token
