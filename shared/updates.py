"""Updates of stored logs: an event on the stream, like everything that changes a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from shared import ids
from shared.events import Event, EventKind, encode_key
from shared.stream.base import LOGS_TOPIC, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.records import Columns
    from shared.stream.base import Appended, Stream


class Updates:
    """Appends update events."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def patch(self, workspace: str, log_id: int, columns: Columns) -> Appended:
        """Append an update of one log: a value replaces a column, None clears it. Durable on return.

        It goes to the partition in the log's id, so the writer sees it after the log's creation and after every earlier
        update. Raises StreamUnavailable (nothing was appended), OutcomeUnknown, TooLarge.
        """
        return await self._append(EventKind.PATCH, workspace, log_id, orjson.dumps(columns))

    async def delete(self, workspace: str, log_id: int) -> Appended:
        """Append the end of one log, as `patch` does."""
        return await self._append(EventKind.DELETE, workspace, log_id, b"")

    async def delete_all(self, workspace: str, log_ids: Iterable[int]) -> list[Appended]:
        """Append the ends of many logs. Returns the position of the last one in each partition.

        Raises as `patch` does; the ends of some logs may be appended then.
        """
        messages: dict[int, list[Message]] = {}
        for log_id in log_ids:
            message = Message(encode_key(Event(EventKind.DELETE, workspace, log_id=log_id)), b"")
            messages.setdefault(ids.split(log_id).partition, []).append(message)
        last = []
        for partition, ends in messages.items():
            first = await self._stream.append(LOGS_TOPIC, partition, ends)
            last.append(first._replace(offset=first.offset + len(ends) - 1))
        return last

    async def _append(self, kind: EventKind, workspace: str, log_id: int, value: bytes) -> Appended:
        message = Message(encode_key(Event(kind, workspace, log_id=log_id)), value)
        return await self._stream.append(LOGS_TOPIC, ids.split(log_id).partition, [message])
