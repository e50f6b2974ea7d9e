"""The types that a query of a user may name: in a CAST, and of a parameter. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlglot import exp
from sqlglot.errors import SqlglotError

from shared.sql.nodes import invalid

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

NAMES: Final = frozenset(
    {
        *("Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128"),
        *("Float32", "Float64", "Decimal", "Bool", "String", "UUID", "Date", "Date32", "DateTime", "DateTime64"),
        *("Nullable", "Array", "Map", "Tuple"),
    }
)

_STANDARD: Final = {"DATE": "Date", "DATETIME": "DateTime", "TIMESTAMP": "DateTime"}

_PARTS: Final = re.compile(r"([A-Za-z]\w*)|'[A-Za-z0-9_/+:-]{1,64}'|\d{1,3}|[(), ]")


def type_text(node: Expr | str | None) -> str:
    """A type as the engine writes it. Raises Invalid for one that is not among `NAMES`."""
    text = _written(node)
    text = _STANDARD.get(text, text)
    position = 0
    while position < len(text):
        part = _PARTS.match(text, position)
        if part is None or (part[1] is not None and part[1] not in NAMES):
            raise invalid(f"the type {text[:80]!r} is not allowed; types are {', '.join(sorted(NAMES))}")
        position = part.end()
    return text


def _written(node: Expr | str | None) -> str:
    if isinstance(node, exp.Literal) and node.is_string:
        return node.name
    if isinstance(node, exp.DataType):
        try:
            return node.sql(dialect="clickhouse")
        except (SqlglotError, RecursionError, ValueError):
            return "?"
    return str(node)
