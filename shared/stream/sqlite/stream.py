"""`SqliteStream`: the port over one file. One process owns it; others (the command line) may append beside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared.deadlines import Deadlines
from shared.errors import Misconfigured, OutcomeUnknown, StreamUnavailable
from shared.stream import metrics
from shared.stream.base import (
    DEAD_LETTERS_TOPIC,
    LOGS_TOPIC,
    REGISTRY_TOPIC,
    WRITER_GROUP,
    Appended,
    AssignmentListener,
    Message,
    TopicInfo,
)
from shared.stream.sqlite import file, membership, retention
from shared.stream.sqlite.consumer import SqliteConsumer, SqliteReader
from shared.stream.sqlite.reads import ReadPool
from shared.stream.sqlite.writer import Action, Append, GroupWriter, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.stream.sqlite.file import Log

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 5.0
"""How long a write waits for another process that writes; a command line call writes for milliseconds."""


class SqliteStream:
    """A stream in one SQLite file.

    `partitions` counts for a new file; an existing one keeps its own. Applied records of the logs topic are kept for
    `retention_s` or up to `retention_bytes`, whichever ends first. After an unclean stop a group member starts
    `rewind_s` before the newest record, since a power loss may have taken what the store had not synced; `sync` makes
    all that durable and is called before a stop is marked clean and before younger records than that are deleted.

    A `read_only` stream needs the file to be there, takes no appends and deletes nothing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        partitions: int = 4,
        produce_deadline_s: float = 10,
        retention_s: float = 24 * 3600,
        retention_bytes: int = 1 << 30,
        retention_interval_s: float = 5,
        rewind_s: float = 600,
        clock: Callable[[], float] = time.time,
        sync: Callable[[], None] = os.sync,
        read_only: bool = False,
    ) -> None:
        self.path = Path(path)
        self._counts = {LOGS_TOPIC: partitions, REGISTRY_TOPIC: 1, DEAD_LETTERS_TOPIC: partitions}
        self._produce_deadline_s = produce_deadline_s
        self._deadlines = Deadlines[Job](produce_deadline_s, self._expire)
        self._retention = retention.Retention(LOGS_TOPIC, WRITER_GROUP, retention_s, retention_bytes)
        self._retention_interval_s = retention_interval_s
        self._rewind_s = rewind_s
        self._clock = clock
        self._sync = sync
        self._read_only = read_only
        self._logs: dict[str, list[Log]] = {}
        self._joined: set[tuple[str, str]] = set()
        self._grown: dict[str, asyncio.Future[None]] = {}
        self._writer: GroupWriter | None = None
        self._reads: ReadPool | None = None
        self._retention_task: asyncio.Task[None] | None = None
        self.members: dict[tuple[str, str], SqliteConsumer] = {}
        """Who owns the partitions of a topic, by (topic, group)."""
        self.rewound: dict[int, tuple[int, int]] = {}
        """Partitions whose last join went back after an unclean stop: the committed offset and where it went."""

    async def start(self) -> None:
        """See `Stream.start`."""
        try:
            self._logs = await asyncio.to_thread(self._prepare)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname == "SQLITE_NOTADB":
                raise Misconfigured(f"{self.path} is not a stream file: {error}") from error
            raise StreamUnavailable(f"the stream file {self.path} can't be opened: {error}") from error
        except OSError as error:
            raise Misconfigured(f"the stream file {self.path} can't be made: {error}") from error
        self._reads = ReadPool(self.path, BUSY_TIMEOUT_S)
        if self._read_only:
            return
        self._writer = GroupWriter(
            self.path,
            asyncio.get_running_loop(),
            busy_timeout_s=BUSY_TIMEOUT_S,
            clock=self._clock,
            on_appended=self._announce,
        )
        self._writer.start()
        self._retention_task = asyncio.create_task(self._retain())

    def _prepare(self) -> dict[str, list[Log]]:
        if self._read_only:
            if not self.path.exists():
                raise Misconfigured(f"there is no stream file {self.path}: the first `sluice up` makes it")
            with contextlib.closing(file.connect(self.path, BUSY_TIMEOUT_S)) as connection:
                return file.look(connection)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(file.connect(self.path, BUSY_TIMEOUT_S)) as connection:
            return file.prepare(connection, self._counts)

    async def stop(self) -> None:
        """See `Stream.stop`."""
        if self._writer is not None:
            await self._stop_writing(self._writer)
            self._writer = None
        if self._reads is not None:
            await asyncio.to_thread(self._reads.close)

    async def _stop_writing(self, writer: GroupWriter) -> None:
        if self._retention_task is not None:
            self._retention_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._retention_task
        if self._joined:
            try:
                await self._mark_clean()
            except (OSError, StreamUnavailable, OutcomeUnknown) as error:
                log.warning("stream: the stop is not marked clean, the next start reads some records again: %s", error)
        if not await writer.stop(self._produce_deadline_s):
            log.error("stream: the writer did not finish within %s s", self._produce_deadline_s)
        self._joined.clear()
        self.members.clear()

    async def _mark_clean(self) -> None:
        # The store's files first: a power loss after the mark may take nothing that they should hold.
        await asyncio.wait_for(asyncio.to_thread(self._sync), self._produce_deadline_s)
        for topic, group in self._joined:
            await self.write(partial(membership.leave, topic=topic, group=group))

    def topics(self) -> dict[str, TopicInfo]:
        """See `Stream.topics`."""
        kept = self._retention
        return {
            name: TopicInfo(
                name=name,
                partitions=len(logs),
                replication_factor=1,
                min_insync_replicas=1,
                retention_ms=int(kept.age_s * 1000) if name == kept.topic else None,
                retention_bytes=kept.bytes if name == kept.topic else None,
            )
            for name, logs in self._logs.items()
        }

    def partitions(self, topic: str) -> int:
        """See `Stream.partitions`."""
        return len(self._logs[topic])

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        """See `Stream.append`."""
        if self._writer is None:
            raise StreamUnavailable("the stream is not started")
        if not messages:
            raise ValueError("nothing to append")
        if not 0 <= partition < self.partitions(topic):
            raise ValueError(f"{topic} has no partition {partition}")
        size = sum([len(message.key) + len(message.value) for message in messages])
        appended: Appended = await self._submit(
            Append(self._logs[topic][partition], messages, size, asyncio.get_running_loop().create_future())
        )
        return appended

    async def write(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Run something that writes in the next transaction. Raises what `append` raises."""
        result: T = await self._submit(Action(run, asyncio.get_running_loop().create_future()))
        return result

    async def _submit(self, job: Job) -> Any:
        if self._writer is None:
            raise StreamUnavailable("the stream is not started")
        self._writer.submit(job)
        self._deadlines.begin(job)
        try:
            return await job.future
        finally:
            self._deadlines.end(job)
            # The future has the exception, that has the traceback, and that has this frame: with the job in it, all
            # that failed would stay in memory until the garbage collector comes, and an outage makes a lot of it.
            del job

    def _expire(self, job: Job) -> None:
        if job.future.done() or self._writer is None:
            return
        waited = f"within {self._produce_deadline_s} s"
        if self._writer.withdraw(job):
            job.future.set_exception(StreamUnavailable(f"the stream file took no write {waited}"))
        else:
            job.future.set_exception(OutcomeUnknown(f"the stream file did not finish a write {waited}"))

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """See `Stream.end_offsets`."""
        return await self.reads.run(file.end_offsets, topic)

    async def start_offsets(self, topic: str) -> dict[int, int]:
        """See `Stream.start_offsets`."""

        def read(connection: sqlite3.Connection) -> dict[int, int]:
            return {log.partition: file.start_offset(connection, log) for log in self._logs[topic]}

        return await self.reads.run(read)

    async def committed(self, topic: str, group: str) -> dict[int, int]:
        """See `Stream.committed`."""
        found = await self.reads.run(file.committed, topic, group)
        return {log.partition: found.get(log.partition, 0) for log in self._logs[topic]}

    def consumer(self, topic: str, group: str, listener: AssignmentListener) -> SqliteConsumer:
        """See `Stream.consumer`."""
        return SqliteConsumer(self, topic, group, listener)

    async def reader(self, topic: str, partition: int, offset: int) -> SqliteReader:
        """See `Stream.reader`."""
        return SqliteReader(self, self._logs[topic][partition], offset)

    @property
    def reads(self) -> ReadPool:
        """Where to read the file."""
        if self._reads is None:
            raise StreamUnavailable("the stream is not started")
        return self._reads

    def log(self, topic: str, partition: int) -> Log:
        """The log of one partition."""
        return self._logs[topic][partition]

    def appended(self, topic: str) -> asyncio.Future[None]:
        """Done when this process next appends to the topic."""
        waiting = self._grown.get(topic)
        if waiting is None:
            waiting = self._grown[topic] = asyncio.get_running_loop().create_future()
        return waiting

    def _announce(self, topics: set[str]) -> None:
        for topic in topics:
            waiting = self._grown.pop(topic, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    async def join(self, topic: str, group: str) -> membership.Joined:
        """Make this process the group's member; rewinds when the last one did not stop cleanly."""
        rewind_ms = None if (topic, group) in self._joined else int(self._rewind_s * 1000)
        joined = await self.write(partial(membership.join, logs=self._logs[topic], group=group, rewind_ms=rewind_ms))
        self._joined.add((topic, group))
        self.rewound = dict(joined.rewound)
        if joined.rewound:
            metrics.REWOUND_RECORDS.inc(sum(at - back for at, back in joined.rewound.values()))
            log.warning(
                "stream: group %s did not stop cleanly; it reads the last %s s of %s again: %s",
                group,
                self._rewind_s,
                topic,
                ", ".join(f"partition {p} from {back}, not {at}" for p, (at, back) in joined.rewound.items()),
            )
        return joined

    async def _retain(self) -> None:
        while True:
            await asyncio.sleep(self._retention_interval_s)
            try:
                await self.trim()
            except (OSError, StreamUnavailable, OutcomeUnknown) as error:
                log.warning("stream: retention will be tried again: %s", error)

    async def trim(self) -> None:
        """Delete what retention no longer keeps."""
        now_ms = int(self._clock() * 1000)
        plan = await self.reads.run(retention.plan, self._retention, self._logs[LOGS_TOPIC], now_ms)
        if plan.newest_ms > now_ms - self._rewind_s * 1000:
            await asyncio.to_thread(self._sync)
        for target, below in plan.below.items():
            while await self.write(partial(retention.delete_step, log=target, below=below)):
                pass
