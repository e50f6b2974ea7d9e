"""Load that never stops by itself: creates of every kind, alone and in bulk, and reads and updates of what was just
acknowledged.

Creating does not wait for reading: while the store is down, logs go on being accepted, and their readers wait. Who
sends in bulk waits a little, so that a store that has much to catch up with is not buried.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.report import WRONG, Problem, unreadable
from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, Entry, Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from random import Random

    from tests.support.ledger_client import LedgerClient
    from tests.support.log_bodies import Json

MIX = (*[PROMPTLAYER] * 8, HUMANLOOP, HUMANLOOP_NAMED)
UPDATES = 2
NEWEST_KEPT = 200
"""How many acknowledged logs wait to be read at most; older ones are left to the audit."""

IDLE_S = 0.01


@dataclass(frozen=True, slots=True)
class Shape:
    """How many clients do what at the same time, and how long each pauses after a request (seconds)."""

    creators: int
    create_pause_s: float
    readers: int
    read_pause_s: float
    bulk_creators: int
    bulk_logs: int
    """Logs of one bulk request."""

    bulk_pause_s: float


SHORT: Final = Shape(8, 0.05, readers=2, read_pause_s=0, bulk_creators=1, bulk_logs=5, bulk_pause_s=0.5)
"""For the short set, which is about order and not about volume."""

LONG: Final = Shape(16, 0.05, readers=3, read_pause_s=0.2, bulk_creators=6, bulk_logs=100, bulk_pause_s=0.1)

BULK_READS: Final = 0.5
"""Share of the bulk requests of which a log is read before the next one is sent."""

BULK_READ_S: Final = 3.0
"""How long its sender waits for that at most."""


class SmallLedger(Ledger):
    """A ledger with bodies of some 400 bytes, so that a hundred thousand of them fit into memory."""

    def new(self, family: str) -> Entry:
        number = len(self.entries)
        marker = f"{self.name} {number}"
        body = _promptlayer(marker, number) if family == PROMPTLAYER else _humanloop(marker)
        if family == HUMANLOOP_NAMED:
            body["log_id"] = marker
        entry = Entry(family, number, marker, body)
        self.entries.append(entry)
        return entry


class Load:
    """Clients that send, read and update logs. What they find wrong is in `problems`."""

    def __init__(self, client: LedgerClient, random: Random, shape: Shape) -> None:
        self.problems: list[Problem] = []
        self.acknowledged = 0
        self._client = client
        self._random = random
        self._shape = shape
        self._fresh: deque[Entry] = deque(maxlen=NEWEST_KEPT)
        self._stopping = False
        self._grown = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the load; on leaving, finish what is under way."""
        self._stopping = False
        shape = self._shape
        async with asyncio.TaskGroup() as group:
            for _ in range(shape.creators):
                group.create_task(self._create())
            for _ in range(shape.bulk_creators):
                group.create_task(self._create_in_bulk(group))
            for _ in range(shape.readers):
                group.create_task(self._read())
            try:
                yield
            finally:
                self._stopping = True

    async def more(self, count: int, within_s: float = 1800) -> None:
        """Return when so many more logs were acknowledged. Fails when that takes too long."""
        target = self.acknowledged + count
        async with asyncio.timeout(within_s), self._grown:
            await self._grown.wait_for(lambda: self.acknowledged >= target)

    async def _create(self) -> None:
        while not self._stopping:
            try:
                await self._acknowledged([await self._client.create(self._random.choice(MIX))])
            except AssertionError as error:
                self.problems.append(Problem(WRONG, "create", str(error)[:300]))
            await asyncio.sleep(self._shape.create_pause_s)

    async def _create_in_bulk(self, group: asyncio.TaskGroup) -> None:
        shape = self._shape
        while not self._stopping:
            families = self._random.choices(MIX, k=shape.bulk_logs)
            try:
                entries = await self._client.create_many(families, keyed=self._random.random() < 0.5)
            except AssertionError as error:
                self.problems.append(Problem(WRONG, "create in bulk", str(error)[:300]))
                await asyncio.sleep(shape.bulk_pause_s)
                continue
            acknowledged = await self._acknowledged(entries)
            if acknowledged and self._random.random() < BULK_READS:
                reading = group.create_task(self._check(self._random.choice(acknowledged)))
                await asyncio.wait({reading}, timeout=BULK_READ_S)
            await asyncio.sleep(shape.bulk_pause_s)

    async def _acknowledged(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of new logs that were acknowledged, after telling who waits for them."""
        acknowledged = [entry for entry in entries if entry.ids]
        self._fresh += acknowledged
        self.acknowledged += len(acknowledged)
        async with self._grown:
            self._grown.notify_all()
        return acknowledged

    async def _check(self, entry: Entry) -> None:
        try:
            await self._client.check(entry)
        except AssertionError as error:
            self.problems.append(unreadable(entry.marker, error))

    async def _read(self) -> None:
        while not self._stopping:
            if not self._fresh:
                await asyncio.sleep(IDLE_S)
                continue
            entry = self._fresh.pop()
            try:
                await self._client.check(entry)
                # An attempt of unknown outcome may still land, and would then count as the newest change.
                if entry.family != PROMPTLAYER and not entry.unknown:
                    await self._client.update_in_turn(entry, UPDATES)
                    await self._client.check(entry)
            except AssertionError as error:
                self.problems.append(unreadable(entry.marker, error))
            await asyncio.sleep(self._shape.read_pause_s)


def _promptlayer(marker: str, number: int) -> Json:
    question = {"type": "text", "text": f"[[{marker}]] Zürich 日本語"}
    answer = {"type": "text", "text": f"[[{marker}]]"}
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "input": {"type": "chat", "messages": [{"role": "user", "content": [question]}]},
        "output": {"type": "chat", "messages": [{"role": "assistant", "content": [answer]}]},
        "request_start_time": "2026-01-01T00:00:00.123456Z",
        "request_end_time": "2026-01-01T00:00:01.654321Z",
        "metadata": {"marker": marker},
        "input_tokens": number,
    }


def _humanloop(marker: str) -> Json:
    return {
        "path": "load/greeting",
        "prompt": {"model": "gpt-4o"},
        "messages": [{"role": "user", "content": f"[[{marker}]]"}],
        "output": f"[[{marker}]]",
        "metadata": {"marker": marker},
    }
