"""The processes of one machine: what runs, in which order, and when each is ready.

Supervisor (supervisord.org) starts them, restarts what dies, and keeps their logs under ``<home>/logs``:

engine   the container that opens raw data      gate      what passes in and out of notebooks
hub      JupyterHub                             launcher  starts notebooks; it alone speaks to the container engine
portal   pages and API                          proxy     the one public port
worker   runs sent code, each in a container of its own
post     tells people what happened; the one that writes e-mails and calls the webhook
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.errors import OperatorError
from sandbox.domain.origins import site_host
from sandbox.isolation.entrance.folder import clear
from sandbox.isolation.reach import answers
from sandbox.settings import CHECKOUT, PORTAL_PREFIX, Settings
from sandbox.wiring import hand_over, probes

NAMES = ("engine", "gate", "launcher", "proxy", "hub", "portal", "worker", "post")
READY_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Readiness:
    """One process on its way up."""

    name: str
    ready: bool
    waited_s: float


def lay_out(settings: Settings) -> None:
    """Make the folders, each open to as few as possible."""
    for folder in (
        settings.home,
        settings.run_dir,
        settings.logs_dir,
        settings.keys_dir,
        settings.vault_dir,
        settings.gate_dir,
        settings.launcher_socket.parent,
        settings.jobs_socket.parent,
        settings.post_dir,
        settings.hub_dir,
    ):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = settings.home / "hub.db"  # where it was before it had a folder
    if earlier.exists():
        earlier.replace(settings.hub_dir / "hub.db")
    for folder in (
        settings.raw_dir,
        settings.views_dir,
        settings.data_keys_dir,
        settings.extracts_dir,
        settings.engine_dir,
    ):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hand_over(folder, remapped_to=settings.remapped_to)


def start(settings: Settings) -> None:
    """Start everything that does not run yet.

    Raises:
        OperatorError: a port is taken, or supervisord did not start.
    """
    if running(settings):
        return
    check_reach(settings)
    lay_out(settings)
    clear(settings.imports_dir)  # no container runs: nobody looks at what was laid out before
    _check_ports(settings)
    config = settings.run_dir / "supervisord.conf"
    config.write_text(_config(settings))
    config.chmod(0o600)
    done = subprocess.run(  # noqa: S603 - our own configuration
        [_tool("supervisord"), "-c", str(config)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OperatorError(
            f"supervisord did not start: {(done.stderr or done.stdout).strip()[-400:]}",
            fix=f"See {settings.logs_dir / 'supervisord.log'}.",
        )


def check_reach(settings: Settings) -> None:
    """Raise when pages could be reached from other machines without TLS.

    Browsers say where a request comes from (``Sec-Fetch-*``) only over HTTPS and on loopback, and anybody on the way
    could read what is sent and write another's cookies.
    """
    if settings.bind_host in ("127.0.0.1", "::1", "localhost") or settings.url.startswith("https://"):
        return
    raise OperatorError(
        f"Listening on {settings.bind_host} without HTTPS would let notebooks act for the people who open them.",
        fix="Put a proxy with TLS in front and set SANDBOX_PUBLIC_URL=https://…, or listen on 127.0.0.1.",
    )


def running(settings: Settings) -> bool:
    """True when this home's supervisord runs, or something else keeps the processes."""
    return bool(settings.hosts) or _pid(settings) is not None


def stop(settings: Settings, *, timeout_s: float = 60) -> bool:
    """Stop everything, containers too. False when nothing ran, or something else keeps the processes."""
    pid = _pid(settings)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while _pid(settings) is not None:
        if time.monotonic() > deadline:
            raise OperatorError("The processes did not stop.", fix=f"See {settings.logs_dir}.")
        time.sleep(0.1)
    return True


def wait_ready(settings: Settings, *, timeout_s: float = READY_TIMEOUT_S) -> Iterator[Readiness]:
    """Yield each process's readiness as it changes, until all are ready.

    Raises:
        OperatorError: one was not ready in time; names it and the end of its log.
    """
    checks = _checks(settings)
    began = time.monotonic()
    waiting = dict(checks)
    while waiting:
        for name, check in tuple(waiting.items()):
            if check():
                del waiting[name]
                yield Readiness(name, True, time.monotonic() - began)
        if waiting and time.monotonic() - began > timeout_s:
            name = next(iter(waiting))
            raise OperatorError(
                f"{name} was not ready after {timeout_s:.0f} s. The end of its log:\n{log_tail(settings, name)}",
                fix=f"See {settings.logs_dir / (name + '.log')}.",
            )
        time.sleep(0.1)


def status(settings: Settings) -> dict[str, bool]:
    """Which processes answer."""
    return {name: check() for name, check in _checks(settings).items()}


def pid_of(settings: Settings, name: str) -> int | None:
    """The process id of one of the processes, from supervisord; None when it is down."""
    done = subprocess.run(  # noqa: S603
        [_tool("supervisorctl"), "-c", str(settings.run_dir / "supervisord.conf"), "pid", name],
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout.strip()
    return int(text) if text.isdigit() and int(text) > 0 else None


def log_tail(settings: Settings, name: str, lines: int = 15) -> str:
    """The last lines of a process's log."""
    file = settings.logs_dir / f"{name}.log"
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.is_file() else "(no log)"


def command(name: str, settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The command line of one process, and the environment it needs beyond the settings."""
    python = sys.executable
    if name == "proxy":
        from sandbox.store.secrets import secret

        proxy = [
            _tool("configurable-http-proxy"),
            "--ip", settings.bind_host,
            "--port", str(settings.hub_port),
            "--api-ip", settings.listen_host,
            "--api-port", str(settings.proxy_api_port),
            "--default-target", settings.hub_url,
            "--error-target", f"{settings.hub_url}/hub/error",
            "--host-routing",
            "--log-level=warn",
        ]  # fmt: skip
        return proxy, {"CONFIGPROXY_AUTH_TOKEN": secret(settings.keys_dir, "proxy-token")}
    if name == "hub":
        config = CHECKOUT / "hub_config" / "jupyterhub_config.py"
        return [python, "-m", "jupyterhub", "-f", str(config)], {}
    return [python, "-m", "sandbox", "serve", name], {}


def _config(settings: Settings) -> str:
    environment = ",".join(f'{k}="{_told(v)}"' for k, v in settings.as_environment().items())
    path = f"{Path(sys.executable).parent}:%(ENV_PATH)s"
    parts = [
        "[supervisord]",
        f"logfile={settings.logs_dir / 'supervisord.log'}",
        f"pidfile={_pid_file(settings)}",
        f"directory={settings.home}",
        "minfds=1024",
        "umask=077",
        *(["user=root"] if os.getuid() == 0 else []),
        f'environment={environment},PATH="{path}",PYTHONUNBUFFERED="1"',
        "[unix_http_server]",
        f"file={settings.run_dir / 'supervisor.sock'}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{settings.run_dir / 'supervisor.sock'}",
    ]
    for priority, name in enumerate(NAMES):
        parts += [
            f"[program:{name}]",
            f"command={sys.executable} -m sandbox serve {name}",
            f"priority={priority}",
            "autorestart=true",
            "startsecs=1",
            "startretries=20",
            "stopwaitsecs=30",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={settings.logs_dir / (name + '.log')}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]
    return "\n".join(parts) + "\n"


def _told(value: str) -> str:
    """A setting as supervisord reads it: a percent sign would begin a name of its own, and it looks for those twice."""
    return value.replace("%", "%%%%")


def _checks(settings: Settings) -> dict[str, Callable[[], bool]]:
    checks = {
        **probes(settings),
        "portal": lambda: (
            answers(f"{settings.portal_inner_url}{PORTAL_PREFIX}/api/v1/health")
            and answers(f"{settings.proxy_url}{PORTAL_PREFIX}/api/v1/health", host=site_host(settings.url))
        ),
    }
    return {name: checks[name] for name in NAMES}


def _check_ports(settings: Settings) -> None:
    for port in range(settings.hub_port, settings.hub_port + 5):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise OperatorError(
                    f"Port {port} is in use by another program.",
                    fix="Stop it, or choose five other ports by SANDBOX_PORT=9000.",
                ) from None


def _pid_file(settings: Settings) -> Path:
    return settings.run_dir / "supervisord.pid"


def _pid(settings: Settings) -> int | None:
    """The supervisord of this home, when it lives (a stale pid file of another program does not count)."""
    file = _pid_file(settings)
    if not file.is_file():
        return None
    text = file.read_text().strip()
    if not text.isdigit():
        return None
    try:
        arguments = Path(f"/proc/{text}/cmdline").read_bytes()
    except OSError:
        return None
    return int(text) if b"supervisord" in arguments else None


def _tool(name: str) -> str:
    """A program of this virtual environment."""
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise OperatorError(f"{name} is not installed.", fix="Run 'make demo' once: it sets everything up.")
    return str(path)
