"""Holds a store and a stream against a ledger, and against each other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.writer_worker import dead_letters, incoming
from shared import ids
from shared.events import EventKind, decode_origin
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from tests.faults.installations import connected
from tests.faults.report import DUPLICATED, LOST, WRONG, Problem, unreadable
from tests.support.ledger import PROMPTLAYER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from random import Random

    from shared.stream.base import Record, Stream
    from tests.faults.installations import Installation
    from tests.support.ledger import Entry, Ledger
    from tests.support.ledger_client import LedgerClient

_SINCE: Final = " WHERE received_at >= fromUnixTimestamp64Milli({since_ms}, 'UTC')"
ROWS: Final = (
    "SELECT id, external_id, duplicate_of, metadata['marker'] AS marker, updated_at > received_at AS updated"
    " FROM logs FINAL" + _SINCE
)
BODIES: Final = "SELECT id, input, output, output_text FROM log_payloads FINAL" + _SINCE
COUNTED: Final = "SELECT count() AS logs FROM log_records" + _SINCE
"""All three of what was received from `since_ms` on: installations are shared, and hold what earlier trials sent."""

QUIET_S: Final = 300.0
"""How long the writers may take to write what is left."""

READ_AT_ONCE: Final = 32

Row = dict[str, Any]


async def quiescent(stream: Stream) -> bool:
    """Wait until the writers have committed all there is; False when they have not after `QUIET_S`."""
    deadline = asyncio.get_running_loop().time() + QUIET_S
    while await stream.committed(LOGS_TOPIC, WRITER_GROUP) != await stream.end_offsets(LOGS_TOPIC):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


@dataclass(frozen=True, slots=True)
class Beginning:
    """When a trial began, and where the partitions ended then."""

    since_ms: int
    offsets: Mapping[int, int]

    def of(self, sql: str) -> str:
        """One of the statements above, for what came since."""
        return sql.format(since_ms=self.since_ms)


async def beginning(installation: Installation) -> Beginning:
    """Now."""
    since_ms = int(time.time() * 1000)
    async with connected(installation) as stream:
        return Beginning(since_ms, await stream.end_offsets(LOGS_TOPIC))


async def check_committed(installation: Installation, since: Beginning) -> list[Problem]:
    """Whether the group's commits are ahead of the rows: every create below them is stored, or a dead letter.

    The commits are read first, so this may be asked at any time; of an embedded installation while it is down.
    """
    async with connected(installation) as stream:
        committed = await stream.committed(LOGS_TOPIC, WRITER_GROUP)
        rows = await installation.rows(since.of(ROWS))
        buried = {decode_origin(letter.origin.encode()) async for letter in dead_letters.read_all(stream)}
        stored, names = {row["id"] for row in rows}, {row["external_id"] for row in rows}
        problems = []
        for partition, end in committed.items():
            async for record in _records(stream, partition, since.offsets[partition], end):
                event = incoming.read(record, installation.epoch)
                if event.event.kind is not EventKind.CREATE or event.own_id in stored:
                    continue
                position = (record.timestamp_ms, partition, record.offset)
                if event.event.external_id in names or position in buried:
                    continue
                problems.append(Problem(LOST, str(event.own_id), f"committed ({end}), not stored: {position}"))
        return problems


async def _records(stream: Stream, partition: int, start: int, end: int) -> AsyncIterator[Record]:
    """The records from `start` to below `end`."""
    if start >= end:
        return
    reader = await stream.reader(LOGS_TOPIC, partition, start)
    try:
        position = start
        while position < end:
            records: list[Record] = await reader.read(5000, 10)
            assert records, f"partition {partition} ends at {position}, before {end}"
            for record in records:
                if record.offset < end:
                    yield record
            position = records[-1].offset + 1
    finally:
        await reader.close()


def check_rows(ledger: Ledger, rows: Iterable[Row], bodies: Iterable[Row], foreign: set[str]) -> list[Problem]:
    """Hold all rows against the ledger. `foreign` are names of ledgers whose logs are in the store too."""
    stored: defaultdict[str, list[Row]] = defaultdict(list)
    known = {entry.marker for entry in ledger.entries}
    problems = []
    for row in rows:
        marker = row["marker"]
        if marker in known:
            stored[marker].append(row)
        elif marker.rpartition(" ")[0] not in foreign:
            problems.append(Problem(WRONG, str(row["id"]), f"stored, but never sent: {marker!r}"))
    body_of = {row["id"]: row for row in bodies}
    for entry in ledger.entries:
        problems += _check_entry(entry, stored.get(entry.marker, []), body_of)
    return problems


def _check_entry(entry: Entry, rows: list[Row], body_of: Mapping[int, Row]) -> list[Problem]:
    times = Counter(row["external_id"] or row["id"] for row in rows)
    counted = {row["id"] for row in rows if row["duplicate_of"] == 0}
    fewest, most = entry.counted()
    problems = [
        Problem(LOST, entry.marker, f"acknowledged as {log_id}, not stored")
        for log_id in entry.ids
        if not times[_stored_id(log_id)]
    ]
    if len(counted) < fewest:
        problems.append(Problem(LOST, entry.marker, f"counted {len(counted)} times instead of {fewest}"))
    if len(counted) > most or len(rows) > len(entry.ids) + entry.unknown or max(times.values(), default=1) > 1:
        problems.append(
            Problem(
                DUPLICATED,
                entry.marker,
                f"{len(rows)} rows, {len(counted)} counted, of {len(entry.ids)} acknowledged and {entry.unknown}"
                " unknown requests",
            )
        )
    for row in rows:
        body = body_of.get(row["id"])
        if body is None:
            problems.append(Problem(LOST, entry.marker, f"{row['id']} has no body"))
        elif not _is_intact(entry, row, body):
            problems.append(Problem(LOST, entry.marker, f"{row['id']} has the body {body}"))
        if row["duplicate_of"] not in (0, *counted):
            problems.append(Problem(WRONG, entry.marker, f"a duplicate of {row['duplicate_of']}, which is not there"))
    return problems


def _is_intact(entry: Entry, row: Row, body: Row) -> bool:
    """Whether a row of contents holds what was sent, and what updates may have made of it."""
    updated = bool(entry.ids) and _stored_id(entry.ids[-1]) in (row["id"], row["external_id"])
    possible = entry.possible_values() if updated else {name: [value] for name, value in entry.body.items()}
    if entry.family == PROMPTLAYER:
        return orjson.loads(body["input"]) in possible["input"] and orjson.loads(body["output"]) in possible["output"]
    return orjson.loads(body["input"]) in possible["messages"] and body["output_text"] in possible["output"]


def _stored_id(log_id: Any) -> Any:
    own = ids.from_text(log_id) if isinstance(log_id, str) else None
    return log_id if own is None else own


async def read_back(client: LedgerClient, random: Random, sample: int) -> list[Problem]:
    """Read logs through the API: all that were updated, and a sample each of those with an unknown outcome and of the
    others. The audit of the store looks at every one.
    """
    acknowledged = client.ledger.acknowledged()
    updated = [entry for entry in acknowledged if entry.updates]
    unknown = [entry for entry in acknowledged if entry.unknown and not entry.updates]
    others = [entry for entry in acknowledged if not entry.unknown and not entry.updates]
    sampled = [one for group in (unknown, others) for one in random.sample(group, min(sample, len(group)))]
    waiting = iter([*updated, *sampled])
    problems: list[Problem] = []

    async def work() -> None:
        for entry in waiting:
            try:
                await client.check(entry)
            except AssertionError as error:
                problems.append(unreadable(entry.marker, error))

    async with asyncio.TaskGroup() as workers:
        for _ in range(READ_AT_ONCE):
            workers.create_task(work())
    return problems
