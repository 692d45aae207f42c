"""Families of sockets. Each is a door to a part of the kernel; three are open, and lead nowhere."""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack


def _opened(family: int, kind: str = "SOCK_RAW", protocol: int = 0) -> str:
    return f"socket.socket({family}, socket.{kind}, {protocol}).close()"


def _family(
    name: str, would: str, code: str, *, refused_by: str = "seccomp", gvisor: str = "", needs: str = ""
) -> Attack:
    design = {"runsc": gvisor} if gvisor else {}
    return Attack(name=name, would=would, code=code, refused_by=refused_by, by_design=design, needs=needs)


SOCKETS: tuple[Attack, ...] = (
    _family(
        "open a virtual machine socket",
        "speak to the hypervisor, which no network setting stops",
        _opened(40, "SOCK_STREAM"),
    ),
    _family("open a raw socket", "forge packets", _opened(2, protocol=1), refused_by="cap_drop"),
    _family("open a packet socket", "read and forge all that passes an interface", _opened(17, protocol=768)),
    _family("open a raw IPv6 socket", "forge packets", _opened(10, protocol=58)),
    _family(
        "open the kernel's crypto sockets",
        "reach a part of the kernel that break-outs came through",
        _opened(38, "SOCK_SEQPACKET"),
    ),
    _family("open a Bluetooth socket", "speak to devices near the host", _opened(31, "SOCK_RAW", 1)),
    _family("open a TIPC socket", "speak to a cluster's other machines", _opened(30, "SOCK_SEQPACKET")),
    _family("open a CAN socket", "speak to machines on a field bus", _opened(29, protocol=1)),
    _family("open an XDP socket", "take packets before the kernel sees them", _opened(44)),
    _family("open an SMC socket", "use shared memory between machines", _opened(43, "SOCK_STREAM")),
    _family("open a key-management socket", "change the host's IPsec keys", _opened(15, protocol=2)),
    _family(
        "open an RDS socket",
        "reach a part of the kernel that break-outs came through",
        _opened(21, "SOCK_SEQPACKET"),
    ),
    _family("open a socket of the kernel's multiplexer", "reach seldom used code", _opened(41, "SOCK_DGRAM")),
    _family("open a PPP socket", "begin a tunnel", _opened(24, "SOCK_DGRAM")),
    _family("open a socket to a modem's processor", "speak to firmware", _opened(42, "SOCK_DGRAM")),
    _family("open an NFC socket", "speak to a reader near the host", _opened(39, "SOCK_SEQPACKET")),
    _family("open an MCTP socket", "speak to the machine's own controllers", _opened(45, "SOCK_DGRAM")),
    _family(
        "ask the kernel for all sockets",
        "see who is connected with whom",
        _opened(16, protocol=4),
    ),
    _family("listen to the kernel's devices", "learn what is plugged in", _opened(16, protocol=15)),
    _family("reach the packet filter", "change rules; many break-outs began here", _opened(16, protocol=12)),
    _family("reach the kernel's audit", "hide from it", _opened(16, protocol=9)),
    _family(
        "reach the kernel's own protocols", "reach any part that registers there", _opened(16, protocol=16)
    ),
    _family(
        "open any family that is not on our list",
        "use what nobody thought of",
        """
opened = []
for family in range(3, 64):
    if family in (16, 10):
        continue
    for kind in (1, 2, 3, 5):
        try:
            socket.socket(family, kind, 0).close()
            opened.append(family)
        except OSError as error:
            why = error
if not opened:
    raise why
""",
    ),
)
