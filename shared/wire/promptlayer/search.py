"""`POST /api/public/v2/requests/search`: what it takes and what it answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.records import iso_time, metadata_value
from shared.store.conditions import AllOf, bodies_read
from shared.store.cursors import Cursor
from shared.store.texts import has_words, words_of
from shared.wire.promptlayer.filter_fields import FIELDS
from shared.wire.promptlayer.filters import parse_filters
from shared.wire.promptlayer.responses import latency_ms, price_of, prompt_id
from shared.wire.scalars import MAX_EXACT, WireModel
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.base import Row
    from shared.store.conditions import Condition

MAX_PER_PAGE: Final = 25
MAX_WORDS: Final = 20
"""In `q`: each is looked for by itself, in two texts."""

MAX_BODY_FILTERS: Final = 20
"""On texts, outputs and input variables."""

SortBy = Literal["request_start_time", "input_tokens", "output_tokens", "cost", "latency_ms", "status"]


class SearchRequest(WireModel):
    """The body. `filters` is the older form of `filter_group`; `cursor` is ours, see `shared.store.cursors`."""

    filter_group: Any = None
    filters: Any = None
    q: str | None = Field(None, max_length=1_000)
    sort_by: SortBy | None = None
    sort_order: Literal["asc", "desc"] | None = None
    page: Annotated[int, Field(ge=1, le=MAX_EXACT // MAX_PER_PAGE)] = 1
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 10
    cursor: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.sort_by is None) != (self.sort_order is None):
            raise PydanticCustomError("value_error", "sort_by and sort_order must come together")
        if self.cursor is not None and self.sort_by is not None:
            raise PydanticCustomError("value_error", "a cursor goes from the newest to the oldest: it takes no sort_by")
        return self

    def order(self) -> str:
        """What to sort by, as SQL; '' for newest first. Logs without a value come last."""
        if self.sort_by is None or self.sort_order is None:
            return ""
        return f"{FIELDS[self.sort_by].sql} {self.sort_order.upper()} NULLS LAST"


class Search:
    """A search: the condition that logs meet, and which of them are wanted."""

    def __init__(self, body: dict[str, Any]) -> None:
        """Raises Invalid, and BadRequest for an operator that a field does not have."""
        self.request = validate(SearchRequest, body)
        self.condition = _condition(self.request)
        self.cursor = _cursor(self.request.cursor)


def _condition(request: SearchRequest) -> Condition:
    filtered = parse_filters(request.filter_group, request.filters)
    if bodies_read(filtered) > MAX_BODY_FILTERS:
        message = f"may look into inputs and outputs {MAX_BODY_FILTERS} times at most, every key of a list counted"
        raise invalid_fields([{"loc": ["body", "filter_group"], "msg": message, "type": "too_long"}])
    words = words_of(request.q or "")
    if len(words) > MAX_WORDS:
        raise invalid_fields(
            [{"loc": ["body", "q"], "msg": f"must have at most {MAX_WORDS} words", "type": "too_long"}]
        )
    return AllOf((filtered, has_words(words))) if words else filtered


def _cursor(text: str | None) -> Cursor | None:
    try:
        return None if text is None else Cursor.decode(text)
    except ValueError as error:
        raise invalid_fields([{"loc": ["body", "cursor"], "msg": str(error), "type": "value_error"}]) from None


def results(search: Search, rows: Sequence[Row], total: int | None) -> dict[str, Any]:
    """The answer. `total` is None after a cursor, where nothing is counted; `pages` is None then.

    `next_cursor` is where the newest-first order goes on, None when this page has its end.
    """
    request = search.request
    more = len(rows) == request.per_page
    by_number = search.cursor is None
    has_next = more if total is None else request.page * request.per_page < total
    has_prev = by_number and request.page > 1
    return {
        "success": True,
        "items": [_item(row) for row in rows],
        "page": request.page,
        "pages": None if total is None else -(-total // request.per_page),
        "per_page": request.per_page,
        "total": total,
        "has_next": has_next,
        "has_prev": has_prev,
        "next_num": request.page + 1 if has_next and by_number else None,
        "prev_num": request.page - 1 if has_prev else None,
        "next_cursor": Cursor.at(rows[-1]).encode() if more and has_next and not request.sort_by else None,
    }


def _item(row: Row) -> dict[str, Any]:
    latency = latency_ms(row["started_at"], row["ended_at"])
    return {
        "id": row["id"],
        "engine": row["model"],
        "provider_type": row["provider"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "price": price_of(row),
        "request_start_time": iso_time(row["started_at"]),
        "request_end_time": iso_time(row["ended_at"]),
        "latency": None if latency is None else latency / 1000,
        "status": row["status"] or ("SUCCESS" if row["error"] is None else "ERROR"),
        "tags_array": row["tags"],
        "metadata": [{name: value} for name, value in (metadata_value(row) or {}).items()],
        "scores": [{"name": name, "value": value} for name, value in row["scores"].items()],
        "prompt_id": prompt_id(row["prompt_id"]),
        "prompt_name": row["prompt_name"] or None,
        "prompt_version_number": row["prompt_version_number"],
        "trace_id": row["trace_id"] or None,
        "input_preview": row["input_preview"],
        "output_preview": row["output_preview"],
        "created_at": iso_time(row["created_at"]),
    }
