"""The ClickHouse engine on a directory, in a process of its own: the reference that has nothing of the product in it.

It has the settings and the schema of the product's store, and runs one statement at a time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shared.errors import StoreRejected
from shared.store.chdb_store import DEFAULT_MEMORY_BYTES, ChdbStore
from shared.store.migrate import migrate_up
from tests.bench.remote import Remote, Worker

if TYPE_CHECKING:
    from pathlib import Path

    from shared.store.base import Row

_LOOK_S: Final = 0.05
_SHUT_DOWN: Final = "Shutdown was called"
"""What chDB answers to CREATE TABLE ... ENGINE = Kafka, which works all the same."""


class Engine(Remote):
    """A store directory with the product's schema. Every call blocks until the engine has done it."""

    def __init__(
        self, directory: Path, cores: frozenset[int] = frozenset(), memory_bytes: int = DEFAULT_MEMORY_BYTES
    ) -> None:
        super().__init__(cores, _Engine, str(directory), memory_bytes)

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self.ask("execute", sql)

    def execute_all(self, statements: list[str]) -> None:
        """Run statements, two at a time."""
        self.ask("execute_all", statements)

    def query(self, sql: str) -> list[Row]:
        """The rows of a SELECT."""
        rows: list[Row] = self.ask("query", sql)
        return rows

    def hold(self, batches: list[bytes]) -> None:
        """Take over batches of JSON lines, to insert them later."""
        self.ask("hold", batches)

    def insert_held(self, table: str) -> None:
        """Insert the batches, each with one statement."""
        self.ask("insert_held", table)

    def settle(self) -> None:
        """Return when no merge is under way."""
        self.ask("settle")


class _Engine(Worker):
    def __init__(self, directory: str, memory_bytes: int) -> None:
        self._store, self._second = (ChdbStore(directory, memory_bytes=memory_bytes) for _ in range(2))
        self._held: list[bytes] = []

    async def start(self) -> None:
        await self._store.start()
        await migrate_up(self._store)
        await self._second.start()

    async def execute(self, sql: str) -> None:
        try:
            await self._store.execute(sql)
        except StoreRejected as error:
            if _SHUT_DOWN not in str(error):
                raise

    async def execute_all(self, statements: list[str]) -> None:
        waiting = iter(statements)

        async def work(store: ChdbStore) -> None:
            for sql in waiting:
                await store.execute(sql)

        await asyncio.gather(work(self._store), work(self._second))

    async def query(self, sql: str) -> list[Row]:
        return await self._store.query(sql)

    async def hold(self, batches: list[bytes]) -> None:
        self._held = batches

    async def insert_held(self, table: str) -> None:
        for batch in self._held:
            await self._store.insert(table, batch)
        self._held = []

    async def settle(self) -> None:
        while True:
            found = await self._store.query("SELECT count() AS merges FROM system.merges")
            if not found[0]["merges"]:
                return
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        await self._second.stop()
        await self._store.stop()
