"""The one thread that writes: all that is queued while a commit runs goes into the next transaction (group commit)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.errors import OutcomeUnknown, StreamUnavailable, Unavailable
from shared.stream.base import Appended, Message
from shared.stream.sqlite.codec import encode
from shared.stream.sqlite.file import Log, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

BATCH_BYTES: Final = 1 << 20
"""A row takes whole appends until it is at least this big."""

GROUP_BYTES: Final = 64 << 20
"""A transaction takes whole appends until it is at least this big."""


@dataclass(slots=True, eq=False)
class Append:
    """Messages for one log. The future resolves to `Appended`."""

    log: Log
    messages: Sequence[Message]
    size: int
    future: asyncio.Future[Any]


@dataclass(slots=True, eq=False)
class Action:
    """Anything else that writes; called in the transaction, which it shares with others: it does not raise on purpose.

    The future resolves to what it returns.
    """

    run: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    size: int = 0


Job = Append | Action


@dataclass(frozen=True, slots=True)
class Failure:
    """Why none of a group is in the file, or why that is not known. Each waiter gets its own exception."""

    kind: type[Unavailable]
    reason: str


class GroupWriter:
    """Owns the writing connection. `on_appended` is called on the loop with the topics that grew."""

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        *,
        busy_timeout_s: float,
        clock: Callable[[], float],
        on_appended: Callable[[set[str]], None],
    ) -> None:
        self._path = path
        self._loop = loop
        self._busy_timeout_s = busy_timeout_s
        self._clock = clock
        self._on_appended = on_appended
        self._connection: sqlite3.Connection | None = None
        self._queue: list[Job] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._finished = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="stream-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def stop(self, timeout_s: float) -> bool:
        """Write what is queued, then end the thread. False when that took longer than `timeout_s`."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), timeout_s)
        return self._finished.is_set()

    def submit(self, job: Job) -> None:
        """Queue a job. Raises StreamUnavailable once stopping."""
        with self._changed:
            if self._stopping:
                raise StreamUnavailable("the stream is stopped")
            self._queue.append(job)
            self._changed.notify()

    def withdraw(self, job: Job) -> bool:
        """Take a job out of the queue; False when the thread has already taken it."""
        with self._changed:
            if job not in self._queue:
                return False
            self._queue.remove(job)
            return True

    def _run(self) -> None:
        try:
            while group := self._take():
                self._settle(group, self._write(group))
        finally:
            self._disconnect()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._finished.set)

    def _take(self) -> list[Job]:
        """The next group; empty when stopping and nothing is left."""
        with self._changed:
            while not self._queue and not self._stopping:
                self._changed.wait()
            size = taken = 0
            while taken < len(self._queue) and size < GROUP_BYTES:
                size += self._queue[taken].size
                taken += 1
            group, self._queue = self._queue[:taken], self._queue[taken:]
            return group

    def _write(self, group: list[Job]) -> dict[Job, Any] | Failure:
        """Write the group in one transaction; results by job."""
        committing = False
        try:
            if self._connection is None:
                self._connection = connect(self._path, self._busy_timeout_s)
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            results: dict[Job, Any] = {}
            appends: dict[Log, list[Append]] = {}
            for job in group:
                if isinstance(job, Append):
                    appends.setdefault(job.log, []).append(job)
                else:
                    results[job] = job.run(connection)
            for target, jobs in appends.items():
                self._append(connection, target, jobs, results)
            committing = True
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # A new connection for the next group: whatever state this one was left in is gone with it.
            self._disconnect()
            log.warning("stream: a write failed: %s", error)
            # A failed sync leaves a complete transaction that a crash right now would bring to life.
            if committing and error.sqlite_errorname.endswith("FSYNC"):
                return Failure(OutcomeUnknown, f"the stream file could not be synced: {error}")
            return Failure(StreamUnavailable, f"the stream file could not be written: {error}")
        except Exception as error:
            self._disconnect()
            log.exception("stream: a write failed")
            return Failure(StreamUnavailable, f"the stream could not write: {error!r}")
        return results

    def _append(self, connection: sqlite3.Connection, target: Log, jobs: list[Append], results: dict[Job, Any]) -> None:
        # Read inside the transaction: another process may have appended since.
        offset, newest_ms = connection.execute(
            "SELECT end_offset, timestamp_ms FROM logs WHERE id = ?", (target.id,)
        ).fetchone()
        timestamp_ms = max(int(self._clock() * 1000), newest_ms)
        stored_bytes = 0
        rows: list[tuple[int, int, int, bytes]] = []
        first_offset, run, run_bytes = offset, list[Message](), 0
        for job in jobs:
            results[job] = Appended(target.partition, offset, timestamp_ms)
            run += job.messages
            run_bytes += job.size
            offset += len(job.messages)
            if run_bytes >= BATCH_BYTES or job is jobs[-1]:
                stored = encode(run)
                rows.append((first_offset, len(run), timestamp_ms, stored))
                stored_bytes += len(stored)
                first_offset, run, run_bytes = offset, [], 0
        connection.executemany(f"INSERT INTO {target.table} VALUES (?, ?, ?, ?)", rows)
        connection.execute(
            "UPDATE logs SET end_offset = ?, timestamp_ms = ?, bytes = bytes + ? WHERE id = ?",
            (offset, timestamp_ms, stored_bytes, target.id),
        )

    def _settle(self, group: list[Job], outcome: dict[Job, Any] | Failure) -> None:
        def settle() -> None:
            for job in group:
                if job.future.done():  # its waiter was cancelled or gave up
                    continue
                if isinstance(outcome, Failure):
                    job.future.set_exception(outcome.kind(outcome.reason))
                else:
                    job.future.set_result(outcome[job])
            if not isinstance(outcome, Failure):
                self._on_appended({job.log.topic for job in group if isinstance(job, Append)})

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(settle)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()  # rolls back what was not committed
            self._connection = None
