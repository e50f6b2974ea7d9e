"""The spans of one request on their way into a stream, some of whose partitions are away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from services.ingest_gateway.intake import Intake
from services.ingest_gateway.span_batch import SpanBatch
from shared import ids
from shared.errors import OutcomeUnknown, StreamUnavailable, TooLarge
from shared.events import decode_key, trace_partition
from shared.wire.otel.spans import Span, span_columns
from tests.integration.test_bulk_batches import Refusing, stored
from tests.support.streams import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TRACES = [f"{number + 1:032x}" for number in range(40)]


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Refusing]:
    opened = Refusing(tmp_path / "stream.db", partitions=PARTITIONS, sync=lambda: None)
    opened.away = {}
    await opened.start()
    yield opened
    await opened.stop()


def spans() -> list[Span]:
    return [Span(trace, f"{n + 1:016x}", None, str(n), 1, 2) for n, trace in enumerate(TRACES * 3)]


def batch_of(stream: Refusing, max_size: int = 1 << 30) -> SpanBatch:
    return SpanBatch(Intake(stream), "default", "api", max_size)


def filled(stream: Refusing) -> SpanBatch:
    batch = batch_of(stream)
    for number, span in enumerate(spans()):
        batch.add(number, span, span_columns(span, repaired=False))
    return batch


async def test_the_spans_of_a_trace_are_one_append_to_its_partition(stream: Refusing) -> None:
    batch = filled(stream)
    await batch.append()
    records = await stored(stream)
    assert len(records) == PARTITIONS
    found = {}
    for partition, there in records.items():
        assert len({record.timestamp_ms for record in there}) == 1
        for record in there:
            body = orjson.loads(record.value)
            assert trace_partition("default", body["trace_id"], PARTITIONS) == partition
            found[int(body["function_name"])] = ids.mint(record.timestamp_ms, partition, record.offset)
    assert batch.ids == found
    assert batch.too_large == {}


@pytest.mark.parametrize("error", [StreamUnavailable, OutcomeUnknown])
async def test_what_is_sent_again_after_a_failure_is_known(
    stream: Refusing, error: type[StreamUnavailable] | type[OutcomeUnknown]
) -> None:
    stream.away = {1: error}
    with pytest.raises(error):
        await filled(stream).append()
    kept_before = {decode_key(record.key).fingerprint for there in (await stored(stream)).values() for record in there}
    stream.away = {}
    again = filled(stream)
    await again.append()
    assert again.ids.keys() == set(range(len(spans())))
    fingerprints = [
        (partition, decode_key(record.key).fingerprint)
        for partition, there in (await stored(stream)).items()
        for record in there
    ]
    assert len(fingerprints) == len(spans()) + len(kept_before)
    # Each copy is where the first one is, which is what the writer needs to see that it is one.
    assert len(set(fingerprints)) == len({fingerprint for _, fingerprint in fingerprints}) == len(spans())


async def test_an_unknown_outcome_is_what_the_client_is_told(stream: Refusing) -> None:
    stream.away = {0: StreamUnavailable, 1: OutcomeUnknown, 2: StreamUnavailable}
    with pytest.raises(OutcomeUnknown):
        await filled(stream).append()


async def test_a_span_that_the_stream_does_not_take_keeps_no_other_out(stream: Refusing) -> None:
    stream.max_bytes = 2_000
    batch = batch_of(stream)
    for number in range(9):
        span = Span(TRACES[0], f"{number + 1:016x}", None, "x" * (5_000 if number == 4 else 10), 1, 2)
        batch.add(number, span, span_columns(span, repaired=False))
    await batch.append()
    assert batch.ids.keys() == set(range(9)) - {4}
    assert batch.too_large.keys() == {4}


async def test_spans_that_become_too_much_are_refused_before_any_is_appended(stream: Refusing) -> None:
    first, second, *_ = spans()
    columns = span_columns(first, repaired=False)
    batch = batch_of(stream, max_size=500)
    batch.add(0, first, columns)
    with pytest.raises(TooLarge, match="resource"):
        batch.add(1, second, columns | {"error": "x" * 200})
    assert await stored(stream) == {}
