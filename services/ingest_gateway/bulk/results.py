"""What a bulk request is answered.

    {"success": false, "results": [{"id": 5066549580791808, "request_id": 5066549580791808},
                                   {"id": "log_0000000000a", "request_id": 10},
                                   {"error": {"line": 3, "error": "invalid", "message": "...", "detail": [...],
                                              "retryable": false}}],
     "stored": 2, "failed": 1}

One result per item, in order. `id` is what the item's own API calls the log, `request_id` the integer behind it; both
can be read at once. A log under a client's own `log_id` has no `request_id` here: it may be one that is updated.
`error`, `message` and `detail` are those that a request with this item alone would have been answered with.
`retryable`: nothing is wrong with the item, send it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import ids
from shared.errors import ClientError, Unavailable
from shared.http.responses import error_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ingest_gateway.humanloop.file_logs import AcceptedLog

Result = dict[str, Any]


def stored(log_id: int, prompt_log: AcceptedLog | None) -> Result:
    """The result of an item that is durable."""
    if prompt_log is None:
        return {"id": log_id, "request_id": log_id}
    return {
        "id": prompt_log.log_id or ids.to_text(log_id),
        "request_id": None if prompt_log.log_id else log_id,
        "prompt_id": prompt_log.file_id,
        "version_id": prompt_log.version_id,
    }


def refused(error: BaseException, line: int, error_id: str) -> Result:
    """The result of an item that is not. `error_id`: under which the server's log has an error that nobody expected."""
    described: Result = {"line": line, "error": error_code(error)}
    if isinstance(error, ClientError | Unavailable):
        described["message"] = error.message
    else:
        described["message"] = f"internal error; the server's log has the details under {error_id}"
    if isinstance(error, ClientError) and error.detail is not None:
        described["detail"] = error.detail
    described["retryable"] = isinstance(error, Unavailable)
    return {"error": described}


def answer(results: Sequence[Result], stored_count: int) -> dict[str, Any]:
    """The whole answer."""
    failed = len(results) - stored_count
    return {"success": not failed, "results": results, "stored": stored_count, "failed": failed}
