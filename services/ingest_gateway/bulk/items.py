"""The items of a bulk body: the lines of NDJSON, or the elements of a JSON array. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared.errors import Invalid, TooLarge, UnsupportedMediaType
from shared.http.json_bodies import JsonBody, array_item, parse_json_array, parse_json_object
from shared.records import HUMANLOOP_PROMPT_LOG, PROMPTLAYER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TYPES: Final = (PROMPTLAYER_REQUEST, HUMANLOOP_PROMPT_LOG)
"""What an item may be: the body of `POST /log-request`, or of `POST /v5/prompts/log`."""

_NDJSON: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
_NOT_JSON: Final = frozenset({"application/x-protobuf", "multipart/form-data"})

_BOM: Final = b"\xef\xbb\xbf"


class Item(NamedTuple):
    """One item, not yet looked at. `line` counts from 1: the line it stands in, or its place in the array."""

    line: int
    raw: bytes | None
    value: Any = None
    """Of an element of an array, which is parsed already; `raw` is None then."""

    def parse(self) -> tuple[bytes, JsonBody]:
        """Its text and what it says. Raises BadRequest and Invalid, as for a body of its own."""
        if self.raw is None:
            return array_item(self.value)
        return self.raw, parse_json_object(self.raw)


def items(body: bytes, content_type: str, max_items: int) -> Iterator[Item]:
    """The items of a body.

    A body that starts with `[` is an array, unless its content type says NDJSON; any other is NDJSON, whatever else the
    content type says. Empty lines are passed over, and count as items. Raises, before the first item: TooLarge for more
    than `max_items`, BadRequest for an array that is not JSON, UnsupportedMediaType for what is neither.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _NOT_JSON:
        raise UnsupportedMediaType(
            f"content-type {media_type} is not supported; send application/x-ndjson or a JSON array"
        )
    if media_type not in _NDJSON and body[:64].removeprefix(_BOM).lstrip().startswith(b"["):
        values = parse_json_array(body)
        _check_count(len(values), max_items)
        return _elements(values)
    _check_count(body.count(b"\n") + (not body.endswith(b"\n")), max_items)
    return _lines(body)


def type_of(body: JsonBody, default: str | None) -> str:
    """The `type` of an item. Raises Invalid when it has none, or another than `TYPES`."""
    kind = body.value.get("type")
    if kind is None:
        kind = default
    if kind in TYPES:
        return str(kind)
    raise wrong_type(["body", "type"], kind)


def wrong_type(loc: list[str | int], value: Any) -> Invalid:
    """The error for a `type` that is none of `TYPES`."""
    text = f"must be {' or '.join(TYPES)}"
    if value is None:
        return Invalid(f"type: is required; {text}", [{"loc": loc, "msg": "is required", "type": "missing"}])
    shown = f", not {value[:80]!r}" if isinstance(value, str) else ""
    return Invalid(f"type: {text}{shown}", [{"loc": loc, "msg": text, "type": "literal_error"}])


def _check_count(count: int, max_items: int) -> None:
    if count > max_items:
        raise TooLarge(f"body: has {count} items, more than SLUICE_MAX_BULK_ITEMS ({max_items}); nothing was stored")


def _elements(values: Sequence[Any]) -> Iterator[Item]:
    for number, value in enumerate(values, start=1):
        yield Item(number, None, value)


def _lines(body: bytes) -> Iterator[Item]:
    start = len(_BOM) if body.startswith(_BOM) else 0
    number = 0
    while start < len(body):
        end = body.find(b"\n", start)
        if end < 0:
            end = len(body)
        number += 1
        line = body[start:end].strip()
        if line:
            yield Item(number, line)
        start = end + 1
