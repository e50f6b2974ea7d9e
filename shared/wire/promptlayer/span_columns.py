"""A log of a request that came with its span, as the columns of its create event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wire.otel.spans import Span, identity_columns, metadata_of
from shared.wire.promptlayer.columns import log_request_columns

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.wire.promptlayer.log_request import LogRequest


def request_span_columns(span: Span, log: LogRequest, *, repaired: bool) -> Columns:
    """The event body of a logged request that is a span of a trace: one row, which is both."""
    columns = log_request_columns(log, repaired=repaired)
    columns.update(identity_columns(span))
    columns.setdefault("function_name", span.name)
    user = metadata_of(span).get("user_id")
    if user is not None:
        columns["user_id"] = str(user)
    return columns
