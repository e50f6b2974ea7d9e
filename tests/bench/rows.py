"""Finished rows, as a writer inserts them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from services.writer_worker.config import WriterConfig
from services.writer_worker.fold import create_line, time_of
from shared import ids
from tests.bench.kafka import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.stream.base import Message

BATCH: Final = WriterConfig().batch_max_records
"""Rows of a writer's biggest batches."""

_RECORDS_PER_MS: Final = 100


def lines_of(messages: Sequence[Message], start: int) -> list[bytes]:
    """The rows that a writer would make of such records at offsets from `start`, in its batches of JSON lines."""
    now_ms = int(time.time() * 1000)
    lines = []
    for partition in range(PARTITIONS):
        # As they come from a topic: runs of one partition, stamped in small groups.
        for number, message in enumerate(messages[partition::PARTITIONS]):
            offset, time_ms = start + number, now_ms + number // _RECORDS_PER_MS
            lines.append(create_line(message.value, ids.mint(time_ms, partition, offset), offset, time_of(time_ms)))
    return [b"\n".join(lines[first : first + BATCH]) for first in range(0, len(lines), BATCH)]
