"""Conditions on logs, and the SQL they become. Pure.

A condition is a tree of `Check` (of one of the two tables), `Not`, `AllOf` and `AnyOf`. Values are parameters of the
query, never part of its text: a check writes `?` where a value goes. A check that comes to NULL (a column without a
value) does not hold, so its `Not` does.

Bodies are in a table of their own. A check of them becomes a set of keys to look in:
`(received_at, id) IN (SELECT received_at, id FROM log_payloads FINAL WHERE workspace_id = ... AND ...)`. Where the
checks of `logs` in the same `AllOf` narrow the logs down, the inner query reads the bodies of those logs alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGS: Final = "logs"
PAYLOADS: Final = "log_payloads"


@dataclass(frozen=True, slots=True)
class Check:
    """An expression over the columns of one table. `values` are (engine type, value), one for each `?` in `sql`."""

    sql: str
    values: tuple[tuple[str, Any], ...] = ()
    table: str = LOGS


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where the other one does not."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where all parts do; everywhere when there is none."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where any part does; nowhere when there is none."""

    parts: tuple[Condition, ...] = ()


Condition = Check | Not | AllOf | AnyOf


def to_sql(condition: Condition, workspace: str) -> tuple[str, dict[str, Any]]:
    """A condition as the WHERE of a query of `logs FINAL`, and its parameters, which include {workspace:String}.

    The caller's own WHERE restricts the query to the workspace; every inner query does so here.
    """
    compiler = _Compiler()
    text = compiler.compile(condition, within="")
    return text, {"workspace": workspace, **compiler.parameters}


def bodies_read(condition: Condition) -> int:
    """How many checks of bodies there are: each is a query of its own, and reads bodies where no index helps it."""
    match condition:
        case Check():
            return int(condition.table != LOGS)
        case Not(inner):
            return bodies_read(inner)
        case AllOf(parts) | AnyOf(parts):
            return sum(map(bodies_read, parts))


class _Compiler:
    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def compile(self, condition: Condition, within: str) -> str:
        """`within` is what already restricts the logs in question, over columns of `logs`; '' for nothing."""
        match condition:
            case Check():
                return self._check(condition, within)
            case Not(inner):
                return f"NOT ifNull({self.compile(inner, within)}, 0)"
            case AnyOf(parts):
                return _joined(" OR ", [self.compile(part, within) for part in parts], "0")
            case AllOf(parts):
                return self._all(parts, within)

    def _all(self, parts: Sequence[Condition], within: str) -> str:
        narrow = [self.compile(part, "") for part in parts if not bodies_read(part)]
        within = _joined(" AND ", [text for text in (within, *narrow) if text], "")
        wide = [self.compile(part, within) for part in parts if bodies_read(part)]
        return _joined(" AND ", [*narrow, *wide], "1")

    def _check(self, check: Check, within: str) -> str:
        pieces = check.sql.split("?")
        text = pieces[0]
        for (kind, value), piece in zip(check.values, pieces[1:], strict=True):
            name = f"p{len(self.parameters)}"
            self.parameters[name] = value
            text += f"{{{name}:{kind}}}{piece}"
        if check.table == LOGS:
            return text
        narrowed = ""
        if within:
            keys = f"SELECT received_at, id FROM {LOGS} FINAL WHERE workspace_id = {{workspace:String}} AND {within}"
            narrowed = f" AND (received_at, id) IN ({keys})"
        bodies = f"FROM {PAYLOADS} FINAL WHERE workspace_id = {{workspace:String}}{narrowed} AND ({text})"
        return f"(received_at, id) IN (SELECT received_at, id {bodies})"


def _joined(operator: str, texts: Sequence[str], nothing: str) -> str:
    if len(texts) < 2:
        return texts[0] if texts else nothing
    return f"({operator.join(texts)})"
