"""Inserts the rows of a plan, in an order that a crash can't hurt, and isolates rows that the store refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from services.writer_worker.retry import FIRST_PAUSE_S, until_done
from shared.errors import SluiceError, StoreOverloaded, StoreRejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.writer_worker.batch import Line, Plan
    from shared.store.base import LogStore

Refused = list[tuple["Line", str]]
"""Rows that the store refuses, each with its error."""

TABLES: Final = ("log_external_ids", "logs_in", "log_payloads", "logs")


class _TooManyAtOnce(SluiceError):
    """The store lacks the memory for an insert of several rows."""


class Inserter:
    """Writes plans to the store. Blocks for as long as the store is unavailable."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def insert(self, plan: Plan, wanted: Callable[[], bool]) -> Refused:
        """Insert all rows, except those that the store refuses, which are returned. Raises Abandoned.

        Each row carries its version, so a crash in between is mended by reading the same events again.
        """
        refused: Refused = []
        for table, lines in zip(TABLES, plan.rows(), strict=True):
            if lines:
                refused += await self._insert(table, lines, wanted)
        return refused

    async def _insert(self, table: str, lines: list[Line], wanted: Callable[[], bool]) -> Refused:
        rows = b"\n".join([line.row for line in lines])

        async def once() -> None:
            try:
                await self._store.insert(table, rows)
            except StoreOverloaded as error:
                if len(lines) > 1:
                    raise _TooManyAtOnce(error.message) from error
                raise

        try:
            await until_done(f"insert of {len(lines)} rows into {table}", once, wanted)
        except StoreRejected as error:
            return [(lines[0], str(error))] if len(lines) == 1 else await self._insert_halves(table, lines, wanted)
        except _TooManyAtOnce:
            await asyncio.sleep(FIRST_PAUSE_S)
            return await self._insert_halves(table, lines, wanted)
        return []

    async def _insert_halves(self, table: str, lines: list[Line], wanted: Callable[[], bool]) -> Refused:
        middle = len(lines) // 2
        first = await self._insert(table, lines[:middle], wanted)
        return first + await self._insert(table, lines[middle:], wanted)
