"""The ClickHouse engine on a directory, in a process of its own: the reference that has nothing of the product in it.

It has the settings and the schema of the product's store, and runs one statement at a time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import chdb

from shared.errors import StoreRejected
from shared.store.chdb_store import DEFAULT_MEMORY_BYTES, ChdbStore
from shared.store.migrate import migrate_up
from shared.store.session import SESSION_SETTINGS
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
        """Insert the batches, each in one go, in the way that takes the least of the machine (chDB's `send_insert`).

        The product does not use it, for it reports success when the disk is full: count the rows afterwards.
        """
        self.ask("insert_held", table)

    def settle(self) -> None:
        """Return when no merge is under way."""
        self.ask("settle")


class _Engine(Worker):
    def __init__(self, directory: str, memory_bytes: int) -> None:
        self._store, self._second = (ChdbStore(directory, memory_bytes=memory_bytes) for _ in range(2))
        self._directory = directory
        self._handle: Any = None
        self._held: list[bytes] = []

    async def start(self) -> None:
        await self._store.start()
        await migrate_up(self._store)
        await self._second.start()
        self._handle = chdb.connect(self._directory)
        self._handle.query("USE sluice", "Null")
        self._handle.query(
            "SET " + ", ".join(f"{name} = {value!r}" for name, value in SESSION_SETTINGS.items()), "Null"
        )

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
        await asyncio.to_thread(self._insert_held, table)
        self._held = []

    def _insert_held(self, table: str) -> None:
        for batch in self._held:
            inserter = self._handle.send_insert(f"INSERT INTO {table}", "JSONEachRow")
            inserter.append(batch)
            inserter.finish()

    async def settle(self) -> None:
        while True:
            found = await self._store.query("SELECT count() AS merges FROM system.merges")
            if not found[0]["merges"]:
                return
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        self._handle.close()
        await self._second.stop()
        await self._store.stop()
