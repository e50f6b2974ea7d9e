"""Look-ups by key, made together where many are wanted at once.

What a look-up costs is mostly per query: the store takes about five times as long for a hundred logs as for one, and a
Kafka broker answers one request of a connection after the other. So only a few queries run at a time, and all that is
asked for meanwhile is the next query. A look-up that comes alone waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from shared.errors import Unavailable

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MAX_RUNNING: Final = 2
"""How many queries of one kind run at a time."""

MAX_TOGETHER: Final = 100
"""Keys of one query: what is found for them is in memory together, and logs can be big."""


class Together(Generic[Key, Value]):
    """One kind of look-up in one process. `look_up` finds the values of the keys it is given; it may leave some out."""

    def __init__(self, look_up: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._look_up = look_up
        self._wanted: list[tuple[Key, asyncio.Future[Value | None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: Key) -> Value | None:
        """What there is for a key, no older than this call; None for nothing. Raises what the look-up of it raises."""
        found: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._wanted.append((key, found))
        if len(self._running) < MAX_RUNNING:
            running = asyncio.create_task(self._run())
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return await found

    async def _run(self) -> None:
        while self._wanted:
            together, self._wanted = self._wanted[:MAX_TOGETHER], self._wanted[MAX_TOGETHER:]
            try:
                await self._find(together)
            except Exception:
                await self._find_one_by_one(together)

    async def _find(self, wanted: Sequence[tuple[Key, asyncio.Future[Value | None]]]) -> None:
        values = await self._look_up(list({key for key, _ in wanted}))
        for key, found in wanted:
            if not found.done():  # whoever asked may be gone
                found.set_result(values.get(key))

    async def _find_one_by_one(self, wanted: Sequence[tuple[Key, asyncio.Future[Value | None]]]) -> None:
        """After a failure, which may be one key's fault, or that the values are too big to be in memory together."""
        unavailable: Unavailable | None = None
        for key, found in wanted:
            try:
                if unavailable is not None:
                    raise unavailable
                await self._find([(key, found)])
            except Exception as error:
                unavailable = error if isinstance(error, Unavailable) else None
                if not found.done():
                    found.set_exception(error)
