"""The stream port: an append-only log of records in partitions. Kafka in production, a SQLite file by default.

A record's identity is its position: (partition, offset, timestamp), all three given by the stream when it stored the
record. Offsets of a partition grow by one. Both adapters pass `tests/contract/test_stream.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOGS_TOPIC: Final = "sluice.logs"
REGISTRY_TOPIC: Final = "sluice.registry"
DEAD_LETTERS_TOPIC: Final = "sluice.dead-letters"
WRITER_GROUP: Final = "sluice.writer"

Headers = tuple[tuple[str, bytes], ...]


class Message(NamedTuple):
    """What is appended."""

    key: bytes
    value: bytes
    headers: Headers = ()


class Record(NamedTuple):
    """What is read back: a message at its position. `timestamp_ms` (Unix) was set by the stream, not by a client."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    headers: Headers = ()


class Appended(NamedTuple):
    """Where messages went: the first one's offset (the others follow one by one) and the time all of them got."""

    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """What the stream says of one topic, for boot checks and `sluice doctor`."""

    name: str
    partitions: int
    replication_factor: int
    min_insync_replicas: int
    retention_ms: int | None = None
    """How long its records are kept; None for ever."""

    retention_bytes: int | None = None
    """How many bytes are kept, of each partition (Kafka) or of all (SQLite); None for any number."""


class AssignmentListener(Protocol):
    """Told by a consumer which partitions it owns. Both calls come from the task that runs the group membership."""

    async def on_revoked(self, partitions: frozenset[int]) -> None:
        """These partitions are about to belong to somebody else.

        May block (the group waits, up to its rebalance timeout) to finish and commit work in flight. Must not call
        the consumer's `fetch`. After it returns, a commit for these partitions raises NotOwner.
        """
        ...

    async def on_assigned(self, positions: Mapping[int, int]) -> None:
        """These partitions are owned from now on; each is read from the given offset."""
        ...


class Consumer(Protocol):
    """A member of a consumer group on one topic. One partition has one owner at a time."""

    async def start(self) -> None:
        """Join the group. A partition without a committed offset is read from its first record.

        Raises Misconfigured when a committed offset is no longer in the log (records were lost to retention).
        """
        ...

    async def stop(self) -> None:
        """Leave the group. Does not commit, does not call the listener."""
        ...

    async def fetch(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """The next records of the owned, unpaused partitions, in offset order per partition; {} after `timeout_s`.

        Must be called again and again, with all partitions paused if need be: it is the sign of life. Raises
        StreamUnavailable (call again), Misconfigured as `start` does, or what the listener raised (both for good).
        """
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Everything below these offsets is applied. Durable on return. Raises NotOwner or StreamUnavailable."""
        ...

    def pause(self, partitions: frozenset[int]) -> None:
        """Leave these out of `fetch` until `resume`; records not yet handed out are handed out later.

        Partitions that are not owned are ignored. A pause ends when the partition is revoked.
        """
        ...

    def resume(self, partitions: frozenset[int]) -> None:
        """Undo `pause`."""
        ...


class Reader(Protocol):
    """Reads one partition from a given offset, without a group and without commits."""

    async def read(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, in order; [] when none came within `timeout_s`."""
        ...

    async def close(self) -> None:
        """Free what the reader holds."""
        ...


class Stream(Protocol):
    """A connection to the stream."""

    async def start(self) -> None:
        """Connect; make the topics where they are missing, check them where they exist.

        Raises Misconfigured when a topic can't serve (wrong timestamp type, too many partitions), StreamUnavailable
        when the stream does not answer.
        """
        ...

    async def stop(self) -> None:
        """Finish appends in flight (bounded by the produce deadline) and disconnect."""
        ...

    def topics(self) -> dict[str, TopicInfo]:
        """The topics as `start` found them, by name."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        ...

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        """Append messages, in order and next to each other: all of them are stored, or none.

        Returns once they are durable (Kafka: acknowledged under acks=all; SQLite: synced). Raises StreamUnavailable
        when none was stored, OutcomeUnknown when that can't be known, TooLarge when the messages are more than the
        stream takes at once (nothing is stored), ValueError for no messages or no such partition. Never blocks beyond
        the produce deadline. A cancelled call may or may not store its messages.
        """
        ...

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """For each partition the offset that the next record will get. Raises StreamUnavailable."""
        ...

    async def start_offsets(self, topic: str) -> dict[int, int]:
        """For each partition the offset of the oldest record kept. Raises StreamUnavailable."""
        ...

    async def committed(self, topic: str, group: str) -> dict[int, int]:
        """For each partition what the group committed; 0 where it committed nothing yet. Raises StreamUnavailable."""
        ...

    def consumer(self, topic: str, group: str, listener: AssignmentListener) -> Consumer:
        """A new group member; not yet started."""
        ...

    async def reader(self, topic: str, partition: int, offset: int) -> Reader:
        """A reader that starts at `offset` (or at the oldest record kept, when that is later)."""
        ...
