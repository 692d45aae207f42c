"""Settings become a running container, and a container becomes nothing again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings


@dataclass(frozen=True, slots=True)
class Containers:
    """The few things that are asked of the container engine."""

    client: docker.APIClient

    @classmethod
    def of_this_host(cls) -> Containers:
        """Use the engine that answers: DOCKER_HOST, else the default socket.

        Raises:
            OperatorError: none answers.
        """
        try:
            client = docker.from_env(timeout=60).api
            client.ping()
        except (DockerException, OSError) as error:
            raise OperatorError(
                f"No container engine answers ({type(error).__name__}).",
                fix="Start Docker, or name another one in DOCKER_HOST; then run 'sandbox doctor'.",
            ) from error
        return cls(client)

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
        except APIError as error:
            self.remove(name)  # created, but not able to start
            raise OperatorError(
                f"The container engine would not start {name}: {error.explanation}.",
                fix="Run 'sandbox doctor'.",
            ) from error
        return container

    def host_config(self, settings: ContainerSettings) -> dict[str, Any]:
        """The host's half of a create call, with what docker-py has no name for."""
        return {**self.client.create_host_config(**settings.host_config()), **settings.paths()}

    def running(self, name: str) -> bool:
        try:
            return bool(self.client.inspect_container(name)["State"]["Running"])
        except NotFound:
            return False

    def remove(self, name: str) -> None:
        """Kill and remove; nothing happens when it is gone already or going."""
        try:
            self.client.remove_container(name, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:  # 409: the engine's own removal has begun
                raise

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all containers of a kind (the label ``sandbox.kind``), stopped ones too."""
        found = self.client.containers(all=True, filters={"label": f"sandbox.kind={kind}"})
        return tuple(sorted(str(row["Names"][0]).lstrip("/") for row in found))
