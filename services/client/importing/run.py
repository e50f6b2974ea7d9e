"""The import of one file: batches on their way, answers in the order of the file, progress kept after each."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from services.client.importing.progress import Progress, load, save
from services.client.importing.source import STDIN, Identity, Unreadable, file_size, identify, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.client.importing.sender import Outcome, Rejected, Sender
    from services.client.importing.source import Batch

REJECTED_SUFFIX: Final = ".rejected"


class FileImport:
    """See the module. `progress` is what an earlier run left, until `run`.

    `path` is a file's, or `-` for the standard input, which can't be resumed. `batch_bytes`, `batch_items` and
    `concurrency` count for an import that begins; a resumed one goes on as it began, so that the batches that were on
    their way can be recognised. Raises Unreadable.
    """

    def __init__(self, path: str, *, batch_bytes: int, batch_items: int, concurrency: int) -> None:
        self._path = path
        self._can_resume = path != STDIN
        earlier = load(path) if self._can_resume else None
        self.is_resumed = earlier is not None
        if earlier is None:
            identity = identify(path) if self._can_resume else Identity(0, "")
            earlier = Progress.begin(
                identity, batch_bytes=batch_bytes, batch_items=batch_items, concurrency=concurrency
            )
        self.progress: Progress = earlier
        self.size = file_size(path) if self._can_resume else 0
        """Bytes of the file, 0 when that is not known."""

        self.rejected_path = Path((path if self._can_resume else "stdin") + REJECTED_SUFFIX)
        self._on_their_way: deque[tuple[Batch, asyncio.Task[Outcome]]] = deque()

    async def run(self, sender: Sender, on_advance: Callable[[int], None]) -> None:
        """Send the rest of the file. `on_advance` is told how many bytes of the file were read for what is settled.

        Raises Unreadable, and what `Sender.send` raises; what was settled before is kept either way.
        """
        if not self.is_resumed:
            self.rejected_path.unlink(missing_ok=True)
            self._save()
        try:
            await self._send_all(sender, on_advance)
        finally:
            for _, sending in self._on_their_way:
                sending.cancel()
            await asyncio.gather(*(sending for _, sending in self._on_their_way), return_exceptions=True)

    async def _send_all(self, sender: Sender, on_advance: Callable[[int], None]) -> None:
        begun = self.progress
        perhaps_sent = begun.concurrency if self.is_resumed else 0
        fault: Unreadable | None = None
        with open_source(self._path) as source:
            batches = source.batches(begun.offset, begun.line, begun.batch_bytes, begun.batch_items)
            try:
                for number, batch in enumerate(batches):
                    if len(self._on_their_way) == begun.concurrency:
                        await self._settle_first(on_advance)
                    sending = sender.send(batch, begun.import_id, sent_before=number < perhaps_sent)
                    self._on_their_way.append((batch, asyncio.create_task(sending)))
                    await asyncio.sleep(0)  # it starts before the next batch is read
            except Unreadable as error:
                fault = error  # of the file's rest: what was read before it is settled first
            while self._on_their_way:
                await self._settle_first(on_advance)
        if fault is not None:
            raise fault

    async def _settle_first(self, on_advance: Callable[[int], None]) -> None:
        batch, sending = self._on_their_way[0]
        outcome = await sending
        self._on_their_way.popleft()
        progress = self.progress
        self.progress = replace(
            progress,
            offset=batch.end,
            line=batch.end_line,
            imported=progress.imported + outcome.imported,
            duplicates=progress.duplicates + outcome.duplicates,
            rejected=progress.rejected + len(outcome.rejected),
            rejected_bytes=self._keep_rejected(outcome.rejected) if outcome.rejected else progress.rejected_bytes,
        )
        self._save()
        on_advance(batch.position)

    def _save(self) -> None:
        if self._can_resume:
            save(self._path, self.progress)

    def _keep_rejected(self, rejected: list[Rejected]) -> int:
        """Append to the file of rejected lines, after what the progress knows of it; returns its size."""
        lines = b"".join(
            orjson.dumps(
                {"line": line.line, "error": line.error, "text": line.text.decode(errors="replace")},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for line in rejected
        )
        try:
            with self.rejected_path.open("r+b" if self.progress.rejected_bytes else "wb") as file:
                file.truncate(self.progress.rejected_bytes)
                file.seek(0, 2)
                file.write(lines)
                return file.tell()
        except OSError as error:
            raise Unreadable(f"{self.rejected_path} can't be written: {error.strerror}") from error
