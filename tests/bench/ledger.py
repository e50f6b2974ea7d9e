"""Ledgers: every log that a client was given an id for is there, and nothing else is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared import ids
from shared.stream.base import LOGS_TOPIC
from tests.bench import kafka
from tests.bench.figures import LedgerCheck

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.stream.base import Stream

_READ_AT_ONCE = 5000
_READ_TIMEOUT_S = 10.0


def check_ids(name: str, acknowledged: Iterable[int], found: Iterable[int]) -> LedgerCheck:
    """Hold ids against ids; each must be there once on both sides."""
    told, kept = sorted(acknowledged), sorted(found)
    told_once, kept_once = set(told), set(kept)
    twice = (len(told) - len(told_once)) + (len(kept) - len(kept_once))
    return LedgerCheck(name, len(told), len(kept), len(told_once - kept_once), len(kept_once - told_once) + twice)


async def check_topic(name: str, bootstrap: str, acknowledged: Iterable[int]) -> LedgerCheck:
    """Hold ids against the records of the topic of logs: a gateway's promise is that they are there."""
    async with kafka.connected(bootstrap) as stream:
        ends = await stream.end_offsets(LOGS_TOPIC)
        found = await asyncio.gather(*(_ids_of(stream, partition, end) for partition, end in ends.items()))
    return check_ids(name, acknowledged, [log_id for some in found for log_id in some])


async def _ids_of(stream: Stream, partition: int, end: int) -> list[int]:
    """The id of each record of a partition."""
    reader = await stream.reader(LOGS_TOPIC, partition, 0)
    found: list[int] = []
    try:
        while len(found) < end:
            records = await reader.read(_READ_AT_ONCE, _READ_TIMEOUT_S)
            if not records:
                raise RuntimeError(f"partition {partition} gave {len(found)} of {end} records")
            found += [ids.mint(record.timestamp_ms, partition, record.offset) for record in records]
    finally:
        await reader.close()
    return found
