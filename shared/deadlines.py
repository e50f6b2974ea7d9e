"""Deadlines of one length for many short waits, with one timer for all of them.

A timer of its own for each request is set and taken back ten thousand times a second, and hardly ever rings. Waits that
are given equally long end in the order in which they began, so the timer of the oldest is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Wait = TypeVar("Wait", bound=Hashable)


class Deadlines(Generic[Wait]):
    """Calls `expired` with each wait that was begun and not ended within `after_s`. For one event loop.

    Waits are told apart by equality; a dictionary has them in the order in which they began.
    """

    def __init__(self, after_s: float, expired: Callable[[Wait], None]) -> None:
        self._after_s = after_s
        self._expired = expired
        self._ends: dict[Wait, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, wait: Wait) -> None:
        """The time of a wait starts now."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._after_s
        self._ends[wait] = end
        if self._timer is None:
            self._timer = loop.call_at(end, self._ring, loop)

    def end(self, wait: Wait) -> None:
        """A wait is over, or has expired. The timer stays: it rings for nobody, and is set anew if others wait."""
        self._ends.pop(wait, None)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        late: list[Wait] = []
        for wait, end in self._ends.items():
            if end > now:
                self._timer = loop.call_at(end, self._ring, loop)
                break
            late.append(wait)
        for wait in late:
            if self._ends.pop(wait, None) is not None:  # one that expired may have ended others
                self._expired(wait)
