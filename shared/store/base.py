"""The store port: a ClickHouse engine, over HTTP in production, in process (chDB) by default. The SQL is the same.

Rows go in and come out as JSON lines; no value passes through a Python object that its JSON form would not survive.
Both adapters pass `tests/contract/test_store.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]
"""One row by column name. Times are text (`2026-01-31 12:00:00.123`, UTC), maps dicts, arrays lists, integers ints."""


class QueryLimits(NamedTuple):
    """What one query may take before the engine ends it: time, and rows read from all tables together."""

    timeout_s: float
    max_rows: int


class AnswerLimits(NamedTuple):
    """What a query by a user may take, and how large its answer may be: rows, and bytes in memory and as written."""

    query: QueryLimits
    rows: int
    size: int


class LogStore(Protocol):
    """A connection to the engine."""

    async def start(self) -> None:
        """Connect. Raises StoreUnavailable, or Misconfigured when the server can't be used as configured."""
        ...

    async def stop(self) -> None:
        """Finish what is in flight and disconnect."""
        ...

    async def insert(self, table: str, rows: bytes) -> None:
        """Insert JSON lines (JSONEachRow) into a table of the store's database. Absent columns take their defaults.

        The rows are in the store on return. A single row that takes more memory than an insert may use is inserted with
        what the server has, and its indexes are built later. Raises StoreUnavailable when the same call may succeed
        later (rows may or may not be stored), StoreRejected when these rows can't be inserted (none is stored).
        """
        ...

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        """Run one SELECT; values are bound to `{name:Type}` placeholders by the engine, never pasted into the text.

        With `limits` it does not stand in the way of queries without; a process uses few different ones. Raises
        StoreUnavailable, StoreRejected, and with `limits` TooExpensive.
        """
        ...

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        """The result of one SELECT that was made of a user's (see `shared.sql`), as the engine writes it in a format.

        Raises TooExpensive for a limit that is met, StoreUnavailable, and StoreRejected for everything else, values
        that a function can't take included.
        """
        ...

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement that returns nothing (DDL), with values bound as in `query`.

        Raises StoreUnavailable or StoreRejected.
        """
        ...

    async def ping(self) -> None:
        """Raises StoreUnavailable when the engine does not answer."""
        ...
