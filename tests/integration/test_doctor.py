"""What `sluice doctor` finds: each check on something healthy, and shown to fire on something that is not."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from shared.doctor.advice import Advice
from shared.doctor.conservation_check import check_conservation
from shared.doctor.findings import Finding, Level
from shared.doctor.registry_checks import check_registry
from shared.doctor.store_checks import check_disks, check_engine, check_epoch, check_migrations, disk_finding
from shared.doctor.stream_checks import check_dead_letters, check_topics, check_writers
from shared.errors import Misconfigured
from shared.registry.entities import Scope
from shared.registry.registry import Registry
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Message, TopicInfo
from shared.stream.sqlite import SqliteStream
from tests.support.outcomes import (
    OUTCOMES,
    WORKSPACE,
    append_all_kinds,
    applied,
    create,
    id_of,
    patch,
    writing,
)
from tests.support.streams import PARTITIONS, Listener, kafka_config, kafka_stream, sqlite_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.store.base import LogStore
    from shared.store.chdb_store import ChdbStore
    from shared.stream.base import Stream


class Nothing:
    """A progress line that nobody sees."""

    def start(self, records: int) -> None:
        self.records = records

    def advance(self, records: int) -> None:
        self.records -= records


@pytest.fixture(params=["sqlite", "kafka"])
async def stream(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stream]:
    stream: Stream = (
        sqlite_stream(tmp_path)
        if request.param == "sqlite"
        else kafka_stream(kafka_config(request.getfixturevalue("kafka")))
    )
    await stream.start()
    yield stream
    await stream.stop()


@pytest.fixture
async def file_stream(tmp_path: Path) -> AsyncIterator[SqliteStream]:
    stream = sqlite_stream(tmp_path)
    await stream.start()
    yield stream
    await stream.stop()


def advice_of(stream: SqliteStream) -> Advice:
    return Advice(f"sqlite:///{stream.path}")


def now_ms() -> int:
    return int(time.time() * 1000)


async def conservation(stream: Stream, store: LogStore, *, max_records: int = 100_000, epoch: int = 0) -> Finding:
    progress = Nothing()
    advice = advice_of(stream) if isinstance(stream, SqliteStream) else Advice("kafka://broker:9092")
    (finding,) = await check_conservation(
        stream, store, advice, epoch=epoch, max_records=max_records, now_ms=now_ms(), progress=progress
    )
    assert progress.records == 0
    return finding


async def skip(stream: Stream, partition: int, offset: int) -> None:
    """Commit as a writer that lost what it read would."""
    skipper = stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
    await skipper.start()
    await skipper.commit({partition: offset})
    await skipper.stop()


# Conservation


async def test_every_record_is_accounted_for(stream: Stream, chdb_store: ChdbStore) -> None:
    for partition in range(PARTITIONS):
        await append_all_kinds(stream, partition, f"name {partition}")
    async with writing(stream, chdb_store):
        await applied(stream)
        for partition in range(PARTITIONS):  # again, so that the named logs are updated
            await append_all_kinds(stream, partition, f"name {partition}")
        committed = await applied(stream)
    found = await conservation(stream, chdb_store)
    assert found.level is Level.OK
    assert found.details["missing_count"] == 0
    assert found.details["dead_letters"] == 2 * PARTITIONS * OUTCOMES["dead_letter"]
    assert found.details["left_out"] == 2 * PARTITIONS * OUTCOMES["unknown_log"]
    accounted = sum(found.details[name] for name in ("logs", "updates", "dead_letters", "left_out"))
    assert accounted == sum(committed.values())


async def test_what_is_not_committed_is_not_looked_for(file_stream: SqliteStream, chdb_store: ChdbStore) -> None:
    async with writing(file_stream, chdb_store):
        await create(file_stream)
        await applied(file_stream)
    await create(file_stream)
    found = await conservation(file_stream, chdb_store)
    assert (found.level, found.details["logs"]) == (Level.OK, 1)


@pytest.mark.parametrize(("table", "name"), [("logs", "log"), ("log_payloads", "body of log")])
async def test_a_row_that_is_gone_is_named(stream: Stream, chdb_store: ChdbStore, table: str, name: str) -> None:
    async with writing(stream, chdb_store):
        logs = [await create(stream, partition) for partition in range(PARTITIONS) for _ in range(3)]
        await applied(stream)
    lost = logs[4]
    await chdb_store.execute(f"ALTER TABLE {table} DELETE WHERE id = {id_of(lost)} SETTINGS mutations_sync = 1")
    found = await conservation(stream, chdb_store)
    assert found.level is Level.PROBLEM
    named = {"partition": 1, "offset": 1, "name": f"{name} {id_of(lost)} of workspace {WORKSPACE}"}
    assert found.details["missing"] == [named]
    assert f"1 of 12 committed records are not in the store: {named['name']} (partition 1, offset 1)" in found.text


async def test_many_that_are_gone_are_counted_and_the_first_are_named(
    file_stream: SqliteStream, chdb_store: ChdbStore
) -> None:
    async with writing(file_stream, chdb_store):
        logs = [await create(file_stream) for _ in range(1500)]
        await applied(file_stream)
    await chdb_store.execute("TRUNCATE TABLE logs")
    found = await conservation(file_stream, chdb_store)
    assert found.details["missing_count"] == 1500
    assert found.details["missing"][999]["offset"] == 999
    assert f"log {id_of(logs[4])} " in found.text
    assert "and 1,495 more" in found.text


async def test_an_update_without_effect_is_named(stream: Stream, chdb_store: ChdbStore) -> None:
    async with writing(stream, chdb_store):
        log = await create(stream)
        await applied(stream)
    await patch(stream, 0, id_of(log), source="b")
    await skip(stream, 0, 2)
    found = await conservation(stream, chdb_store)
    assert found.level is Level.PROBLEM
    assert found.details["missing"] == [
        {"partition": 0, "offset": 1, "name": f"update of log {id_of(log)} of workspace {WORKSPACE}"}
    ]


async def test_a_log_under_a_clients_own_id_is_looked_for_under_that_too(
    file_stream: SqliteStream, chdb_store: ChdbStore
) -> None:
    async with writing(file_stream, chdb_store):
        await create(file_stream, external_id="a")
        await applied(file_stream)
    await create(file_stream, external_id="a", source="b")
    again = await create(file_stream, external_id="new")
    await skip(file_stream, 0, 3)
    found = await conservation(file_stream, chdb_store)
    assert [missing["offset"] for missing in found.details["missing"]] == [1, 2]
    assert f"log {id_of(again)} of workspace" in found.text


async def test_an_unreadable_record_that_was_not_kept_is_named(
    file_stream: SqliteStream, chdb_store: ChdbStore
) -> None:
    await file_stream.append(LOGS_TOPIC, 0, [Message(b"nonsense", b"{}")])
    await skip(file_stream, 0, 1)
    found = await conservation(file_stream, chdb_store)
    assert "unreadable record (partition 0, offset 0)" in found.text


async def test_what_is_past_its_own_retention_is_not_missing(file_stream: SqliteStream, chdb_store: ChdbStore) -> None:
    await create(file_stream, retention_days=0)
    await create(file_stream, retention_days=1)
    await skip(file_stream, 0, 2)
    found = await conservation(file_stream, chdb_store)
    assert found.details["left_out"] == 1
    assert [missing["offset"] for missing in found.details["missing"]] == [1]


async def test_only_the_newest_records_are_looked_at(file_stream: SqliteStream, chdb_store: ChdbStore) -> None:
    async with writing(file_stream, chdb_store):
        for partition in range(PARTITIONS):
            for _ in range(10):
                await create(file_stream, partition)
        await applied(file_stream)
    found = await conservation(file_stream, chdb_store, max_records=4 * PARTITIONS)
    assert found.details["logs"] == 4 * PARTITIONS
    assert f"{6 * PARTITIONS} older ones were not looked at" in found.text


async def test_the_advice_for_the_file_brings_back_what_is_missing(
    file_stream: SqliteStream, chdb_store: ChdbStore
) -> None:
    async with writing(file_stream, chdb_store):
        for partition in (0, 2):
            await append_all_kinds(file_stream, partition, f"name {partition}")
        await applied(file_stream)
    for table in ("logs", "log_payloads"):
        await chdb_store.execute(f"TRUNCATE TABLE {table}")
    text = (await conservation(file_stream, chdb_store)).text
    command, _, rest = text.partition("run `sqlite3 ")[2].partition("`")
    path, _, statements = command.partition(" ")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements.strip('"'))
    async with writing(file_stream, chdb_store):
        await applied(file_stream)
    assert (await conservation(file_stream, chdb_store)).level is Level.OK
    assert rest.startswith(", and start it again")


# The stream


async def test_a_working_stream_is_ok(file_stream: SqliteStream, chdb_store: ChdbStore) -> None:
    async with writing(file_stream, chdb_store):
        await create(file_stream)
        await applied(file_stream)
    advice = advice_of(file_stream)
    findings = [
        *await check_topics(file_stream, advice),
        *await check_dead_letters(file_stream),
        *await check_writers(file_stream, advice, now_ms()),
        *await check_epoch(file_stream, chdb_store, 0),
        *await check_engine(chdb_store),
        *await check_migrations(chdb_store),
        *await check_disks(chdb_store),
    ]
    assert {finding.level for finding in findings} == {Level.OK}
    assert findings[0].text == "4 partitions; every append is synced to disk; kept for 24 h or up to 1 GiB"


class Described:
    """A stream as its brokers describe it."""

    def __init__(self, **logs: Any) -> None:
        defaults: dict[str, Any] = {"partitions": 8, "replication_factor": 3, "min_insync_replicas": 2}
        self._info = TopicInfo(name="sluice.logs", **(defaults | {"retention_ms": 7 * 86_400_000} | logs))

    def topics(self) -> dict[str, TopicInfo]:
        return {LOGS_TOPIC: self._info}


@pytest.mark.parametrize(
    ("described", "level", "says"),
    [
        (
            {},
            Level.OK,
            "8 partitions, 3 replicas of which 2 acknowledge, stamped with the broker's time, kept for 7 days",
        ),
        ({"retention_ms": None}, Level.OK, "kept for ever"),
        ({"retention_bytes": 10 << 30}, Level.OK, "kept for 7 days or up to 10 GiB"),
        (
            {"replication_factor": 1, "min_insync_replicas": 1},
            Level.WARNING,
            "is on one broker, and lost with its disk",
        ),
        ({"min_insync_replicas": 1}, Level.WARNING, "--entity-name sluice.logs --add-config min.insync.replicas=2"),
        ({"min_insync_replicas": 3}, Level.WARNING, "nothing can be appended while one broker is down"),
        ({"replication_factor": 2, "min_insync_replicas": 3}, Level.PROBLEM, "--add-config min.insync.replicas=1"),
        ({"retention_ms": 3_600_000}, Level.WARNING, "--add-config retention.ms=604800000"),
    ],
)
async def test_what_a_kafka_topic_promises(described: dict[str, Any], level: Level, says: str) -> None:
    stream: Any = Described(**described)
    findings = await check_topics(stream, Advice("kafka://broker:9092"))
    assert findings[-1].level is level
    assert says in findings[-1].text


async def test_dead_letters_are_counted(file_stream: SqliteStream, chdb_store: ChdbStore) -> None:
    async with writing(file_stream, chdb_store):
        await append_all_kinds(file_stream, 3, "name")
        await applied(file_stream)
    (finding,) = await check_dead_letters(file_stream)
    assert finding.level is Level.WARNING
    assert finding.details == {"dead_letters": OUTCOMES["dead_letter"]}
    assert "`sluice dead-letters list`" in finding.text


async def test_a_writer_that_is_behind_for_long_is_warned_of(stream: Stream) -> None:
    advice = Advice("kafka://broker:9092")
    for partition in (0, 0, 0, 2):
        last = await create(stream, partition)
    (soon,) = await check_writers(stream, advice, last.timestamp_ms + 5_000)
    assert soon.level is Level.OK
    (late,) = await check_writers(stream, advice, last.timestamp_ms + 600_000)
    assert late.level is Level.WARNING
    assert late.details["behind"] == 4
    assert late.details["oldest_age_s"] == pytest.approx(600, abs=5)
    assert "the oldest is 10 min old; by partition: 0 (3), 2 (1). Start a writer" in late.text


async def test_records_that_were_deleted_before_they_were_read_are_a_problem(file_stream: SqliteStream) -> None:
    for _ in range(5):
        await create(file_stream)
    await skip(file_stream, 0, 2)
    with closing(sqlite3.connect(file_stream.path)) as connection, connection:
        connection.execute(f"DELETE FROM {file_stream.log(LOGS_TOPIC, 0).table} WHERE first_offset < 4")
    (finding,) = await check_writers(file_stream, advice_of(file_stream), now_ms())
    assert finding.level is Level.PROBLEM
    assert "before they were stored: 2 of partition 0. They are gone" in finding.text
    assert "SET next_offset = 4 WHERE" in finding.text


async def test_a_stream_that_ends_before_what_was_committed_is_a_problem(file_stream: SqliteStream) -> None:
    await create(file_stream)
    await skip(file_stream, 0, 9)
    (finding,) = await check_writers(file_stream, advice_of(file_stream), now_ms())
    assert finding.level is Level.PROBLEM
    assert "partition 0 ends at 1, committed is 9" in finding.text
    assert "raise SLUICE_STREAM_EPOCH by one" in finding.text


async def test_a_stream_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    stream = SqliteStream(tmp_path / "nowhere" / "stream.db", read_only=True)
    with pytest.raises(Misconfigured, match="there is no stream file"):
        await stream.start()
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 (a directory of this test)


async def test_topics_that_are_not_there_are_not_made(kafka: str) -> None:
    config = kafka_config(kafka)
    with pytest.raises(Misconfigured, match=rf"no topic {config.prefix}sluice.dead-letters, .*sluice.logs"):
        await kafka_stream(replace(config, read_only=True)).start()
    stream = kafka_stream(config)
    await stream.start()
    await stream.stop()


# The store


async def test_versions_above_the_end_of_the_stream_are_a_problem(
    file_stream: SqliteStream, chdb_store: ChdbStore
) -> None:
    row = {"workspace_id": WORKSPACE, "type": "test", "id": 5, "version": 99, "received_at": "2026-01-01 00:00:00.000"}
    await chdb_store.insert("logs_in", orjson.dumps(row))
    (finding,) = await check_epoch(file_stream, chdb_store, 0)
    assert finding.level is Level.PROBLEM
    assert "up to epoch 0, offset 99, but the topic ends at offset 0" in finding.text
    assert "SLUICE_STREAM_EPOCH=1" in finding.text
    (raised,) = await check_epoch(file_stream, chdb_store, 1)
    assert raised.level is Level.OK


async def test_a_store_without_its_schema_says_what_to_run(empty_store: LogStore) -> None:
    with pytest.raises(Misconfigured, match="run `sluice migrate up`"):
        await check_migrations(empty_store)


@pytest.mark.parametrize(("free", "level"), [(50, Level.OK), (9, Level.WARNING), (1, Level.PROBLEM)])
def test_a_disk_that_fills_up_is_told_in_time(free: int, level: Level) -> None:
    finding = disk_finding("default", "/var/lib/clickhouse", free << 30, 100 << 30)
    assert finding.level is level
    assert finding.text.startswith(f"default (/var/lib/clickhouse): {free} GiB of 100 GiB are free")


# The registry


async def test_without_any_key_it_says_how_to_make_one(file_stream: SqliteStream) -> None:
    keys, _ = await check_registry(file_stream, 0, 5000)
    assert keys.level is Level.PROBLEM
    assert "`sluice keys create --workspace default`" in keys.text
    keys, _ = await check_registry(file_stream, 1, 5000)
    assert keys.level is Level.OK
    registry = Registry(file_stream)
    await registry.start()
    key, _ = await registry.create_key("default", list(Scope), "test")
    keys, _ = await check_registry(file_stream, 0, 5000)
    assert keys.level is Level.OK
    await registry.revoke_key(key.id)
    await registry.stop()
    keys, _ = await check_registry(file_stream, 0, 5000)
    assert keys.level is Level.PROBLEM


async def test_prompts_at_their_bound_of_versions_are_named(file_stream: SqliteStream) -> None:
    registry = Registry(file_stream, versions_per_prompt=3)
    await registry.start()
    for path, versions in (("few", 2), ("many", 5)):
        prompt = await registry.find_or_create_prompt("default", path)
        for number in range(versions):
            await registry.ensure_version(prompt, f"prv_{number}", {"model": str(number)})
    await registry.stop()
    _, prompts = await check_registry(file_stream, 1, 3)
    assert prompts.level is Level.WARNING
    assert prompts.text.startswith("'many' of workspace default: 3 versions")
    _, prompts = await check_registry(file_stream, 1, 4)
    assert prompts.level is Level.OK
