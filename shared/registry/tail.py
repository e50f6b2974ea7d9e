"""Follows the registry stream: hands each record to the fold once, in order, for as long as the process lives."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from shared.errors import Misconfigured, StreamUnavailable
from shared.observability.logging import trace_of
from shared.stream.base import REGISTRY_TOPIC, Record, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.stream.base import Reader

_PARTITION: Final = 0
"""The registry topic has one."""

_BATCH_RECORDS: Final = 500
"""Folded without giving way to other tasks: a few milliseconds."""

_READ_TIMEOUT_S: Final = 1.0
_FIRST_READ_TIMEOUT_S: Final = 30.0
_RETRY_S: Final = 0.5

logger = logging.getLogger(__name__)


class Tail:
    """Reads the registry topic from its first record on.

    `position` is the offset of the next record to fold. `problem` says why the stream can't be followed just now; None
    while it can. A failing stream is tried again for ever: what was folded stays usable meanwhile.
    """

    def __init__(self, stream: Stream, fold: Callable[[Record], None], wait_timeout_s: float) -> None:
        self.position = 0
        self.problem: str | None = "not started"
        self._stream = stream
        self._fold = fold
        self._wait_timeout_s = wait_timeout_s
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Fold all that is in the stream now, then follow it in a task.

        Raises StreamUnavailable, after which it may be called again; Misconfigured when the oldest records are gone.
        """
        oldest = (await self._stream.start_offsets(REGISTRY_TOPIC))[_PARTITION]
        if oldest > 0:
            raise Misconfigured(
                f"topic {REGISTRY_TOPIC} starts at offset {oldest}: its oldest records are gone."
                " The registry needs all of them: give the topic unlimited retention and restore it"
            )
        end = await self._end_offset()
        reader = await self._stream.reader(REGISTRY_TOPIC, _PARTITION, self.position)
        try:
            while self.position < end:
                records = await reader.read(_BATCH_RECORDS, _FIRST_READ_TIMEOUT_S)
                if not records:
                    raise StreamUnavailable(f"no record of {REGISTRY_TOPIC} within {_FIRST_READ_TIMEOUT_S:.0f} s")
                await self._advance(records)
        except BaseException:
            await reader.close()
            raise
        self.problem = None
        self._task = asyncio.create_task(self._follow(reader), name="registry tail")

    async def stop(self) -> None:
        """Stop following. May be called without `start`, or again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            self.problem = "stopped"

    async def wait_for(self, offset: int) -> None:
        """Return once the record at this offset is folded. Raises StreamUnavailable after the wait timeout."""
        if self.position > offset:
            return
        try:
            async with asyncio.timeout(self._wait_timeout_s), self._moved:
                await self._moved.wait_for(lambda: self.position > offset)
        except TimeoutError:
            reason = self.problem or f"at offset {self.position}, waiting for {offset}"
            raise StreamUnavailable(f"the registry is behind its stream: {reason}") from None

    async def catch_up(self) -> None:
        """Return once everything that is in the stream at the time of the call is folded. Raises StreamUnavailable."""
        await self.wait_for(await self._end_offset() - 1)

    async def lag(self) -> int:
        """How many records are in the stream and not yet folded. Raises StreamUnavailable."""
        return max(0, await self._end_offset() - self.position)

    async def _end_offset(self) -> int:
        return (await self._stream.end_offsets(REGISTRY_TOPIC))[_PARTITION]

    async def _follow(self, reader: Reader | None) -> None:
        try:
            while True:
                try:
                    if reader is None:
                        reader = await self._stream.reader(REGISTRY_TOPIC, _PARTITION, self.position)
                    records = await reader.read(_BATCH_RECORDS, _READ_TIMEOUT_S)
                    if not records:
                        await self._end_offset()  # a reader may wait in silence for a stream that is down
                    self.problem = None
                    await self._advance(records)
                except Exception as error:  # whatever it is, a registry that silently stops following is worse
                    if self.problem is None:
                        text = "%s can't be read, trying on: %s"
                        logger.warning(text, REGISTRY_TOPIC, error, exc_info=trace_of(error))
                    self.problem = f"{REGISTRY_TOPIC} can't be read: {error}"
                    if reader is not None:
                        await _close(reader)
                        reader = None
                    await asyncio.sleep(_RETRY_S)
        finally:
            if reader is not None:
                await _close(reader)

    async def _advance(self, records: list[Record]) -> None:
        for record in records:
            if record.offset >= self.position:
                self._fold(record)
                self.position = record.offset + 1
        if records:
            async with self._moved:
                self._moved.notify_all()


async def _close(reader: Reader) -> None:
    """Close a reader, whatever comes of it.

    In a task of its own, for a client library that lets the cancellation of its inner tasks out of `close` would
    otherwise cancel the tail: aiokafka does while a broker is down (https://github.com/aio-libs/aiokafka/issues/647).
    """
    closing = asyncio.create_task(reader.close())
    await asyncio.wait([closing])
    if closing.cancelled():
        logger.warning("closing a registry reader was cancelled from inside")
    elif closing.exception() is not None:
        logger.warning("closing a registry reader failed", exc_info=closing.exception())
