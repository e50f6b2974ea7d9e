"""The logs of one request on their way to the stream: one append for each partition that they go to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.ingest_gateway.intake import create_message
from shared.errors import TooLarge, Unavailable

if TYPE_CHECKING:
    from services.ingest_gateway.intake import Intake
    from shared.records import Columns
    from shared.stream.base import Message

Entry = tuple[int, "Message"]
"""The number of an item in its request, and its event."""


class Batch:
    """Collects logs, then appends them. `home` is the partition of those that are not bound to another one.

    `size` is the bytes of their events so far.
    """

    def __init__(self, intake: Intake, workspace: str, home: int) -> None:
        self._intake = intake
        self._workspace = workspace
        self._home = home
        self._by_partition: dict[int, list[Entry]] = {}
        self.size = 0
        self.ids: dict[int, int] = {}
        self.errors: dict[int, Unavailable | TooLarge] = {}

    def add(
        self,
        number: int,
        columns: Columns,
        *,
        external_id: str | None = None,
        fingerprint: str | None = None,
        at_home: bool = False,
    ) -> None:
        """Add the log of an item. `at_home`: all that share its fingerprint have this batch's home, as it does."""
        partition = self._home
        if external_id is not None or (fingerprint is not None and not at_home):
            partition = self._intake.partition(self._workspace, external_id, fingerprint)
        message = create_message(self._workspace, columns, external_id=external_id, fingerprint=fingerprint)
        self.size += len(message.value)
        self._by_partition.setdefault(partition, []).append((number, message))

    async def append(self) -> None:
        """Append all, partitions side by side; then each number is either in `ids` or in `errors`."""
        await asyncio.gather(*(self._append(partition, entries) for partition, entries in self._by_partition.items()))

    async def _append(self, partition: int, entries: list[Entry]) -> None:
        numbers = [number for number, _ in entries]
        try:
            ids = await self._intake.append(partition, [message for _, message in entries])
        except TooLarge as error:
            if len(entries) == 1:
                self.errors[numbers[0]] = error
                return
            middle = len(entries) // 2  # more than the stream takes at once: two appends, in order
            await self._append(partition, entries[:middle])
            await self._append(partition, entries[middle:])
        except Unavailable as error:
            self.errors.update(dict.fromkeys(numbers, error))
        else:
            self.ids.update(zip(numbers, ids, strict=True))
