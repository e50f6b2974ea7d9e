"""Long work that gives way to other requests."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

SLICE_S: Final = 0.005
"""How long a request is worked on before others get their turn."""


class Turns:
    """Says when it is the turn of others. Call `give` between two pieces of the work."""

    def __init__(self) -> None:
        self._give_at = perf_counter() + SLICE_S

    async def give(self) -> None:
        """Let other requests run, when this one has worked for `SLICE_S`."""
        if perf_counter() > self._give_at:
            await asyncio.sleep(0)
            self._give_at = perf_counter() + SLICE_S
