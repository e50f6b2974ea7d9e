"""Reads of logs that every role needs, on the store port. Each raises StoreUnavailable."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from shared import ids
from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.records import IDENTITY_COLUMNS, PAYLOAD_FIELDS
from shared.store import queries
from shared.store.names import NamedLog, name_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.store.base import LogStore, Row

T = TypeVar("T")

_PARAMETER_BYTES: Final = 96 * 1024
"""Keeps a parameter below the 128 KiB that a ClickHouse server takes (`http_max_field_value_size`)."""

_KEY_BYTES: Final = 96
"""More than a (workspace, id) takes in any one parameter."""

HEAD_COLUMNS: Final = (
    *("workspace_id", "id", "is_deleted", "type", "prompt_id", "save", "log_status"),
    *("provider", "model", "started_at", "input_tokens", "output_tokens"),
    *("input_cost", "output_cost", "price", "price_estimated"),
)
"""What an update has to know of the log that it is for: whether it may be updated, and what its price follows from."""

_NULLABLE_PAYLOAD_FIELDS: Final = frozenset({"output_text", "stdout"})
_NO_PAYLOAD: Final[Row] = {name: None if name in _NULLABLE_PAYLOAD_FIELDS else "" for name in PAYLOAD_FIELDS}
"""What an absent payload row stands for: the defaults of its columns."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log as stored: its row of `logs` and its row of `log_payloads`. Without the latter, `payload` has defaults."""

    log: Row
    payload: Row
    has_payload: bool = True


class StoredVersion(NamedTuple):
    """The newest version of a row, and whether it says that the log is deleted."""

    version: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint of a stored log, and when the stream received that log (Unix ms)."""

    workspace: str
    fingerprint: str
    log_id: int
    received_at_ms: int


class Judgment(NamedTuple):
    """A log of an evaluator: when the stream received it (UTC text), and its id. They sort by time."""

    received_at: str
    log_id: int


@dataclass(frozen=True, slots=True)
class VersionUsage:
    """How many logs a prompt version has (exact up to some ten thousand, then an estimate), and the newest one's time.

    The time is UTC text.
    """

    count: int
    last_used_at: str


async def read_log(store: LogStore, workspace: str, log_id: int, *, without_payload: bool = False) -> StoredLog | None:
    """The current state of a log; None when there is none, it is deleted, or only one of its two rows is there yet.

    The two rows of a new log are committed one after the other. A caller that has waited for the writer to commit
    passes `without_payload=True`: an absent payload row then reads as one of defaults.
    """
    log_rows, payload_rows = await asyncio.gather(
        store.query(*queries.current_row("logs", workspace, log_id)),
        store.query(*queries.current_row("log_payloads", workspace, log_id)),
    )
    if not log_rows or not (payload_rows or without_payload):
        return None
    return _stored(log_rows[0], payload_rows[0] if payload_rows else None)


async def read_logs(store: LogStore, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], StoredLog]:
    """The newest versions of these (workspace, id), deleted ones too (`is_deleted` = 1). Absent ones are left out.

    A log whose payload row is absent (past its retention, or not committed yet) has `has_payload` = False.
    """
    found: dict[tuple[str, int], StoredLog] = {}
    for some in _chunks(keys):
        log_rows, payload_rows = await asyncio.gather(
            store.query(*queries.newest_rows("logs", some)), store.query(*queries.newest_rows("log_payloads", some))
        )
        wanted = set(some)
        payloads = {(row["workspace_id"], row["id"]): row for row in payload_rows}
        for row in log_rows:
            key = (row["workspace_id"], row["id"])
            if key in wanted:
                found[key] = _stored(row, payloads.get(key))
    return found


async def read_heads(store: LogStore, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Row]:
    """`HEAD_COLUMNS` of these (workspace, id), of deleted logs too (`is_deleted` = 1). Absent ones are left out."""
    found: dict[tuple[str, int], Row] = {}
    for some in _chunks(keys):
        rows = await store.query(*queries.newest_rows("logs", some, HEAD_COLUMNS))
        found |= {(row["workspace_id"], row["id"]): row for row in rows}
    return {key: found[key] for key in keys if key in found}


async def stored_bytes(store: LogStore, keys: Sequence[tuple[str, int]]) -> int:
    """Bytes of these (workspace, id) in the store, not compressed: what `read_logs` makes it handle to find the newest
    versions of them, and at least what the answer takes. The store reads the logs for it, and keeps none in memory.
    """
    total = 0
    for some in _chunks(keys):
        for table in queries.COLUMNS:
            (row,) = await store.query(*queries.stored_bytes(table, some))
            total += row["bytes"]
    return total


async def newest_versions(
    store: LogStore, table: str, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], StoredVersion]:
    """The newest version in `logs` or `log_payloads` of each of these (workspace, id). Absent ones are left out."""
    found: dict[tuple[str, int], StoredVersion] = {}
    for some in _chunks(keys):
        wanted = set(some)
        for row in await store.query(*queries.newest_versions(table, some)):
            key = (row["workspace_id"], row["id"])
            if key in wanted:
                found[key] = StoredVersion(row["newest"], bool(row["deleted"]))
    return found


async def find_by_external_id(store: LogStore, workspace: str, external_id: str) -> int | None:
    """The id of the log that a client named `external_id`; None when there is none."""
    return (await find_external_ids(store, [(workspace, external_id)])).get((workspace, external_id))


async def find_external_ids(store: LogStore, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The ids of the logs that clients named by these (workspace, external id). Unknown names are left out."""
    named = await find_named_logs(store, names)
    return {name: log_id for name, logs in named.items() if (log_id := name_owner(logs)) is not None}


async def find_named_logs(store: LogStore, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[NamedLog]]:
    """All logs, oldest first, that ever had each of these (workspace, external id). Unknown names are left out."""
    found: dict[tuple[str, str], list[NamedLog]] = {}
    for some in _chunks([name for name in names if len(name[1]) <= MAX_EXTERNAL_ID_CHARACTERS], _name_bytes):
        for row in await store.query(*queries.named_logs(some)):
            found.setdefault((row["workspace_id"], row["external_id"]), []).append(NamedLog(row["id"], row["freed"]))
    return found


async def find_judgments(
    store: LogStore, judged: Sequence[tuple[str, str]], limit: int
) -> dict[tuple[str, str], list[Judgment]]:
    """The logs of evaluators, newest first, that named each of these (workspace, public id) as what they judged.

    Of each the newest `limit`; deleted ones are among them. Ids that nobody judged are left out.
    """
    found: dict[tuple[str, str], list[Judgment]] = {}
    for some in _chunks(judged, _name_bytes):
        for row in await store.query(*queries.judgments(some, limit)):
            judgment = Judgment(row["received_at"], row["id"])
            found.setdefault((row["workspace_id"], row["parent_id"]), []).append(judgment)
    return found


async def recent_fingerprints(store: LogStore, partition: int, since_ms: int) -> list[Fingerprint]:
    """Fingerprints of a stream partition's logs received at `since_ms` (Unix) or later, by id; duplicates left out."""
    rows = await store.query(*queries.recent_fingerprints(partition, since_ms))
    return [Fingerprint(row["workspace_id"], row["fingerprint"], row["id"], row["received_at_ms"]) for row in rows]


async def max_versions_by_partition(store: LogStore) -> dict[int, int]:
    """The highest version stored for each stream partition that has logs. Reads every row: not for a request."""
    return {row["partition"]: row["max_version"] for row in await store.query(*queries.max_versions())}


def epoch_problem(partition: int, newest_version: int | None, end_offset: int, epoch: int) -> str | None:
    """What is wrong when a stream partition has a version stored that its log can't have given; None when all is well.

    New events would have lower versions than those rows and so be without effect.
    """
    if newest_version is None or newest_version < ids.version(epoch, end_offset):
        return None
    stored_epoch, stored_offset = ids.split_version(newest_version)
    return (
        f"the store has rows of partition {partition} up to epoch {stored_epoch}, offset {stored_offset}, but the "
        f"topic ends at offset {end_offset} and SLUICE_STREAM_EPOCH is {epoch}: if the topic was made again, set "
        f"SLUICE_STREAM_EPOCH={stored_epoch + 1}"
    )


async def prompt_usage(
    store: LogStore, prompts: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, VersionUsage]]:
    """How the versions of these (workspace, prompt id) are used, by version id. Those without logs are left out."""
    found: dict[tuple[str, str], dict[str, VersionUsage]] = {}
    for some in _chunks(prompts):
        for row in await store.query(*queries.prompt_usage(some)):
            versions = found.setdefault((row["workspace_id"], row["prompt_id"]), {})
            versions[row["prompt_version_id"]] = VersionUsage(row["log_count"], row["used_at"])
    return found


def _stored(log: Row, payload: Row | None) -> StoredLog:
    if payload is None:
        return StoredLog(log, {**{name: log[name] for name in IDENTITY_COLUMNS}, **_NO_PAYLOAD}, has_payload=False)
    return StoredLog(log, payload)


def _name_bytes(name: tuple[str, str]) -> int:
    """At most what a name takes in a parameter: every character may be escaped."""
    return _KEY_BYTES + 2 * len(name[1].encode())


def _chunks(items: Sequence[T], size_of: Callable[[T], int] = lambda _: _KEY_BYTES) -> Iterator[list[T]]:
    chunk: list[T] = []
    size = 0
    for item in items:
        item_size = size_of(item)
        if chunk and size + item_size > _PARAMETER_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += item_size
    if chunk:
        yield chunk
