"""`GET /api/public/v2/requests/suggestions`: what it takes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from shared.errors import Invalid
from shared.store import texts
from shared.store.conditions import PAYLOADS, AllOf, Check, Condition, bodies_read
from shared.wire.promptlayer.filter_fields import FIELDS
from shared.wire.promptlayer.filter_values import MAX_KEY, MAX_TEXT, key
from shared.wire.promptlayer.filters import parse_filters
from shared.wire.promptlayer.search import MAX_BODY_FILTERS
from shared.wire.scalars import LaxId, WireModel
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FILTER_CHARACTERS: Final = 32_000


class SuggestionsQuery(WireModel):
    """The query parameters. `prompt_id` counts for the field `prompt` alone, `filter_group` is JSON."""

    field: Literal[
        "engine",
        "provider_type",
        "prompt_id",
        "prompt",
        "tags",
        "metadata_keys",
        "status",
        "tool_names",
        "output_keys",
        "input_variable_keys",
        "metadata_values",
        "output_values",
        "input_variable_values",
    ]
    prefix: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    metadata_key: Annotated[str, Field(min_length=1, max_length=MAX_KEY)] | None = None
    prompt_id: LaxId | None = None
    filter_group: Annotated[str, Field(max_length=MAX_FILTER_CHARACTERS)] | None = None


_COLUMNS: Final = {
    "engine": "[model]",
    "provider_type": "[provider]",
    "prompt_id": "[prompt_id]",
    "prompt": "[prompt_name]",
    "status": f"[{FIELDS['status'].sql}]",
    "tags": "tags",
    "metadata_keys": "mapKeys(metadata)",
    "tool_names": "tool_names",
}
"""The fields whose values are in columns of logs. Those of `LowCardinality` are plain text only after a cast."""

_JSON: Final = {"output": texts.OUTPUT_JSON, "input_variable": "variables"}


class Suggestions:
    """What is asked for: `values`, of logs that meet `condition`."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        """Raises Invalid, and BadRequest for an operator that a field of the filter does not have."""
        query = validate(SuggestionsQuery, dict(items), root="query")
        self.prefix = query.prefix
        self.values = _values(query)
        self.condition = _condition(query)


def _values(query: SuggestionsQuery) -> Check:
    column = _COLUMNS.get(query.field)
    if column is not None:
        return Check(f"CAST({column}, 'Array(String)')")
    source, _, what = query.field.rpartition("_")
    if what == "keys":
        return Check(_keys(_JSON[source]), table=PAYLOADS)
    path = _path(query.metadata_key)
    if source == "metadata":
        return Check("if(mapContains(metadata, ?), [metadata[?]], [])", (("String", path), ("String", path)))
    found, values = texts.values_at(_JSON[source], path, inside_text=FIELDS[f"{source}_keys"].inside_text)
    return Check(found, values, PAYLOADS)


def _keys(json: str) -> str:
    """The keys of a JSON object, and those of the objects in it, as paths.

    Each key is beside the text of its own value. Beside that of the whole object, which the engine then has in memory
    once for each key, a single log of 10,000 fields would take more than a query may. Longer keys than a filter takes
    are of no use, and would be in memory once for each key inside them.
    """
    pairs = f"arrayFilter(pair -> lengthUTF8(pair.1) <= {MAX_KEY}, JSONExtractKeysAndValuesRaw({json}))"
    inner = "arrayMap(inner -> concat(pair.1, '.', inner), JSONExtractKeys(pair.2))"
    return f"arrayFlatten(arrayMap(pair -> arrayConcat([pair.1], {inner}), {pairs}))"


def _path(given: str | None) -> str:
    if given is None:
        raise _wrong("metadata_key", "is required for the values of a key")
    try:
        return key(given)
    except ValueError as error:
        raise _wrong("metadata_key", str(error)) from None


def _condition(query: SuggestionsQuery) -> Condition:
    parts: list[Condition] = []
    if query.field == "prompt" and query.prompt_id is not None:
        parts.append(Check("prompt_id = ?", (("String", str(query.prompt_id)),)))
    if query.filter_group:
        filtered = _filters(query.filter_group)
        if bodies_read(filtered) > MAX_BODY_FILTERS:
            raise _wrong("filter_group", f"may look into inputs and outputs {MAX_BODY_FILTERS} times at most")
        parts.append(filtered)
    return AllOf(tuple(parts))


def _filters(text: str) -> Condition:
    try:
        group = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _wrong("filter_group", "must be a JSON object") from None
    try:
        return parse_filters(group, None)
    except Invalid as error:  # it speaks of a body
        detail: list[dict[str, Any]] = error.detail or []
        raise invalid_fields([{**problem, "loc": ["query", *problem["loc"][1:]]} for problem in detail]) from None


def _wrong(field: str, text: str) -> Invalid:
    return invalid_fields([{"loc": ["query", field], "msg": text, "type": "value_error"}])
