"""Runs the `sluice` command with something wrong in it, without a line of product code for that.

    python -m tests.faults.sabotage after-fetch:3 writer --port 0

A failpoint kills the process (SIGKILL) when the writer comes there for the N-th time:

    after-fetch       records are taken from the stream, nothing was done with them
    between-inserts   one table of a flush was written, the next was not
    mid-insert        an insert is on its way to the store
    after-insert      all rows are in the store
    before-commit     rows and dead letters are safe, the offsets are about to be committed
    after-commit      the offsets are committed

A breakage makes the product wrong, to show that the harness notices:

    commit-first      offsets are committed before the rows are inserted, and the process dies between the two
    ack-first         a create is acknowledged, and only half a second later appended
    drop-at-rebalance a writer that gives a partition up commits what it has not written
    store-twice       every create is appended twice
    swallow           an insert into the embedded store that fails after parsing is taken for done

And one that is neither:

    refuse-marked     the store refuses every row that holds the text `refuse me`
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from services.__main__ import main
from services.writer_worker.flush import Flusher
from services.writer_worker.inserter import Inserter
from services.writer_worker.writer import Writer
from shared.errors import StoreRejected
from shared.store import chdb_store
from shared.store.chdb_disk import DiskGuard
from shared.store.chdb_store import ChdbStore
from shared.store.clickhouse_store import ClickHouseStore
from shared.stream.base import LOGS_TOPIC, Appended
from shared.stream.kafka import KafkaStream
from shared.stream.sqlite import SqliteStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.stream.base import Message

LATER_S: Final = 0.5
REFUSED_TEXT: Final = "refuse me"
INTO_THE_INSERT_S: Final = 0.002
"""How long an insert has been on its way when `mid-insert` kills: it takes at least a few milliseconds."""

Wrapped = Any
"""A method of the product: replaced by one with the same parameters."""

_STREAMS: Final[tuple[Any, ...]] = (SqliteStream, KafkaStream)
_STORES: Final[tuple[Any, ...]] = (ChdbStore, ClickHouseStore)


class Countdown:
    """Kills the process when it is passed for the N-th time."""

    def __init__(self, times: int) -> None:
        self._left = times

    def passed(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, act: Callable[[], None]) -> None:
    """Call `act` before each call of an async method."""
    original: Wrapped = getattr(owner, name)

    async def replacement(*args: Any, **kwargs: Any) -> Any:
        act()
        return await original(*args, **kwargs)

    setattr(owner, name, replacement)


def after(owner: Any, name: str, act: Callable[[], None]) -> None:
    """Call `act` after each call of an async method that succeeded."""
    original: Wrapped = getattr(owner, name)

    async def replacement(*args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        act()
        return result

    setattr(owner, name, replacement)


def between_inserts(countdown: Countdown) -> None:
    """Pass the countdown in plans that write more than one table, after the first one."""
    original: Wrapped = Inserter.insert
    after_each: Wrapped = Inserter._insert
    more_to_come = False

    async def insert(self: Inserter, plan: Any, wanted: Any) -> Any:
        nonlocal more_to_come
        more_to_come = sum(map(bool, (plan.creates, plan.payloads, plan.logs))) > 1
        return await original(self, plan, wanted)

    async def insert_one(self: Inserter, *args: Any) -> Any:
        result = await after_each(self, *args)
        if more_to_come:
            countdown.passed()
        return result

    Inserter.insert = insert  # type: ignore[method-assign]
    Inserter._insert = insert_one  # type: ignore[assignment, method-assign]


def mid_insert(countdown: Countdown) -> None:
    """Pass the countdown while the store works on an insert."""

    def wrap(original: Wrapped) -> Wrapped:
        async def insert(self: Any, table: str, rows: bytes) -> None:
            asyncio.get_running_loop().call_later(INTO_THE_INSERT_S, countdown.passed)
            await original(self, table, rows)

        return insert

    for store in _STORES:
        store.insert = wrap(store.insert)


def commit_first() -> None:
    """Commit before the insert, and die between the two in one of the first flushes."""
    original: Wrapped = Flusher.flush
    countdown = Countdown(3)

    async def flush(self: Flusher, batch: Any, running: Callable[[], bool]) -> None:
        await self._commit({owned: records[-1].offset + 1 for owned, records in batch}, lambda: True)
        countdown.passed()
        await original(self, batch, running)

    Flusher.flush = flush  # type: ignore[method-assign]


def ack_first() -> None:
    """Answer an append to the file stream with the position that it will probably have."""
    original: Wrapped = SqliteStream.append
    ends: dict[int, int] = {}
    background: set[asyncio.Task[Any]] = set()

    async def append(self: SqliteStream, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        if topic != LOGS_TOPIC:
            result: Appended = await original(self, topic, partition, messages)
            return result
        if partition not in ends:
            found = (await self.end_offsets(topic))[partition]
            ends.setdefault(partition, found)
        offset, ends[partition] = ends[partition], ends[partition] + len(messages)

        async def later() -> None:
            await asyncio.sleep(LATER_S)
            await original(self, topic, partition, messages)

        task = asyncio.create_task(later())
        background.add(task)
        task.add_done_callback(background.discard)
        return Appended(partition, offset, int(time.time() * 1000))

    SqliteStream.append = append  # type: ignore[method-assign]


def drop_at_rebalance() -> None:
    """Commit what was fetched and not written when partitions are given up."""
    original: Wrapped = Writer.on_revoked

    async def on_revoked(self: Writer, partitions: frozenset[int]) -> None:
        dropped = {number: self._owned[number].position for number in partitions if self._owned[number].waiting}
        await original(self, partitions)
        if dropped:
            await self._consumer.commit(dropped)

    Writer.on_revoked = on_revoked  # type: ignore[method-assign]


def store_twice() -> None:
    """Append every create a second time, under a key of its own."""

    def wrap(original: Wrapped) -> Wrapped:
        async def append(self: Any, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
            result: Appended = await original(self, topic, partition, messages)
            if topic == LOGS_TOPIC and messages[0].key.startswith(b"create"):
                workspace = messages[0].key.split(b" ")[1]
                again = [messages[0]._replace(key=b"create " + workspace + b" -")]
                await original(self, topic, partition, again)
            return result

        return append

    for stream in _STREAMS:
        stream.append = wrap(stream.append)


def swallow() -> None:
    """Insert with the library's streaming call, which reports no failure of the storage, however full the disk is."""

    def insert(handle: Any, table: str, rows: bytes, _settings: str = "") -> None:
        with handle.send_insert(f"INSERT INTO {table}", "JSONEachRow") as inserter:
            inserter.append(rows)
            inserter.finish()

    vars(chdb_store)["insert_rows"] = insert
    for check in ("check_before_insert", "check_after_insert"):
        setattr(DiskGuard, check, lambda _: None)


def refuse_marked() -> None:
    """Let the store refuse rows, as it refuses those that it can't parse."""

    def wrap(original: Wrapped) -> Wrapped:
        async def insert(self: Any, table: str, rows: bytes) -> None:
            if REFUSED_TEXT.encode() in rows:
                raise StoreRejected("refused by the test", 27)
            await original(self, table, rows)

        return insert

    for store in _STORES:
        store.insert = wrap(store.insert)


FAILPOINTS: Final[Mapping[str, Callable[[Countdown], None]]] = {
    "after-fetch": lambda countdown: before(Flusher, "flush", countdown.passed),
    "between-inserts": between_inserts,
    "mid-insert": mid_insert,
    "after-insert": lambda countdown: after(Inserter, "insert", countdown.passed),
    "before-commit": lambda countdown: before(Flusher, "_commit", countdown.passed),
    "after-commit": lambda countdown: after(Flusher, "_commit", countdown.passed),
}

BREAKAGES: Final[Mapping[str, Callable[[], None]]] = {
    "commit-first": commit_first,
    "ack-first": ack_first,
    "drop-at-rebalance": drop_at_rebalance,
    "store-twice": store_twice,
    "swallow": swallow,
    "refuse-marked": refuse_marked,
}


def sabotage(what: str) -> None:
    """Arm a failpoint (`NAME:N`) or a breakage (`NAME`) in this process."""
    name, _, times = what.partition(":")
    if name in FAILPOINTS:
        FAILPOINTS[name](Countdown(int(times or 1)))
    else:
        BREAKAGES[name]()


if __name__ == "__main__":
    sabotage(sys.argv.pop(1))
    main()
