"""The fields of the filter language, and what their operators do. Pure.

`FIELDS` says which column or expression a field is and of what kind; `KINDS` has the operators of each kind. An
operator makes a condition from a field, the filter's `value` and its `nested_key`. It raises ValueError, with a text
for people, for a value that it does not take, and BadKey for a `nested_key`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import ids
from shared.store import texts
from shared.store.conditions import LOGS, PAYLOADS, AnyOf, Check, Condition, Not
from shared.wire.promptlayer import filter_values as values
from shared.wire.promptlayer.filter_values import many


class BadKey(Exception):
    """What is wrong with a `nested_key`."""


@dataclass(frozen=True, slots=True)
class Field:
    """`sql` is what the operators of the kind compare; `table` where its columns are."""

    kind: str
    sql: str
    table: str = LOGS
    inside_text: bool = False


Operator = Callable[[Field, Any, Any], Condition]

FIELDS: Final[Mapping[str, Field]] = {
    "pl_id": Field("id", "id"),
    "prompt_id": Field("prompt id", "prompt_id"),
    "engine": Field("string", "model"),
    "provider_type": Field("string", "provider"),
    "status": Field("status", "upper(if(status != '', status, if(error IS NULL, 'SUCCESS', 'ERROR')))"),
    "input_text": Field("text", texts.INPUT_TEXT),
    "output_text": Field("text", texts.OUTPUT_TEXT),
    "prompt_version_number": Field("number", "prompt_version_number"),
    "input_tokens": Field("number", "input_tokens"),
    "output_tokens": Field("number", "output_tokens"),
    "cost": Field("number", "coalesce(price, input_cost + output_cost, input_cost, output_cost)"),
    "latency_ms": Field("number", "dateDiff('microsecond', started_at, ended_at) / 1000"),
    "request_start_time": Field("time", "started_at"),
    "request_end_time": Field("time", "ended_at"),
    "is_json": Field("boolean", texts.IS_JSON, PAYLOADS),
    "is_tool_call": Field("boolean", "notEmpty(tool_names)"),
    "is_plain_text": Field("plain text", ""),
    "tags": Field("array", "tags"),
    "tool_names": Field("array", "tool_names"),
    "metadata_keys": Field("array", "mapKeys(metadata)"),
    "metadata": Field("map", "metadata"),
    "output": Field("json", texts.OUTPUT_JSON, PAYLOADS, inside_text=True),
    "output_keys": Field("json keys", texts.OUTPUT_JSON, PAYLOADS, inside_text=True),
    "input_variables": Field("json", "variables", PAYLOADS),
    "input_variable_keys": Field("json keys", "variables", PAYLOADS),
}

NOT_KEPT: Final = frozenset({"user_intent", "agent_intent"})
"""What PromptLayer's own models make of a log."""

MAX_PATHS: Final = 20
"""In one filter on keys of JSON: each is looked for by itself."""


def _compares(template: str, kind: str, read: Callable[[Any], Any]) -> Operator:
    """`template` has the field as {} and the value as ?."""

    def make(field: Field, value: Any, _key: Any) -> Condition:
        return Check(template.format(field.sql), ((kind, read(value)),), field.table)

    return make


def _between(kind: str, item: Callable[[Any], Any]) -> Operator:
    read = values.pair(item)

    def make(field: Field, value: Any, _key: Any) -> Condition:
        low, high = read(value)
        return Check(f"({field.sql} >= ? AND {field.sql} <= ?)", ((kind, low), (kind, high)), field.table)

    return make


def _holds(template: str) -> Operator:
    def make(field: Field, _value: Any, _key: Any) -> Condition:
        return Check(template.format(field.sql), (), field.table)

    return make


def _not(operator: Operator) -> Operator:
    def make(field: Field, value: Any, nested_key: Any) -> Condition:
        return Not(operator(field, value, nested_key))

    return make


def _has_id(read: Callable[[Any], list[int]]) -> Operator:
    def make(_field: Field, value: Any, _key: Any) -> Condition:
        wanted = read(value)
        # With the minutes that are in the ids: they lead the sort key.
        minutes = sorted({ids.split(log_id).minute_start_ms // 1000 for log_id in wanted})
        return Check(
            "(id IN ? AND toUnixTimestamp(toStartOfMinute(received_at)) IN ?)",
            (("Array(UInt64)", wanted), ("Array(UInt32)", minutes)),
        )

    return make


def _says(test: Callable[[str, str], Check]) -> Operator:
    def make(field: Field, value: Any, _key: Any) -> Condition:
        return test(field.sql, values.words(value))

    return make


def _is_plain_text(_field: Field, _value: Any, _key: Any) -> Condition:
    return Not(AnyOf((Check(FIELDS["is_tool_call"].sql), Check(FIELDS["is_json"].sql, (), PAYLOADS))))


def _at_key(template: str, kind: str, read: Callable[[Any], Any]) -> Operator:
    """A test of the value at a key of a map, where there is one; `template` has it as {}, and the filter's as ?."""

    def make(field: Field, value: Any, nested_key: Any) -> Condition:
        key = ("String", _nested_key(nested_key))
        test = template.format(f"{field.sql}[?]")
        return Check(f"(mapContains({field.sql}, ?) AND {test})", (key, key, (kind, read(value))), field.table)

    return make


def _at_path(template: str, kind: str, read: Callable[[Any], Any]) -> Operator:
    """A test that one of the values at a path of JSON passes; `template` has it as {}, and the filter's as ?."""

    def make(field: Field, value: Any, nested_key: Any) -> Condition:
        found, keys = texts.values_at(field.sql, _nested_key(nested_key), inside_text=field.inside_text)
        return Check(f"arrayExists(x -> {template.format('x')}, {found})", ((kind, read(value)), *keys), field.table)

    return make


def _has_key(field: Field, _value: Any, nested_key: Any) -> Condition:
    return Check(f"mapContains({field.sql}, ?)", (("String", _nested_key(nested_key)),), field.table)


def _has_path(field: Field, _value: Any, nested_key: Any) -> Condition:
    return _some_value_at(field, _nested_key(nested_key))


def _names_path(field: Field, value: Any, _key: Any) -> Condition:
    return _some_value_at(field, values.key(value))


def _names_any_path(field: Field, value: Any, _key: Any) -> Condition:
    paths = many(values.key)(value)
    if len(paths) > MAX_PATHS:
        raise ValueError(f"must be a list of at most {MAX_PATHS} keys")
    return AnyOf(tuple(_some_value_at(field, path) for path in paths))


def _some_value_at(field: Field, path: str) -> Condition:
    found, keys = texts.values_at(field.sql, path, inside_text=field.inside_text)
    return Check(f"notEmpty({found})", keys, field.table)


def _nested_key(value: Any) -> str:
    if value is None:
        raise BadKey("is required for this field")
    try:
        return values.key(value)
    except ValueError as error:
        raise BadKey(str(error)) from None


def _equality(kind: str, read: Callable[[Any], Any]) -> dict[str, Operator]:
    equal, among = _compares("{} = ?", kind, read), _compares("{} IN ?", f"Array({kind})", many(read))
    return {"is": equal, "is_not": _not(equal), "in": among, "not_in": _not(among)}


_IS_ID: Final = _has_id(lambda value: [values.log_id(value)])
_AMONG_IDS: Final = _has_id(many(values.log_id))
_EQUAL: Final = _compares("{} = ?", "Float64", values.number)
_NULL: Final = _holds("{} IS NULL")
_TIME: Final = "DateTime64(6, 'UTC')"
_SAYS: Final = _says(texts.contains)
_HAS: Final = _compares("has({}, ?)", "String", values.text)
_HAS_ANY: Final = _compares("hasAny({}, ?)", "Array(String)", many(values.text))
_EMPTY: Final = _holds("empty({})")
_KEY_EQUALS: Final = _at_key("{} = ?", "String", values.scalar)
_KEY_AMONG: Final = _at_key("{} IN ?", "Array(String)", many(values.scalar))
_PATH_EQUALS: Final = _at_path("{} = ?", "String", values.scalar)
_PATH_AMONG: Final = _at_path("has(?, {})", "Array(String)", many(values.scalar))
_CONTAINS: Final = "position(lowerUTF8({}), lowerUTF8(?)) > 0"
_IS_TRUE: Final = _holds("{}")
_ANY_VALUE: Final = _holds("JSONLength({}) > 0")

KINDS: Final[Mapping[str, Mapping[str, Operator]]] = {
    "id": {"is": _IS_ID, "is_not": _not(_IS_ID), "in": _AMONG_IDS, "not_in": _not(_AMONG_IDS)},
    "prompt id": _equality("String", values.prompt_id),
    "string": _equality("String", values.text),
    "status": _equality("String", values.status),
    "text": {
        "contains": _SAYS,
        "not_contains": _not(_SAYS),
        "starts_with": _says(texts.starts_with),
        "ends_with": _says(texts.ends_with),
    },
    "number": {
        "eq": _EQUAL,
        "neq": _not(_EQUAL),
        **{
            name: _compares(f"{{}} {sign} ?", "Float64", values.number)
            for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
        },
        "between": _between("Float64", values.number),
        "is_null": _NULL,
        "is_not_null": _not(_NULL),
    },
    "time": {
        "is": _compares("{} = ?", _TIME, values.time),
        "before": _compares("{} < ?", _TIME, values.time),
        "after": _compares("{} > ?", _TIME, values.time),
        "between": _between(_TIME, values.time),
    },
    "boolean": {"is_true": _IS_TRUE, "is_false": _not(_IS_TRUE)},
    "plain text": {"is_true": _is_plain_text, "is_false": _not(_is_plain_text)},
    "array": {
        "contains": _HAS,
        "not_contains": _not(_HAS),
        "in": _HAS_ANY,
        "not_in": _not(_HAS_ANY),
        "is_empty": _EMPTY,
        "is_not_empty": _not(_EMPTY),
    },
    "map": {
        "key_equals": _KEY_EQUALS,
        "key_not_equals": _not(_KEY_EQUALS),
        "key_contains": _at_key(_CONTAINS, "String", values.words),
        "in": _KEY_AMONG,
        "not_in": _not(_KEY_AMONG),
        "is_empty": _not(_has_key),
        "is_not_empty": _has_key,
    },
    "json": {
        "key_equals": _PATH_EQUALS,
        "key_not_equals": _not(_PATH_EQUALS),
        "key_contains": _at_path(_CONTAINS, "String", values.words),
        "in": _PATH_AMONG,
        "not_in": _not(_PATH_AMONG),
        "is_empty": _not(_has_path),
        "is_not_empty": _has_path,
    },
    "json keys": {
        "contains": _names_path,
        "not_contains": _not(_names_path),
        "in": _names_any_path,
        "not_in": _not(_names_any_path),
        "is_empty": _not(_ANY_VALUE),
        "is_not_empty": _ANY_VALUE,
    },
}
"""Kind of field -> operator -> what makes the condition."""
