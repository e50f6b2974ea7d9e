"""Every record that a writer commits is counted as one outcome; how far it is behind can be seen from outside."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.writer_worker import dead_letters
from services.writer_worker.backlog import Backlog
from services.writer_worker.batch import Outcome
from services.writer_worker.config import WriterConfig
from services.writer_worker.metrics import NO_RECORD
from services.writer_worker.writer import Writer
from shared.errors import Misconfigured
from shared.observability.metrics import REGISTRY
from tests.support.outcomes import OUTCOMES, WORKSPACE, append_all_kinds, applied, create, writing
from tests.support.processes import until
from tests.support.streams import PARTITIONS, kafka_config, kafka_stream, read_all, sqlite_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from shared.store.chdb_store import ChdbStore
    from shared.stream.base import Stream


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
async def file_stream(tmp_path: Path) -> AsyncIterator[Stream]:
    stream = sqlite_stream(tmp_path)
    await stream.start()
    yield stream
    await stream.stop()


def metric(name: str, **labels: Any) -> float:
    """A metric's value now; 0 when there is none."""
    return REGISTRY.get_sample_value(name, {label: str(value) for label, value in labels.items()}) or 0.0


def outcomes(partition: int) -> Counter[str]:
    """What this process has counted of a partition, over all tests."""
    return Counter(
        {
            outcome: int(metric("sluice_writer_records_total", partition=partition, outcome=outcome))
            for outcome in (*Outcome, NO_RECORD)
        }
    )


def is_counted(committed: Mapping[int, int]) -> bool:
    """Whether the writer has come back from its commits, which others may see before it does."""
    return all(metric("sluice_writer_committed_offset", partition=p) == offset for p, offset in committed.items())


async def test_start_plus_outcomes_is_what_is_committed(stream: Stream, chdb_store: ChdbStore) -> None:
    before = {partition: outcomes(partition) for partition in range(PARTITIONS)}
    for partition in range(PARTITIONS):
        await append_all_kinds(stream, partition, f"first {partition}")
    for batch in (1, 2):
        async with writing(stream, chdb_store):
            committed = await applied(stream)
            assert committed == dict.fromkeys(range(PARTITIONS), batch * OUTCOMES.total())
            await until(partial(is_counted, committed), "the commits to be counted", 30)
            for partition in range(PARTITIONS):
                counted = outcomes(partition)
                assert (
                    metric("sluice_writer_start_offset", partition=partition) + counted.total() == committed[partition]
                )
                assert metric("sluice_writer_committed_offset", partition=partition) == committed[partition]
                expected = {outcome: batch * count for outcome, count in OUTCOMES.items()}
                assert counted - before[partition] == expected
        for partition in range(PARTITIONS):
            await append_all_kinds(stream, partition, f"second {partition}")
    (stored,) = await chdb_store.query("SELECT count() AS rows, countIf(duplicate_of = 0) AS logs FROM logs FINAL")
    one_pass = PARTITIONS * 2
    assert stored == {
        "rows": one_pass * (OUTCOMES["created"] + OUTCOMES["duplicate"] + OUTCOMES["id_taken"]),
        "logs": one_pass * (OUTCOMES["created"] + OUTCOMES["id_taken"]),
    }
    kept = sum([1 async for _ in dead_letters.read_all(stream)])
    assert kept == one_pass * OUTCOMES["dead_letter"]


async def test_replayed_dead_letters_are_counted_as_what_becomes_of_them(
    file_stream: Stream, chdb_store: ChdbStore
) -> None:
    before = outcomes(0)
    await create(file_stream, 0, input_tokens="not a number")
    async with writing(file_stream, chdb_store):
        await applied(file_stream)
        (record,) = await read_all(file_stream)
        good = record._replace(value=b'{"workspace_id":"default","type":"test"}')
        await dead_letters.append(file_stream, good, "a defect that was mended since")
        letters = [letter async for letter in dead_letters.read_all(file_stream)]
        for _ in range(2):
            await dead_letters.replay(file_stream, letters[1])
            await applied(file_stream)
    assert outcomes(0) - before == Counter(dead_letter=1, created=1, replayed_twice=1)


async def test_what_a_writer_does_not_commit_it_does_not_count(file_stream: Stream, chdb_store: ChdbStore) -> None:
    before = outcomes(0)
    async with writing(file_stream, chdb_store) as first:
        await create(file_stream, 0)
        await applied(file_stream)
        async with writing(file_stream, chdb_store):  # takes the partitions over
            async with asyncio.timeout(10):
                while first.waiting():  # noqa: ASYNC110 (a hand-over, with no event here)
                    await asyncio.sleep(0.02)
            await create(file_stream, 0)
            committed = await applied(file_stream)
    assert committed[0] == 2
    assert outcomes(0) - before == Counter(created=2)


async def test_the_backlog_is_seen_also_when_nobody_writes(stream: Stream) -> None:
    backlog = Backlog(stream)
    await backlog.look(None)
    assert backlog.oldest_age_s(time.time()) == 0
    appended = [await create(stream, 1) for _ in range(3)]
    await backlog.look(None)
    assert metric("sluice_writer_end_offset", partition=1) == 3
    assert metric("sluice_writer_in_flight_records", partition=1) == 3
    assert metric("sluice_writer_in_flight_records", partition=0) == 0
    await backlog.look(None)  # the offset did not move since: now its time is looked up
    oldest_s = appended[0].timestamp_ms / 1000
    assert backlog.oldest_age_s(oldest_s + 7) == pytest.approx(7)


async def test_the_backlog_is_gone_when_it_is_written(stream: Stream, chdb_store: ChdbStore) -> None:
    backlog = Backlog(stream)
    await create(stream, 2)
    for _ in range(2):
        await backlog.look(None)
    assert backlog.oldest_age_s(time.time() + 60) > 60
    async with writing(stream, chdb_store) as writer:
        await applied(stream)
        await backlog.look(writer)
        assert backlog.oldest_age_s(time.time() + 60) == 0
        assert metric("sluice_writer_in_flight_records", partition=2) == 0
        assert metric("sluice_writer_committed_offset", partition=2) == 1


async def test_what_the_writer_holds_is_as_old_as_its_first_record(file_stream: Stream, chdb_store: ChdbStore) -> None:
    await chdb_store.execute("RENAME TABLE logs_in TO hidden")  # inserts fail, and are tried again
    backlog = Backlog(file_stream)
    appended = await create(file_stream, 0)
    await create(file_stream, 0)
    async with writing(file_stream, chdb_store) as writer:
        async with asyncio.timeout(20):
            while not writer.oldest_unstored_ms():  # noqa: ASYNC110 (the writer tells nobody)
                await asyncio.sleep(0.02)
        await backlog.look(writer)
        assert backlog.oldest_age_s(appended.timestamp_ms / 1000 + 5) == pytest.approx(5)
        await chdb_store.execute("RENAME TABLE hidden TO logs_in")
        await applied(file_stream)
        assert backlog.oldest_age_s(time.time() + 60) == 0


async def test_a_stream_made_again_is_refused_before_anything_is_counted(
    file_stream: Stream, chdb_store: ChdbStore
) -> None:
    before = outcomes(0)
    row = {"workspace_id": WORKSPACE, "type": "test", "id": 5, "version": 99, "received_at": "2026-01-01 00:00:00.000"}
    await chdb_store.insert("logs_in", orjson.dumps(row))
    await create(file_stream, 0)
    with pytest.raises(Misconfigured):
        async with asyncio.timeout(20):
            await Writer(file_stream, chdb_store, WriterConfig()).run(asyncio.Event())
    assert outcomes(0) == before
