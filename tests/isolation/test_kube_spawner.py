"""The hub's spawner on a cluster: the real class and its client, against an API server of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiClient, Configuration
from kubespawner import KubeSpawner, clients
from traitlets.config import Config

from hub_config.kube_house import resolve, settle_on_cluster
from hub_config.kube_spawner import KubeHouse, LockedKubeSpawner
from sandbox.deploy.system import cluster
from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.flows.open_notebook import Opening
from tests.deploy.cluster_world import FULL, GRANT
from tests.deploy.pod_security import violations
from tests.deploy.test_admission import refusals
from tests.isolation.fake_cluster import ADDRESS, FakeCluster

POD = "jupyter-alice--grant-7"


@dataclass
class Doors:
    """Remembers, and fails where the test says."""

    happened: list[tuple[str, ...]] = field(default_factory=list)
    failing: str = ""

    async def open(self, opening: Any, server: str, token: str) -> None:
        self._happens("open", opening.grant.person, server, token)

    async def join(self, person: str, server: str, address: str) -> None:
        self._happens("join", person, server, address)

    async def close(self, person: str, server: str) -> None:
        self._happens("close", person, server)

    def _happens(self, *what: str) -> None:
        self.happened.append(what)
        if what[0] == self.failing:
            raise OperatorError("The gate does not answer.")


@dataclass
class World:
    cluster: FakeCluster
    doors: Doors
    told: list[tuple[str, ...]]
    allowed: Callable[[str, str], Opening]
    spawner: LockedKubeSpawner

    @property
    def made(self) -> list[dict[str, Any]]:
        return [body for method, _, body in self.cluster.asked if method == "POST"]


def opening(**changes: Any) -> Opening:
    return Opening(grant=replace(GRANT, **changes), limits=NotebookLimits(idle_minutes=10), room=RoomLimits())


def may(person: str, server: str) -> Opening:
    assert (person, server) == ("alice", "grant-7")
    return opening()


def may_not(person: str, server: str) -> Opening:
    raise NotAllowed("The agreement ended.", clause="ends")


async def an_address(name: str) -> str:
    return {"carrier": "10.96.0.9", "hub": "10.96.0.10", "portal": "10.96.0.11"}[name.partition(".")[0]]


@asynccontextmanager
async def a_world(
    allowed: Callable[[str, str], Opening] = may, *, server: str = "grant-7", **options: Any
) -> AsyncIterator[World]:
    doors, told = Doors(), []
    async with FakeCluster().serving() as api:
        Configuration.set_default(Configuration(host=api.url))
        asked = {"allowed": allowed}
        house = KubeHouse(
            cluster=cluster(FULL),
            doors=doors,
            allowed=lambda person, server: asked["allowed"](person, server),
            goes_on=lambda person, server: asked["allowed"](person, server),
            opened=lambda *what: told.append(("opened", *what)),
            closed=lambda *what: told.append(("closed", *what)),
            resolve=an_address,
        )
        c = Config()
        settle_on_cluster(c, house)
        spawner = LockedKubeSpawner(
            config=c,
            user=SimpleNamespace(name="alice", id=1, url="/user/alice/", escaped_name="alice"),
            hub=SimpleNamespace(
                api_url="http://hub:8002/hub/api",
                base_url="/hub/",
                public_host="",
                public_url="",
                url="http://hub:8002/hub/",
            ),
            orm_spawner=SimpleNamespace(name=server, last_activity=None, server=None, state=None),
            api_token="the token",
            oauth_client_id="client",
            start_timeout=5,
            **options,
        )
        world = World(api, doors, told, allowed, spawner)
        world.change = lambda other: asked.update(allowed=other)  # type: ignore[attr-defined]
        try:
            yield world
        finally:
            await LockedKubeSpawner._stop_all_reflectors()
            await spawner.api.api_client.close()
            clients._client_cache.clear()  # the next world of this loop has another server


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test(), 30)

    asyncio.run(bounded())


@pytest.fixture(autouse=True)
def _no_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)


def test_a_grant_becomes_a_pod_and_the_proxy_is_led_to_the_gate() -> None:
    async def test() -> None:
        async with a_world() as it:
            assert await it.spawner.start() == "http://gate:8003"
            assert it.doors.happened == [
                ("open", "alice", "grant-7", "the token"),
                ("join", "alice", "grant-7", ADDRESS),
            ]
            assert it.told == [("opened", "alice", "grant-7", "uid-1", "registry/i@sha256:ab")]
            assert [path for _, path, _ in it.cluster.asked] == ["/api/v1/namespaces/health-notebooks/pods"]

    run(test)


def test_the_pod_is_read_by_the_schemas_the_standard_and_the_admission_rule() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            (pod,) = it.made
            for version in ("1.30", "1.33", "1.36"):
                kubernetes_validate.validate(pod, version, strict=True)
            assert violations(pod["spec"]) == []
            assert refusals(pod, FULL) == []

    run(test)


def test_the_server_in_a_pod_knows_the_carrier_and_no_other_hub() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            told = {e["name"]: e["value"] for e in it.made[0]["spec"]["containers"][0]["env"]}
            assert told["JUPYTERHUB_API_URL"] == "http://carrier:8081/hub/api"
            assert told["JUPYTERHUB_API_TOKEN"] == "the token"
            assert told["JUPYTERHUB_SERVICE_URL"].startswith("http://0.0.0.0:8888/")
            assert all(name.startswith(("JUPYTERHUB_", "SANDBOX_")) for name in told)

    run(test)


# What a person could put into a request, and what an operator's file could hold for KubeSpawner.
def test_options_of_a_request_change_nothing() -> None:
    async def test() -> None:
        async with a_world() as plain:
            await plain.spawner.start()
        async with a_world() as it:
            it.spawner.user_options = {"profile": "big", "image": "evil", "profile-option-a--b": "c"}
            await it.spawner.start()
            assert it.made == plain.made
            assert it.spawner.user_options == {}

    run(test)


def test_no_setting_of_kubespawner_is_in_the_pod() -> None:
    settings = {
        "image": "evil",
        "cmd": ["sh"],
        "args": ["--debug"],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        "privileged": True,
        "allow_privilege_escalation": True,
        "service_account": "hub",
        "environment": {"A": "b"},
        "extra_containers": [{"name": "more", "image": "evil"}],
        "extra_pod_config": {"hostNetwork": True},
        "node_selector": {"a": "b"},
    }

    async def test() -> None:
        async with a_world() as plain:
            await plain.spawner.start()
        async with a_world(**settings) as it:
            await it.spawner.start()
            assert it.made == plain.made
            theirs = (await KubeSpawner.get_pod_manifest(it.spawner)).to_str()
            assert "evil" in theirs  # the control: KubeSpawner's own pod has them
            assert "host_path" in theirs

    run(test)


def test_who_may_not_gets_nothing_made() -> None:
    async def test() -> None:
        async with a_world(may_not) as it:
            with pytest.raises(SpawnException) as refused:
                await it.spawner.start()
            assert (refused.value.status_code, refused.value.reason) == (403, "not_allowed")
            assert it.cluster.asked == it.doors.happened == it.told == []

    run(test)


def test_a_manifest_is_made_of_what_was_opened_only() -> None:
    async def test() -> None:
        async with a_world() as it:
            with pytest.raises(SpawnException):
                await it.spawner.get_pod_manifest()

    run(test)


def test_rows_are_shown_in_no_pod_and_the_door_is_shut_again() -> None:
    async def test() -> None:
        async with a_world(lambda person, server: opening(mode=Mode.ROOM)) as it:
            with pytest.raises(SpawnException, match="no pod is given rows"):
                await it.spawner.start()
            assert it.made == []
            assert it.doors.happened[-1] == ("close", "alice", "grant-7")
            assert it.told == []

    run(test)


def test_a_server_without_a_grants_name_is_refused() -> None:
    async def test() -> None:
        async with a_world(server="") as it:
            with pytest.raises(SpawnException) as refused:
                await it.spawner.start()
            assert refused.value.status_code == 400
            assert it.cluster.asked == []

    run(test)


@pytest.mark.parametrize("failing", ["open", "join"])
def test_a_gate_that_is_away_leaves_no_pod(failing: str) -> None:
    async def test() -> None:
        async with a_world() as it:
            it.doors.failing = failing
            with pytest.raises(SpawnException, match="does not answer"):
                await it.spawner.start()
            assert it.cluster.pods == {}
            assert it.told == []

    run(test)


def test_a_pod_that_does_not_start_is_taken_away() -> None:
    async def test() -> None:
        async with a_world() as it:
            it.cluster.held = True
            it.spawner.start_timeout = 1
            with pytest.raises(TimeoutError):
                await it.spawner.start()
            assert it.cluster.pods == {}
            assert it.doors.happened[-1] == ("close", "alice", "grant-7")

    run(test)


def test_a_right_that_ended_ends_the_pod_door_first() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            assert await it.spawner.poll() is None
            it.change(may_not)  # type: ignore[attr-defined]
            assert await it.spawner.poll() == 1
            assert it.cluster.pods == {}
            assert it.doors.happened[-1] == ("close", "alice", "grant-7")
            assert it.told[-1] == ("closed", "alice", "grant-7", "The agreement ended.")

    run(test)


def test_a_look_joins_again_for_a_carrier_that_was_made_anew() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            del it.doors.happened[:]
            await it.spawner.poll()
            assert it.doors.happened == [("join", "alice", "grant-7", ADDRESS)]

    run(test)


def test_what_is_away_for_a_moment_takes_no_notebook_with_it() -> None:
    def away(person: str, server: str) -> Opening:
        raise OperatorError("The database does not answer.")

    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            it.change(away)  # type: ignore[attr-defined]
            assert await it.spawner.poll() is None
            assert POD in it.cluster.pods

    run(test)


def test_an_idle_notebook_ends() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            now = datetime.now(UTC).replace(tzinfo=None)  # as the hub keeps it
            it.spawner.orm_spawner.last_activity = now - timedelta(minutes=9)
            assert await it.spawner.poll() is None
            it.spawner.orm_spawner.last_activity = now - timedelta(minutes=11)
            assert await it.spawner.poll() == 1
            assert it.told[-1] == ("closed", "alice", "grant-7", "idle for 10 minutes")
            assert it.cluster.pods == {}

    run(test)


def test_the_end_is_on_the_log_once_whoever_ends_it() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            await it.cluster.end(POD, 137)
            for _ in range(100):
                if await it.spawner.poll() is not None:
                    break
                await asyncio.sleep(0.02)
            await it.spawner.stop()
            assert [what[0] for what in it.told] == ["opened", "closed"]
            assert it.cluster.pods == {}

    run(test)


def test_a_hub_that_was_restarted_knows_what_it_opened() -> None:
    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            state = it.spawner.get_state()
            it.spawner._was_opened = False
            it.spawner.load_state(state)
            await it.spawner.stop()
            assert it.told[-1] == ("closed", "alice", "grant-7", "stopped")

    run(test)


def test_a_name_that_leads_back_to_this_pod_is_no_wall() -> None:
    """From inside a notebook it would be the notebook itself, and always shut."""
    with pytest.raises(OperatorError, match="own address"):
        asyncio.run(resolve("localhost"))
    with pytest.raises(OperatorError, match="no address"):
        asyncio.run(resolve("carrier.invalid"))


def test_what_the_client_sends_is_what_was_made() -> None:
    """Its models do not know every field; the manifest is plain, so none is lost on the way."""

    async def test() -> None:
        async with a_world() as it:
            await it.spawner.start()
            async with ApiClient() as client:
                it.spawner._opening = opening()
                made = client.sanitize_for_serialization(await it.spawner.get_pod_manifest())
            assert made == it.made[0]
            assert made["spec"]["hostUsers"] is False

    run(test)
