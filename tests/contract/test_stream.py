"""What every stream does, whatever it is made of: the sentences of `shared/stream/base.py` as tests."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from shared.errors import NotOwner, StreamUnavailable
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, REGISTRY_TOPIC, Appended, Message
from tests.support.streams import (
    PARTITIONS,
    Connect,
    Listener,
    fetch_until,
    kafka_config,
    kafka_stream,
    messages,
    read_all,
    sqlite_stream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from shared.stream.base import Consumer, Stream

    Join = Callable[[Stream, Listener], Consumer]

GROUP = "group"


@pytest.fixture(params=["sqlite", "kafka"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Stream]:
    if request.param == "sqlite":
        return lambda: sqlite_stream(tmp_path)
    config = kafka_config(request.getfixturevalue("kafka"))
    return lambda: kafka_stream(config)


@pytest.fixture
async def connect(make: Callable[[], Stream]) -> AsyncIterator[Connect]:
    streams: list[Stream] = []

    async def start() -> Stream:
        stream = make()
        streams.append(stream)
        await stream.start()
        return stream

    yield start
    for stream in reversed(streams):
        await stream.stop()


@pytest.fixture
async def stream(connect: Connect) -> Stream:
    return await connect()


@pytest.fixture
async def join() -> AsyncIterator[Callable[[Stream, Listener], Consumer]]:
    """Makes group members, which are stopped at the end."""
    consumers: list[Consumer] = []

    def make_consumer(stream: Stream, listener: Listener) -> Consumer:
        consumers.append(stream.consumer(LOGS_TOPIC, GROUP, listener))
        return consumers[-1]

    yield make_consumer
    for consumer in consumers:
        await consumer.stop()


async def test_topics_are_made_at_start(stream: Stream) -> None:
    counts = {name: info.partitions for name, info in stream.topics().items()}
    assert counts == {LOGS_TOPIC: PARTITIONS, REGISTRY_TOPIC: 1, DEAD_LETTERS_TOPIC: PARTITIONS}
    assert stream.partitions(LOGS_TOPIC) == PARTITIONS
    assert all(info.replication_factor >= info.min_insync_replicas >= 1 for info in stream.topics().values())


async def test_append_returns_where_the_messages_went(stream: Stream) -> None:
    before = int(time.time() * 1000)
    first = await stream.append(LOGS_TOPIC, 2, messages("a", "b", "c"))
    second = await stream.append(LOGS_TOPIC, 2, messages("d"))
    other = await stream.append(LOGS_TOPIC, 1, messages("e"))
    after = int(time.time() * 1000)
    assert (first.partition, first.offset) == (2, 0)
    assert (second.partition, second.offset) == (2, 3)
    assert (other.partition, other.offset) == (1, 0)
    assert before <= first.timestamp_ms <= second.timestamp_ms <= after


async def test_records_read_back_with_position_key_value_and_headers(stream: Stream) -> None:
    sent = [
        Message(b"log acme 1", b'{"a":1}'),
        Message(b"", b""),
        Message(b"\0\0", b"\0 and \xff\xfe are bytes as any"),
        Message(b"k", b"v", (("origin", b"1:2:3"), ("empty", b""), ("näme", b"\0"))),
    ]
    appended = await stream.append(LOGS_TOPIC, 0, sent)
    records = await read_all(stream)
    assert [(record.key, record.value, record.headers) for record in records] == sent
    assert [record.offset for record in records] == [0, 1, 2, 3]
    assert {(record.partition, record.timestamp_ms) for record in records} == {(0, appended.timestamp_ms)}


async def test_messages_bigger_than_a_batch(stream: Stream) -> None:
    big = b"\0ab" * (1 << 20)
    await stream.append(LOGS_TOPIC, 0, [Message(b"k", big)])
    await stream.append(LOGS_TOPIC, 0, [Message(b"k", big[:-1]), Message(b"k", big[:-2])])
    assert [len(record.value) for record in await read_all(stream)] == [len(big), len(big) - 1, len(big) - 2]


async def test_concurrent_appends_get_contiguous_places_of_their_own(stream: Stream) -> None:
    async def append(number: int) -> tuple[int, Appended, list[Message]]:
        sent = messages(*(f"{number}-{index}" for index in range(1 + number % 3)))
        partition = number % PARTITIONS
        return partition, await stream.append(LOGS_TOPIC, partition, sent), sent

    results = await asyncio.gather(*(append(number) for number in range(400)))
    for partition in range(PARTITIONS):
        records = await read_all(stream, partition)
        assert [record.offset for record in records] == list(range(len(records)))
        assert sorted(records, key=lambda record: record.timestamp_ms) == records
        mine = [(appended, sent) for number, appended, sent in results if number == partition]
        assert sum(len(sent) for _, sent in mine) == len(records)
        for appended, sent in mine:
            stored = records[appended.offset : appended.offset + len(sent)]
            assert [record.value for record in stored] == [message.value for message in sent]
            assert {record.timestamp_ms for record in stored} == {appended.timestamp_ms}


async def test_appends_of_one_caller_keep_their_order(stream: Stream) -> None:
    tasks = [asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages(str(number)))) for number in range(100)]
    offsets = [(await task).offset for task in tasks]
    assert offsets == sorted(offsets)
    assert [record.value for record in await read_all(stream)] == [str(number).encode() for number in range(100)]


async def test_a_cancelled_append_harms_no_other(stream: Stream) -> None:
    tasks = [asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages(str(number)))) for number in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    records = await read_all(stream)
    for number, result in enumerate(results):
        if isinstance(result, Appended):
            assert records[result.offset].value == str(number).encode()
        else:
            assert isinstance(result, asyncio.CancelledError)
            assert number % 3 == 0
    assert (await stream.append(LOGS_TOPIC, 0, messages("after"))).offset == len(records)


@pytest.mark.parametrize("partition", [-1, PARTITIONS])
async def test_append_refuses_partitions_that_do_not_exist(stream: Stream, partition: int) -> None:
    with pytest.raises(ValueError, match="has no partition"):
        await stream.append(LOGS_TOPIC, partition, messages("a"))


async def test_append_refuses_nothing(stream: Stream) -> None:
    with pytest.raises(ValueError, match="nothing to append"):
        await stream.append(LOGS_TOPIC, 0, [])


async def test_offsets(stream: Stream) -> None:
    nowhere = dict.fromkeys(range(PARTITIONS), 0)
    assert await stream.end_offsets(LOGS_TOPIC) == nowhere
    await stream.append(LOGS_TOPIC, 1, messages("a", "b"))
    assert await stream.end_offsets(LOGS_TOPIC) == nowhere | {1: 2}
    assert await stream.start_offsets(LOGS_TOPIC) == nowhere
    assert await stream.committed(LOGS_TOPIC, GROUP) == nowhere
    assert await stream.end_offsets(REGISTRY_TOPIC) == {0: 0}


async def test_everything_is_there_after_a_restart(connect: Connect) -> None:
    first = await connect()
    await first.append(LOGS_TOPIC, 0, messages("a", "b"))
    await first.append(REGISTRY_TOPIC, 0, messages("r"))
    await first.stop()
    second = await connect()
    assert [record.value for record in await read_all(second)] == [b"a", b"b"]
    assert [record.value for record in await read_all(second, topic=REGISTRY_TOPIC)] == [b"r"]
    assert (await second.append(LOGS_TOPIC, 0, messages("c"))).offset == 2


async def test_stop_finishes_appends_in_flight(connect: Connect) -> None:
    stream = await connect()
    tasks = [asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages(str(number)))) for number in range(50)]
    await asyncio.sleep(0)
    await stream.stop()
    results = await asyncio.gather(*tasks)
    assert [result.offset for result in results] == list(range(50))
    with pytest.raises(StreamUnavailable):
        await stream.append(LOGS_TOPIC, 0, messages("late"))
    assert len(await read_all(await connect())) == 50


async def test_nothing_works_before_start(make: Callable[[], Stream]) -> None:
    stream = make()
    with pytest.raises(StreamUnavailable):
        await stream.append(LOGS_TOPIC, 0, messages("a"))


async def test_a_reader_begins_at_its_offset_and_follows(stream: Stream) -> None:
    await stream.append(REGISTRY_TOPIC, 0, messages("a", "b", "c"))
    reader = await stream.reader(REGISTRY_TOPIC, 0, 1)
    try:
        assert [record.value for record in await reader.read(1, 5)] == [b"b"]
        assert [record.offset for record in await reader.read(10, 5)] == [2]
        assert await reader.read(10, 0.05) == []
        waiting = asyncio.create_task(reader.read(10, 30))
        await stream.append(REGISTRY_TOPIC, 0, messages("d"))
        assert [record.value for record in await waiting] == [b"d"]
    finally:
        await reader.close()


async def test_a_reader_sees_what_another_connection_appends(connect: Connect) -> None:
    here, there = await connect(), await connect()
    reader = await here.reader(REGISTRY_TOPIC, 0, 0)
    try:
        waiting = asyncio.create_task(reader.read(10, 30))
        await there.append(REGISTRY_TOPIC, 0, messages("a"))
        assert [record.value for record in await waiting] == [b"a"]
    finally:
        await reader.close()


async def test_a_new_group_reads_every_partition_from_its_first_record(stream: Stream, join: Join) -> None:
    for partition in range(PARTITIONS):
        await stream.append(LOGS_TOPIC, partition, messages("a", "b"))
    listener = Listener()
    consumer = join(stream, listener)
    await consumer.start()
    assert listener.owned == dict.fromkeys(range(PARTITIONS), 0)
    assert await stream.committed(LOGS_TOPIC, GROUP) == dict.fromkeys(range(PARTITIONS), 0)
    found = await fetch_until(consumer, 2 * PARTITIONS)
    for partition in range(PARTITIONS):
        assert [(record.partition, record.offset, record.value) for record in found[partition]] == [
            (partition, 0, b"a"),
            (partition, 1, b"b"),
        ]


async def test_fetch_hands_out_at_most_so_many_and_nothing_after_its_timeout(stream: Stream, join: Join) -> None:
    consumer = join(stream, Listener())
    await consumer.start()
    started = time.monotonic()
    assert await consumer.fetch(10, 0.2) == {}
    assert 0.15 <= time.monotonic() - started < 2
    for partition in range(PARTITIONS):
        await stream.append(LOGS_TOPIC, partition, messages(*"abcdefgh"))
    found = await fetch_until(consumer, 8 * PARTITIONS, max_records=3)
    for records in found.values():
        assert [record.offset for record in records] == list(range(8))
    assert await consumer.fetch(10, 0) == {}


async def test_fetch_returns_as_soon_as_something_comes(stream: Stream, join: Join) -> None:
    consumer = join(stream, Listener())
    await consumer.start()
    waiting = asyncio.create_task(consumer.fetch(10, 60))
    await stream.append(LOGS_TOPIC, 3, messages("a"))
    async with asyncio.timeout(10):
        assert [record.value for record in (await waiting)[3]] == [b"a"]


async def test_the_next_member_begins_at_the_committed_offsets(connect: Connect, join: Join) -> None:
    first = await connect()
    await first.append(LOGS_TOPIC, 0, messages("a", "b", "c"))
    consumer = join(first, Listener())
    await consumer.start()
    await fetch_until(consumer, 3)
    await consumer.commit({0: 2})
    assert (await first.committed(LOGS_TOPIC, GROUP))[0] == 2
    await consumer.stop()
    await first.stop()

    second = await connect()
    assert (await second.committed(LOGS_TOPIC, GROUP))[0] == 2
    listener = Listener()
    consumer = join(second, listener)
    await consumer.start()
    assert listener.owned == {0: 2, 1: 0, 2: 0, 3: 0}
    assert [record.value for record in (await fetch_until(consumer, 1))[0]] == [b"c"]


async def test_commits_are_seen_by_other_connections(connect: Connect, join: Join) -> None:
    here, there = await connect(), await connect()
    await here.append(LOGS_TOPIC, 0, messages("a"))
    consumer = join(here, Listener())
    await consumer.start()
    await consumer.commit({0: 1, 1: 0})
    assert (await there.committed(LOGS_TOPIC, GROUP))[0] == 1
    assert await there.committed(LOGS_TOPIC, "another") == dict.fromkeys(range(PARTITIONS), 0)


async def test_paused_partitions_are_left_out_until_resumed(stream: Stream, join: Join) -> None:
    consumer = join(stream, Listener())
    await consumer.start()
    consumer.pause(frozenset({0, 1}))
    for partition in range(PARTITIONS):
        await stream.append(LOGS_TOPIC, partition, messages("a"))
    assert (await fetch_until(consumer, 2)).keys() == {2, 3}
    assert await consumer.fetch(10, 0.3) == {}
    consumer.pause(frozenset({2, 3}))
    assert await consumer.fetch(10, 0.1) == {}
    consumer.resume(frozenset({0}))
    assert (await fetch_until(consumer, 1)).keys() == {0}
    consumer.resume(frozenset({1, 2, 3}))
    assert [record.value for record in (await fetch_until(consumer, 1))[1]] == [b"a"]


async def test_commit_after_stop_is_refused(stream: Stream, join: Join) -> None:
    listener = Listener()
    consumer = join(stream, listener)
    await consumer.start()
    await consumer.stop()
    with pytest.raises(NotOwner):
        await consumer.commit({0: 0})
    assert listener.revoked == []


async def test_a_second_member_takes_partitions_over(stream: Stream, join: Join) -> None:
    for partition in range(PARTITIONS):
        await stream.append(LOGS_TOPIC, partition, messages("a", "b"))
    first_listener, second_listener = CommittingListener(), Listener()
    first = first_listener.consumer = join(stream, first_listener)
    await first.start()
    await fetch_until(first, 2 * PARTITIONS)

    second = join(stream, second_listener)
    joining = asyncio.create_task(second.start())
    while not joining.done():
        await first.fetch(10, 0.05)
    await joining

    taken = set(second_listener.owned)
    assert taken
    assert first_listener.revoked == [frozenset(range(PARTITIONS))]
    # What the first one committed while it was being told is where the second one begins.
    assert second_listener.owned == dict.fromkeys(taken, 1)
    with pytest.raises(NotOwner):
        await first.commit(dict.fromkeys(taken, 2))
    assert {partition: (await stream.committed(LOGS_TOPIC, GROUP))[partition] for partition in taken} == dict.fromkeys(
        taken, 1
    )
    await second.commit(dict.fromkeys(taken, 2))


class CommittingListener(Listener):
    """Commits the first record of each partition while it is being revoked, as the writer does with work in flight."""

    consumer: Consumer

    async def on_revoked(self, partitions: frozenset[int]) -> None:
        await self.consumer.commit(dict.fromkeys(partitions, 1))
        await super().on_revoked(partitions)
