"""Values that have broken other services, put into every place of a body that a route takes."""

from __future__ import annotations

import copy
import json
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

from shared.http.json_bodies import parse_json_object
from tests.poison.large import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

Place = tuple[str | int, ...]


def nested(levels: int) -> Any:
    """Lists and objects inside each other."""
    value: Any = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


_MANY: Final[dict[str, Any]] = {
    "10,000 items": [1] * 10_000,
    "10,000 fields": {str(number): number for number in range(10_000)},
}
VALUES: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "fraction": 0.1,
    "beyond 53 bits": (1 << 53) + 1,
    "beyond 63 bits": 1 << 63,
    "beyond 64 bits": 1 << 70,
    "largest float": 1.7976931348623157e308,
    "no text": "",
    "blank": " \t\r\n",
    "NUL": "a\0b",
    "lone surrogate": "a\ud800",
    "odd characters": "\ufeff\uffff\u202e😀\u200dé\u2028",
    "quotes": "'\"`);\\'; DROP TABLE logs; --\\",
    "patterns": "../..//%2e%2f{a}{{b}}{% if %}@@@c@@@$1%s*",
    "number": "-0x1e5",
    "not a number": "NaN",
    "first day": "0001-01-01T00:00:00Z",
    "last day": "9999-12-31T23:59:60.999999999+23:59",
    "long word": "x" * (MIB // 16),
    "no items": [],
    "no fields": {},
    "items": [None, 0, "", [], {}, [[]], True, "a"],
    "fields": {"": None, "\0": 0, "\ud800": "", "__proto__": {}, "type": "text", "id": "x", "a.b": [1]},
    "nested": nested(60),
    "nested too deeply": nested(200),
    **_MANY,
}

_SMALL: Final = [value for name, value in VALUES.items() if name not in {"nested too deeply", *_MANY}]

EACH: Final = 2
"""Values for each place, in turn, so that every route gets all of them."""


def bodies(example: Any, model: type[BaseModel] | None) -> Iterator[bytes]:
    """The example in JSON, with a value in a place: all values, and every place (the model's absent fields, too)."""
    places = [*_places(example, ()), *((name,) for name in _absent(example, model))]
    if not places:
        return
    each = max(EACH, -(-len(VALUES) // len(places)))
    values = cycle(VALUES.values())
    for place in places:
        for value in islice(values, each):
            yield json.dumps(_with_value(example, place, value)).encode()


def every_body(example: Any) -> Iterator[Any]:
    """The example with every value in every place, as a body is read: none that is very long or can't be read."""
    readable = [parse_json_object(json.dumps({"v": value}).encode()).value["v"] for value in _SMALL]
    for place in _places(example, ()):
        for value in readable:
            yield _with_value(example, place, value)


def _absent(example: Any, model: type[BaseModel] | None) -> list[str]:
    return sorted(model.model_fields.keys() - example.keys()) if model is not None else []


def _places(value: Any, place: Place) -> Iterator[Place]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


def _with_value(example: Any, place: Place, value: Any) -> Any:
    body = inside = copy.deepcopy(example)
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return body
