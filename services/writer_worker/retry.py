"""Retries for ever, with growing pauses, until the work is done or nobody wants it any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from shared.errors import SluiceError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

T = TypeVar("T")


class Abandoned(SluiceError):
    """The work was given up because its partitions belong to somebody else, or the process stops."""


async def until_done(what: str, work: Callable[[], Awaitable[T]], wanted: Callable[[], bool]) -> T:
    """Run `work` again while it raises Unavailable. Raises Abandoned once `wanted` says no; other errors pass."""
    pause = FIRST_PAUSE_S
    while True:
        if not wanted():
            raise Abandoned(what)
        try:
            return await work()
        except Unavailable as error:
            _log.warning("%s failed, trying again in %.1f s: %s", what, pause, error.message)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
