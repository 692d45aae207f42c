"""Each person's host: distinct and legal for every legal user name."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hub_config.origins import own_host
from sandbox.domain.origins import host_label, notebook_host, site_host
from sandbox.domain.people import NAME

names = st.from_regex(NAME, fullmatch=True)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123, 2.1


@given(names)
def test_a_label_is_legal_and_means_nothing_else(name: str) -> None:
    label = host_label(name)
    assert LABEL.fullmatch(label)
    assert "--" not in label  # as in xn--


@given(names, names)
def test_two_people_have_two_hosts(one: str, other: str) -> None:
    assert (host_label(one) == host_label(other)) is (one == other)


def test_the_longest_name_fits() -> None:
    longest = "a" + "_" * 31
    assert NAME.fullmatch(longest)
    assert len(host_label(longest)) == 63


def test_a_host_has_the_sites_port_unless_it_goes_without_saying() -> None:
    assert notebook_host("ana_b", "http://localhost:8000") == "ana-0b.localhost:8000"
    assert notebook_host("ana", "https://Data.example.org:443/") == "ana.data.example.org"
    assert site_host("http://data.example.org:80") == "data.example.org"


def test_the_hub_serves_services_from_the_sites_own_host() -> None:
    assert own_host("portal", "localhost", "service") == "localhost"
    assert own_host("ana_b", "localhost", "user") == f"{host_label('ana_b')}.localhost"
