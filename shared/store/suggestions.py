"""Values that logs have of a field, for whoever types one: of the newest logs that have any, the commonest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.store.conditions import LOGS, PAYLOADS
from shared.store.search import NEWEST_FIRST, where_of

if TYPE_CHECKING:
    from shared.store.base import LogStore, QueryLimits
    from shared.store.conditions import Check
    from shared.store.search import Selection

MAX_VALUES: Final = 50

NEWEST_LOGS: Final = 10_000
"""With a value that begins as it should. What is looked for is what was used lately."""

NEWEST_BODIES: Final = 1_000
"""Bodies are a hundred times the size of what lists show of a log."""


async def suggestions(
    store: LogStore, selection: Selection, values: Check, prefix: str, limits: QueryLimits
) -> list[str]:
    """Up to `MAX_VALUES` values that begin with the prefix, in any case. Raises as searches do.

    `values` is an expression for the list of a log's values, as texts.
    """
    where, parameters = where_of(selection)
    listed = _with_parameters(values, parameters)
    parameters["prefix"] = prefix
    begins = f"arrayFilter(v -> v != '' AND startsWith(lowerUTF8(v), lowerUTF8({{prefix:String}})), {listed})"
    newest = f"ORDER BY {NEWEST_FIRST} LIMIT"
    if values.table == LOGS:
        found = f"SELECT {begins} AS found FROM {LOGS} FINAL WHERE {where} AND notEmpty(found) {newest} {NEWEST_LOGS}"
    else:
        keys = f"SELECT received_at, id FROM {LOGS} FINAL WHERE {where} {newest} {NEWEST_BODIES}"
        of_keys = f"workspace_id = {{workspace:String}} AND (received_at, id) IN ({keys})"
        found = f"SELECT {begins} AS found FROM {PAYLOADS} FINAL WHERE {of_keys}"
    text = f"""
        SELECT value FROM ({found}) ARRAY JOIN found AS value
        GROUP BY value ORDER BY count() DESC, value LIMIT {MAX_VALUES}
    """
    return [row["value"] for row in await store.query(text, parameters, limits)]


def _with_parameters(values: Check, parameters: dict[str, Any]) -> str:
    """The SQL with its `?` as named parameters, which are added to the others."""
    text, *pieces = values.sql.split("?")
    for number, (piece, (kind, value)) in enumerate(zip(pieces, values.values, strict=True)):
        parameters[f"v{number}"] = value
        text += f"{{v{number}:{kind}}}{piece}"
    return text
