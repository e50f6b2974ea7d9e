"""Validation errors in the client's own terms: which field, and what is wrong with it.

Pydantic reports the path through the model, union members and all. Here the path is walked along the body that was
sent, so that only the sender's own keys and indexes remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)

_MAX_NAME: Final = 80
"""Characters of a client's own key that an error repeats."""

_MAX_VALUE: Final = 40
"""Characters of a client's own value that an error repeats."""

_MAX_OTHERS: Final = 5
"""Further wrong fields that a message names. `detail` has all, but some clients show their users the message alone."""

_SECRET_FIELDS: Final = frozenset({"api_key", "apiKey"})

_OBJECT: Final = "must be an object"
_INTEGER: Final = "must be an integer"
_NUMBER: Final = "must be a number"
_TIME: Final = "must be a time: ISO 8601 text, or Unix time in seconds or milliseconds"

_TEXTS: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "must be a string of Unicode text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": _OBJECT,
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "none_required": "must be null",
    "unknown_type": "must be an object of a known type",
    "extra_forbidden": "is not a field of this request",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
}
"""What each kind of pydantic error is called in an answer; a kind that is not here speaks for itself."""

_OWN_TYPES: Final = {
    "model_type": "dict_type",
    "model_attributes_type": "dict_type",
    "union_tag_invalid": "unknown_type",
    "union_tag_not_found": "unknown_type",
}
"""Kinds of pydantic error that are called something else, since their names speak of the models."""


def validate(model: type[ModelT], body: Any, *, root: str = "body") -> ModelT:
    """The body as a model. Raises Invalid, which names each wrong field as the client wrote it, starting at `root`."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(error, body, root=root) from None


def invalid(error: ValidationError, body: Any, *, root: str = "body") -> Invalid:
    """The answer to a validation error that `body` caused."""
    detail: list[dict[str, Any]] = []
    for loc, problems in _by_place(error.errors(include_url=False), body).items():
        shown = [part if isinstance(part, int) else part[:_MAX_NAME] for part in loc]
        detail.append({"loc": [root, *shown], "msg": _message(loc, problems), "type": _type(problems[0])})
    return invalid_fields(detail)


def invalid_fields(detail: Sequence[dict[str, Any]]) -> Invalid:
    """The error for problems in `detail` form: `{"loc": [root, field, ...], "msg", "type"}`, at least one."""
    first = detail[0]
    message = f"{field_name(first['loc'])}: {first['msg']}"
    others = [field_name(problem["loc"]) for problem in detail[1:]]
    if others:
        named = others[:_MAX_OTHERS] + ["..."] * (len(others) > _MAX_OTHERS)
        message += f" (and {len(others)} more: {', '.join(named)})"
    return Invalid(message, list(detail))


def field_name(loc: Sequence[str | int]) -> str:
    """A place as people write it, without the root: `input.messages[0].role`; the root itself when it is alone."""
    name = ""
    for part in loc[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            name += f".{part}" if name else part
    return name or str(loc[0])


def _by_place(problems: list[ErrorDetails], body: Any) -> dict[Loc, list[ErrorDetails]]:
    """Problems grouped by where the client sees them.

    A value that fits no member of a union is reported once per member. Members of the same place are put together; a
    member that failed further inside was the one meant, so what is said about the whole is left out.
    """
    places: dict[Loc, list[ErrorDetails]] = {}
    for problem in problems:
        places.setdefault(_client_loc(problem, body), []).append(problem)
    inner = {loc[:length] for loc in places for length in range(len(loc))}
    return {loc: found for loc, found in places.items() if loc not in inner}


def _client_loc(problem: ErrorDetails, body: Any) -> Loc:
    """The part of a pydantic path that exists in the body, plus the name of a missing field."""
    loc: list[str | int] = []
    path = problem["loc"]
    current: Any = body
    for position, part in enumerate(path):
        is_missing = problem["type"] == "missing" and position == len(path) - 1
        is_key = isinstance(current, dict) and part in current
        if is_key or (isinstance(current, list) and isinstance(part, int) and part < len(current)):
            current = current[part]
            loc.append(part)
        elif is_missing:
            loc.append(part)
    return tuple(loc)


def _message(loc: Loc, problems: list[ErrorDetails]) -> str:
    texts = list(dict.fromkeys(_text(problem) for problem in problems))
    text = texts[0]
    for other in texts[1:]:
        text += " or " + other.removeprefix("must be ")
    return text + _got(problems[0]) if loc and not _SECRET_FIELDS.intersection(loc) else text


def _text(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    template = _TEXTS.get(_type(problem))
    if template is not None:
        return template.format_map({name: _number(value) for name, value in context.items()})
    reason = context.get("error")
    return str(reason) if reason is not None else problem["msg"].replace("Input should be", "must be")


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _type(problem: ErrorDetails) -> str:
    return _OWN_TYPES.get(problem["type"], problem["type"])


def _got(problem: ErrorDetails) -> str:
    """What was sent instead, when that is short; objects and lists are only called what they are."""
    value = problem["input"]
    kind = _type(problem)
    if kind in {"missing", "string_too_long", "too_long", "too_short", "extra_forbidden"} or (
        kind == "unknown_type" and isinstance(value, dict)
    ):
        return ""
    if value is None:
        return ", not null"
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, dict):
        return ", not an object"
    if isinstance(value, list):
        return ", not a list"
    shown = repr(value) if isinstance(value, str) else str(value)
    return f", not {shown}" if len(shown) <= _MAX_VALUE else ""
