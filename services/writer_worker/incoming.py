"""A record of the log stream, understood as an event at its position."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared import ids
from shared.events import ORIGIN_HEADER, Event, EventKind, decode_key, decode_origin
from shared.store.names import Moment

if TYPE_CHECKING:
    from shared.stream.base import Record


class Incoming(NamedTuple):
    """One event on its way into the store.

    `own_id` is the id that its position gives: the id of the log, if this event creates one. `received_ms` is the time
    of that position. `version` orders the events of a log. A replayed dead letter keeps the id and time of its first
    position and has the version of its new one.
    """

    record: Record
    event: Event
    own_id: int
    received_ms: int
    version: int
    replayed: bool

    @property
    def moment(self) -> Moment:
        """When it came; for a replayed dead letter, when it came back."""
        record = self.record
        return Moment(self.version, ids.mint(record.timestamp_ms, record.partition, record.offset))


def read(record: Record, epoch: int) -> Incoming:
    """Understand a record. Raises ValueError for one that no version of this product wrote."""
    event = decode_key(record.key)
    if event.kind is EventKind.CREATE and not (record.value.startswith(b"{") and record.value.endswith(b"}")):
        raise ValueError("the value of a create event is not a JSON object")
    if event.log_id is not None:
        ids.split(event.log_id)
    received_ms, partition, offset = record.timestamp_ms, record.partition, record.offset
    replayed = False
    for name, value in record.headers:
        if name == ORIGIN_HEADER:
            received_ms, partition, offset = decode_origin(value)
            replayed = True
    own_id = ids.mint(received_ms, partition, offset)
    return Incoming(record, event, own_id, received_ms, ids.version(epoch, record.offset), replayed)
