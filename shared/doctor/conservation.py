"""Reads the stream again and looks whether all that was committed is in the store.

Every committed record is one of these, and else it is missing:

* a create whose log is in the store, in both tables; or, under a client's own id, the log that it updated
* an update whose log is in the store with this version or a later one, or is not there at all (somebody else's)
* a dead letter
* past its own retention
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from shared import ids
from shared.events import ORIGIN_HEADER, Event, EventKind, decode_key, decode_origin
from shared.store.logs import find_named_logs, newest_versions
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC
from shared.stream.reading import read_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.store.base import LogStore
    from shared.store.logs import StoredVersion
    from shared.stream.base import Record, Stream

LogKey = tuple[str, int]
"""(workspace, log id)"""

_DAY_MS: Final = 86_400_000


class Origin(NamedTuple):
    """The position that a record first had. Of a replayed dead letter it is not its own."""

    timestamp_ms: int
    partition: int
    offset: int


class Missing(NamedTuple):
    """A committed record without effect."""

    partition: int
    offset: int
    name: str
    """What it is, for people."""


@dataclass(slots=True)
class Account:
    """What became of the records looked at."""

    logs: int = 0
    updates: int = 0
    dead_letters: int = 0
    left_out: int = 0
    missing: list[Missing] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Records looked at."""
        return self.logs + self.updates + self.dead_letters + self.left_out + len(self.missing)


class _Readable(NamedTuple):
    record: Record
    event: Event
    origin: Origin
    own_id: int


class _Stored(NamedTuple):
    """What the store has of the logs that a chunk of records names."""

    logs: Mapping[LogKey, StoredVersion]
    payloads: Mapping[LogKey, StoredVersion]
    external_ids: Mapping[tuple[str, str], int]


async def dead_letter_origins(stream: Stream) -> set[Origin]:
    """The first positions of all dead letters. Raises StreamUnavailable."""
    origins: set[Origin] = set()
    starts = await stream.start_offsets(DEAD_LETTERS_TOPIC)
    for partition, end in (await stream.end_offsets(DEAD_LETTERS_TOPIC)).items():
        async for records in read_range(stream, DEAD_LETTERS_TOPIC, partition, starts[partition], end):
            origins.update(map(_origin, records))
    return origins


async def account(
    stream: Stream,
    store: LogStore,
    spans: Mapping[int, tuple[int, int]],
    *,
    epoch: int,
    now_ms: int,
    progress: Callable[[int], None],
) -> Account:
    """Account for the committed records between two offsets of each partition. Raises Unavailable, StoreRejected.

    `progress` is told how many records were looked at since it was told last.
    """
    letters = await dead_letter_origins(stream)
    found = Account()
    for partition, (start, end) in spans.items():
        async for records in read_range(stream, LOGS_TOPIC, partition, start, end):
            await _account_chunk(store, records, letters, found, epoch, now_ms)
            progress(len(records))
    return found


async def _account_chunk(
    store: LogStore, records: Sequence[Record], letters: set[Origin], found: Account, epoch: int, now_ms: int
) -> None:
    readable = []
    for record in records:
        origin = _origin(record)
        try:
            readable.append(_Readable(record, decode_key(record.key), origin, ids.mint(*origin)))
        except ValueError:
            if origin in letters:
                found.dead_letters += 1
            else:
                found.missing.append(Missing(record.partition, record.offset, "unreadable record"))
    stored = await _look_up(store, readable)
    for item in readable:
        if item.event.kind is EventKind.CREATE:
            _account_create(item, stored, letters, found, epoch, now_ms)
        else:
            _account_update(item, stored, letters, found, epoch)


async def _look_up(store: LogStore, readable: Sequence[_Readable]) -> _Stored:
    names = {(item.event.workspace, item.event.external_id) for item in readable if item.event.external_id is not None}
    named_logs = await find_named_logs(store, sorted(names))
    # The last log under a name has every event of the name behind it, those of deleted logs before it too.
    external_ids = {name: logs[-1].log_id for name, logs in named_logs.items()}
    created = {(item.event.workspace, item.own_id) for item in readable if item.event.kind is EventKind.CREATE}
    named = {key for item in readable if (key := _named_log(item.event, external_ids)) is not None}
    return _Stored(
        logs=await newest_versions(store, "logs", sorted(created | named)),
        payloads=await newest_versions(store, "log_payloads", sorted(created)),
        external_ids=external_ids,
    )


def _named_log(event: Event, external_ids: Mapping[tuple[str, str], int]) -> LogKey | None:
    """The log that an event names, if it names one that exists."""
    log_id = event.log_id
    if event.external_id is not None:
        # A client may also name a log by the id that it was given.
        log_id = external_ids.get((event.workspace, event.external_id), ids.from_text(event.external_id))
    return (event.workspace, log_id) if log_id is not None else None


def _account_create(
    item: _Readable, stored: _Stored, letters: set[Origin], found: Account, epoch: int, now_ms: int
) -> None:
    own = (item.event.workspace, item.own_id)
    if own in stored.logs and own in stored.payloads:
        found.logs += 1
    elif item.event.external_id is not None and own not in stored.logs and _is_applied(item, stored, epoch):
        found.updates += 1
    elif item.origin in letters:
        found.dead_letters += 1
    elif _is_expired(item, now_ms):
        found.left_out += 1
    else:
        part = "body of log" if own in stored.logs else "log"
        found.missing.append(_missing(item, f"{part} {item.own_id} of workspace {item.event.workspace}"))


def _account_update(item: _Readable, stored: _Stored, letters: set[Origin], found: Account, epoch: int) -> None:
    log = _named_log(item.event, stored.external_ids)
    if item.origin in letters:
        found.dead_letters += 1
    elif log is None or log not in stored.logs or stored.logs[log].is_deleted:
        found.left_out += 1
    elif _is_applied(item, stored, epoch):
        found.updates += 1
    else:
        found.missing.append(_missing(item, f"update of log {log[1]} of workspace {log[0]}"))


def _is_applied(item: _Readable, stored: _Stored, epoch: int) -> bool:
    log = _named_log(item.event, stored.external_ids)
    version = stored.logs.get(log) if log is not None else None
    return version is not None and version.version >= ids.version(epoch, item.record.offset)


def _is_expired(item: _Readable, now_ms: int) -> bool:
    try:
        days = orjson.loads(item.record.value).get("retention_days")
    except (ValueError, AttributeError):
        return False
    return isinstance(days, int) and item.origin.timestamp_ms + days * _DAY_MS < now_ms


def _missing(item: _Readable, name: str) -> Missing:
    return Missing(item.record.partition, item.record.offset, name)


def _origin(record: Record) -> Origin:
    for name, value in record.headers:
        if name == ORIGIN_HEADER:
            with contextlib.suppress(ValueError):
                return Origin(*decode_origin(value))
    return Origin(record.timestamp_ms, record.partition, record.offset)
