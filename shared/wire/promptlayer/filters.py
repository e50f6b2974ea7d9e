"""The filter language of `POST /api/public/v2/requests/search`: from its JSON to a condition on logs.

    {"logic": "AND", "filters": [{"field": "engine", "operator": "is", "value": "gpt-4o"}, {"logic": "OR", ...}]}

A field has a kind, and a kind has operators; another pair is refused with 400, whatever else is wrong with 422.
A negative operator holds wherever its positive twin does not, also where a log has no value at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.errors import BadRequest, Invalid
from shared.store.conditions import AllOf, AnyOf, Condition
from shared.wire.promptlayer.filter_fields import FIELDS, KINDS, NOT_KEPT, BadKey
from shared.wire.validation import field_name

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH: Final = 10
"""Groups inside groups."""

MAX_FILTERS: Final = 100
"""In a request. Each is a part of one statement, and those on bodies are a query of their own."""

Loc = tuple[str | int, ...]


@dataclass(slots=True)
class _Count:
    filters: int = 0


def parse_filters(group: Any, filters: Any) -> Condition:
    """The condition of a body's `filter_group` and of its older form `filters`, a list that is ANDed.

    Either may be None. Raises Invalid and BadRequest.
    """
    count = _Count()
    parts: list[Condition] = []
    if group is not None:
        parts.append(_group(group, ("filter_group",), 1, count))
    if filters is not None:
        parts += _items(filters, ("filters",), 1, count)
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _group(group: Any, loc: Loc, depth: int, count: _Count) -> Condition:
    if not isinstance(group, dict):
        raise _wrong(loc, "must be an object")
    if depth > MAX_DEPTH:
        raise _wrong(loc, f"groups may be nested {MAX_DEPTH} deep")
    logic = "AND" if group.get("logic") is None else group["logic"]
    if logic not in ("AND", "OR"):
        raise _wrong((*loc, "logic"), "must be 'AND' or 'OR'")
    filters = group.get("filters")
    parts = tuple(_items([] if filters is None else filters, (*loc, "filters"), depth, count))
    # An empty group filters nothing, whatever its logic.
    return AnyOf(parts) if logic == "OR" and parts else AllOf(parts)


def _items(filters: Any, loc: Loc, depth: int, count: _Count) -> list[Condition]:
    if not isinstance(filters, list):
        raise _wrong(loc, "must be a list")
    count.filters += len(filters)
    if count.filters > MAX_FILTERS:
        raise _wrong(loc, f"a search may have {MAX_FILTERS} filters and groups")
    return [_item(item, (*loc, position), depth, count) for position, item in enumerate(filters)]


def _item(item: Any, loc: Loc, depth: int, count: _Count) -> Condition:
    if not isinstance(item, dict):
        raise _wrong(loc, "must be a filter or a group")
    if "filters" in item or "logic" in item:
        return _group(item, loc, depth + 1, count)
    return _filter(item, loc)


def _filter(item: dict[str, Any], loc: Loc) -> Condition:
    name, operator = _name(item, loc, "field"), _name(item, loc, "operator")
    if name in NOT_KEPT:
        raise BadRequest(f"{_shown((*loc, 'field'))}: {name} is what PromptLayer's own models make of a log: not kept")
    field = FIELDS.get(name)
    if field is None:
        raise _wrong((*loc, "field"), f"must be one of {_listed(FIELDS)}, not {name[:80]!r}")
    kind = KINDS[field.kind]
    make = kind.get(operator)
    if make is None:
        raise BadRequest(
            f"{_shown((*loc, 'operator'))}: {operator[:80]!r} is not for {name}, which takes {_listed(kind)}"
        )
    try:
        return make(field, item.get("value"), item.get("nested_key"))
    except BadKey as error:
        raise _wrong((*loc, "nested_key"), str(error)) from None
    except ValueError as error:
        raise _wrong((*loc, "value"), str(error)) from None


def _name(item: dict[str, Any], loc: Loc, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise _wrong((*loc, key), "is required" if value is None else "must be a string")
    return value


def _wrong(loc: Loc, message: str) -> Invalid:
    return Invalid(f"{_shown(loc)}: {message}", [{"loc": ["body", *loc], "msg": message, "type": "value_error"}])


def _shown(loc: Sequence[str | int]) -> str:
    return field_name(("body", *loc))


def _listed(names: Any) -> str:
    return ", ".join(names)
