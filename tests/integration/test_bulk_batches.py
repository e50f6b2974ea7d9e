"""The logs of one request on their way into a stream, and streams that don't take all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from services.ingest_gateway.bulk.batch import Batch
from services.ingest_gateway.intake import Intake
from shared import ids
from shared.errors import OutcomeUnknown, StreamUnavailable, TooLarge
from shared.events import decode_key
from shared.stream.base import LOGS_TOPIC
from shared.stream.sqlite import SqliteStream
from tests.support.streams import PARTITIONS, kafka_config, kafka_stream, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from shared.stream.base import Appended, Message, Record, Stream


class Refusing(SqliteStream):
    """A stream in a file, some of whose partitions are away and which takes few bytes at once."""

    max_bytes = 1 << 30
    away: dict[int, type[StreamUnavailable] | type[OutcomeUnknown]]

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        """See `Stream.append`."""
        if sum(len(message.value) for message in messages) > self.max_bytes:
            raise TooLarge("more than the stream takes at once")
        if partition in self.away:
            raise self.away[partition]("away")
        return await super().append(topic, partition, messages)


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Refusing]:
    opened = Refusing(tmp_path / "stream.db", partitions=PARTITIONS, sync=lambda: None)
    opened.away = {}
    await opened.start()
    yield opened
    await opened.stop()


async def stored(stream: Stream) -> dict[int, list[Record]]:
    ends = await stream.end_offsets(LOGS_TOPIC)
    return {partition: await read_all(stream, partition) for partition, end in ends.items() if end}


def numbers(records: Sequence[Record]) -> list[int]:
    return [orjson.loads(record.value)["input_tokens"] for record in records]


def found(batch: Batch, records: dict[int, list[Record]]) -> dict[int, int]:
    """The id of each item's record."""
    assert all(decode_key(record.key).workspace == "default" for partition in records.values() for record in partition)
    return {
        number: ids.mint(record.timestamp_ms, record.partition, record.offset)
        for partition in records.values()
        for number, record in zip(numbers(partition), partition, strict=True)
    }


async def test_free_items_are_one_append_in_order(stream: Refusing) -> None:
    batch = Batch(Intake(stream), "default", home=2)
    for number in range(100):
        batch.add(number, {"input_tokens": number})
    await batch.append()
    records = await stored(stream)
    assert list(records) == [2]
    assert numbers(records[2]) == list(range(100))
    assert batch.ids == found(batch, records)
    assert len({record.timestamp_ms for record in records[2]}) == 1


async def test_items_with_names_go_where_their_names_meet(stream: Refusing) -> None:
    intake = Intake(stream)
    batch = Batch(intake, "default", home=0)
    for number in range(200):
        name = f"name-{number // 2}"
        if number % 3:
            batch.add(number, {"input_tokens": number}, fingerprint=name)
        else:
            batch.add(number, {"input_tokens": number, "external_id": name}, external_id=name, fingerprint="f")
    await batch.append()
    records = await stored(stream)
    assert len(records) == PARTITIONS
    assert batch.ids == found(batch, records)
    for partition, there in records.items():
        assert numbers(there) == sorted(numbers(there))
        for record in there:
            event = decode_key(record.key)
            assert intake.partition("default", event.external_id, event.fingerprint) == partition


async def test_items_under_a_key_of_the_request_stay_together(stream: Refusing) -> None:
    batch = Batch(Intake(stream), "default", home=1)
    for number in range(50):
        batch.add(number, {"input_tokens": number}, fingerprint=f"key-{number}", at_home=True)
    await batch.append()
    ((partition, records),) = (await stored(stream)).items()
    assert partition == 1
    assert [decode_key(record.key).fingerprint for record in records] == [f"key-{number}" for number in range(50)]


@pytest.mark.parametrize("error", [StreamUnavailable, OutcomeUnknown])
async def test_a_partition_that_is_away_fails_only_its_own(
    stream: Refusing, error: type[StreamUnavailable] | type[OutcomeUnknown]
) -> None:
    stream.away = {2: error}
    intake = Intake(stream)
    batch = Batch(intake, "default", home=0)
    for number in range(100):
        batch.add(number, {"input_tokens": number}, fingerprint=f"f{number}")
    await batch.append()
    assert {type(problem) for problem in batch.errors.values()} == {error}
    assert batch.errors.keys() == {n for n in range(100) if intake.partition("default", fingerprint=f"f{n}") == 2}
    assert batch.ids.keys() == set(range(100)) - batch.errors.keys()
    assert batch.ids == found(batch, await stored(stream))


async def test_more_than_the_stream_takes_at_once_is_cut_in_order(stream: Refusing) -> None:
    stream.max_bytes = 2000
    batch = Batch(Intake(stream), "default", home=0)
    for number in range(60):
        batch.add(number, {"input_tokens": number, "model": "x" * (5000 if number == 33 else 100)})
    await batch.append()
    assert {number: type(error) for number, error in batch.errors.items()} == {33: TooLarge}
    records = await stored(stream)
    assert numbers(records[0]) == [number for number in range(60) if number != 33]
    assert batch.ids == found(batch, records)


async def test_nothing_to_append(stream: Refusing) -> None:
    batch = Batch(Intake(stream), "default", home=0)
    await batch.append()
    assert (batch.ids, batch.errors) == ({}, {})


async def test_kafka_cuts_what_is_over_its_limit(kafka: str) -> None:
    stream = kafka_stream(replace(kafka_config(kafka), max_message_bytes=100_000))
    await stream.start()
    try:
        batch = Batch(Intake(stream), "default", home=3)
        for number in range(40):
            batch.add(number, {"input_tokens": number, "model": "x" * 4000})
        await batch.append()
        assert not batch.errors
        records = (await stored(stream))[3]
        assert numbers(records) == list(range(40))
        assert batch.ids == found(batch, {3: records})
        # More than the limit, less than twice that: two appends, each with one time.
        assert len({record.timestamp_ms for record in records[:20]}) == 1
        assert len({record.timestamp_ms for record in records[20:]}) == 1
    finally:
        await stream.stop()
