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
    """Run `work`, and again while it raises Unavailable. Other errors pass.

    Raises Abandoned when it failed and `wanted` says that nobody waits for it any more.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except Unavailable as error:
            _log.warning("%s failed, trying again in %.1f s: %s", what, pause, error.message)
        await _sleep_while(wanted, pause)
        if not wanted():
            raise Abandoned(what)
        pause = min(pause * 2, LONGEST_PAUSE_S)


async def _sleep_while(wanted: Callable[[], bool], seconds: float) -> None:
    """Sleep in steps, so that a hand-over does not wait for a long pause."""
    while seconds > 0 and wanted():
        await asyncio.sleep(min(seconds, FIRST_PAUSE_S))
        seconds -= FIRST_PAUSE_S
