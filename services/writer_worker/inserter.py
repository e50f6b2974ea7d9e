"""Inserts the rows of a plan, in an order that a crash can't hurt, and isolates rows that the store refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.writer_worker.retry import until_done
from shared.errors import StoreRejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.writer_worker.plan import Line, Plan
    from shared.store.base import LogStore


class Inserter:
    """Writes plans to the store. Blocks for as long as the store is unavailable."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def insert(self, plan: Plan, wanted: Callable[[], bool]) -> list[tuple[Line, str]]:
        """Insert all rows; returns the ones that the store refuses, each with its error. Raises Abandoned.

        Each row carries its version, so a crash in between is mended by reading the same events again.
        """
        refused: list[tuple[Line, str]] = []
        for table, lines in (("logs_in", plan.creates), ("log_payloads", plan.payloads), ("logs", plan.logs)):
            if lines:
                refused += await self._insert(table, lines, wanted)
        return refused

    async def _insert(self, table: str, lines: list[Line], wanted: Callable[[], bool]) -> list[tuple[Line, str]]:
        rows = b"\n".join([line.row for line in lines])
        try:
            await until_done(
                f"insert of {len(lines)} rows into {table}", lambda: self._store.insert(table, rows), wanted
            )
        except StoreRejected as error:
            if len(lines) == 1:
                return [(lines[0], str(error))]
            middle = len(lines) // 2
            first = await self._insert(table, lines[:middle], wanted)
            return first + await self._insert(table, lines[middle:], wanted)
        return []
