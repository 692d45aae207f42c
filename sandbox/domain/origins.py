"""Which host a person's notebooks are served from: each person has one of their own, below the site's.

Browsers keep hosts apart. A page in one person's notebook can read nothing of another person's, of the hub or of the
portal, whatever cookies its reader has.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def host_label(name: str) -> str:
    """A person's part of the host: a distinct and legal label for every legal user name.

    A name is 2 to 32 of a-z, 0-9 and _, and starts with a letter. The underscore, which no host may have, becomes
    ``-0``. A hyphen stands before a 0 only, so a label is read back in one way, ends in no hyphen and has no two in a
    row (``xn--`` has a meaning of its own); the longest has 63 characters, as many as a label may have.

    >>> host_label("ana"), host_label("ana_b"), host_label("ana_")
    ('ana', 'ana-0b', 'ana-0')
    """
    return name.replace("_", "-0")


def site_host(url: str) -> str:
    """The host (with its port, unless that is the scheme's own) of the site's address, as browsers send it.

    >>> site_host("http://localhost:8000"), site_host("https://Data.example.org:443")
    ('localhost:8000', 'data.example.org')
    """
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def notebook_host(name: str, url: str) -> str:
    """The host of a person's notebooks.

    >>> notebook_host("ana", "http://localhost:8000")
    'ana.localhost:8000'
    """
    return f"{host_label(name)}.{site_host(url)}"
