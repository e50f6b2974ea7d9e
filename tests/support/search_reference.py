"""The filter language again, in plain Python over event bodies: what the store's answers are held against."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from shared.records import json_text
from shared.wire.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from shared.records import Columns

Json = dict[str, Any]


def matches(log: Columns, item: Json) -> bool:
    """Whether a log, as the columns of its event, passes a filter or a group."""
    if "field" in item:
        return _passes(log, item)
    parts = [matches(log, part) for part in item.get("filters") or []]
    return any(parts) if item.get("logic") == "OR" and parts else all(parts)


def has_words(log: Columns, query: str) -> bool:
    """Whether every word of a query begins a word of the input or the output."""
    texts = [input_text(log), output_text(log)]
    words = re.findall(r"[^\W_]+", query)
    return all(any(re.search(rf"(?i)(?<![^\W_]){word}", text) for text in texts) for word in words)


def _passes(log: Columns, item: Json) -> bool:
    field, operator, key = item["field"], item["operator"], item.get("nested_key", "")
    value: Any = item.get("value")
    positive = {**NEGATIVE, **(ABSENT if field in MAPS else EMPTY)}.get(operator)
    if positive is not None:
        return not _passes(log, {**item, "operator": positive})
    if field in ("output_keys", "input_variable_keys"):
        keys = leaves(_json_of(log, field))
        return {
            "contains": lambda: bool(keys.get(value)),
            "in": lambda: any(keys.get(each) for each in value),
            "is_empty": lambda: not _json_of(log, field),
        }[operator]()
    if field in MAPS:
        if field == "metadata":
            there = log.get("metadata", {})
            found = [there[key]] if key in there else []
        else:
            found = leaves(_json_of(log, field)).get(key, [])
        test: Callable[[str], bool] = {
            "key_equals": lambda each: each == _scalar(value),
            "key_contains": lambda each: value.lower() in each.lower(),
            "in": lambda each: each in [_scalar(one) for one in value],
            "is_not_empty": lambda _: True,
        }[operator]
        return any(test(each) for each in found)
    if field in TEXTS:
        text = TEXTS[field](log).lower()
        looked_for = value.lower()
        return bool(
            {"contains": text.__contains__, "starts_with": text.startswith, "ends_with": text.endswith}[operator](
                looked_for
            )
        )
    actual = SCALARS[field](log)
    if operator in ("is_true", "is_null"):
        return actual is None if operator == "is_null" else bool(actual)
    if isinstance(actual, list):
        return {
            "contains": lambda: value in actual,
            "in": lambda: bool(set(value) & set(actual)),
            "is_empty": lambda: not actual,
        }[operator]()
    if actual is None:
        return False
    read = READ.get(field, lambda each: each)
    wanted: Any = [read(each) for each in value] if operator in ("in", "between") else read(value)
    return bool(COMPARE[operator](actual, wanted))


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda a, b: a == b,
    "eq": lambda a, b: a == b,
    "in": lambda a, b: a in b,
    "gt": lambda a, b: a > b,
    "after": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "before": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "between": lambda a, b: b[0] <= a <= b[1],
}

NEGATIVE = {
    "is_not": "is",
    "not_in": "in",
    "neq": "eq",
    "not_contains": "contains",
    "is_not_null": "is_null",
    "is_false": "is_true",
    "key_not_equals": "key_equals",
}
EMPTY = {"is_not_empty": "is_empty"}
ABSENT = {"is_empty": "is_not_empty"}
"""Negative operators and their twins. In a map a key is empty that is not there."""

MAPS = ("metadata", "output", "input_variables")


def input_text(log: Columns) -> str:
    return "\n\n".join(
        (f"[{message['role']}]: " if message.get("role") else "") + _said(message)
        for message in _messages(log, "input")
    )


def answer_text(log: Columns) -> str:
    said = [log["output_text"]] if log.get("output_text") else [_said(each) for each in _messages(log, "output")]
    return "\n".join(part for part in said if part)


def output_text(log: Columns) -> str:
    calls = [f"{call['function']['name']}({call['function']['arguments']})" for call in _calls(log)]
    return "\n".join(part for part in (answer_text(log), *calls) if part)


def _messages(log: Columns, column: str) -> list[Json]:
    body = log.get(column)
    if body is None:
        return []
    if isinstance(body, list):
        return body
    messages: list[Json] = body.get("messages", [body])
    return messages


def _said(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content or [] if block.get("text"))


def _calls(log: Columns) -> list[Json]:
    return [call for message in _messages(log, "output") for call in message.get("tool_calls") or []]


def _json_of(log: Columns, field: str) -> Any:
    if field.startswith("input"):
        return log.get("variables")
    try:
        loaded = json.loads(answer_text(log))
    except ValueError:
        loaded = None
    if isinstance(loaded, dict):
        return loaded
    return {"tool_calls": [_opened(call) for call in _calls(log)]} if _calls(log) else None


def _opened(call: Json) -> Json:
    return {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}


def leaves(value: Any) -> dict[str, list[str]]:
    """Values by path; lists have no place in a path."""
    found: dict[str, list[str]] = {}
    for path, leaf in _walk("", value):
        found.setdefault(path, []).append(_scalar(leaf))
    return found


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(f"{path}.{key}" if path else key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(path, item)
    elif value is not None:
        yield path, value


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _cost(log: Columns) -> float | None:
    costs = [cost for name in ("input_cost", "output_cost") if (cost := log.get(name)) is not None]
    price: float | None = log.get("price")
    return price if price is not None else sum(costs) if costs else None


def _latency(log: Columns) -> float | None:
    started, ended = _time(log.get("started_at")), _time(log.get("ended_at"))
    return None if started is None or ended is None else (ended - started).total_seconds() * 1000


def _is_json(log: Columns) -> bool:
    try:
        return isinstance(json.loads(answer_text(log)), dict)
    except ValueError:
        return False


TEXTS: dict[str, Callable[[Columns], str]] = {"input_text": input_text, "output_text": output_text}
SCALARS: dict[str, Callable[[Columns], Any]] = {
    "pl_id": lambda log: log["id"],
    "prompt_id": lambda log: log.get("prompt_id", ""),
    "engine": lambda log: log["model"],
    "provider_type": lambda log: log.get("provider") or "",
    "status": lambda log: log.get("status") or ("ERROR" if log.get("error") is not None else "SUCCESS"),
    "prompt_version_number": lambda log: log.get("prompt_version_number"),
    "input_tokens": lambda log: log.get("input_tokens"),
    "output_tokens": lambda log: log.get("output_tokens"),
    "cost": _cost,
    "latency_ms": _latency,
    "request_start_time": lambda log: _time(log.get("started_at")),
    "request_end_time": lambda log: _time(log.get("ended_at")),
    "is_json": _is_json,
    "is_tool_call": lambda log: bool(log.get("tool_names")),
    "is_plain_text": lambda log: not log.get("tool_names") and not _is_json(log),
    "tags": lambda log: log.get("tags", []),
    "tool_names": lambda log: log.get("tool_names", []),
    "metadata_keys": lambda log: list(log.get("metadata", {})),
}
READ: dict[str, Callable[[Any], Any]] = {
    "status": lambda value: value.upper(),
    "request_start_time": parse_time,
    "request_end_time": parse_time,
    "pl_id": int,
    "prompt_id": str,
}
