"""``sandbox serve NAME``: one process, in the foreground. Supervisor calls it; people seldom do."""

from __future__ import annotations

import os

import typer

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput
from sandbox.settings import Settings


def serve(name: str) -> None:
    """Run one of the processes."""
    from sandbox.cli import processes

    settings = Settings.from_environment()
    if not settings.hosts:  # else 'sandbox prepare' did it, and each process has a part of the folders only
        processes.lay_out(settings)
    match name:
        case "engine":
            _engine(settings)
        case "gate":
            _gate(settings)
        case "launcher":
            _launcher(settings)
        case "carrier":
            _carrier(settings)
        case "portal":
            _portal(settings)
        case "worker":
            _worker(settings)
        case "post":
            _post(settings)
        case "hub" | "proxy":
            arguments, more = processes.command(name, settings)
            os.execve(arguments[0], arguments, os.environ | settings.as_environment() | more)  # noqa: S606
        case _:
            raise BadInput(
                f"{name!r} is no process.", where="name", fix=f"Choose from {', '.join(processes.NAMES)}."
            )


def _engine(settings: Settings) -> None:
    """The engine's container, as long as this process lives."""
    from sandbox.isolation.container import Images
    from sandbox.isolation.engine_room import run_engine
    from sandbox.wiring import build, engine_user

    sandbox = build(settings)
    site = sandbox.site  # what is in force, which site.yaml may only propose to loosen
    sandbox.store.close()
    raise typer.Exit(
        run_engine(
            images=Images.read(settings.images_file),
            raw_dir=settings.raw_dir,
            views_dir=settings.views_dir,
            keys_dir=settings.data_keys_dir,
            extracts_dir=settings.extracts_dir,
            socket=settings.engine_socket,
            memory_mib=site.answers.engine_memory_mib,
            timeout_s=site.answers.timeout_s,
            user=engine_user(),
            name=f"sandbox-engine-{settings.hub_port}",
        )
    )


def _gate(settings: Settings) -> None:
    from sandbox.flows.watch_gate import WatchGate
    from sandbox.isolation.gate import run_gate
    from sandbox.isolation.gate_assets import read_assets
    from sandbox.isolation.gate_door import House
    from sandbox.wiring import build

    watch = WatchGate(build(settings).store)
    try:
        house = House(
            hub_url=settings.hub_url,
            portal_url=settings.portal_inner_url,
            site_url=settings.url,
            own_url=settings.gate_url,
            record=watch,
            assets=read_assets(settings.assets_file),
        )
        run_gate(settings.gate_dir, house, tcp=(settings.listen_host, settings.gate_port))
    finally:
        watch.close()


def _carrier(settings: Settings) -> None:
    """On a cluster only: one machine has a carrier beside each notebook."""
    from sandbox.isolation.pod_carrier import run_carrier
    from sandbox.isolation.profile import HUB_PORT

    run_carrier(run_dir=settings.gate_dir, tcp=("0.0.0.0", HUB_PORT))  # noqa: S104  (of its pod)


def _launcher(settings: Settings) -> None:
    from sandbox.cli.launching import jobs_of, launcher_of
    from sandbox.isolation.launcher_service import run_launcher
    from sandbox.wiring import build

    sandbox = build(settings)
    run_launcher(
        launcher_of(sandbox), jobs_of(sandbox), settings.launcher_socket, jobs_socket=settings.jobs_socket
    )


def _worker(settings: Settings) -> None:
    from sandbox.cli.working import run_worker
    from sandbox.wiring import build

    run_worker(build(settings))


def _post(settings: Settings) -> None:
    from sandbox.cli.posting import run_post
    from sandbox.wiring import build

    run_post(build(settings))


def _portal(settings: Settings) -> None:
    import uvicorn

    from sandbox.flows.keep_time import KeepTime
    from sandbox.portal import create_app
    from sandbox.wiring import build

    sandbox = build(settings)
    # What a killed process left: charges stay spent, approved releases leave now, data are destroyed to the end.
    sandbox.store.ledger.recover(event=Event("system:portal", "ledger.recovered", "ledger", {}))
    sandbox.review_release.finish_approved()
    sandbox.close_data.learn()
    sandbox.destroy_data.go_on()
    sandbox.import_files.finish_checks()
    keeper = KeepTime(
        [
            sandbox.end_access.expire,
            sandbox.end_access.remind,
            sandbox.import_files.expire,
            sandbox.prepare_dataset.clear,
            sandbox.store.log_tree.keep_head_daily,
            sandbox.review_queue.remind,
            sandbox.remind_ends.grants,
            sandbox.remind_ends.courses,
            sandbox.watch_use,
            sandbox.tell_people.catch_up,  # the post does it every other second; here, where none runs
        ]
    )
    keeper.start()
    try:
        uvicorn.run(
            create_app(sandbox),
            host=settings.listen_host,
            port=settings.portal_port,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
        )
    finally:
        keeper.close()
