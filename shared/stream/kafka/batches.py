"""Record batches that are filled when they are sent, and how big messages are in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiokafka.producer.message_accumulator import BatchBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.stream.base import Message

BATCH_BYTES: Final = 61
"""The header of a record batch (Kafka's message format version 2)."""

_RECORD_BYTES: Final = 40
"""At most this much in a record besides key, value and headers: 21 bytes, and lengths of up to 5 bytes each."""

_HEADER_BYTES: Final = 10
"""At most this much for the two lengths of a header."""

_NO_COMPRESSION: Final = 0


class LateBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A batch that is queued empty, and calls `fill`, once, to add what there is by the time it is sent.

    aiokafka has one request under way to a broker, and what is queued meanwhile is the next one. Were a batch built
    when the first message for it comes, it would wait with that one message, and all that come later would wait longer.
    """

    def __init__(self, max_bytes: int, fill: Callable[[LateBatch], None]) -> None:
        super().__init__(max_bytes, _NO_COMPRESSION)
        self._fill = fill

    def record_count(self) -> int:
        """The number of records. aiokafka asks for it to number them, first of all when it takes a batch."""
        if not self.closed():
            self._fill(self)
            self.close()
        count: int = super().record_count()
        return count

    def add(self, messages: Sequence[Message]) -> None:
        """Add messages; only for `fill`. They must fit: see `size_of`."""
        for key, value, headers in messages:
            if self.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
                raise AssertionError("a record batch is bigger than its messages can make it")


def size_of(messages: Sequence[Message]) -> int:
    """At most what a batch with only these messages takes, in bytes."""
    size = BATCH_BYTES
    for key, value, headers in messages:
        size += _RECORD_BYTES + len(key) + len(value)
        for name, header in headers:
            size += _HEADER_BYTES + len(name.encode()) + len(header)
    return size
