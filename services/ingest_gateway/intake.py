"""Appends create events and gives logs their ids."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import orjson

from services.ingest_gateway.partitioner import MinuteGuard, RoundRobin
from shared import ids
from shared.events import Event, EventKind, encode_key, external_id_partition, hashed_partition, trace_partition
from shared.stream.base import LOGS_TOPIC, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.records import Columns
    from shared.stream.base import Stream


class Intake:
    """Where every create route ends. `wall_clock` is in Unix seconds."""

    def __init__(self, stream: Stream, wall_clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._wall_clock = wall_clock
        self._guard = MinuteGuard()
        self._turns: RoundRobin | None = None

    async def create(
        self, workspace: str, columns: Columns, *, external_id: str | None = None, fingerprint: str | None = None
    ) -> int:
        """Append one log; returns its id once the log is durable.

        Logs that share an `external_id` (the client's own id) or a `fingerprint` meet in one partition. Raises
        StreamUnavailable or Overloaded (nothing was appended), OutcomeUnknown, TooLarge.
        """
        partition = self.partition(workspace, external_id, fingerprint)
        message = create_message(workspace, columns, external_id=external_id, fingerprint=fingerprint)
        (log_id,) = await self.append(partition, [message])
        return log_id

    async def create_group(self, workspace: str) -> int:
        """Append a new group of logs, which is an id alone; returns it once it is durable. Raises as `create`."""
        message = Message(encode_key(Event(EventKind.GROUP, workspace)), b"")
        (group_id,) = await self.append(self.partition(workspace), [message])
        return group_id

    async def patch(self, workspace: str, public_id: str, columns: Columns) -> None:
        """Append an update of the log of this Humanloop id, its client's own or the one it was given.

        Whether there is such a log is for the writer to see. Raises as `create`.
        """
        event = Event(EventKind.PATCH, workspace, external_id=public_id)
        partition = external_id_partition(workspace, public_id, self._stream.partitions(LOGS_TOPIC))
        await self.append(partition, [Message(encode_key(event), orjson.dumps(columns))])

    async def append(self, partition: int, messages: Sequence[Message]) -> list[int]:
        """Append records to one partition, all or none; returns their ids once they are durable. Raises as `create`."""
        self._guard.check(partition, int(self._wall_clock() * 1000), len(messages))
        appended = await self._stream.append(LOGS_TOPIC, partition, messages)
        self._guard.appended(appended, len(messages))
        end = appended.offset + len(messages)
        return [ids.mint(appended.timestamp_ms, partition, offset) for offset in range(appended.offset, end)]

    def trace_partition(self, workspace: str, trace_id: str) -> int:
        """The partition of all spans of a trace."""
        return trace_partition(workspace, trace_id, self._stream.partitions(LOGS_TOPIC))

    def partition(self, workspace: str, external_id: str | None = None, fingerprint: str | None = None) -> int:
        """The partition of a new log: that of its names, else the next one in turn."""
        partitions = self._stream.partitions(LOGS_TOPIC)
        if external_id is not None:
            return external_id_partition(workspace, external_id, partitions)
        if fingerprint is not None:
            return hashed_partition(workspace, fingerprint, partitions)
        if self._turns is None:
            self._turns = RoundRobin(partitions)
        return self._turns.next()


def create_message(
    workspace: str, columns: Columns, *, external_id: str | None = None, fingerprint: str | None = None
) -> Message:
    """The create event of one log."""
    body: Columns = {"workspace_id": workspace}
    if fingerprint is not None and external_id is None:
        body["fingerprint"] = fingerprint
    body.update(columns)
    event = Event(EventKind.CREATE, workspace, external_id=external_id, fingerprint=fingerprint)
    return Message(encode_key(event), orjson.dumps(body))


def body_fingerprint(workspace: str, route: str, body: bytes) -> str:
    """Recognises the same body sent to the same route again."""
    return _fingerprint("body", workspace, route, body)


def key_fingerprint(workspace: str, route: str, idempotency_key: str) -> str:
    """Recognises the same `Idempotency-Key` sent to the same route again."""
    return _fingerprint("key", workspace, route, idempotency_key.encode())


def span_fingerprint(workspace: str, api: str, trace_id: str, span_id: str) -> str:
    """Recognises the same span sent to the same API again: exporters send a whole batch again after a failure."""
    return _fingerprint("span", workspace, api, f"{trace_id} {span_id}".encode())


def _fingerprint(kind: str, workspace: str, route: str, content: bytes) -> str:
    digest = hashlib.blake2b(f"{kind}\0{workspace}\0{route}\0".encode(), digest_size=16)
    digest.update(content)
    return digest.hexdigest()
