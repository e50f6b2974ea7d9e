"""Load that never stops by itself: creates of every kind, and reads and updates of what was just acknowledged.

Creating does not wait for reading: while the store is down, logs go on being accepted, and their readers wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from tests.faults.report import LOST, WRONG, Problem
from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, Entry, Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from tests.support.ledger_client import LedgerClient
    from tests.support.log_bodies import Json

MIX = (*[PROMPTLAYER] * 8, HUMANLOOP, HUMANLOOP_NAMED)
UPDATES = 2
NEWEST_KEPT = 200
"""How many acknowledged logs wait to be read at most; older ones are left to the audit."""

IDLE_S = 0.01


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
    """`creators` clients that send logs, each with a pause after each, and `readers` that read them.

    What they find wrong is in `problems`.
    """

    def __init__(
        self, client: LedgerClient, random: Random, *, creators: int, readers: int, pause_s: float = 0
    ) -> None:
        self.problems: list[Problem] = []
        self.acknowledged = 0
        self._client = client
        self._random = random
        self._creators = creators
        self._readers = readers
        self._pause_s = pause_s
        self._fresh: deque[Entry] = deque(maxlen=NEWEST_KEPT)
        self._stopping = False
        self._grown = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the load; on leaving, finish what is under way."""
        self._stopping = False
        workers = [self._create] * self._creators + [self._read] * self._readers
        async with asyncio.TaskGroup() as group:
            for work in workers:
                group.create_task(work())
            try:
                yield
            finally:
                self._stopping = True

    async def more(self, count: int, within_s: float = 600) -> None:
        """Return when so many more logs were acknowledged. Fails when that takes too long."""
        target = self.acknowledged + count
        async with asyncio.timeout(within_s), self._grown:
            await self._grown.wait_for(lambda: self.acknowledged >= target)

    async def _create(self) -> None:
        while not self._stopping:
            try:
                entry = await self._client.create(self._random.choice(MIX))
            except AssertionError as error:
                self.problems.append(Problem(WRONG, "create", str(error)[:300]))
                continue
            if entry.ids:
                self._fresh.append(entry)
                self.acknowledged += 1
                async with self._grown:
                    self._grown.notify_all()
            await asyncio.sleep(self._pause_s)

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
                self.problems.append(Problem(LOST, entry.marker, str(error)[:300]))


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
