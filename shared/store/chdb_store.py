"""The engine in this process: chDB on a directory. The default, for one machine.

chDB releases the GIL while it works, and a handle serves one statement at a time. Reads have a few threads with a
handle each; inserts and DDL have a thread and a handle of their own, so neither side queues behind the other.
A directory belongs to one process, and a process can have one directory open.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

import chdb

from shared.errors import Misconfigured, StoreInUse, StoreOverloaded, StoreUnavailable
from shared.store.base import AnswerLimits, LogStore, QueryLimits, Row
from shared.store.chdb_disk import DiskGuard
from shared.store.chdb_insert import insert_rows
from shared.store.codes import answer_error, limit_error, store_error
from shared.store.parameters import encode_parameters
from shared.store.session import (
    INSERT_SETTINGS,
    LAST_RESORT_SETTINGS,
    SESSION_SETTINGS,
    answer_settings,
    decode_rows,
    is_one_row,
    query_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
Handle = Any
"""A `chdb.state.sqlitelike.Connection`; the library is not typed. All its errors are RuntimeErrors."""

QUERY_THREADS: Final = 4

LIMITED_THREADS: Final = 2
"""For each kind of limits: queries that need some are the long ones, and must not keep reads by id waiting."""

DEFAULT_MEMORY_BYTES: Final = 1_500_000_000
"""The engine's cap; the default is 90 % of the machine. Inserts of 60 MB (20,000 rows) bring a process to 0.95 GB
resident, of 120 MB to 1.5 GB."""

_ENGINE_OPTIONS: Final = (
    "mark_cache_size=67108864&index_mark_cache_size=33554432&primary_index_cache_size=67108864"
    "&query_condition_cache_size=8388608&background_pool_size=2"
)
"""The caches default to 5 GB each."""


class ChdbStore(LogStore):
    """A database of the chDB directory `path`; both are made when they are missing, unless `create` is False."""

    def __init__(
        self,
        path: str | Path,
        *,
        database: str = "sluice",
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        create: bool = True,
    ) -> None:
        self._path = Path(path).resolve()
        self._database = database
        self._create = create
        self._connection_string = f"{self._path}?max_server_memory_usage={memory_bytes}&{_ENGINE_OPTIONS}"
        self._readers: _Pool | None = None
        self._limited: dict[QueryLimits | AnswerLimits, _Pool] = {}
        self._writer: _Pool | None = None
        self._disk = DiskGuard(self._path, database, self._ask)
        self._watching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"ChdbStore({str(self._path)!r}, database={self._database!r})"

    async def start(self) -> None:
        if self._writer is None:
            # In a thread: opening a directory reads what there is of every table.
            self._writer, self._readers = await asyncio.to_thread(self._open)
            await self._disk.recover()
            self._watching = asyncio.create_task(self._disk.watch(), name="store disk")

    def _open(self) -> tuple[_Pool, _Pool]:
        handles: list[Handle] = []
        if not self._create and not self._path.exists():
            raise Misconfigured(f"there is no store {self._path}: the first `sluice up` makes it")
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            _refuse_other_owner(self._path)
            handles.append(chdb.connect(self._connection_string))
            handles[0].query(f"CREATE DATABASE IF NOT EXISTS `{self._database}`", "Null")
            self._prepare(handles[0], SESSION_SETTINGS, INSERT_SETTINGS)
            handles += [self._reading_handle(query_settings(None)) for _ in range(QUERY_THREADS)]
        except OSError as error:
            raise Misconfigured(f"the store directory {self._path} can't be made: {error.strerror}") from error
        except RuntimeError as error:
            for handle in handles:
                handle.close()
            raise _not_opened(self._path, str(error)) from error
        return _Pool(handles[:1], "store-write"), _Pool(handles[1:], "store-read")

    def _reading_handle(self, settings: Mapping[str, str | int]) -> Handle:
        handle = chdb.connect(self._connection_string)
        self._prepare(handle, SESSION_SETTINGS, settings)
        return handle

    def _prepare(self, handle: Handle, *settings: Mapping[str, str | int]) -> None:
        handle.query(f"USE `{self._database}`", "Null")
        for some in settings:
            handle.query(_set_statement(some), "Null")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            self._watching = None
        pools = [pool for pool in (*self._limited.values(), self._readers, self._writer) if pool is not None]
        self._writer = self._readers = None
        self._limited = {}
        for pool in pools:
            await asyncio.to_thread(pool.close)

    async def insert(self, table: str, rows: bytes) -> None:
        if not rows.strip():
            return
        self._disk.check_before_insert()
        try:
            await self._run(self._writer, lambda handle: insert_rows(handle, table, rows), inserting=True)
        except StoreOverloaded:
            if not is_one_row(rows):
                raise
            further = _assignments(LAST_RESORT_SETTINGS)
            await self._run(self._writer, lambda handle: insert_rows(handle, table, rows, further), inserting=True)
        self._disk.check_after_insert()

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        values = encode_parameters(parameters or {})
        pool = self._readers if limits is None else self._limited_pool(limits, query_settings(limits))
        return await self._run(pool, lambda handle: decode_rows(_query(handle, sql, values)), limits=limits)

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        values = encode_parameters(parameters)
        pool = self._limited_pool(limits, answer_settings(limits))
        if pool is None:
            raise StoreUnavailable("the store is not started")
        try:
            return await pool.run(lambda handle: _query(handle, sql, values, output_format))
        except RuntimeError as error:
            raise answer_error(str(error), limits) from error

    def _limited_pool(self, limits: QueryLimits | AnswerLimits, settings: Mapping[str, str | int]) -> _Pool | None:
        """Settings of a handle that only reads can't be changed, so other limits have other handles."""
        if self._readers is not None and limits not in self._limited:
            connect = partial(self._reading_handle, settings)
            self._limited[limits] = _Pool([None] * LIMITED_THREADS, "store-search", connect)
        return self._limited.get(limits)

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        values = encode_parameters(parameters or {})
        await self._run(self._writer, lambda handle: _query(handle, sql, values))

    async def ping(self) -> None:
        await self.query("SELECT 1")

    async def _ask(self, sql: str) -> list[Row]:
        return await self._run(self._writer, lambda handle: decode_rows(_query(handle, sql, {})))

    async def _run(
        self,
        pool: _Pool | None,
        work: Callable[[Handle], T],
        *,
        inserting: bool = False,
        limits: QueryLimits | None = None,
    ) -> T:
        if pool is None:
            raise StoreUnavailable("the store is not started")
        try:
            return await pool.run(work)
        except RuntimeError as error:  # ChdbError, or what the handle itself raises
            exceeded = limit_error(str(error), limits) if limits is not None else None
            if exceeded is not None:
                raise exceeded from error
            raise store_error(str(error), inserting=inserting) from error


class _Slot:
    """A handle, and whether its last statement succeeded: chDB adds what a failed one wrote to the next answer."""

    def __init__(self, handle: Handle | None) -> None:
        self.handle = handle
        self.is_clean = True


class _Pool:
    """Threads, and a handle for each. One that is given as None is opened with `connect` when it is first needed."""

    def __init__(
        self, handles: Sequence[Handle | None], name: str, connect: Callable[[], Handle] | None = None
    ) -> None:
        self._connect = connect
        self._slots = [_Slot(handle) for handle in handles]
        self._free: SimpleQueue[_Slot] = SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._threads = ThreadPoolExecutor(len(handles), thread_name_prefix=name)

    async def run(self, work: Callable[[Handle], T]) -> T:
        """The result of `work`, done in one of the threads. A caller that is cancelled does not stop the work."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)

    def _work(self, work: Callable[[Handle], T]) -> T:
        slot = self._free.get()
        try:
            if slot.handle is None and self._connect is not None:
                slot.handle = self._connect()
            assert slot.handle is not None
            if not slot.is_clean:
                slot.handle.query("SELECT 1", "Null")
            slot.is_clean = False
            result = work(slot.handle)
            slot.is_clean = True
            return result
        finally:
            self._free.put(slot)

    def close(self) -> None:
        """Finish what was asked for, then free the handles. Blocks."""
        self._threads.shutdown()
        for slot in self._slots:
            if slot.handle is not None:
                slot.handle.close()


def _query(handle: Handle, sql: str, values: Mapping[str, str], output_format: str = "JSONEachRow") -> bytes:
    answer: bytes = handle.query(sql, output_format, params=dict(values)).bytes()
    return answer


def _set_statement(settings: Mapping[str, str | int]) -> str:
    return f"SET {_assignments(settings)}"


def _assignments(settings: Mapping[str, str | int]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in settings.items())


def _not_opened(path: Path, reason: str) -> Misconfigured:
    other = re.search(r"already initialized with path '([^']*)'", reason)
    if other is not None:
        return Misconfigured(
            f"the store {path} can't be opened: this process has {other[1]} open, and chDB can open one directory"
        )
    return Misconfigured(f"the store {path} can't be opened: {reason.partition(', Stack trace')[0]}")


def _refuse_other_owner(path: Path) -> None:
    """Raises StoreInUse when another process than this one has the directory.

    The engine keeps a lock on the file `status` and writes its pid there. It would notice, and print so to stderr.
    """
    with contextlib.suppress(FileNotFoundError), (path / "status").open() as status:
        try:
            fcntl.flock(status, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = status.readline().strip().lower() or "pid unknown"
            if owner == f"pid: {os.getpid()}":
                return
            raise StoreInUse(
                f"the store {path} is in use by another process ({owner}), such as another `sluice up`: stop that first"
            ) from None
