"""The metrics of the streams."""

from __future__ import annotations

from typing import Final

from shared.observability.metrics import counter

PRODUCER_REPLACEMENTS: Final = counter(
    "sluice_stream_producer_replacements_total",
    "Kafka producers of this process that could no longer succeed and were replaced, by what happened to them.",
    "timeout: brokers answer too slowly or not at all. Others, now and then: brokers restart. Often: see their logs.",
    ("reason",),
)
REWOUND_RECORDS: Final = counter(
    "sluice_stream_rewound_records_total",
    "Records of the SQLite stream that are read again because the process before did not stop cleanly.",
    "Rising: the process is killed again and again, or the machine loses power; nothing is counted twice by it.",
)
