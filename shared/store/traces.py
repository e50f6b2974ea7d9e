"""Reads of traces: the spans of one, and the logs of requests that belong to it.

All functions raise StoreUnavailable; those that take limits raise TooExpensive for a query that meets them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from shared.errors import TooExpensive
from shared.records import PROMPTLAYER_REQUEST, SPAN
from shared.store import queries, search
from shared.store.base import QueryLimits
from shared.store.conditions import Check
from shared.store.search import Selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from shared.store.base import LogStore, Row

MAX_SPANS: Final = 10_000
"""Of one trace, in one answer."""

_COLUMNS: Final = (
    *("workspace_id", "received_at", "id", "type", "span_id", "parent_id", "started_at", "ended_at"),
    *("function_name", "status", "error", "repaired"),
)
_LINKED: Final = ("received_at", "id", "span_id")

_APART: Final = timedelta(minutes=10)
"""How long before or after a trace a request in it may be received: exporters are late, or try again."""

_LONGEST: Final = timedelta(days=1)
"""Of a span: logs from before that are not looked for."""

_LATE: Final = timedelta(hours=1)
_LITTLE: Final = QueryLimits(timeout_s=2, max_rows=20_000_000)
"""What looking for the trace of one request may take."""

_CHUNK: Final = 500
"""Spans that are read together, at most; fewer when they are large."""

_CHUNK_BYTES: Final = 8 << 20


async def spans_of(store: LogStore, workspace: str, trace_id: str, limits: QueryLimits) -> list[Row]:
    """The spans of a trace, logs that are spans included, in the order of their starts; at most `MAX_SPANS` + 1."""
    of_trace = Selection(workspace, Check("trace_id = ?", (("String", trace_id),)), (SPAN, PROMPTLAYER_REQUEST))
    order = "started_at, id"
    return await search.newest(store, of_trace, limit=MAX_SPANS + 1, order=order, columns=_COLUMNS, limits=limits)


async def linked_requests(
    store: LogStore, workspace: str, trace_id: str, spans: Sequence[Row], limits: QueryLimits
) -> dict[str, int]:
    """The ids of requests that were logged apart from these spans of a trace, by the span that each names."""
    if all(span["type"] != SPAN for span in spans):
        return {}
    received = [datetime.fromisoformat(span["received_at"]) for span in spans]
    # The span of a long run is received at its end; what happened in it was logged before.
    length = max(timedelta(), *map(_length, spans))
    # GLOBAL: on a cluster a request and its trace may be on different shards.
    of_trace = "SELECT span_id FROM logs WHERE workspace_id = {workspace:String} AND trace_id = ?"
    named = Check(
        f"trace_id = '' AND span_id GLOBAL IN ({of_trace}) AND received_at >= ? AND received_at <= ?",
        (
            ("String", trace_id),
            ("DateTime64(3, 'UTC')", str(min(received) - min(length, _LONGEST) - _APART)),
            ("DateTime64(3, 'UTC')", str(max(received) + _APART)),
        ),
    )
    selection = Selection(workspace, named, (PROMPTLAYER_REQUEST,))
    rows = await search.newest(store, selection, limit=MAX_SPANS, columns=_LINKED, limits=limits)
    return {row["span_id"]: row["id"] for row in rows}


async def trace_of(store: LogStore, workspace: str, request: Row) -> str | None:
    """The trace of the span that a request names which was logged apart; None when none is known.

    Looks at the spans of the hour after the request, for a span is sent when it ends; costs little, or gives up.
    """
    received = datetime.fromisoformat(request["received_at"])
    named = Check(
        "span_id = ? AND trace_id != '' AND received_at >= ? AND received_at <= ?",
        (
            ("String", request["span_id"]),
            ("DateTime64(3, 'UTC')", str(received - _APART)),
            ("DateTime64(3, 'UTC')", str(received + _LATE)),
        ),
    )
    found = Selection(workspace, named, (SPAN, PROMPTLAYER_REQUEST))
    try:
        rows = await search.newest(store, found, limit=1, columns=("trace_id",), limits=_LITTLE)
    except TooExpensive:
        return None
    return next((row["trace_id"] for row in rows), None)


async def span_details(store: LogStore, spans: Sequence[Row], max_bytes: int) -> AsyncIterator[tuple[Row, str]]:
    """Each of these spans with what its `span` column says ('' for nothing), in order, until `max_bytes` are read."""
    read = 0
    for start in range(0, len(spans), _CHUNK):
        chunk = spans[start : start + _CHUNK]
        sizes = {row["id"]: row["bytes"] for row in await _payloads(store, chunk, "length(span) AS bytes")}
        for group in _groups(chunk, sizes):
            read += sum(sizes.get(span["id"], 0) for span in group)
            if read > max_bytes:
                return
            details = {row["id"]: row["span"] for row in await _payloads(store, group, "span")}
            for span in group:
                yield span, details.get(span["id"], "")


def _length(span: Row) -> timedelta:
    if span["started_at"] is None or span["ended_at"] is None:
        return timedelta()
    return datetime.fromisoformat(span["ended_at"]) - datetime.fromisoformat(span["started_at"])


async def _payloads(store: LogStore, spans: Sequence[Row], column: str) -> list[Row]:
    keys = [(span["workspace_id"], span["id"]) for span in spans]
    return await store.query(*queries.newest_rows("log_payloads", keys, ("workspace_id", "id", column)))


def _groups(spans: Sequence[Row], sizes: dict[int, int]) -> list[list[Row]]:
    """The spans in their order, as many together as have `_CHUNK_BYTES` between them, or one that has more."""
    groups: list[list[Row]] = [[]]
    size = 0
    for span in spans:
        own = sizes.get(span["id"], 0)
        if groups[-1] and size + own > _CHUNK_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(span)
        size += own
    return groups
