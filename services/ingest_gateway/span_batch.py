"""The spans of one request on their way to the stream.

All spans of a trace go to one partition, as one append: whoever reads the trace waits for that partition alone, and a
span that is sent again meets the first one there. An exporter that got no answer, or a 503, sends all of a batch again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from services.ingest_gateway.bulk.batch import Batch
from services.ingest_gateway.intake import span_fingerprint
from shared.errors import OutcomeUnknown, TooLarge
from shared.observability import metrics

if TYPE_CHECKING:
    from services.ingest_gateway.gateway import Gateway
    from services.ingest_gateway.intake import Intake
    from shared.records import Columns
    from shared.wire.otel.spans import Span

_GROWTH: Final = 4
"""How many times the largest body the events of a request may take: each has the attributes of its span's resource."""


SPANS: Final = metrics.counter(
    "sluice_gateway_spans_total",
    "Spans that were sent to the gateway, by what became of them: kept (as a span or as a log) or rejected.",
    "rejected: an exporter sends spans without valid ids or times, and is told why.",
    ("outcome",),
)


class SpanBatch:
    """Collects spans, then appends them. `api` is what they were sent to: a span is known again within it.

    Their events take at most `max_size` bytes together.
    """

    def __init__(self, intake: Intake, workspace: str, api: str, max_size: int) -> None:
        self._intake = intake
        self._workspace = workspace
        self._api = api
        self._max_size = max_size
        self._size = 0
        self._batches: dict[int, Batch] = {}
        self.ids: dict[int, int] = {}
        self.too_large: dict[int, TooLarge] = {}

    def add(self, number: int, span: Span, columns: Columns) -> None:
        """Add the event of a span. Raises TooLarge when all of them together take too much."""
        partition = self._intake.trace_partition(self._workspace, span.trace_id)
        batch = self._batches.get(partition)
        if batch is None:
            batch = self._batches[partition] = Batch(self._intake, self._workspace, partition)
        fingerprint = span_fingerprint(self._workspace, self._api, span.trace_id, span.span_id)
        size_before = batch.size
        batch.add(number, columns, fingerprint=fingerprint, at_home=True)
        self._size += batch.size - size_before
        if self._size > self._max_size:
            raise TooLarge(
                f"body: its spans become more than {self._max_size} bytes, for each is kept with the attributes of its "
                "resource; send fewer at once"
            )

    async def append(self) -> None:
        """Append all; then each number is either in `ids` or in `too_large`.

        Raises StreamUnavailable, Overloaded or OutcomeUnknown when a partition takes nothing; other partitions may have
        taken theirs then, and know them when they come again.
        """
        batches = self._batches.values()
        await asyncio.gather(*(batch.append() for batch in batches))
        unavailable = None
        for batch in batches:
            self.ids |= batch.ids
            for number, error in batch.errors.items():
                if isinstance(error, TooLarge):
                    self.too_large[number] = error
                elif not isinstance(unavailable, OutcomeUnknown):
                    unavailable = error
        SPANS.labels("kept").inc(len(self.ids))
        if unavailable is not None:
            raise unavailable


def new_batch(gateway: Gateway, workspace: str, api: str) -> SpanBatch:
    """A batch for the spans of a request."""
    return SpanBatch(gateway.intake, workspace, api, _GROWTH * gateway.backends.settings.max_body_bytes)


def check_count(gateway: Gateway, spans: int) -> None:
    """Raises TooLarge for more spans than one request may have."""
    limit = gateway.backends.settings.max_bulk_items
    if spans > limit:
        raise TooLarge(f"body: has {spans} spans, more than SLUICE_MAX_BULK_ITEMS ({limit}); nothing was stored")
