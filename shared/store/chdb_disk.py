"""Keeps a chDB directory whole when its disk runs full.

chDB goes on when the system refuses to write (seen with chdb 4.4.0, engine 26.9.2): an insert succeeds, and a merge
takes the place of its sources, with files that are cut short. A ClickHouse server fails instead. Here:

* Nothing is inserted while less than `RESERVE_BYTES` are free, and an insert counts as done only when `LOW_BYTES` are
  left after it. The engine itself begins no merge that does not fit.
* When something else fills the disk, merges are stopped, and the sources of what was merged lately are kept in a folder
  beside the engine's, which would delete them. Once there is room, parts of that time are checked against their
  checksums, and a broken one gives way to its sources. After a restart in between, `recover` does the same.

A disk that is full for less than `LOOK_S` goes unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from shared.store.base import Row

RESERVE_BYTES: Final = 64 << 20
"""Room that inserts leave, for merges that are under way. An insert writes a few MiB."""

LOW_BYTES: Final = 16 << 20
"""With less room than this, something may have been cut short."""

LOOK_S: Final = 0.1
"""Pause between two looks at the room there is: a system call of some microseconds."""

RETRY_S: Final = 1.0
"""Pause after a look that failed."""

RECENT_S: Final = 60.0
"""Parts written so long before the disk was seen full are checked as well."""

_UNFINISHED: Final = "tmp-"
"""What folders begin with that are not wholly linked yet."""

logger = logging.getLogger(__name__)


class Part(NamedTuple):
    """A part of a table: rows of the blocks `first` to `last` of a partition, merged `level` times."""

    table: str
    name: str
    path: str
    partition: str
    first: int
    last: int
    level: int
    mutation: int

    @classmethod
    def named(cls, table: str, name: str, path: str = "") -> Part:
        """By a name as the engine gives it, such as `202601_1_7_2` or, after a mutation, `202601_1_7_2_9`."""
        partition, first, last, level, *mutation = name.split("_")
        return cls(table, name, path, partition, int(first), int(last), int(level), int(mutation[0]) if mutation else 0)

    def covers(self, other: Part) -> bool:
        """Whether the other one's rows are in this one."""
        return (
            (self.table, self.partition) == (other.table, other.partition)
            and self.name != other.name
            and self.first <= other.first
            and other.last <= self.last
            and (other.level, other.mutation) <= (self.level, self.mutation)
        )


class DiskGuard:
    """Watches the disk of one directory. `ask` runs a statement on the engine and answers its rows."""

    def __init__(self, path: Path, database: str, ask: Callable[[str], Awaitable[list[Row]]]) -> None:
        self._path = path
        self._kept = path / "kept" / database
        self._database = database
        self._ask = ask
        self._low_since: float | None = None

    def check_before_insert(self) -> None:
        """Raises StoreUnavailable when the disk is too full, or was and has not been looked through since."""
        free = self._free_bytes()
        if free < RESERVE_BYTES or self._low_since is not None:
            raise StoreUnavailable(
                f"the store's disk has {free >> 20} MiB free; {RESERVE_BYTES >> 20} have to stay free: make room"
            )

    def check_after_insert(self) -> None:
        """Raises StoreUnavailable when the disk is so full that what was inserted may not be there."""
        if self._free_bytes() < LOW_BYTES:
            raise StoreUnavailable("the store's disk ran full during an insert")

    async def watch(self) -> None:
        """Look at the disk for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look()
            except Exception as error:  # whatever it is, a guard that silently stops is worse
                logger.warning("the store's disk ran full, and was not put in order yet", exc_info=error)
                await asyncio.sleep(RETRY_S)

    async def _look(self) -> None:
        free = self._free_bytes()
        if free < LOW_BYTES:
            if self._low_since is None:
                self._low_since = time.time()
                logger.warning("the store's disk is full: nothing is inserted or merged until there is room")
            await self._ask("SYSTEM STOP MERGES")
            await self._keep_sources()
        elif free >= RESERVE_BYTES and self._low_since is not None:
            await self._mend()
            await self._ask("SYSTEM START MERGES")
            self._low_since = None
            logger.warning("the store's disk has room again")

    async def recover(self) -> None:
        """Put back what was kept of parts that the engine found broken when it opened the directory."""
        kept = [
            Part.named(folder.parent.name, folder.name)
            for folder in self._kept.glob("*/*")
            if not folder.name.startswith(_UNFINISHED)
        ]
        active = await self._parts("active") if kept else []
        there = {part[:2] for part in active}
        for source in _largest(kept):
            if source[:2] in there or any(part.covers(source) for part in active):
                continue
            try:
                await self._attach(source)
            except StoreRejected as error:
                logger.critical("%s: part %s can't be put back, and is kept in `detached`: %s", *source[:2], error)
            else:
                logger.warning("%s: part %s is back, which a merge on a full disk had replaced", *source[:2])
        shutil.rmtree(self._kept, ignore_errors=True)

    async def _keep_sources(self) -> None:
        """Link the files of what recent merges replaced. Takes no room to speak of."""
        merged = await self._recent()
        for source in await self._parts("NOT active"):
            kept = self._kept_path(source)
            if kept.exists() or not any(part.covers(source) for part in merged):
                continue
            unfinished = kept.with_name(_UNFINISHED + kept.name)
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            for name in os.listdir(source.path):
                os.link(Path(source.path, name), unfinished / name)
            unfinished.rename(kept)

    async def _mend(self) -> None:
        await self._keep_sources()
        kept = [source for source in await self._parts("NOT active") if self._kept_path(source).exists()]
        for part in await self._recent():
            if await self._is_whole(part):
                continue
            sources = _largest([source for source in kept if part.covers(source)])
            for source in sources:
                await self._attach(source)
            # What has no sources is an insert, most likely one that was not taken for done and is made again: its files
            # are kept all the same, for nothing else has its rows.
            verb = "DROP" if sources else "DETACH"
            await self._ask(f"ALTER TABLE `{part.table}` {verb} PART '{part.name}'")
            self._report(part, sources)
        shutil.rmtree(self._kept, ignore_errors=True)

    async def _attach(self, source: Part) -> None:
        """Make what was kept a part of its table once more. The engine looks for it in the table's `detached`."""
        sql = "SELECT arrayElement(data_paths, 1) AS path FROM system.tables"
        (table,) = await self._ask(f"{sql} WHERE database = '{self._database}' AND name = '{source.table}'")
        with contextlib.suppress(FileNotFoundError):  # it was moved before, and could not be attached then
            os.rename(self._kept_path(source), Path(table["path"], "detached", source.name))
        await self._ask(f"ALTER TABLE `{source.table}` ATTACH PART '{source.name}'")

    def _report(self, part: Part, sources: list[Part]) -> None:
        if sources:
            logger.warning("%s: part %s was cut short; its %d sources are back", part.table, part.name, len(sources))
        elif part.level:
            logger.critical(
                "%s: part %s was cut short, and its sources are gone. It is kept in `detached`. What the stream still"
                " holds of it comes back when the writer group reads the stream again from its beginning",
                part.table,
                part.name,
            )
        else:
            logger.warning("%s: part %s of an insert was cut short, and is kept in `detached`", part.table, part.name)

    async def _is_whole(self, part: Part) -> bool:
        try:
            rows = await self._ask(f"CHECK TABLE `{part.table}` PART '{part.name}'")
        except StoreRejected:  # merged away meanwhile, or not even readable enough to be checked
            return part.name not in {other.name for other in await self._recent()}
        return all(row.get("is_passed", row.get("result")) for row in rows)

    async def _recent(self) -> list[Part]:
        since = int((self._low_since or time.time()) - RECENT_S)
        return await self._parts(f"active AND modification_time >= fromUnixTimestamp({since})")

    async def _parts(self, condition: str) -> list[Part]:
        sql = f"SELECT table, name, path FROM system.parts WHERE database = '{self._database}' AND {condition}"
        return [Part.named(row["table"], row["name"], row["path"]) for row in await self._ask(sql)]

    def _kept_path(self, part: Part) -> Path:
        return self._kept / part.table / part.name

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._path)
        return disk.f_bavail * disk.f_frsize


def _largest(parts: Iterable[Part]) -> list[Part]:
    """Those that are in no other."""
    parts = list(parts)
    return [part for part in parts if not any(other.covers(part) for other in parts)]
