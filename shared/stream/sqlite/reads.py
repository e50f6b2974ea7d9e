"""Reading beside the writer: a few threads, each with its own connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from shared.errors import StreamUnavailable
from shared.stream.sqlite.file import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 2
"""One may be busy with a big fetch while the other answers for offsets."""


class ReadPool:
    """Runs functions that read. Readers never wait for the writer: the file is in WAL mode."""

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="stream-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`function(connection, ...)` in a thread. Raises StreamUnavailable when the file can't be read."""

        def call() -> T:
            return function(self._connection(), *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except sqlite3.Error as error:
            raise StreamUnavailable(f"the stream file could not be read: {error}") from error
        except RuntimeError as error:  # the executor is shut down
            raise StreamUnavailable("the stream is stopped") from error

    def close(self) -> None:
        """Wait for reads in flight, then close the connections."""
        self._executor.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        connection: Any = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, self._busy_timeout_s)
            connection.execute("PRAGMA query_only = 1")
            self._local.connection = connection
            self._connections.append(connection)
        return connection  # type: ignore[no-any-return]
