"""Which runtime starts a researcher's container: runc on the host's kernel, or gVisor's runsc on a kernel of its own.

A name in the engine's list says little: Podman lists runtimes that are not installed. So a runtime is tried, with the
settings that every container of ours has, before it is relied upon. What worked once is remembered for as long as this
process lives; what failed is tried again, so that one bad moment does not lower the wall for good.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from sandbox.domain.errors import OperatorError
from sandbox.domain.site_policy import Runtime
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import GVISOR, container, cut_off, host, locked, own_seccomp, sized, tmpfs

PLAIN = "runc"
SLOW_PLATFORM = "ptrace"
TRIAL_TIMEOUT_S = 30
_log = logging.getLogger(__name__)
_works: set[tuple[str, str]] = set()  # (engine, runtime)
_trying = threading.Lock()


def choose(client: docker.APIClient, wanted: Runtime, *, image: str) -> str:
    """The name of the runtime that a container is to be started with.

    Args:
        image: any of ours that has ``/bin/true``; what is tried is tried with it.

    Raises:
        OperatorError: gVisor is asked for, and cannot be had; or the engine would silently leave out limits.
    """
    info = client.info()
    if unbounded := [name for name, can in bounds(info).items() if not can]:
        raise OperatorError(
            f"The container engine cannot bound {', '.join(unbounded)}, and would start containers without bounds.",
            fix="Run 'sandbox doctor': it says what this engine needs.",
        )
    if wanted is Runtime.RUNC:
        return plain(info)
    missing = why_not_gvisor(client, info, image=image)
    if wanted is Runtime.RUNSC:
        if missing:
            raise OperatorError(
                f"The site's policy asks for gVisor (containers.runtime: runsc). {missing}",
                fix="Install it: sudo scripts/setup_engine.sh. Or let the policy say 'auto' or 'runc'.",
            )
        return GVISOR
    if missing or platform(info) == SLOW_PLATFORM:
        return plain(info)
    return GVISOR


def plain(info: Mapping[str, Any]) -> str:
    """The engine's runtime on the host's kernel."""
    return PLAIN if PLAIN in offered(info) else str(info.get("DefaultRuntime") or PLAIN)


def bounds(info: Mapping[str, Any]) -> dict[str, bool]:
    """What the engine can bound. Rootless ones without delegated controllers cannot."""
    return {
        "memory": bool(info.get("MemoryLimit")),
        "processor": bool(info.get("CpuCfsQuota", info.get("CPUCfsQuota"))),
        "processes": bool(info.get("PidsLimit")),
    }


def offered(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the runtimes that the engine says it has."""
    return tuple(sorted(info.get("Runtimes") or {}))


def platform(info: Mapping[str, Any]) -> str:
    """How gVisor catches system calls, as the engine was told: ptrace, systrap, kvm.

    Nothing said means ptrace in builds up to 2023 and systrap in later ones; taken for the slower one.
    """
    arguments = (info.get("Runtimes") or {}).get(GVISOR, {}).get("runtimeArgs") or ()
    named = [a.partition("=")[2] for a in arguments if a.lstrip("-").startswith("platform=")]
    return named[-1] if named else SLOW_PLATFORM


def enforces_our_list(info: Mapping[str, Any]) -> bool:
    """Whether gVisor was told to keep to a container's list of system calls; without that it ignores the list."""
    arguments = (info.get("Runtimes") or {}).get(GVISOR, {}).get("runtimeArgs") or ()
    return any(a.lstrip("-") in ("oci-seccomp", "oci-seccomp=true") for a in arguments)


def why_not_gvisor(client: docker.APIClient, info: Mapping[str, Any], *, image: str) -> str:
    """Empty when gVisor starts our containers here; else a sentence that says what is missing."""
    if GVISOR not in offered(info):
        return f"The container engine has no runtime {GVISOR}."
    if not enforces_our_list(info):
        return f"The engine's runtime {GVISOR} is not told to keep to our system calls (--oci-seccomp)."
    return trial(client, GVISOR, image=image, engine=str(info.get("ID", "")))


def trial(client: docker.APIClient, runtime: str, *, image: str, engine: str) -> str:
    """Start a container as ours are, which ends at once.

    Args:
        engine: the engine's own name, so that what one does is not believed of another.

    Returns:
        Nothing when it ran, else a sentence that says why not.
    """
    with _trying:
        if (engine, runtime) in _works:
            return ""
        why = _try(client, runtime, image)
        if not why:
            _works.add((engine, runtime))
        else:
            _log.warning("runtime %s: %s", runtime, why)
        return why


def trial_settings(runtime: str, image: str) -> ContainerSettings:
    """What every container of ours has, as small as it can be."""
    return ContainerSettings(
        (
            container("image", image, "named by the operator"),
            container("entrypoint", ["/bin/true"], "it ends at once"),
            container("user", "65532:65532", "not root"),
            container("labels", {"sandbox.kind": "trial"}, "so that a left-over can be found and removed"),
            *cut_off(),
            *(row for row in locked(own_seccomp(), runtime=runtime) if row.key != "auto_remove"),
            *sized(
                memory_mib=128, cpu_percent=100, processes=64, open_files=256, file_bytes=2**20, shm_mib=1
            ),
            host("tmpfs", {"/tmp": tmpfs(1, inodes=64, more="mode=1777")}, "as ours have"),  # noqa: S108
        )
    )


def _try(client: docker.APIClient, runtime: str, image: str) -> str:
    settings = trial_settings(runtime, image)
    made = ""
    try:
        made = str(
            client.create_container(
                **settings.create_kwargs(), host_config=Containers(client).host_config(settings)
            )["Id"]
        )
        client.start(made)
        code = client.wait(made, timeout=TRIAL_TIMEOUT_S)["StatusCode"]
        return "" if code == 0 else f"A container under {runtime} ended with {code}."
    except ImageNotFound:
        return f"The image {image} is not there."
    except APIError as error:
        return f"A container under {runtime} does not start: {_short(str(error.explanation), settings)}"
    except (DockerException, RequestException) as error:
        return f"A container under {runtime} did not end in {TRIAL_TIMEOUT_S} s ({type(error).__name__})."
    finally:
        if made:
            _remove(client, made)


def _remove(client: docker.APIClient, name: str) -> None:
    try:
        client.remove_container(name, force=True, v=True)
    except NotFound:
        return
    except (DockerException, RequestException) as error:
        _log.warning("the trial %s was not removed: %s", name[:12], type(error).__name__)


def _short(text: str, settings: ContainerSettings, longest: int = 200) -> str:
    """An engine's words without our own list of system calls, which some quote in full."""
    (list_of_calls,) = (o.partition("=")[2] for o in settings["security_opt"] if o.startswith("seccomp="))
    text = text.replace(list_of_calls, "(our list)").strip()
    return (text if len(text) <= longest else f"{text[:longest]}…").rstrip(".") + "."
