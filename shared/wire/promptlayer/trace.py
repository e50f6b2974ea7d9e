"""What `GET /api/public/v2/traces/{trace_id}` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.records import SPAN, iso_time, json_value
from shared.wire.otel.spans import TRACE_ID_DIGITS, hex_id
from shared.wire.promptlayer.responses import latency_ms
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.store.base import Row

Json = dict[str, Any]

_LINK: str = "promptlayer.request_log.span_id"
"""Attribute of a span that a client made of a request which it logs itself: the span that its log names."""


def parse_trace_id(text: str) -> str:
    """The id in a path. Raises Invalid."""
    found = hex_id(text, TRACE_ID_DIGITS) if len(text) == TRACE_ID_DIGITS else None
    if found is None:
        message = f"must be {TRACE_ID_DIGITS} hexadecimal digits that are not all zero"
        raise invalid_fields([{"loc": ["path", "trace_id"], "msg": message, "type": "hex_id"}])
    return found


def span_answer(row: Row, details: str, linked: Mapping[str, int]) -> Json:
    """A span. `details` is its `span` column; `linked` has requests that were logged apart, by the span they name."""
    said: Json = json_value(details) or {}
    attributes = said.get("attributes", {})
    if row["type"] != SPAN:
        request_log_id = row["id"]
    else:
        request_log_id = linked.get(row["span_id"], linked.get(str(attributes.get(_LINK, ""))))
    answer = {
        "id": row["id"],
        "name": said.get("name", row["function_name"]),
        "span_id": row["span_id"],
        "parent_id": row["parent_id"],
        "start_time": iso_time(row["started_at"]),
        "end_time": iso_time(row["ended_at"]),
        "latency_ms": latency_ms(row["started_at"], row["ended_at"]),
        "request_log_id": request_log_id,
        "kind": said.get("kind"),
        "status": {"status_code": said.get("status", "UNSET"), "description": said.get("status_message")},
        "attributes": attributes,
        "events": [_event(event) for event in said.get("events", ())],
        "links": said.get("links", []),
        "resource": {"attributes": said.get("resource", {})},
        "scope": said.get("scope", {}),
    }
    if row["repaired"]:
        answer["repaired"] = True
    return answer


def trace_answer(trace_id: str, spans: Sequence[Json], *, truncated: bool) -> Json:
    """The whole trace: every span after its parent, siblings by their starts, whatever order they came in.

    `spans` are in the order of their starts. A span whose parent is not there (yet) stands where a root would.
    """
    answer: Json = {"success": True, "trace_id": trace_id, "spans": _nested(spans)}
    if truncated:
        answer["truncated"] = True
    return answer


def _nested(spans: Sequence[Json]) -> list[Json]:
    known = {span["span_id"] for span in spans}
    below: dict[str | None, list[Json]] = {}
    for span in spans:
        parent = span["parent_id"]
        below.setdefault(parent if parent in known and parent != span["span_id"] else None, []).append(span)
    nested: list[Json] = []
    waiting = below.pop(None, [])[::-1]
    while waiting or below:
        if not waiting:  # spans that are each other's parents: the ring is entered at its first one
            waiting = below.pop(next(iter(below)))[::-1]
        span = waiting.pop()
        nested.append(span)
        waiting += below.pop(span["span_id"], [])[::-1]
    return nested


def _event(event: Json) -> Json:
    return event | {"time_unix_nano": str(event.get("time_unix_nano", 0))}
