"""Spans in OTLP's JSON form, as all who write it write it.

The specification has hexadecimal ids, numbers for enumerations and text for 64-bit integers. There are also base64 ids
and names of enumerations (protobuf's own JSON form), integers and times as JSON numbers, and snake_case keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.wire.otel.spans import (
    KINDS,
    MAX_NS,
    SPAN_ID_DIGITS,
    STATUSES,
    TRACE_ID_DIGITS,
    Json,
    Rejected,
    Span,
    Status,
    json_id,
)
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]


def count(body: Json) -> int:
    """How many spans a request has. Raises Invalid where it has not the frame of one."""
    return sum(1 for _ in _frame(body))


def spans(body: Json) -> Iterator[Span | Rejected]:
    """The spans of a request, in order. Raises Invalid where it has not the frame of one."""
    for span, resource, scope in _frame(body):
        try:
            yield _span(span, resource, scope)
        except ValueError as error:
            yield Rejected(str(error))


def response(rejected: int, message: str) -> Json:
    """The answer to a request."""
    if not rejected and not message:
        return {"partialSuccess": None}
    return {"partialSuccess": {"rejectedSpans": rejected, "errorMessage": message}}


def _frame(body: Json) -> Iterator[tuple[Json, Json, Json]]:
    """(span, attributes of its resource, its scope), for each span."""
    for number, in_resource in enumerate(_objects(body, "resourceSpans", ("body",))):
        place: Place = ("body", "resourceSpans", number)
        resource = _attributes_of(_get(in_resource, "resource"))
        # Before 2022 a scope was called an instrumentation library.
        name = "scopeSpans" if _get(in_resource, "scopeSpans") is not None else "instrumentationLibrarySpans"
        for scope_number, in_scope in enumerate(_objects(in_resource, name, place)):
            scope = _scope(_get(in_scope, "scope"))
            for span in _objects(in_scope, "spans", (*place, name, scope_number)):
                yield span, resource, scope


def _objects(source: Json, name: str, place: Place) -> list[Json]:
    """A list of objects; an absent one is empty. Raises Invalid for what is none."""
    value = _get(source, name)
    if value is None:
        return []
    wrong = "must be a list" if not isinstance(value, list) else ""
    number = next((n for n, item in enumerate(value) if not isinstance(item, dict)), None) if not wrong else None
    loc: list[str | int] = [*place, name]
    if number is not None:
        wrong = "must be an object"
        loc.append(number)
    if wrong:
        raise invalid_fields([{"loc": loc, "msg": wrong, "type": "list_type" if number is None else "dict_type"}])
    found: list[Json] = value
    return found


def _get(source: Json, name: str) -> Any:
    """The value of a key in lowerCamelCase, or in snake_case as protobuf's parsers take it, too."""
    value = source.get(name)
    if value is None:
        value = source.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))
    return value


def _span(source: Json, resource: Json, scope: Json) -> Span:
    trace_id = json_id(_get(source, "traceId"), TRACE_ID_DIGITS)
    span_id = json_id(_get(source, "spanId"), SPAN_ID_DIGITS)
    if trace_id is None:
        raise ValueError("traceId: must be 32 hexadecimal digits (or base64 of 16 bytes) that are not all zero")
    if span_id is None:
        raise ValueError("spanId: must be 16 hexadecimal digits (or base64 of 8 bytes) that are not all zero")
    status = _object(_get(source, "status"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=json_id(_get(source, "parentSpanId"), SPAN_ID_DIGITS),
        name=_text(source.get("name")),
        started_ns=_nanoseconds(source, "startTimeUnixNano"),
        ended_ns=_nanoseconds(source, "endTimeUnixNano"),
        kind=_member(source.get("kind"), KINDS, "SPAN_KIND_"),
        status=_status(status.get("code")),
        status_message=_text(status.get("message")),
        trace_state=_text(_get(source, "traceState")),
        attributes=_attributes_of(source),
        events=[_event(event) for event in _list(source.get("events"))],
        links=[_link(link) for link in _list(source.get("links"))],
        resource=resource,
        scope=scope,
    )


def _nanoseconds(source: Json, name: str) -> int:
    value = _get(source, name)
    if value is None or value == "":
        return 0
    try:
        nanoseconds = int(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1
    except (ValueError, OverflowError):
        nanoseconds = -1
    if not 0 <= nanoseconds <= MAX_NS:
        raise ValueError(f"{name}: must be nanoseconds since 1970, before the year 2262")
    return nanoseconds


def _member(value: Any, members: tuple[str, ...], prefix: str) -> str:
    """The name of a member of an enumeration, given by number or by name; the first one for what is unknown."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, str):
        name = value.removeprefix(prefix)
        return name if name in members else members[0]
    if isinstance(value, int | float) and 0 <= value < len(members):
        return members[int(value)]
    return members[0]


def _status(value: Any) -> Status:
    match _member(value, STATUSES, "STATUS_CODE_"):
        case "OK":
            return "OK"
        case "ERROR":
            return "ERROR"
        case _:
            return "UNSET"


def _event(source: Json) -> Json:
    nanoseconds = _nanoseconds(source, "timeUnixNano")
    return {"name": _text(source.get("name")), "time_unix_nano": nanoseconds, "attributes": _attributes_of(source)}


def _link(source: Json) -> Json:
    return {
        "trace_id": json_id(_get(source, "traceId"), TRACE_ID_DIGITS) or "",
        "span_id": json_id(_get(source, "spanId"), SPAN_ID_DIGITS) or "",
        "attributes": _attributes_of(source),
    }


def _scope(value: Any) -> Json:
    source = _object(value)
    return {name: text for name in ("name", "version") if (text := _text(source.get(name)))}


def _attributes_of(source: Any) -> Json:
    return _pairs(_object(source).get("attributes"))


def _pairs(value: Any) -> Json:
    found: Json = {}
    for pair in _list(value):
        key = pair.get("key")
        if isinstance(key, str):
            found[key] = _value(pair.get("value"))
    return found


def _value(value: Any) -> Any:
    """The value in an AnyValue. One of a kind that is not known is kept as it is."""
    source = _object(value)
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        found = _get(source, name)
        if found is not None:
            return found
    integer = _get(source, "intValue")
    if integer is not None:
        return _integer(integer)
    array = _get(source, "arrayValue")
    if array is not None:
        return [_value(item) for item in _list(_object(array).get("values"))]
    pairs = _get(source, "kvlistValue")
    if pairs is not None:
        return _pairs(_object(pairs).get("values"))
    return value or None


def _integer(value: Any) -> Any:
    """64-bit integers are text; one that is beyond 64 bits stays text."""
    try:
        number = int(value) if isinstance(value, str) and len(value) <= 20 else value
    except ValueError:
        return value
    return number if not isinstance(number, int) or -(1 << 63) <= number < 1 << 63 else str(number)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
