"""What is made of a container engine's answers, and of none."""

from __future__ import annotations

from typing import Any, cast

import pytest
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers
from sandbox.isolation.lockdown import container

SETTINGS = ContainerSettings((container("image", "sha256:0", "any"),))


def answer(status: int) -> APIError:
    response = requests.Response()
    response.status_code = status
    kind = {404: NotFound, 405: ImageNotFound}.get(status, APIError)
    return kind("no", response=response, explanation=f"because of {status}")


class Engine:
    """Gives the answers that it was told to give, by verb."""

    def __init__(self, **answers: Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        def ask(*_: Any, **__: Any) -> Any:
            self.asked.append(verb)
            if verb in self.answers:
                raise self.answers[verb]
            return {"Id": "c1", "State": {"Running": True}}

        return ask


def containers(**answers: Exception) -> Containers:
    return Containers(cast(Any, Engine(**answers)))


@pytest.mark.parametrize(
    "lost",
    [
        requests.ConnectionError("gone"),
        DockerException("gone"),
        ConnectionResetError(),
        answer(500),
        answer(400),
    ],
)
def test_an_engine_that_fails_at_a_removal_is_an_error_with_words(lost: Exception) -> None:
    with pytest.raises(OperatorError, match=r"stopped answering|because of"):
        containers(remove_container=lost).remove("a")


@pytest.mark.parametrize("status", [404, 409])
def test_what_is_gone_or_going_needs_no_removal(status: int) -> None:
    containers(remove_container=answer(status)).remove("a")


def test_a_start_that_breaks_takes_away_what_it_made() -> None:
    broken = containers(start=answer(500))
    with pytest.raises(
        OperatorError, match=r"a was not started\. The container engine refused: because of 500"
    ):
        broken.start(SETTINGS, name="a")
    assert cast(Any, broken.client).asked[-1] == "remove_container"


def test_a_start_that_an_engine_cuts_by_going_away_says_so_and_not_that_a_removal_failed() -> None:
    gone = requests.ConnectionError("gone")
    removals = iter([None, gone])

    class Dying(Engine):
        def remove_container(self, *_: Any, **__: Any) -> None:
            if (met := next(removals)) is not None:
                raise met

    with pytest.raises(OperatorError, match=r"was not started\. The container engine stopped answering"):
        Containers(cast(Any, Dying(start=gone))).start(SETTINGS, name="a")


def test_a_missing_image_is_named() -> None:
    with pytest.raises(OperatorError, match="is not there"):
        containers(create_container=answer(405)).start(SETTINGS, name="a")


def test_one_that_is_being_removed_and_has_no_name_any_more_is_left_out() -> None:
    class Removing(Engine):
        def containers(self, **_: Any) -> list[dict[str, Any]]:
            return [{"Names": ["/b"]}, {"Names": []}, {"Names": None}, {"Names": ["/a"]}]

    assert Containers(cast(Any, Removing())).names("job") == ("a", "b")


def test_an_engine_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    away = iter(
        [OperatorError("No container engine answers."), OperatorError("No container engine answers."), None]
    )

    def found(*_: Any) -> Containers:
        if (error := next(away)) is not None:
            raise error
        return containers()

    rested: list[float] = []
    monkeypatch.setattr(Containers, "of_this_host", found)
    assert Containers.awaited(every_s=0.25, rest=rested.append)
    assert rested == [0.25, 0.25]
