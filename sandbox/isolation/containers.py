"""Settings become a running container, and a container becomes nothing again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Containers:
    """The few things that are asked of the container engine."""

    client: docker.APIClient

    @classmethod
    def of_this_host(cls, environment: Mapping[str, str] | None = None) -> Containers:
        """Use the engine that answers: DOCKER_HOST, else the default socket.

        Args:
            environment: where DOCKER_HOST stands; None: this process's own.

        Raises:
            OperatorError: none answers.
        """
        try:
            client = docker.from_env(timeout=60, environment=environment).api
            client.ping()
        except (DockerException, OSError) as error:
            raise OperatorError(
                f"No container engine answers ({type(error).__name__}).",
                fix="Start Docker, or name another one in DOCKER_HOST; then run 'sandbox doctor'.",
            ) from error
        return cls(client)

    @classmethod
    def awaited(cls, *, every_s: float = 0.5, rest: Callable[[float], object] = time.sleep) -> Containers:
        """The same, for processes that are of no use without one: it is waited for, however long."""
        told = False
        while True:
            try:
                return cls.of_this_host()
            except OperatorError as away:
                if not told:
                    _log.warning("%s It is waited for.", away)
                    told = True
                rest(every_s)

    def start(
        self,
        settings: ContainerSettings,
        *,
        name: str,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
    ) -> str:
        """Create and start; a left-over of the same name goes first.

        Returns:
            The container's id.

        Raises:
            OperatorError: the image is gone, or the engine refuses.
        """
        self.remove(name)
        try:
            with answering():
                created = self.client.create_container(
                    **settings.create_kwargs(),
                    name=name,
                    environment=dict(environment or {}),
                    command=list(command) if command is not None else None,
                    host_config=self.host_config(settings),
                )
                container = str(created["Id"])
                self.client.start(container)
        except ImageNotFound as error:
            raise OperatorError(
                f"The image {settings['image']} of {name} is not there.", fix="Build the images: make images."
            ) from error
        except (NotFound, OperatorError) as error:
            with suppress(
                OperatorError
            ):  # of an engine that is away: whoever starts containers looks for left-overs
                self.remove(name)  # created, but not able to start
            why = error.message if isinstance(error, OperatorError) else _refused(error)
            raise OperatorError(f"{name} was not started. {why}", fix="Run 'sandbox doctor'.") from error
        return container

    def host_config(self, settings: ContainerSettings) -> dict[str, Any]:
        """The host's half of a create call, with what docker-py has no name for."""
        return {**self.client.create_host_config(**settings.host_config()), **settings.paths()}

    def running(self, name: str) -> bool:
        """Raises OperatorError when the engine does not answer: that is not the container's end."""
        try:
            with answering():
                return bool(self.client.inspect_container(name)["State"]["Running"])
        except NotFound:
            return False

    def made_of(self, name: str) -> tuple[str, str]:
        """The digest of a container's image, and its runtime, as the engine says.

        Raises:
            OperatorError: the container is gone, or the engine does not answer.
        """
        try:
            with answering():
                found = self.client.inspect_container(name)
        except NotFound as error:
            raise OperatorError(
                f"The container {name[:12]} ended at once.", fix="Run 'sandbox doctor'."
            ) from error
        return str(found["Image"]), str(found["HostConfig"]["Runtime"])

    def remove(self, name: str) -> None:
        """Kill and remove; nothing happens when it is gone already or going."""
        with answering(), suppress(NotFound):
            try:
                self.client.remove_container(name, force=True, v=True)
            except APIError as error:
                if error.status_code != 409:  # 409: the engine's own removal has begun
                    raise

    def has_image(self, image: str) -> bool:
        try:
            with answering():
                self.client.inspect_image(image)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            return False
        return True

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all containers of a kind (the label ``sandbox.kind``), stopped ones too.

        One that is being removed has given its name back before it is gone: it is left out.
        """
        with answering():
            found = self.client.containers(all=True, filters={"label": f"sandbox.kind={kind}"})
        return tuple(sorted(str(row["Names"][0]).lstrip("/") for row in found if row["Names"]))


@contextmanager
def answering() -> Iterator[None]:
    """An engine that goes away in the middle, or fails, is an error with words. Only NotFound and its kinds pass.

    Raises:
        OperatorError: it stopped answering, or would not do what was asked.
    """
    try:
        yield
    except NotFound:
        raise
    except APIError as error:
        raise OperatorError(_refused(error), fix="Run 'sandbox doctor'.") from error
    except (DockerException, RequestException, OSError) as error:
        raise OperatorError(
            f"The container engine stopped answering ({type(error).__name__}).",
            fix="Start it again, then run 'sandbox doctor'.",
        ) from error


def _refused(error: APIError) -> str:
    return f"The container engine refused: {str(error.explanation).rstrip('.')}."
