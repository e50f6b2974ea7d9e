"""The ClickHouse engine on a directory, in a process of its own: the reference that has nothing of the product in it.

It has the settings of the product's store, and runs what it is told, one statement at a time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any, Final

from shared.errors import StoreRejected
from shared.store.chdb_store import ChdbStore
from shared.store.migrate import migrate_up
from tests.bench.machine import pinned

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from shared.store.base import Row

_LOOK_S: Final = 0.05
_SHUT_DOWN: Final = "Shutdown was called"
"""What chDB answers to CREATE TABLE ... ENGINE = Kafka, which works all the same."""


class Engine:
    """A store directory with the product's schema. Every call blocks until the engine has done it."""

    def __init__(self, directory: Path, cores: frozenset[int]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(str(directory), theirs), daemon=True)
        with pinned(cores):
            self._process.start()
        theirs.close()
        self._answer()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self._ask("execute", sql)

    def query(self, sql: str) -> list[Row]:
        """The rows of a SELECT."""
        rows: list[Row] = self._ask("query", sql)
        return rows

    def hold(self, batches: list[bytes]) -> None:
        """Take over batches of JSON lines, to insert them later."""
        self._ask("hold", batches)

    def insert_held(self, table: str) -> None:
        """Insert the batches, each with one statement."""
        self._ask("insert_held", table)

    def settle(self) -> None:
        """Return when no merge is under way."""
        self._ask("settle", None)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Close the store, and wait until the process is gone."""
        self._ask("stop", None)
        self._process.join()

    def _ask(self, what: str, argument: Any) -> Any:
        self._pipe.send((what, argument))
        return self._answer()

    def _answer(self) -> Any:
        problem, result = self._pipe.recv()
        if problem:
            raise RuntimeError(problem)
        return result


def _serve(directory: str, pipe: Connection) -> None:
    # Whoever made this process is gone when the pipe breaks.
    asyncio.run(_Server(directory, pipe).run())


class _Server:
    def __init__(self, directory: str, pipe: Connection) -> None:
        self._store = ChdbStore(directory)
        self._pipe = pipe
        self._held: list[bytes] = []

    async def run(self) -> None:
        await self._store.start()
        await migrate_up(self._store)
        self._pipe.send(("", None))
        while True:
            try:
                what, argument = await asyncio.to_thread(self._pipe.recv)
            except EOFError:
                break
            try:
                result = await getattr(self, what)(argument)
            except Exception as error:
                self._pipe.send((f"{type(error).__name__}: {error}", None))
            else:
                self._pipe.send(("", result))
            if what == "stop":
                break

    async def execute(self, sql: str) -> None:
        try:
            await self._store.execute(sql)
        except StoreRejected as error:
            if _SHUT_DOWN not in str(error):
                raise

    async def query(self, sql: str) -> list[Row]:
        return await self._store.query(sql)

    async def hold(self, batches: list[bytes]) -> None:
        self._held = batches

    async def insert_held(self, table: str) -> None:
        for batch in self._held:
            await self._store.insert(table, batch)
        self._held = []

    async def settle(self, _: None) -> None:
        while True:
            found = await self._store.query("SELECT count() AS merges FROM system.merges")
            if not found[0]["merges"]:
                return
            await asyncio.sleep(_LOOK_S)

    async def stop(self, _: None) -> None:
        await self._store.stop()
