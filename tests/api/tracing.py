"""Spans and traces over HTTP."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from google.rpc.status_pb2 import Status

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

START_NS: Final = 1_700_000_000_123_456_789
PROTOBUF: Final = "application/x-protobuf"


def trace_id() -> str:
    return secrets.token_hex(16)


def span_id() -> str:
    # One that starts with zeros is written without them by some clients: a test of its own is for those.
    return "f" + secrets.token_hex(8)[1:]


def bulk_span(trace: str, **changes: Any) -> Json:
    """A span as PromptLayer's clients without OTLP send it."""
    return {
        "name": "a call",
        "context": {"trace_id": trace, "span_id": span_id(), "trace_state": "[]"},
        "kind": "SpanKind.INTERNAL",
        "parent_id": None,
        "start_time": START_NS,
        "end_time": START_NS + 750_000_000,
        "status": {"status_code": "StatusCode.OK", "description": None},
        "attributes": {"function_input": "{'args': (1,)}"},
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "prompt-layer-library"}, "schema_url": ""},
        **changes,
    }


def send_bulk(api: Api, *spans: Json, **fields: Any) -> Json:
    """Send spans by `/spans-bulk`; returns the answer."""
    response = api.default.post("/spans-bulk", json={"spans": list(spans), **fields})
    assert response.status_code == 201, response.text
    answer: Json = response.json()
    return answer


def read_trace(api: Api, trace: str) -> Json:
    """A trace, read back at once."""
    response = api.default.get(f"/api/public/v2/traces/{trace}")
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    assert answer["success"] is True
    assert answer["trace_id"] == trace
    return answer


def spans_of(api: Api, trace: str) -> list[Json]:
    """The spans of a trace, read back at once."""
    spans: list[Json] = read_trace(api, trace)["spans"]
    return spans


def told(answer: httpx.Response, status: int, code: int) -> str:
    """Check that an answer of `/v1/traces` is this error, in the encoding of its request; returns the message."""
    assert answer.status_code == status, answer.content
    encoding = answer.request.headers["content-type"].partition(";")[0].lower()
    assert answer.headers["content-type"] == encoding
    assert ("retry-after" in answer.headers) is (status == 503)
    assert int(answer.headers["content-length"]) == len(answer.content)
    if encoding == PROTOBUF:
        said = Status.FromString(answer.content)
        assert (said.code, list(said.details)) == (code, [])
        message: str = said.message
    else:
        envelope = answer.json()
        assert (envelope["success"], envelope["code"]) == (False, code)
        assert envelope["error"]
        message = envelope["message"]
    assert message
    return message
