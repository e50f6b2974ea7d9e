"""Values of filters: what each reader takes, as the store wants it. Pure.

A reader raises ValueError with a text for people: it follows the name of the field in an error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared import ids
from shared.records import json_text, time_text
from shared.wire.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_TEXT: Final = 8_000
"""Characters of a value. Values are parameters of a query, and a ClickHouse server takes 128 KiB of a parameter."""

MAX_VALUES: Final = 1_000
MAX_LIST_BYTES: Final = 32_000
MAX_KEY: Final = 1_024
MAX_DOTS: Final = 10
"""In the path of a nested value."""


def text(value: Any) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return _short(value)


def scalar(value: Any) -> str:
    """A value in a map, which holds text: what is no string is compared by its JSON."""
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, bool | int | float):
        return json_text(value)
    raise ValueError("must be a string, a number, true or false")


def _short(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ValueError(f"must have at most {MAX_TEXT} characters")
    return value


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def time(value: Any) -> str:
    """A client time, in any of its spellings."""
    return time_text(parse_time(value))


def log_id(value: Any) -> int:
    """The id of a request, as a number or as its digits."""
    found = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= ids.MAX_ID:
        raise ValueError("must be the id of a request")
    return found


def many(item: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A list of such values."""

    def read(value: Any) -> list[T]:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            raise ValueError(f"must be a list of 1 to {MAX_VALUES} values")
        items = [item(each) for each in value]
        if sum(len(str(each).encode()) + 4 for each in items) > MAX_LIST_BYTES:
            raise ValueError(f"must have at most {MAX_LIST_BYTES} bytes in all")
        return items

    return read


def pair(item: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """Two such values."""

    def read(value: Any) -> list[T]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError("must be a list of two values")
        return [item(each) for each in value]

    return read


def prompt_id(value: Any) -> str:
    """The id of a prompt: PromptLayer's are numbers, Humanloop's text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)


def status(value: Any) -> str:
    """A status, in any case."""
    return text(value).upper()


def words(value: Any) -> str:
    """A string to look for."""
    if not text(value):
        raise ValueError("must not be empty")
    return text(value)


def key(value: Any) -> str:
    """A key of a map, or a path into JSON."""
    if not 1 <= len(text(value)) <= MAX_KEY:
        raise ValueError(f"must have 1 to {MAX_KEY} characters")
    if value.count(".") > MAX_DOTS:
        raise ValueError(f"must have at most {MAX_DOTS} dots")
    return text(value)
