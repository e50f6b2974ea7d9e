"""CPU per log stored, against how many are stored already: the same logs through a writer on a store of each size.

`sluice writer` with the engine in process, as `sluice up` has it, all of its threads counted, until the merges that the
slice caused are done. The stores are filled with logs of short bodies: it is their number that counts here.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from shared.stream.base import WRITER_GROUP
from shared.stream.factory import StreamOptions, open_stream
from tests.bench import logs
from tests.bench.bench import Bench, Measure
from tests.bench.engine import Engine
from tests.bench.figures import Curve, Figure, LedgerCheck, ratio_at_most
from tests.bench.filling import Filling
from tests.bench.kafka import append_all, until_applied
from tests.bench.machine import cpu_seconds, until_idle
from tests.support.processes import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.stream.base import Stream
    from tests.support.processes import Processes

SIZES: Final = (100_000, 1_000_000, 5_000_000)
QUICK_SIZES: Final = (20_000, 200_000)
SLICE: Final = 20_000


async def run(bench: Bench) -> None:
    """A writer for each size; they take turns."""
    sizes = QUICK_SIZES if bench.quick else SIZES
    directories = {size: bench.new_directory(f"cost-{size}") for size in sizes}
    filled = {size: await asyncio.to_thread(fill, directory / "store", size) for size, directory in directories.items()}
    cpu: dict[int, list[float]] = {size: [] for size in sizes}
    with bench.processes() as processes:
        async with contextlib.AsyncExitStack() as stack:
            writers = {}
            for size, directory in directories.items():
                stream = await stack.enter_async_context(new_stream(directory))
                writers[size] = (stream, bench.start(new_writer(processes, directory)))
            for stream, _ in writers.values():
                await append_all(stream, list(logs.messages(500, "warmup")))
            for number in range(1 + bench.rounds):
                appended = list(logs.messages(SLICE, f"slice{number}"))
                for size, (stream, writer) in writers.items():
                    await until_applied(stream, WRITER_GROUP)
                    await until_idle(writer.pid)
                    took = cpu_seconds(writer.pid)
                    await append_all(stream, appended)
                    await until_applied(stream, WRITER_GROUP)
                    await until_idle(writer.pid)
                    if number:  # the first round warms up
                        cpu[size].append((cpu_seconds(writer.pid) - took) / SLICE * 1e6)
            for _, writer in writers.values():
                writer.stop()
    for size, directory in directories.items():
        bench.check(check(directory / "store", size, filled[size], 500 + (1 + bench.rounds) * SLICE))
    add(bench, cpu)


def add(bench: Bench, cpu: dict[int, list[float]]) -> None:
    """The figures, and the plot."""
    smallest = min(cpu)
    for size, rounds in cpu.items():
        target = None if size == smallest else ratio_at_most(1.15)
        name = f"cost-at-{size / 1e6:g}M"
        bench.add(Figure(name=name, unit="us/log", rounds=rounds, references=cpu[smallest], target=target))
    medians = [sorted(rounds)[len(rounds) // 2] for rounds in cpu.values()]
    bench.curves.append(Curve("cost", list(cpu), {"CPU us per log stored": medians}))


def fill(directory: Path, size: int) -> int:
    """Make a store with so many logs; how many they are."""
    engine = Engine(directory, memory_bytes=4_000_000_000)
    filling = Filling(engine, short_bodies=True)
    filled = filling.up_to(size)
    filling.finish()
    engine.settle()
    engine.stop()
    return filled


@contextlib.asynccontextmanager
async def new_stream(directory: Path) -> AsyncIterator[Stream]:
    """An embedded stream, to append to."""
    stream = open_stream(f"sqlite:///{directory / 'stream.db'}", StreamOptions("sluice-bench"))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


def new_writer(processes: Processes, directory: Path) -> Writer:
    """A writer on that stream and store. What fills the store came from no stream: it is of an epoch before."""
    return Writer(
        processes,
        stream=f"sqlite:///{directory / 'stream.db'}",
        store=f"chdb:///{directory / 'store'}",
        stream_epoch="1",
    )


def check(directory: Path, size: int, filled: int, appended: int) -> LedgerCheck:
    """Whether the store has all that was appended on top of what filled it."""
    engine = Engine(directory)
    found = engine.query("SELECT count() AS logs FROM log_records")[0]["logs"] - filled
    engine.stop()
    return LedgerCheck(f"cost-at-{size / 1e6:g}M", appended, found, max(0, appended - found), max(0, found - appended))


COST: Final = Measure("cost", ("cost-at",), run)
