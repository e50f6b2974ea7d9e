"""A topic of logs that gets more partitions, as deploy/README.md describes it: on a real Kafka and the real engine."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from services.writer_worker.config import WriterConfig
from services.writer_worker.writer import Writer
from shared import ids
from shared.events import Event, EventKind, encode_key, external_id_partition
from shared.store.logs import find_by_external_id, read_log
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, Message
from shared.visibility import Visibility
from tests.support.streams import kafka_config, kafka_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.chdb_store import ChdbStore
    from shared.stream.kafka import KafkaConfig

WORKSPACE = "acme"
FEW, MANY = 2, 8

NAME = next(
    name
    for name in map(str, count())
    if external_id_partition(WORKSPACE, name, FEW) == 1 and external_id_partition(WORKSPACE, name, MANY) >= FEW
)
"""A client's id of a log whose updates go to another partition, a new one, once there are more."""


class Installation:
    """The parts that the test needs: an event goes in, and is stored when `send` returns."""

    def __init__(self, config: KafkaConfig) -> None:
        self.stream = kafka_stream(config)
        self.visibility = Visibility(self.stream, timeout_s=30)

    async def send(self, kind: EventKind, **body: Any) -> int:
        """The partition that the event went to, and by which it was stored."""
        partition = external_id_partition(WORKSPACE, NAME, self.stream.partitions(LOGS_TOPIC))
        key = encode_key(Event(kind, WORKSPACE, external_id=NAME))
        appended = await self.stream.append(LOGS_TOPIC, partition, [Message(key, orjson.dumps(body))])
        await self.visibility.wait_for_append(appended)
        return partition


@asynccontextmanager
async def running(config: KafkaConfig, store: ChdbStore, epoch: int) -> AsyncIterator[Installation]:
    installation = Installation(config)
    await installation.stream.start()
    stop = asyncio.Event()
    writing = asyncio.create_task(Writer(installation.stream, store, WriterConfig(epoch=epoch)).run(stop))
    try:
        yield installation
    finally:
        stop.set()
        await writing
        await installation.visibility.stop()
        await installation.stream.stop()


async def add_partitions(config: KafkaConfig) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap)
    await admin.start()
    topics = {config.name(topic): NewPartitions(MANY) for topic in (LOGS_TOPIC, DEAD_LETTERS_TOPIC)}
    answer = await admin.create_partitions(topics)
    await admin.close()
    assert {error[1] for error in answer.topic_errors} == {0}


async def test_updates_by_a_clients_id_take_effect_from_their_new_partition(kafka: str, chdb_store: ChdbStore) -> None:
    config = dataclasses.replace(kafka_config(kafka), partitions=FEW)
    async with running(config, chdb_store, epoch=0) as before:
        create = {"workspace_id": WORKSPACE, "type": "test", "external_id": NAME, "model": "m", "output": "first"}
        assert await before.send(EventKind.CREATE, **create) == 1
        for number in range(3):
            await before.send(EventKind.PATCH, output=f"update {number}")
    log_id = await find_by_external_id(chdb_store, WORKSPACE, NAME)
    assert log_id is not None
    await add_partitions(config)
    # The first offset of a new partition is below those that the log's updates had: only the epoch puts it above them.
    async with running(config, chdb_store, epoch=1) as after:
        assert await after.send(EventKind.PATCH, output="last") >= FEW
        stored = await read_log(chdb_store, WORKSPACE, log_id)
        assert stored is not None
        assert (stored.payload["output"], stored.log["model"]) == ("last", "m")
        assert ids.split(log_id).partition == 1
    (row,) = await chdb_store.query("SELECT count() AS logs FROM log_records")
    assert row["logs"] == 1
