"""The registry on a real stream, with as many connections to it as there would be processes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared.auth import Authenticator, Principal, StaticKeys
from shared.errors import Conflict, Invalid, Misconfigured, NotFound, StreamUnavailable, Unauthenticated, Unavailable
from shared.registry.entities import EnvironmentTag, Prompt, Scope
from shared.registry.registry import Registry
from shared.stream.base import REGISTRY_TOPIC, Stream
from shared.stream.kafka import KafkaConfig, KafkaStream
from shared.stream.sqlite import SqliteStream, retention

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka_broker import KafkaBroker

pytest_plugins = ["tests.support.kafka_fixtures"]

Connect = Callable[[], Awaitable[Stream]]
Open = Callable[..., Awaitable[Registry]]

DETAILS = {"model": "gpt-4o", "template": [{"role": "user", "content": "Grüße {{name}}"}], "temperature": 0.5}


@pytest.fixture(params=["sqlite", "kafka"])
async def connect(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connect]:
    """Makes started connections to one stream, like those of several processes."""
    make: Callable[[], Stream]
    if request.param == "kafka":
        config = KafkaConfig(
            request.getfixturevalue("kafka"), prefix=f"registry-test-{secrets.token_hex(6)}.", partitions=1
        )
        make = partial(KafkaStream, config)
    else:
        make = partial(SqliteStream, tmp_path / "stream.db")
    async with AsyncExitStack() as stack:

        async def connect() -> Stream:
            stream = make()
            await stream.start()
            stack.push_async_callback(stream.stop)
            return stream

        yield connect


@pytest.fixture
async def open_registry(connect: Connect) -> AsyncIterator[Open]:
    """Makes started registries, each on its own connection."""
    async with AsyncExitStack() as stack:

        async def open_registry(*, versions_per_prompt: int = 5000, wait_timeout_s: float = 10) -> Registry:
            registry = Registry(await connect(), versions_per_prompt=versions_per_prompt, wait_timeout_s=wait_timeout_s)
            await registry.start()
            stack.push_async_callback(registry.stop)
            return registry

        yield open_registry


@pytest.fixture
def workspace() -> str:
    """One that no other test uses: the stream may be shared."""
    return f"w{secrets.token_hex(6)}"


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Return as soon as the condition holds; fails after the timeout."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (what changes is the state of the object under test)
            await asyncio.sleep(0.01)


async def end_offset(stream: Stream) -> int:
    return (await stream.end_offsets(REGISTRY_TOPIC))[0]


def snapshot(registry: Registry, workspace: str) -> object:
    """All that a registry knows of a workspace."""
    state = registry.state
    return state.prompts(workspace), state.environments(workspace), state.keys(workspace)


async def prompt_with_version(registry: Registry, workspace: str, version_id: str = "prv_1") -> Prompt:
    prompt = await registry.find_or_create_prompt(workspace, "folder/greeting")
    assert await registry.ensure_version(prompt, version_id, DETAILS)
    assert await registry.find_version(workspace, prompt.id, version_id) is not None
    return prompt


async def test_concurrent_first_use_of_a_path_gives_one_prompt_everywhere(open_registry: Open, workspace: str) -> None:
    one, two = await open_registry(), await open_registry()
    for attempt in range(10):
        path = f"folder/prompt {attempt}"
        spellings = [path, f"/{path}/", f"folder//prompt {attempt}"]
        prompts = await asyncio.gather(
            *(registry.find_or_create_prompt(workspace, spelling) for registry in (one, two) for spelling in spellings)
        )
        assert len({prompt.id for prompt in prompts}) == 1
        assert {prompt.path for prompt in prompts} == {path}
    assert len(one.state.prompts(workspace)) == 10


async def test_one_process_appends_a_new_path_once(connect: Connect, open_registry: Open, workspace: str) -> None:
    registry, stream = await open_registry(), await connect()
    before = await end_offset(stream)
    await asyncio.gather(*(registry.find_or_create_prompt(workspace, "p") for _ in range(50)))
    await registry.find_or_create_prompt(workspace, "p")
    assert await end_offset(stream) == before + 1


async def test_a_cancelled_caller_leaves_the_others_their_prompt(open_registry: Open, workspace: str) -> None:
    registry = await open_registry()
    first = asyncio.create_task(registry.find_or_create_prompt(workspace, "p"))
    second = asyncio.create_task(registry.find_or_create_prompt(workspace, "p"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).path == "p"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_path_that_no_prompt_can_have_is_refused(open_registry: Open, workspace: str) -> None:
    registry = await open_registry()
    with pytest.raises(Invalid, match="path must not be empty"):
        await registry.find_or_create_prompt(workspace, " / ")
    with pytest.raises(Invalid, match="512"):
        await registry.find_or_create_prompt(workspace, "x" * 513)


async def test_a_prompt_is_found_by_another_process_at_once(open_registry: Open, workspace: str) -> None:
    writer, reader = await open_registry(), await open_registry()
    for attempt in range(20):
        prompt = await writer.find_or_create_prompt(workspace, f"p{attempt}")
        found = await reader.find_prompt(workspace, prompt.id)
        assert found is not None
        assert (found.id, found.number, found.created_at) == (prompt.id, prompt.number, prompt.created_at)
        assert await reader.find_prompt(f"{workspace}x", prompt.id) is None
    assert await reader.find_prompt(workspace, "pr_00000000000") is None
    assert await reader.find_prompt(workspace, "nonsense") is None


async def test_a_version_is_usable_at_once_where_it_was_added_and_elsewhere(
    open_registry: Open, workspace: str
) -> None:
    writer, reader = await open_registry(), await open_registry()
    prompt = await writer.find_or_create_prompt(workspace, "p")
    for number in range(1, 21):
        version_id, details = f"prv_{number}", {**DETAILS, "seed": number}
        assert await writer.ensure_version(prompt, version_id, details)
        assert writer.version_details(prompt, version_id) == details
        version = await reader.find_version(workspace, prompt.id, version_id)
        assert version is not None
        assert (version.number, version.details) == (number, details)
    assert await reader.find_version(workspace, prompt.id, "prv_unknown") is None
    assert writer.version_details(prompt, "prv_unknown") is None


async def test_concurrent_versions_are_numbered_alike_in_every_process(open_registry: Open, workspace: str) -> None:
    one, two = await open_registry(), await open_registry()
    prompt = await one.find_or_create_prompt(workspace, "p")
    same_prompt = await two.find_prompt(workspace, prompt.id)
    assert same_prompt is not None
    ids = [f"prv_{number}" for number in range(30)]
    added = await asyncio.gather(
        *(one.ensure_version(prompt, version_id, DETAILS) for version_id in ids),
        *(two.ensure_version(same_prompt, version_id, DETAILS) for version_id in reversed(ids)),
    )
    assert all(added)
    for registry in (one, two):  # whatever is still on its way to one is behind the end of the stream that it reads
        assert await registry.find_version(workspace, prompt.id, "prv_unknown") is None
    assert prompt.versions == same_prompt.versions
    assert [version.number for version in prompt.versions.values()] == list(range(1, 31))


async def test_one_process_appends_a_new_version_once(connect: Connect, open_registry: Open, workspace: str) -> None:
    registry, stream = await open_registry(), await connect()
    prompt = await registry.find_or_create_prompt(workspace, "p")
    before = await end_offset(stream)
    assert all(await asyncio.gather(*(registry.ensure_version(prompt, "prv_1", DETAILS) for _ in range(50))))
    assert await registry.ensure_version(prompt, "prv_1", DETAILS)
    assert await end_offset(stream) == before + 1


async def test_versions_beyond_the_bound_are_refused_and_counted(open_registry: Open, workspace: str) -> None:
    registry = await open_registry(versions_per_prompt=3)
    prompt = await registry.find_or_create_prompt(workspace, "p")
    added = await asyncio.gather(*(registry.ensure_version(prompt, f"prv_{n}", DETAILS) for n in range(10)))
    assert added == [True] * 3 + [False] * 7
    assert registry.versions_refused == 7
    assert await registry.ensure_version(prompt, "prv_2", DETAILS)
    assert not await registry.ensure_version(prompt, "prv_3", DETAILS)
    other = await registry.find_or_create_prompt(workspace, "other")
    assert await registry.ensure_version(other, "prv_3", DETAILS)


async def test_details_that_json_cannot_hold_are_refused(open_registry: Open, workspace: str) -> None:
    registry = await open_registry()
    prompt = await registry.find_or_create_prompt(workspace, "p")
    with pytest.raises(Invalid, match="prompt details"):
        await registry.ensure_version(prompt, "prv_1", {"seed": 2**64})
    assert registry.version_details(prompt, "prv_1") is None


async def test_a_restart_gives_the_same_state(open_registry: Open, workspace: str) -> None:
    registry = await open_registry()
    prompt = await prompt_with_version(registry, workspace)
    environment = await registry.create_environment(workspace, "canary")
    await registry.changes.deploy(prompt, environment, prompt.versions["prv_1"])
    await registry.create_key(workspace, [Scope.READ], "kept")
    revoked, _ = await registry.create_key(workspace, [Scope.READ], "revoked")
    await registry.revoke_key(revoked.id)
    restarted = await open_registry()
    assert restarted.ready
    assert await restarted.lag() == 0
    assert snapshot(restarted, workspace) == snapshot(registry, workspace)
    assert [key.name for key in restarted.state.keys(workspace)] == ["kept", "revoked"]


async def test_deployments_decide_the_default_version(open_registry: Open, workspace: str) -> None:
    registry, other = await open_registry(), await open_registry()
    prompt = await prompt_with_version(registry, workspace, "prv_1")
    await prompt_with_version(registry, workspace, "prv_2")
    production = registry.state.environment(workspace, "production")
    assert production is not None
    assert registry.state.default_version(prompt) == prompt.versions["prv_2"]
    await registry.changes.deploy(prompt, production, prompt.versions["prv_1"])
    assert registry.state.default_version(prompt) == prompt.versions["prv_1"]
    seen = await other.find_prompt_by_path(workspace, "folder/greeting")
    assert seen is not None
    await until(lambda: other.state.deployed_version(seen, production) == prompt.versions["prv_1"])
    await registry.changes.undeploy(prompt, production)
    assert registry.state.deployed_version(prompt, production) is None
    assert registry.state.default_version(prompt) == prompt.versions["prv_2"]


async def test_of_changes_that_exclude_each_other_one_takes_effect_everywhere(
    open_registry: Open, workspace: str
) -> None:
    one, two = await open_registry(), await open_registry()
    prompts = [await one.find_or_create_prompt(workspace, path) for path in ("a", "b")]
    for number in (1, 2):
        assert await one.ensure_version(prompts[0], f"prv_{number}", DETAILS)
    first = await one.find_version(workspace, prompts[0].id, "prv_1")
    second = await one.find_version(workspace, prompts[0].id, "prv_2")
    elsewhere = await two.find_prompt(workspace, prompts[1].id)
    assert first is not None
    assert second is not None
    assert elsewhere is not None
    assert await outcomes(one.changes.move(prompts[0], "/c/"), two.changes.move(elsewhere, "c")) in (
        ["Conflict", "NoneType"],
        ["NoneType", "Conflict"],
    )
    names = (one.changes.change_version(prompts[0], version, {"name": "best"}) for version in (first, second))
    assert await outcomes(*names) == ["NoneType", "Conflict"]
    deletions = (one.changes.delete(prompts[0]), one.changes.delete(prompts[0]), one.changes.delete(prompts[1]))
    assert await outcomes(*deletions) == ["NoneType", "NotFound", "NoneType"]
    assert await two.find_prompt_by_path(workspace, "never made") is None, "it has caught up with the stream now"
    assert two.state.prompts(workspace) == []
    remade = await two.find_or_create_prompt(workspace, "c")
    assert remade.id not in {prompt.id for prompt in prompts}


async def outcomes(*changes: Awaitable[None]) -> list[str]:
    """The type of what each of these changes, made at once, returned or raised."""
    return [type(outcome).__name__ for outcome in await asyncio.gather(*changes, return_exceptions=True)]


async def test_a_current_lookup_sees_what_another_process_was_told_is_done(open_registry: Open, workspace: str) -> None:
    one, two = await open_registry(), await open_registry()
    for number in range(1, 4):
        prompt = await prompt_with_version(one, workspace, f"prv_{number}")
        version = prompt.versions[f"prv_{number}"]
        await one.changes.label(prompt, "prod", version)
        seen = await two.current(lambda: two.state.prompt_by_path(workspace, "folder/greeting"))
        assert seen is not None
        assert seen.latest_version == version
        assert seen.labels["prod"].version_id == version.id
        await one.changes.unlabel(prompt, "prod")
        assert await two.current(lambda: two.state.prompt_by_path(workspace, "folder/greeting")) is seen
        assert seen.labels == {}
        with pytest.raises(NotFound, match="label: 'prod' is not there any more"):
            await two.changes.unlabel(seen, "prod")


async def test_environments_are_made_once(open_registry: Open, workspace: str) -> None:
    one, two = await open_registry(), await open_registry()
    made = await one.create_environment(workspace, "canary", EnvironmentTag.DEFAULT)
    with pytest.raises(Conflict, match="canary"):
        await two.create_environment(workspace, "canary")
    with pytest.raises(Conflict, match="production"):
        await two.create_environment(workspace, "production")
    with pytest.raises(Invalid, match="environment name"):
        await two.create_environment(workspace, made.id)
    assert two.state.environment(workspace, made.id) == made
    assert [e.name for e in two.state.environments(workspace) if e.tag == "default"] == ["canary"]


async def test_a_key_made_and_revoked_by_another_process(open_registry: Open, workspace: str) -> None:
    command_line, gateway = await open_registry(), await open_registry()
    authenticator = Authenticator(gateway.state, StaticKeys.parse(""))
    key, text = await command_line.create_key(workspace, {Scope.INGEST}, "service")
    await until(lambda: gateway.state.key(key.id) is not None)
    assert authenticator.authenticate(text, Scope.INGEST) == Principal(workspace, key.id, frozenset({Scope.INGEST}))
    revoked = await command_line.revoke_key(key.id)
    assert revoked.revoked_at is not None
    await until(lambda: gateway.state.key(key.id) == revoked)
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(text, Scope.INGEST)
    with pytest.raises(NotFound):
        await command_line.revoke_key("key_00000000000")


async def test_keys_are_kept_as_hashes_only(connect: Connect, open_registry: Open, workspace: str) -> None:
    registry, stream = await open_registry(), await connect()
    before = await end_offset(stream)
    key, text = await registry.create_key(workspace, [Scope.ADMIN], "k")
    reader = await stream.reader(REGISTRY_TOPIC, 0, before)
    records = await reader.read(100, 10)
    await reader.close()
    assert any(key.sha256.encode() in record.value for record in records)
    assert not any(text.encode() in record.value for record in records)
    assert text not in repr(key)
    assert key.sha256 not in repr(key)
    assert text.startswith("sk_sluice_")
    with pytest.raises(Invalid, match="scope"):
        await registry.create_key(workspace, [], "k")
    with pytest.raises(Invalid, match="workspace name"):
        await registry.create_key("Not A Workspace", [Scope.READ], "k")


async def test_waiting_for_what_never_comes_is_bounded(connect: Connect, open_registry: Open) -> None:
    registry = await open_registry(wait_timeout_s=0.05)
    with pytest.raises(StreamUnavailable, match="behind"):
        await registry.wait_for(await end_offset(await connect()) + 1000)


async def test_a_stream_that_goes_away_and_comes_back(tmp_path: Path, workspace: str) -> None:
    """On the embedded stream only, for it can be stopped and started under a registry."""
    stream, beside = SqliteStream(tmp_path / "stream.db"), SqliteStream(tmp_path / "stream.db")
    registry, other = Registry(stream), Registry(beside)
    assert registry.unhealthy() == ["not started"]
    with pytest.raises(StreamUnavailable):
        await registry.start()
    await stream.start()
    await beside.start()
    await registry.start()
    await other.start()
    assert registry.unhealthy() == []
    known = await registry.find_or_create_prompt(workspace, "known")

    await stream.stop()
    await until(lambda: not registry.ready)
    assert "sluice.registry" in registry.unhealthy()[0]
    assert await registry.find_or_create_prompt(workspace, "known") is known
    assert await registry.current(lambda: registry.state.prompt_by_path(workspace, "known")) is known
    with pytest.raises(StreamUnavailable):
        await registry.current(lambda: registry.state.prompt_by_path(workspace, "new"))
    with pytest.raises(StreamUnavailable):
        await registry.find_or_create_prompt(workspace, "new")
    with pytest.raises(StreamUnavailable):
        await registry.ensure_version(known, "prv_1", DETAILS)
    with pytest.raises(StreamUnavailable):
        await registry.lag()
    new = await other.find_or_create_prompt(workspace, "new")

    await stream.start()
    await until(lambda: registry.ready and registry.state.prompt_by_path(workspace, "new") is not None)
    assert await registry.find_or_create_prompt(workspace, "new") == new
    assert await registry.ensure_version(known, "prv_1", DETAILS)
    assert registry.unhealthy() == []
    for part in (registry, other, stream, beside):
        await part.stop()
    assert registry.unhealthy() == ["stopped"]


async def test_a_broker_that_is_killed_and_started_again(own_kafka: KafkaBroker, workspace: str) -> None:
    stream = KafkaStream(KafkaConfig(own_kafka.bootstrap, partitions=1, produce_deadline_s=3))
    await stream.start()
    registry = Registry(stream)
    await registry.start()
    known = await registry.find_or_create_prompt(workspace, "known")

    await asyncio.to_thread(own_kafka.kill)
    with pytest.raises(Unavailable):
        await registry.find_or_create_prompt(workspace, "new")
    await until(lambda: registry.unhealthy() != [], 30)
    assert await registry.find_or_create_prompt(workspace, "known") is known

    await asyncio.to_thread(own_kafka.start)
    await until(lambda: registry.ready, 60)
    new = await registry.find_or_create_prompt(workspace, "new")
    assert await registry.find_prompt(workspace, new.id) is new
    await registry.stop()
    await stream.stop()


async def test_a_stream_that_lost_its_oldest_records_is_refused(tmp_path: Path, workspace: str) -> None:
    """On the embedded stream only, where a record can be deleted."""
    stream = SqliteStream(tmp_path / "stream.db")
    await stream.start()
    registry = Registry(stream)
    await registry.start()
    for path in ("one", "two"):
        await registry.find_or_create_prompt(workspace, path)
    await registry.stop()
    await stream.write(partial(retention.delete_step, log=stream.log(REGISTRY_TOPIC, 0), below=1))
    with pytest.raises(Misconfigured, match="starts at offset 1"):
        await Registry(stream).start()
    await stream.stop()
