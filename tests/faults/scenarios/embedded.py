"""`sluice up`: killed at any moment, and with its disks full."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import TYPE_CHECKING

from tests.faults.scenarios.brokers import REFUSED_REQUESTS, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.context import Context

STREAM_DISK_MIB = 64
STORE_DISK_MIB = 256


async def up_killed_at_random_moments(context: Context) -> None:
    """kill -9, again and again: under load, and while it starts."""
    async with context.embedded() as trial, trial.loaded():
        up = trial.installation.up
        for turn in range(17 if context.long else 4):
            await trial.more(context.random.randint(1, context.logs(60)))
            await asyncio.to_thread(up.kill)
            if turn % 3 == 2:
                up.launch()
                await asyncio.sleep(context.random.uniform(0, 1.5))
                await asyncio.to_thread(up.kill)
            if turn % 5 == 3:
                await trial.check_committed()
            await asyncio.to_thread(up.start)
            await trial.recovered()


async def disk_of_the_stream_full(context: Context) -> None:
    """No room for the stream: 503s, no 2xx; with room again it goes on without a restart."""
    with small_disk(context.directory("stream-disk"), STREAM_DISK_MIB) as disk:
        async with context.embedded(fresh=True, stream=f"sqlite:///{disk}/stream.db") as trial, trial.loaded():
            for _ in range(2):
                await trial.more(context.logs_within(150, 3000))
                fill(disk)
                await refused(trial, REFUSED_REQUESTS)
                before = trial.load.acknowledged
                await refused(trial, REFUSED_REQUESTS)
                # What is in the write-ahead log already may be written over: a few appends can still fit.
                trial.expect(trial.load.acknowledged - before < REFUSED_REQUESTS, "a full disk takes logs")
                make_room(disk)
                await trial.recovered()


async def disk_of_the_store_full(context: Context, sabotage: str = "") -> None:
    """No room for the store: logs are accepted, and readable as soon as there is room again."""
    with small_disk(context.directory("store-disk"), STORE_DISK_MIB) as disk:
        async with (
            context.embedded(fresh=True, sabotage=sabotage, store=f"chdb:///{disk}/store") as trial,
            trial.loaded(),
        ):
            for _ in range(2):
                await trial.more(context.logs_within(150, 5000))
                fill(disk)
                await trial.more(context.logs_within(150, 5000))
                make_room(disk)
                await trial.recovered()


@contextlib.contextmanager
def small_disk(directory: Path, size_mib: int) -> Iterator[Path]:
    """A file system of its own in memory. Needs the right to mount."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(b"x" * size)


def make_room(disk: Path) -> None:
    """Undo `fill`."""
    (disk / "ballast").unlink()
