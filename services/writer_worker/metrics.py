"""The writer's metrics. What it does is counted per flush; how far it is behind is looked at every few seconds.

Nothing is lost exactly when this holds, for each partition:

    committed offset = start offset + records counted, by outcome, since
    end offset = committed offset + records in flight

The first line holds in every scrape, since both sides change together, after the commit.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from shared.observability.metrics import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_RECORD: Final = "no_record"

RECORDS: Final = counter(
    "sluice_writer_records_total",
    "Records read from the log stream and committed, by partition and by what became of them. Stored: created, "
    "updated, deleted, id_taken; kept as a client's re-send: duplicate; kept aside: dead_letter; left out: "
    "unknown_log, replayed_twice; an id alone: group; offsets without a record: no_record. They add up to the "
    "offsets committed.",
    "dead_letter: see `sluice dead-letters list`. unknown_log: a client updates logs that are not its own. "
    "no_record: another program writes to the topic.",
    ("partition", "outcome"),
)
START_OFFSET: Final = gauge(
    "sluice_writer_start_offset",
    "For each partition that this writer owns, its committed offset less the records that this process counted.",
    "Changes only when the partition had another owner meanwhile, or was rewound; otherwise it is a defect.",
    ("partition",),
)
COMMITTED_OFFSET: Final = gauge(
    "sluice_writer_committed_offset",
    "Offset below which all records of a partition are applied, whichever writer did it.",
    "Standing still below sluice_writer_end_offset: no writer owns the partition, or the store is down.",
    ("partition",),
    across_workers="livemax",
)
END_OFFSET: Final = gauge(
    "sluice_writer_end_offset",
    "Records ever appended to a partition, as seen a few seconds ago at most.",
    "Standing still under load: gateways can't append, look at their errors.",
    ("partition",),
    across_workers="livemax",
)
IN_FLIGHT: Final = gauge(
    "sluice_writer_in_flight_records",
    "Records of a partition that are appended and not yet applied, as seen a few seconds ago at most.",
    "Growing: add writers up to the number of partitions, or look at the store.",
    ("partition",),
    across_workers="livemax",
)
OLDEST_UNSTORED_AGE: Final = gauge(
    "sluice_writer_oldest_unstored_age_seconds",
    "Age of the oldest record that is appended and not stored, read by this writer or not; 0 when there is none.",
    "Growing: the store is down or too slow, see the log; nothing is lost as long as the topic's retention is longer.",
    across_workers="livemax",
)
WAITING: Final = gauge(
    "sluice_writer_waiting_records",
    "Records read and not yet being written, by partition.",
    "Constantly at the batch limit: the store is the bottleneck; add writers up to the number of partitions.",
    ("partition",),
)
FOLD_SECONDS: Final = histogram(
    "sluice_writer_fold_seconds",
    "Time to look up what a batch updates and to fold it into rows.",
    "High with few updates: the machine has too little CPU.",
)
INSERT_SECONDS: Final = histogram(
    "sluice_writer_insert_seconds",
    "Time to insert a batch, waiting for an unavailable store included.",
    "Look at the store: merges, memory, disk.",
)
COMMIT_SECONDS: Final = histogram(
    "sluice_writer_commit_seconds",
    "Time to keep dead letters and commit offsets.",
    "Look at the brokers.",
)

_counted: Final[Counter[int]] = Counter()
"""What this process counted, by partition, over all its assignments of it."""


def assigned(partition: int, position: int) -> None:
    """This process owns a partition from now on, and reads it from its committed offset."""
    START_OFFSET.labels(partition).set(position - _counted[partition])
    COMMITTED_OFFSET.labels(partition).set(position)


def revoked(partition: int) -> None:
    """It does not own it any more."""
    START_OFFSET.remove(partition)


def committed(partition: int, offset: int, counts: Mapping[str, int]) -> None:
    """A writer committed an offset; `counts` says what became of what lies between this and the one before."""
    for outcome, count in counts.items():
        if count:
            RECORDS.labels(partition, outcome).inc(count)
            _counted[partition] += count
    COMMITTED_OFFSET.labels(partition).set(offset)


def flushed(fold_s: float, insert_s: float, commit_s: float) -> None:
    """A batch was written and committed."""
    FOLD_SECONDS.observe(fold_s)
    INSERT_SECONDS.observe(insert_s)
    COMMIT_SECONDS.observe(commit_s)
