"""JSON request bodies as clients really send them: see `parse_json_object` and `parse_json_array`.

Error messages give the position and what is wrong there, never the text itself: bodies hold prompts and keys.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from shared.errors import BadRequest, Invalid

MAX_DEPTH: Final = 100
"""Levels of objects and arrays. Far above what clients send, far below what any JSON reader downstream stops at."""

_BOM: Final = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_64_BIT_DIGITS: Final = 20


class JsonBody(NamedTuple):
    """A parsed body. `repaired`: lone surrogates in it were replaced by U+FFFD."""

    value: dict[str, Any]
    repaired: bool


def parse_json_object(body: bytes) -> JsonBody:
    """The object in a request body.

    An empty body is an empty object, since SDKs drop a body without fields. A byte order mark is skipped, the last of
    two equal keys wins, integers beyond 64 bits become floats. An escape for half a surrogate pair (what remains of an
    emoji that was cut in two) is replaced rather than refused: the log is worth more than the character.

    Raises BadRequest for what is not JSON in UTF-8 (NaN and Infinity included) or nested deeper than `MAX_DEPTH`, and
    Invalid for JSON that is not an object.
    """
    if not body:
        return JsonBody({}, False)
    if body.startswith(_BOM):
        body = body[len(_BOM) :]
    repaired = False
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            return JsonBody({}, False)
        if _SURROGATE_ESCAPE.search(body) is None:
            _refuse(body, error)
        value = _load_with_lone_surrogates(body, error)
        repaired = True
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        check_depth(value)
    if repaired:
        value = _replace_surrogates(value)
    return JsonBody(_object(value), repaired)


def parse_json_array(body: bytes) -> list[Any]:
    """The items of an array in a request body, each for `array_item`.

    Raises BadRequest for what is not JSON in UTF-8, and Invalid for JSON that is not an array.
    """
    body = body.removeprefix(_BOM)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _SURROGATE_ESCAPE.search(body) is None:
            _refuse(body, error)
        value = _load_with_lone_surrogates(body, error)
    if type(value) is not list:
        raise _wrong_type("array", value)
    return value


def array_item(value: Any) -> tuple[bytes, JsonBody]:
    """An item of `parse_json_array` as JSON text, and as `parse_json_object` would take that text.

    Raises BadRequest when it is nested too deeply, Invalid when it is not an object.
    """
    try:
        raw = orjson.dumps(value)
        repaired = False
    except TypeError:  # lone surrogates, or deeper than orjson writes
        check_depth(value)
        raw = json.dumps(value).encode()
        repaired = True
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        check_depth(value)
    return raw, JsonBody(_object(_replace_surrogates(value) if repaired else value), repaired)


def _object(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        return value
    raise _wrong_type("object", value)


def _wrong_type(wanted: str, value: Any) -> Invalid:
    message = f"must be a JSON {wanted}"
    detail = {"loc": ["body"], "msg": message, "type": f"{wanted}_type"}
    return Invalid(f"body: {message}, not {_json_type(value)}", [detail])


def _load_with_lone_surrogates(body: bytes, strict_error: orjson.JSONDecodeError) -> Any:
    """Parse with the standard library, which takes lone surrogates, and else refuses what the strict parser refuses."""
    try:
        return json.loads(body.decode(), parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except RecursionError:
        _refuse_depth()
    except ValueError:
        _refuse(body, strict_error)


def _integer(digits: str) -> int | float:
    if len(digits) <= _MAX_64_BIT_DIGITS and -(1 << 63) <= (exact := int(digits)) < 1 << 64:
        return exact
    return _float(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("number out of range")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse(body: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Say where a body stops being JSON."""
    try:
        body.decode()
    except UnicodeDecodeError as encoding_error:
        raise BadRequest(f"body: not valid UTF-8 at byte {encoding_error.start}") from None
    if "depth" in error.msg:
        _refuse_depth()
    raise BadRequest(f"body: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None


def check_depth(value: Any) -> None:
    """Raises BadRequest for a value of more than `MAX_DEPTH` levels. Looks at every container of it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    _refuse_depth()


def _refuse_depth() -> NoReturn:
    raise BadRequest(f"body: nested more than {MAX_DEPTH} levels deep") from None


def _replace_surrogates(value: Any) -> Any:
    """The same value without lone surrogates, in keys too. Recursion is bounded by MAX_DEPTH."""
    if type(value) is str:
        return _LONE_SURROGATE.sub("\ufffd", value)
    if type(value) is dict:
        return {_LONE_SURROGATE.sub("\ufffd", key): _replace_surrogates(item) for key, item in value.items()}
    if type(value) is list:
        return [_replace_surrogates(item) for item in value]
    return value


def _json_type(value: Any) -> str:
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
