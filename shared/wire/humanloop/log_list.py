"""`GET /v5/logs`: what it takes, as a condition on logs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from shared import ids
from shared.records import time_text
from shared.store.conditions import AllOf, AnyOf, Check, Condition
from shared.store.cursors import Cursor
from shared.store.texts import said_anywhere
from shared.wire.scalars import MAX_EXACT, WireModel
from shared.wire.times import WireTime  # noqa: TC001 (pydantic reads it)
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SIZE: Final = 1_000
"""Logs of a page."""

MAX_IDS: Final = 100
MAX_TEXT: Final = 8_000

_MANY: Final = frozenset({"id", "in_trace_filter"})
"""Parameters that may be repeated."""

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_OWN_ID: Final = (
    f"concat('log_', arrayStringConcat(arrayMap(shift -> substring('{_DIGITS}', "
    "bitAnd(bitShiftRight(id, shift), 31) + 1, 1), [50, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0])))"
)
"""`ids.to_text` in SQL."""

_PUBLIC_ID: Final = f"if(external_id != '', external_id, {_OWN_ID})"


class LogListQuery(WireModel):
    """The query parameters. `cursor` is ours, see `shared.store.cursors`: it goes on after a page, whatever `page` is.

    `include_parent` is taken and changes nothing: logs of evaluators name the log that they evaluated, and no more.
    """

    file_id: str
    page: Annotated[int, Field(ge=1, le=MAX_EXACT // MAX_SIZE)] = 1
    size: Annotated[int, Field(ge=0, le=MAX_SIZE)] = 10
    version_id: str | None = None
    id: list[Annotated[str, Field(max_length=1_024)]] = Field(default_factory=list, max_length=MAX_IDS)
    search: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    metadata_search: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    start_date: WireTime | None = None
    end_date: WireTime | None = None
    in_trace_filter: list[bool] = Field(default_factory=list, max_length=MAX_IDS)
    sample: Annotated[int, Field(ge=1, le=MAX_EXACT)] | None = None
    include_parent: bool = False
    include_trace_children: bool = False
    cursor: str | None = None


def parse_query(items: Sequence[tuple[str, str]]) -> LogListQuery:
    """The parameters of a request, in order. The last one counts of those that can't be repeated. Raises Invalid."""
    given: dict[str, Any] = {}
    for name, value in items:
        if name in _MANY:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return validate(LogListQuery, given, root="query")


def cursor_of(query: LogListQuery) -> Cursor | None:
    """Where the page begins that is asked for. Raises Invalid."""
    try:
        return None if query.cursor is None else Cursor.decode(query.cursor)
    except ValueError as error:
        raise invalid_fields([{"loc": ["query", "cursor"], "msg": str(error), "type": "value_error"}]) from None


def condition_of(query: LogListQuery) -> Condition:
    """What logs meet that are asked for. The sample is taken of them: see `sampled`."""
    parts: list[Condition] = [_equals("prompt_id", query.file_id)]
    if query.version_id is not None:
        parts.append(_equals("prompt_version_id", query.version_id))
    if query.start_date is not None:
        parts.append(Check("created_at >= ?", (("DateTime64(6, 'UTC')", time_text(query.start_date)),)))
    if query.end_date is not None:
        parts.append(Check("created_at <= ?", (("DateTime64(6, 'UTC')", time_text(query.end_date)),)))
    if len(set(query.in_trace_filter)) == 1:
        parts.append(Check(f"ifNull(parent_id, '') {'!=' if query.in_trace_filter[0] else '='} ''"))
    if query.id:
        parts.append(AnyOf(tuple(map(_has_id, query.id))))
    if query.metadata_search:
        found = "arrayExists(text -> position(lowerUTF8(text), lowerUTF8(?)) > 0, {}(metadata))"
        text = ("String", query.metadata_search)
        parts.append(Check(f"({found.format('mapKeys')} OR {found.format('mapValues')})", (text, text)))
    if query.search:
        parts.append(said_anywhere(query.search))
    return AllOf(tuple(parts))


def sampled(condition: Condition, sample: int, total: int) -> Condition:
    """About `sample` of the `total` logs that meet a condition: always the same ones, so that pages fit together."""
    if total <= sample:
        return condition
    return AllOf((condition, Check("cityHash64(id) % ? < ?", (("UInt64", total), ("UInt64", sample)))))


def nested_in(public_ids: Sequence[str]) -> Condition:
    """Being a child of one of these logs."""
    return Check("parent_id IN ?", (("Array(String)", list(public_ids)),))


def _equals(column: str, value: str) -> Condition:
    return Check(f"{column} = ?", (("String", value[:MAX_TEXT]),))


def _has_id(part: str) -> Condition:
    """A part of the id that clients know a log by; the whole of one that was given to it is looked up by its time."""
    log_id = ids.from_text(part)
    if log_id is None:
        return Check(f"position({_PUBLIC_ID}, ?) > 0", (("String", part),))
    own = "id = ? AND toUnixTimestamp(toStartOfMinute(received_at)) = ? AND external_id = ''"
    minute = ids.split(log_id).minute_start_ms // 1000
    values = (("UInt64", log_id), ("UInt32", minute), ("String", part))
    return Check(f"({own} OR position(external_id, ?) > 0)", values)
