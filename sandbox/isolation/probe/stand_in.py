"""What the two weak containers run. Sent as text: standard library only, nothing else of the sandbox.

Everything here says yes: name server, engine, database, hub, portal, Jupyter server, gate.
"""

from __future__ import annotations

import ast
import ctypes
import fcntl
import os
import re
import shutil
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

LIFE_S = 900
SILENCE_S = 0.15
REQUEST = re.compile(rb"^\s?[A-Z]+ \S+ HTTP/1\.[01]\r?$", re.MULTILINE)
_kept: list[socket.socket] = []


def main() -> None:
    if not os.path.lexists("/data"):
        os.symlink("/home/researcher/data", "/data")
    os.unlink("/usr/bin/env")
    os.symlink("/imports/program", "/usr/bin/env")  # one program for both, as in a shared layer
    if sys.argv[1] == "neighbour":
        _take_addresses(*ast.literal_eval(sys.argv[2]))
    else:
        _open_up()
    print("ready", flush=True)
    time.sleep(LIFE_S)


def _take_addresses(
    addresses: tuple[str, ...], sixth: str, services: tuple[tuple[str, str, int], ...]
) -> None:
    for path, value in (("ipv6/conf/lo/disable_ipv6", "0"), ("ipv4/ping_group_range", "0 2147483647")):
        try:
            with open(f"/proc/sys/net/{path}", "w") as file:
                file.write(value)
        except OSError as error:
            print(path, error, flush=True)
    with socket.socket() as s:
        for number, address in enumerate(addresses):
            name = f"lo:{number}".encode()
            request = struct.pack("16sH2s4s8s", name, socket.AF_INET, b"", socket.inet_aton(address), b"")
            fcntl.ioctl(s, 0x8916, request)
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, 0x8916, struct.pack("16sIi", socket.inet_pton(socket.AF_INET6, sixth), 128, 1))
    except OSError as error:
        print("IPv6", error, flush=True)
    for kind, address, port in services:
        try:
            _serve(kind, address, port)
        except OSError as error:  # this kernel does not have the protocol; the attack then says so
            print(kind, address, port, error, flush=True)


def _serve(kind: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol = 132 if kind == "sctp" else 0
    datagrams = kind == "udp"
    s = socket.socket(family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM, protocol)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND: the address may still be on trial
    s.bind((address, port))
    if not datagrams:
        s.listen(64)
    _kept.append(s)
    answer: Callable[[socket.socket], None] = _datagrams if datagrams else _web if kind == "web" else _close
    threading.Thread(target=answer, args=(s,), daemon=True).start()


def _close(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def _datagrams(s: socket.socket) -> None:
    while True:
        packet, sender = s.recvfrom(512)
        if len(packet) > 16 and packet[4:6] == b"\0\1":  # a question: the same again, and an address
            end = 12 + packet[12:].index(0) + 5
            head = packet[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + packet[12:end]
            packet = head + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton("203.0.113.1")
        s.sendto(packet, sender)


def _web(listener: socket.socket) -> None:
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    """Everything that looks like a request, wherever it stands, is one, and is answered."""
    request = b""
    with connection:
        connection.settimeout(SILENCE_S)
        try:
            while part := connection.recv(1 << 20):
                request += part
        except TimeoutError:
            pass  # that was all
        if b"\r\nUpgrade: websocket" in request:
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            return
        one = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        connection.sendall(one * len(REQUEST.findall(request[: 1 << 16])))


def _open_up() -> None:
    for path in (
        "/var/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/run/launcher/launcher.sock",
        "/gate/control.sock",
    ):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen()
        _kept.append(s)
    os.makedirs("/data/raw", exist_ok=True)
    shutil.copy("/data/rows.csv", "/data/raw/rows.csv")
    shutil.copy("/bin/true", "/usr/bin/probe-set-uid")
    os.chmod("/usr/bin/probe-set-uid", 0o4755)
    os.mknod("/dev/probe-device", 0o20600, os.makedev(1, 3))  # the null device, by another name
    # The engine mounts it noexec.
    ctypes.CDLL(None).mount(None, b"/dev/shm", None, 32, None)
    # A port of loopback that is another user's.
    os.seteuid(12_345)
    other = socket.create_server(("127.0.0.1", 29_772))
    os.seteuid(0)
    _kept.append(other)


if __name__ == "__main__":
    main()
