"""What the stream on Kafka does besides the contract: topics at boot, stuck producers, dead brokers, positions."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import time
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.group import LeaveGroupRequest

from shared.errors import Misconfigured, NotOwner, OutcomeUnknown, StreamUnavailable, TooLarge
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, REGISTRY_TOPIC, Appended, Message, Record
from shared.stream.kafka import KafkaConfig, KafkaStream
from shared.stream.kafka.stream import DEAD_LETTER_BYTES
from tests.support.kafka_broker import free_port
from tests.support.streams import (
    PARTITIONS,
    Listener,
    fetch_until,
    kafka_config,
    lets_go_of_what_failed,
    messages,
    read_all,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from tests.support.kafka_broker import KafkaBroker

    Start = Callable[[KafkaConfig], Awaitable[KafkaStream]]

GROUP = "group"
MIB = 1 << 20


@pytest.fixture
def config(kafka: str) -> KafkaConfig:
    return kafka_config(kafka)


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts streams, which are stopped at the end."""
    streams: list[KafkaStream] = []

    async def start_stream(config: KafkaConfig) -> KafkaStream:
        streams.append(KafkaStream(config))
        await streams[-1].start()
        return streams[-1]

    yield start_stream
    for stream in streams:
        await stream.stop()


@pytest.fixture
async def stream(start: Start, config: KafkaConfig) -> KafkaStream:
    return await start(config)


async def failures(tasks: list[asyncio.Task[Appended]]) -> list[Appended | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def append_soon(stream: KafkaStream, partition: int, *values: str) -> list[asyncio.Task[Appended]]:
    """One append per value, all at once."""
    return [asyncio.create_task(stream.append(LOGS_TOPIC, partition, messages(value))) for value in values]


# Topics


async def test_topics_are_made_as_the_design_needs_them(
    stream: KafkaStream, config: KafkaConfig, admin: AIOKafkaAdminClient
) -> None:
    names = [config.name(topic) for topic in (LOGS_TOPIC, REGISTRY_TOPIC, DEAD_LETTERS_TOPIC)]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    (response,) = await admin.describe_configs(resources)
    found = {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in response.resources}
    logs, registry, dead_letters = (found[name] for name in names)
    for settings in (logs, registry, dead_letters):
        assert settings["message.timestamp.type"] == "LogAppendTime"
        assert settings["cleanup.policy"] == "delete"
        assert settings["max.message.bytes"] == str(32 * MIB)
        assert settings["min.insync.replicas"] == "1"
    assert logs["retention.ms"] == str(7 * 24 * 3_600_000)
    for settings in (registry, dead_letters):
        assert settings["retention.ms"] == settings["retention.bytes"] == "-1"


async def test_processes_that_start_together_agree_on_the_topics(start: Start, config: KafkaConfig) -> None:
    streams = await asyncio.gather(*(start(config) for _ in range(4)))
    assert [stream.topics() for stream in streams] == [streams[0].topics()] * 4


async def test_a_topic_with_client_times_is_refused_with_the_command_that_mends_it(
    start: Start, config: KafkaConfig, admin: AIOKafkaAdminClient
) -> None:
    name = config.name(LOGS_TOPIC)
    await admin.create_topics([NewTopic(name, 4, 1, topic_configs={"message.timestamp.type": "CreateTime"})])
    with pytest.raises(Misconfigured) as refused:
        await start(config)
    assert (
        f"kafka-configs.sh --bootstrap-server {config.bootstrap} --alter --entity-type topics --entity-name {name}"
        " --add-config message.timestamp.type=LogAppendTime"
    ) in str(refused.value)


async def test_a_registry_that_forgets_is_refused(
    start: Start, config: KafkaConfig, admin: AIOKafkaAdminClient
) -> None:
    settings = {"message.timestamp.type": "LogAppendTime", "retention.bytes": "-1"}
    await admin.create_topics([NewTopic(config.name(REGISTRY_TOPIC), 1, 1, topic_configs=settings)])
    with pytest.raises(Misconfigured, match=r"--add-config retention\.ms=-1$"):
        await start(config)


@pytest.mark.parametrize(
    ("topic", "partitions", "complaint"),
    [
        (LOGS_TOPIC, 257, "room for 256"),
        (REGISTRY_TOPIC, 2, "must have 1"),
        (DEAD_LETTERS_TOPIC, 3, "--partitions 4"),
    ],
)
async def test_topics_with_wrong_partition_counts_are_refused(
    start: Start, config: KafkaConfig, admin: AIOKafkaAdminClient, topic: str, partitions: int, complaint: str
) -> None:
    kept = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "retention.bytes": "-1"}
    await admin.create_topics([NewTopic(config.name(topic), partitions, 1, topic_configs=kept)])
    with pytest.raises(Misconfigured, match=complaint):
        await start(config)


async def test_more_replicas_than_brokers_are_refused(start: Start, config: KafkaConfig) -> None:
    with pytest.raises(Misconfigured, match=r"[Rr]eplication"):
        await start(dataclasses.replace(config, replication=9))


async def test_start_without_a_broker_is_unavailable_at_once(start: Start) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(StreamUnavailable):
            await start(KafkaConfig(f"127.0.0.1:{free_port()}"))


# Appending


async def test_appends_that_wait_together_go_into_one_batch(stream: KafkaStream) -> None:
    results = await asyncio.gather(*append_soon(stream, 0, *map(str, range(1000))))
    # The broker stamps a batch, so the number of timestamps says how many there were at most.
    assert len({appended.timestamp_ms for appended in results}) < 20
    assert sorted(appended.offset for appended in results) == list(range(1000))


async def test_what_the_topic_can_not_take_is_refused_before_it_is_sent(stream: KafkaStream) -> None:
    others = append_soon(stream, 0, "a", "b")
    with pytest.raises(TooLarge, match=str(32 * MIB - DEAD_LETTER_BYTES)):
        await stream.append(LOGS_TOPIC, 0, [Message(b"k", bytes(32 * MIB))])
    with pytest.raises(TooLarge):
        await stream.append(LOGS_TOPIC, 0, [Message(b"k", bytes(17 * MIB))] * 2)
    await asyncio.gather(*others)
    biggest = await stream.append(LOGS_TOPIC, 0, [Message(b"k", bytes(32 * MIB - DEAD_LETTER_BYTES - 200))])
    assert biggest.offset == 2
    assert stream.producer_replacements.total() == 0


async def test_more_bytes_at_once_than_a_broker_takes_in_one_request(start: Start, config: KafkaConfig) -> None:
    stream = await start(dataclasses.replace(config, partitions=8, produce_deadline_s=30))
    value = bytes(20 * MIB)  # eight of them are more than socket.request.max.bytes
    await asyncio.gather(*(stream.append(LOGS_TOPIC, partition, [Message(b"k", value)]) for partition in range(8)))
    assert set((await stream.end_offsets(LOGS_TOPIC)).values()) == {1}
    assert stream.producer_replacements.total() == 0


async def test_a_limit_lowered_after_the_start_is_told_and_leaves_the_partition_working(
    start: Start, config: KafkaConfig, admin: AIOKafkaAdminClient
) -> None:
    name = config.name(LOGS_TOPIC)
    settings = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "100000"}
    await admin.create_topics([NewTopic(name, 4, 1, topic_configs=settings)])
    stream = await start(config)
    with pytest.raises(TooLarge, match="100000"):
        await stream.append(LOGS_TOPIC, 0, [Message(b"k", bytes(200_000))])
    assert stream._producer is not None
    stream._producer._limits[name] = 32 * MIB  # as if it had been so at the start
    await stream.append(LOGS_TOPIC, 0, messages("before"))
    stream._producer._lanes[name, 0].max_batch_bytes = MIB

    with pytest.raises(TooLarge, match="brokers take"):
        await stream.append(LOGS_TOPIC, 0, [Message(b"k", bytes(200_000))])
    # The refused batch has used up sequence numbers: without a new producer nothing would go through any more.
    assert stream.producer_replacements == {"MessageSizeTooLargeError": 1}
    assert (await stream.append(LOGS_TOPIC, 0, messages("after"))).offset == 1

    # Appends that fit one by one but were sent together are sent again in smaller batches.
    value = bytes(40_000)
    tasks = [asyncio.create_task(stream.append(LOGS_TOPIC, 0, [Message(b"k", value)])) for _ in range(8)]
    assert [appended.offset for appended in await asyncio.gather(*tasks)] == list(range(2, 10))
    assert len(await read_all(stream)) == 10


async def test_a_sequence_gap_is_left_behind_with_a_new_producer(stream: KafkaStream, config: KafkaConfig) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("before"))
    assert stream._producer is not None
    producer = await stream._producer._supervisor.get()
    # As after a batch that was drained and failed: the broker has not seen these numbers.
    producer._txn_manager.increment_sequence_number(TopicPartition(config.name(LOGS_TOPIC), 0), 7)
    others = append_soon(stream, 1, *map(str, range(50)))
    failing = append_soon(stream, 0, "lost")
    async with asyncio.timeout(8):
        assert all(isinstance(result, OutcomeUnknown) for result in await failures(failing))
    assert stream.producer_replacements == {"OutOfOrderSequenceNumber": 1}
    assert [appended.offset for appended in await asyncio.gather(*others)] == list(range(50))
    assert (await stream.append(LOGS_TOPIC, 0, messages("after"))).offset == 1
    assert [record.value for record in await read_all(stream)] == [b"before", b"after"]


async def test_a_cancelled_append_is_not_sent_when_it_still_waits(stream: KafkaStream) -> None:
    task = asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages("cancelled")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stream.append(LOGS_TOPIC, 0, messages("a"))).offset == 0


# Brokers that die


async def test_a_killed_broker_gives_no_false_success_and_the_stream_recovers(
    start: Start, own_kafka: KafkaBroker
) -> None:
    config = KafkaConfig(own_kafka.bootstrap, partitions=PARTITIONS, produce_deadline_s=1.5)
    stream = await start(config)
    acknowledged: dict[tuple[int, int], bytes] = {}
    unknown: set[bytes] = set()
    refused: set[bytes] = set()
    slowest_s = 0.0
    finished = asyncio.Event()
    changed = asyncio.Condition()

    async def client(number: int) -> None:
        nonlocal slowest_s
        sent = 0
        while not finished.is_set():
            value = f"{number}-{sent}".encode()
            sent += 1
            started = time.monotonic()
            try:
                appended = await stream.append(LOGS_TOPIC, number % PARTITIONS, [Message(b"k", value)])
                acknowledged[appended.partition, appended.offset] = value
            except OutcomeUnknown:
                unknown.add(value)
            except StreamUnavailable:
                refused.add(value)
            slowest_s = max(slowest_s, time.monotonic() - started)
            async with changed:
                changed.notify_all()

    async def until(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30), changed:
            await changed.wait_for(condition)

    clients = [asyncio.create_task(client(number)) for number in range(16)]
    await until(lambda: len(acknowledged) > 500)
    await asyncio.to_thread(own_kafka.kill)
    await until(lambda: unknown and refused)
    with pytest.raises(StreamUnavailable):
        await stream.end_offsets(LOGS_TOPIC)
    with pytest.raises(StreamUnavailable):
        await stream.committed(LOGS_TOPIC, GROUP)
    await asyncio.to_thread(own_kafka.start)
    before = len(acknowledged)
    await until(lambda: len(acknowledged) > before + 500)
    finished.set()
    await asyncio.gather(*clients)

    assert slowest_s < 2.5
    assert stream.producer_replacements["timeout"] >= 1
    patient = await start(KafkaConfig(own_kafka.bootstrap, partitions=PARTITIONS))
    stored = {
        (partition, record.offset): record.value
        for partition in range(PARTITIONS)
        for record in await read_all(patient, partition)
    }
    assert acknowledged.items() <= stored.items()
    values = list(stored.values())
    assert len(values) == len(set(values))
    assert set(values) - set(acknowledged.values()) <= unknown
    assert not refused & set(values)


async def test_a_frozen_broker_ends_appends_at_their_deadline(start: Start, own_kafka: KafkaBroker) -> None:
    stream = await start(KafkaConfig(own_kafka.bootstrap, partitions=PARTITIONS, produce_deadline_s=1))
    await stream.append(LOGS_TOPIC, 0, messages("before"))
    own_kafka.send_signal(signal.SIGSTOP)
    sent = append_soon(stream, 0, "sent")
    await asyncio.sleep(0.1)
    queued = append_soon(stream, 0, "queued", "queued too")
    async with asyncio.timeout(3):
        assert [type(result) for result in await failures(sent + queued)] == [
            OutcomeUnknown,
            StreamUnavailable,
            StreamUnavailable,
        ]
    assert await lets_go_of_what_failed(stream)
    own_kafka.send_signal(signal.SIGCONT)
    async with asyncio.timeout(20):
        while True:
            try:
                await stream.append(LOGS_TOPIC, 0, messages("after"))
                break
            except (OutcomeUnknown, StreamUnavailable):
                continue
    patient = await start(KafkaConfig(own_kafka.bootstrap, partitions=PARTITIONS))
    values = [record.value for record in await read_all(patient)]
    assert values[0] == b"before"
    assert b"after" in values
    assert not any(value.startswith(b"queued") for value in values)


async def test_committed_offsets_are_right_or_unavailable_while_a_broker_restarts(
    start: Start, own_kafka: KafkaBroker
) -> None:
    stream = await start(KafkaConfig(own_kafka.bootstrap, partitions=PARTITIONS, produce_deadline_s=2))
    await stream.append(LOGS_TOPIC, 0, messages("a", "b", "c"))
    consumer = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    await consumer.start()
    await consumer.commit({0: 3})
    await consumer.stop()
    expected = {0: 3, 1: 0, 2: 0, 3: 0}
    assert await stream.committed(LOGS_TOPIC, GROUP) == expected

    await asyncio.to_thread(own_kafka.kill)
    restarting = asyncio.create_task(asyncio.to_thread(own_kafka.start))
    unavailable = answered = 0
    async with asyncio.timeout(60):
        # A coordinator that is loading knows nothing yet; that must not read as "nothing committed".
        while answered < 100:
            try:
                assert await stream.committed(LOGS_TOPIC, GROUP) == expected
                answered += 1
            except StreamUnavailable:
                unavailable += 1
    await restarting
    assert unavailable


# Consuming


async def test_errors_of_the_listener_come_out_of_fetch(stream: KafkaStream) -> None:
    class Failing(Listener):
        async def on_revoked(self, partitions: frozenset[int]) -> None:
            raise ValueError("could not drain")

    first = stream.consumer(LOGS_TOPIC, GROUP, Failing())
    second = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    try:
        await first.start()
        joining = asyncio.create_task(second.start())
        with pytest.raises(ValueError, match="could not drain"):
            await fetch_until(first, 1)
        await joining
    finally:
        await first.stop()
        await second.stop()


async def test_errors_of_the_listener_come_out_of_start(stream: KafkaStream) -> None:
    class Failing(Listener):
        async def on_assigned(self, positions: object) -> None:
            raise ValueError("not ready")

    with pytest.raises(ValueError, match="not ready"):
        await stream.consumer(LOGS_TOPIC, GROUP, Failing()).start()


async def test_nothing_is_fetched_before_the_listener_knows(stream: KafkaStream) -> None:
    class Slow(Listener):
        busy = False

        async def on_assigned(self, positions: Mapping[int, int]) -> None:
            self.busy = True
            await asyncio.sleep(0.3)
            self.busy = False
            await super().on_assigned(positions)

    await asyncio.gather(*(stream.append(LOGS_TOPIC, partition, messages("a")) for partition in range(PARTITIONS)))
    listener = Slow()
    first = stream.consumer(LOGS_TOPIC, GROUP, listener)
    second = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    try:
        await first.start()
        joining = asyncio.create_task(second.start())
        # Nothing is committed, so the partitions that stay are handed out again after the rebalance.
        found: dict[int, list[Record]] = {}
        while len(listener.assigned) < 2 or not found:
            found = await first.fetch(10, 0.05)
            assert not (found and listener.busy)
        await joining
        assert 0 < len(listener.owned) < PARTITIONS
    finally:
        await first.stop()
        await second.stop()


async def test_a_member_the_broker_gave_up_on_does_not_own_its_partitions(start: Start, config: KafkaConfig) -> None:
    stream = await start(dataclasses.replace(config, session_timeout_s=6))
    consumer = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    try:
        await consumer.start()
        # The broker forgets the member, which does not know of it.
        coordinator = consumer._consumer._coordinator
        await coordinator._send_req(LeaveGroupRequest(coordinator.group_id, coordinator.member_id))
        with pytest.raises(NotOwner):
            await consumer.commit({0: 0})
    finally:
        await consumer.stop()


async def test_records_lost_to_retention_stop_the_group(
    stream: KafkaStream, config: KafkaConfig, admin: AIOKafkaAdminClient
) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("a", "b", "c"))
    consumer = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    await consumer.start()
    await consumer.commit({0: 1})
    await consumer.stop()
    position = TopicPartition(config.name(LOGS_TOPIC), 0)
    await admin.delete_records({position: RecordsToDelete(before_offset=2)})
    assert (await stream.start_offsets(LOGS_TOPIC))[0] == 2
    with pytest.raises(Misconfigured, match=r"committed offset 1 .* holds 2 to 3"):
        await stream.consumer(LOGS_TOPIC, GROUP, Listener()).start()


async def test_a_topic_that_ends_before_the_committed_offset_stops_the_group(stream: KafkaStream) -> None:
    consumer = stream.consumer(LOGS_TOPIC, GROUP, Listener())
    await consumer.start()
    await consumer.commit({0: 3})  # as it stays when the topic is made anew
    await consumer.stop()
    with pytest.raises(Misconfigured, match="was made anew"):
        await stream.consumer(LOGS_TOPIC, GROUP, Listener()).start()
