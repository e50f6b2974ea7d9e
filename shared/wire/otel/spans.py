"""A span of OpenTelemetry, in the one form that every encoding of it is decoded to, and its columns."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from shared.records import LATEST, SPAN, Columns, metadata_columns, time_text

Json = dict[str, Any]

TRACE_ID_DIGITS: Final = 32
SPAN_ID_DIGITS: Final = 16
"""Hexadecimal digits (W3C Trace Context, section 3.2.2)."""

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
"""In the order of OTLP's numbers."""

STATUSES: Final = ("UNSET", "OK", "ERROR")
"""In the order of OTLP's numbers."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NS: Final = (LATEST - _EPOCH) // timedelta(microseconds=1) * 1000 - 1
"""The latest time that the store holds, in nanoseconds since 1970."""

_HEX: Final = frozenset("0123456789abcdef")
_METADATA: Final = "promptlayer.metadata."
_USER: Final = ("user.id", "enduser.id", "gen_ai.user")
_CONVERSATION: Final = ("gen_ai.conversation.id", "session.id")

Status = Literal["UNSET", "OK", "ERROR"]


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Ids are lower-case hexadecimal digits; times are nanoseconds since 1970, 0 for one not known."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    kind: str = "INTERNAL"
    status: Status = "UNSET"
    status_message: str = ""
    trace_state: str = ""
    attributes: Json = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    """Each `{"name", "time_unix_nano", "attributes"}`."""
    links: list[Json] = field(default_factory=list)
    """Each `{"trace_id", "span_id", "attributes"}`."""
    resource: Json = field(default_factory=dict)
    """The attributes of what the span was recorded in."""
    scope: Json = field(default_factory=dict)
    """`{"name", "version"}` of the library that recorded it."""

    def attribute(self, *names: str) -> Any:
        """The value of the first of these attributes that the span has, else of those that its resource has."""
        for source in (self.attributes, self.resource):
            for name in names:
                value = source.get(name)
                if value is not None and value != "":
                    return value
        return None


class Rejected(NamedTuple):
    """A span that can't be kept, and why."""

    reason: str


def hex_id(text: object, digits: int) -> str | None:
    """An id written in hexadecimal, leading zeros or not; None for what is none, or all zeros."""
    if not isinstance(text, str):
        return None
    lower = text.strip().lower().removeprefix("0x")
    if not lower.strip("0") or len(lower) > digits or not _HEX.issuperset(lower):
        return None
    return lower.rjust(digits, "0")


def json_id(text: object, digits: int) -> str | None:
    """An id in OTLP JSON: hexadecimal as the specification has it, or base64 as protobuf's own JSON form has it.

    The two differ in length. None for what is neither, or all zeros.
    """
    if not isinstance(text, str):
        return None
    if len(text) == digits:
        return hex_id(text, digits)
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) * 2 == digits and any(raw) else None


def moment_text(nanoseconds: int) -> str:
    """A time of a span as the store reads it."""
    return time_text(_EPOCH + timedelta(microseconds=nanoseconds // 1000))


def error_text(span: Span) -> str | None:
    """What went wrong in a span whose status is an error: its message, else that of the exception it recorded."""
    if span.status != "ERROR":
        return None
    if span.status_message:
        return span.status_message
    for event in reversed(span.events):
        message = event["attributes"].get("exception.message")
        if event["name"] == "exception" and isinstance(message, str):
            return message
    error_type = span.attributes.get("error.type")
    return error_type if isinstance(error_type, str) else ""


def metadata_of(span: Span) -> Json:
    """What a span says about its user and its conversation, and what was put into it as metadata, which wins."""
    metadata: Json = {}
    for name, sources in (("user_id", _USER), ("conversation_id", _CONVERSATION)):
        value = span.attribute(*sources)
        if value is not None:
            metadata[name] = value if isinstance(value, str) else str(value)
    for source in (span.resource, span.attributes):
        for name, value in source.items():
            if name.startswith(_METADATA) and len(name) > len(_METADATA):
                metadata[name.removeprefix(_METADATA)] = value
    return metadata


def identity_columns(span: Span) -> Columns:
    """The columns that place a log in its trace, with all that its span says."""
    columns: Columns = {"trace_id": span.trace_id, "span_id": span.span_id, "span": _details(span)}
    if span.parent_id is not None:
        columns["parent_id"] = span.parent_id
    return columns


def time_columns(span: Span) -> Columns:
    """When the span was, as far as it is known."""
    times = {"started_at": span.started_ns, "ended_at": span.ended_ns}
    return {name: moment_text(nanoseconds) for name, nanoseconds in times.items() if nanoseconds}


def span_columns(span: Span, *, repaired: bool) -> Columns:
    """The event body of a span that is no log; `repaired` says that lone surrogates in its text were replaced."""
    columns: Columns = {
        "type": SPAN,
        "function_name": span.name,
        "status": "ERROR" if span.status == "ERROR" else "SUCCESS",
        **identity_columns(span),
        **time_columns(span),
    }
    error = error_text(span)
    if error:
        columns["error"] = error
    metadata = metadata_of(span)
    if metadata:
        columns.update(metadata_columns(metadata))
    if "user_id" in metadata:
        columns["user_id"] = str(metadata["user_id"])
    if repaired:
        columns["repaired"] = 1
    return columns


def _details(span: Span) -> Json:
    details: Json = {
        "name": span.name,
        "kind": span.kind,
        "status": span.status,
        "started_ns": span.started_ns,
        "ended_ns": span.ended_ns,
    }
    optional = {
        "status_message": span.status_message,
        "trace_state": span.trace_state,
        "attributes": span.attributes,
        "events": span.events,
        "links": span.links,
        "resource": span.resource,
        "scope": span.scope,
    }
    return details | {name: value for name, value in optional.items() if value}
