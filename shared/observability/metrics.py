"""Every metric of Sluice, in one registry. Names are `sluice_<what>_<unit>`, with `_total` for counters.

The help text of each says what it means and what to do when it moves; `reference` makes the metrics reference of them.
A service declares its own beside its code, with the functions here. What comes in batches is counted per batch.

With several worker processes each keeps its values in files of a common directory, and whichever is asked answers for
all (`multiprocess_directory`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
REGISTRY: Final = CollectorRegistry()

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the number of series and say nothing we need

_DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported, so it must be in the environment of a worker from its start."""

Across = Literal["livesum", "livemax", "livemin"]

_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)

LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


declared: Final[list[Counter | Gauge | Histogram]] = []
"""Every metric made by the functions below, in the order of declaration."""


def _declare(metric: _Metric) -> _Metric:
    declared.append(metric)
    return metric


def counter(name: str, meaning: str, action: str, labels: Sequence[str] = ()) -> Counter:
    """A count that only grows. `action` says what to do when it moves in a way it should not."""
    return _declare(Counter(name, f"{meaning} {action}", labels, registry=REGISTRY))


def gauge(
    name: str, meaning: str, action: str, labels: Sequence[str] = (), *, across_workers: Across = "livesum"
) -> Gauge:
    """A level. `across_workers` says how the values of several processes become one: livesum, livemax or livemin."""
    return _declare(Gauge(name, f"{meaning} {action}", labels, registry=REGISTRY, multiprocess_mode=across_workers))


def histogram(
    name: str, meaning: str, action: str, labels: Sequence[str] = (), buckets: Sequence[float] = LATENCY_BUCKETS_S
) -> Histogram:
    """A distribution, of seconds unless `buckets` say otherwise."""
    return _declare(Histogram(name, f"{meaning} {action}", labels, registry=REGISTRY, buckets=buckets))


# HTTP

HTTP_REQUESTS: Final = counter(
    "sluice_http_requests_total",
    "Requests answered, by route template, method and status; 499 is a client that left before its answer.",
    "A rise of 5xx: see sluice_http_errors_total for which. A rise of 4xx: a client release sends something new.",
    ("route", "method", "status"),
)
HTTP_REQUEST_DURATION: Final = histogram(
    "sluice_http_request_duration_seconds",
    "Time from a request's headers to the end of its answer, by route template; includes receiving the body.",
    "On creates it follows the stream's acknowledgement time: look at the brokers first.",
    ("route",),
)
HTTP_ERRORS: Final = counter(
    "sluice_http_errors_total",
    "Requests answered with an error envelope, by its machine code.",
    "overloaded: add gateway replicas or raise SLUICE_MAX_INFLIGHT_BYTES. stream_unavailable, outcome_unknown: the "
    "stream. store_unavailable, not_yet_queryable: the store or the writer. internal_error: a defect, see the log.",
    ("error",),
)
HTTP_ADMITTED_BYTES: Final = gauge(
    "sluice_http_admitted_bytes",
    "Bytes of request bodies admitted and not yet answered.",
    "Near SLUICE_MAX_INFLIGHT_BYTES requests are refused with 503: the stream is slower than the clients.",
)


def render() -> bytes:
    """All metrics in the Prometheus text format; those of every worker when there are several."""
    if _DIRECTORY_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


@contextmanager
def multiprocess_directory() -> Iterator[None]:
    """Inside, processes started from this one share their metrics. For the parent of workers, which has none itself."""
    directory = tempfile.mkdtemp(prefix="sluice-metrics-")
    os.environ[_DIRECTORY_VARIABLE] = directory
    try:
        yield
    finally:
        del os.environ[_DIRECTORY_VARIABLE]
        shutil.rmtree(directory, ignore_errors=True)


def forget_worker(process_id: int) -> None:
    """A worker has ended: its levels no longer count, its counters do."""
    mark_process_dead(process_id, os.environ[_DIRECTORY_VARIABLE])  # type: ignore[no-untyped-call]


def reference() -> str:
    """The metrics reference: a Markdown table of what the modules imported so far declare."""
    lines = ["| metric | type | labels | meaning, and what to do |", "| --- | --- | --- | --- |"]
    for metric in declared:
        (described,) = metric.describe()
        suffix = "_total" if described.type == "counter" else ""
        labels = ", ".join(metric._labelnames)
        lines.append(f"| `{described.name}{suffix}` | {described.type} | {labels} | {described.documentation} |")
    return "\n".join(lines)


def _register_process_collectors() -> None:
    """Memory, CPU, file descriptors and garbage collection of this process; for one process only."""
    ProcessCollector(registry=REGISTRY)
    PlatformCollector(registry=REGISTRY)
    GCCollector(registry=REGISTRY)


_register_process_collectors()
