"""What a writer owns: one object per assigned partition, dead from the moment the partition is revoked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.errors import Misconfigured

if TYPE_CHECKING:
    from services.writer_worker.duplicate_window import DuplicateWindow
    from shared.stream.base import Record


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """One assignment of one partition. A later assignment of the same partition is another object."""

    partition: int
    position: int
    """Offset after the last record taken from the stream."""

    committed: int = field(init=False)
    """Offset below which everything is applied: where the assignment began, then what this writer committed."""

    window: DuplicateWindow | None = None
    """None until the partition was prepared from the store."""

    waiting: list[Record] = field(default_factory=list)
    waiting_bytes: int = 0
    in_flight_since_ms: int | None = None
    """Stream time of the oldest record that is being written, if any is."""

    leaving: bool = False
    """About to be revoked: what was begun may end, and nothing is tried again."""

    revoked: bool = False

    def __post_init__(self) -> None:
        self.committed = self.position

    def take_in(self, records: list[Record]) -> None:
        """Add fetched records. Raises Misconfigured when the stream hands out a record twice, or out of order."""
        for record in records:
            if record.offset < self.position:
                raise Misconfigured(
                    f"the stream gave offset {record.offset} of partition {self.partition} after {self.position - 1}: "
                    "was the topic made again? see SLUICE_STREAM_EPOCH"
                )
            self.position = record.offset + 1
            self.waiting_bytes += len(record.value)
        self.waiting += records

    def take_out(self) -> list[Record]:
        """The records that wait, which are in flight from now on."""
        records, self.waiting, self.waiting_bytes = self.waiting, [], 0
        self.in_flight_since_ms = records[0].timestamp_ms if records else None
        return records

    def oldest_unstored_ms(self) -> int | None:
        """Stream time of the oldest record here that is not stored yet; None when there is none."""
        if self.in_flight_since_ms is not None:
            return self.in_flight_since_ms
        return self.waiting[0].timestamp_ms if self.waiting else None
