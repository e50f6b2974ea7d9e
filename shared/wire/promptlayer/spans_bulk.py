"""The body of `POST /spans-bulk`, as clients write it that trace without OTLP (Python up to 1.4, JavaScript 1.x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.wire.otel.spans import (
    KINDS,
    MAX_NS,
    SPAN_ID_DIGITS,
    STATUSES,
    TRACE_ID_DIGITS,
    Json,
    Span,
    hex_id,
    moment_text,
)
from shared.wire.promptlayer.log_request import LogRequest  # noqa: TC001 (pydantic reads it)
from shared.wire.scalars import Items, WireModel
from shared.wire.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable

_INHERITED: Final = (
    ("start_time", "request_start_time", "requestStartTime"),
    ("end_time", "request_end_time", "requestEndTime"),
)
"""A time of a span, and the two spellings of that of its log."""


def _id_of(digits: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        found = hex_id(text, digits)
        if found is None:
            raise PydanticCustomError("hex_id", f"must be {digits} hexadecimal digits that are not all zero")
        return found

    return check


def _none_for_zeros(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip("0 ") else value


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "must be an integer")
    return value


TraceId = Annotated[str, AfterValidator(_id_of(TRACE_ID_DIGITS))]
SpanId = Annotated[str, AfterValidator(_id_of(SPAN_ID_DIGITS))]
"""Python leaves leading zeros out."""

Nanoseconds = Annotated[int, Field(ge=0, le=MAX_NS), BeforeValidator(_refuse_bool)]
"""Since 1970. JavaScript sends them as text."""


class SpanContext(WireModel):
    """Which span it is."""

    trace_id: TraceId
    span_id: SpanId
    trace_state: Any = ""


class SpanStatus(WireModel):
    """How the span ended, in the words of OpenTelemetry."""

    status_code: Any = None
    description: Any = None


class SpanResource(WireModel):
    """The program that made the span."""

    attributes: dict[str, Any] = Field(default_factory=dict)


class BulkSpan(WireModel):
    """One span. A `log_request` without times of its own has the span's."""

    name: str
    context: SpanContext
    kind: Any = None
    parent_id: Annotated[SpanId | None, BeforeValidator(_none_for_zeros)] = None
    start_time: Nanoseconds
    end_time: Nanoseconds
    status: SpanStatus = Field(default_factory=SpanStatus)
    attributes: dict[str, Any] = Field(default_factory=dict)
    events: Items[dict[str, Any]] = Field(default_factory=list)
    links: Items[dict[str, Any]] = Field(default_factory=list)
    resource: SpanResource = Field(default_factory=SpanResource)
    log_request: LogRequest | None = None

    @model_validator(mode="before")
    @classmethod
    def _inherit_times(cls, span: Any) -> Any:
        log = span.get("log_request") if isinstance(span, dict) else None
        if not isinstance(log, dict):
            return span
        times = {}
        for source, *spellings in _INHERITED:
            nanoseconds = _nanoseconds(span.get(source))
            if all(log.get(spelling) is None for spelling in spellings) and nanoseconds is not None:
                times[spellings[0]] = moment_text(nanoseconds)
        return {**span, "log_request": {**log, **times}} if times else span


class SpansBulk(WireModel):
    """The body. `close_after` changes nothing: a trace stays open, for a span that comes late is worth keeping."""

    spans: Items[BulkSpan]
    close_after: bool = False


def parse_spans_bulk(body: Any) -> SpansBulk:
    """The body as a model. Raises Invalid, which names every wrong field."""
    return validate(SpansBulk, body)


def span_of(sent: BulkSpan) -> Span:
    """A span in the common form."""
    status = _member(sent.status.status_code, STATUSES)
    return Span(
        trace_id=sent.context.trace_id,
        span_id=sent.context.span_id,
        parent_id=sent.parent_id,
        name=sent.name,
        started_ns=sent.start_time,
        ended_ns=sent.end_time,
        kind=_member(sent.kind, KINDS),
        status="ERROR" if status == "ERROR" else "OK" if status == "OK" else "UNSET",
        status_message=_text(sent.status.description),
        # Python writes its empty list.
        trace_state=_text(sent.context.trace_state).replace("[]", ""),
        attributes=sent.attributes,
        events=[_event(event) for event in sent.events],
        links=[_link(link) for link in sent.links],
        resource=sent.resource.attributes,
    )


def _member(value: Any, members: tuple[str, ...]) -> str:
    """`SpanKind.CLIENT` or `StatusCode.OK` without its class; the first member for what is none."""
    name = value.rpartition(".")[2].upper() if isinstance(value, str) else ""
    return name if name in members else members[0]


def _event(event: Json) -> Json:
    return {
        "name": _text(event.get("name")),
        "time_unix_nano": _nanoseconds(event.get("timestamp")) or 0,
        "attributes": _object(event.get("attributes")),
    }


def _link(link: Json) -> Json:
    context = _object(link.get("context"))
    # JavaScript sends its own spelling here.
    trace_id = hex_id(context.get("trace_id", context.get("traceId")), TRACE_ID_DIGITS)
    span_id = hex_id(context.get("span_id", context.get("spanId")), SPAN_ID_DIGITS)
    return {"trace_id": trace_id or "", "span_id": span_id or "", "attributes": _object(link.get("attributes"))}


def _nanoseconds(value: Any) -> int | None:
    """A time as `Nanoseconds` takes it; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_NS)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NS else None


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
