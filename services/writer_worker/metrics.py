"""The writer's metrics. Counted per flush."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from shared.observability.metrics import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.writer_worker.plan import Outcome, Position

RECORDS: Final = counter(
    "sluice_writer_records_total",
    "Records read from the log stream and committed, by partition and by what became of them: created, duplicate, "
    "updated, unknown_log, replayed_twice, id_taken, dead_letter. They add up to the offsets committed.",
    "dead_letter: see `sluice dead-letters list`. unknown_log: a client updates logs that are not its own.",
    ("partition", "outcome"),
)
OLDEST_UNSTORED_AGE: Final = gauge(
    "sluice_writer_oldest_unstored_age_seconds",
    "Age of the oldest record that this writer has read and not stored; 0 when it is up to date.",
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


def flushed(outcomes: Mapping[Position, Outcome], fold_s: float, insert_s: float, commit_s: float) -> None:
    """A batch was written and committed; `outcomes` has every one of its records."""
    for (partition, outcome), count in Counter(
        (partition, outcome) for (partition, _), outcome in outcomes.items()
    ).items():
        RECORDS.labels(partition, outcome).inc(count)
    FOLD_SECONDS.observe(fold_s)
    INSERT_SECONDS.observe(insert_s)
    COMMIT_SECONDS.observe(commit_s)
