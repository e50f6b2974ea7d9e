"""`sluice up`: one log per request, synced to disk, written and stored in the same process, beside the bare server."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from shared.stream.base import WRITER_GROUP
from shared.stream.factory import StreamOptions, open_stream
from tests.bench.bench import API_KEYS, Bench, Measure
from tests.bench.engine import Engine
from tests.bench.figures import Figure, at_most, extra_at_most, ratio_at_least
from tests.bench.idle import UP as UP_MODULES
from tests.bench.idle import idle_mb
from tests.bench.kafka import until_applied
from tests.bench.ledger import check_ids
from tests.bench.logs import SIZES
from tests.bench.machine import MemoryPeak
from tests.bench.posts import Sender
from tests.bench.processes import Bare
from tests.support.processes import Up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.stream.base import Stream


async def run(bench: Bench) -> None:
    """`sluice up` and a bare server take turns. Each round ends when all its logs are stored."""
    seconds = bench.scale(4, 2)
    rates, bare_rates, backlogs = [], [], []
    with bench.processes() as processes:
        up = bench.start(Up(processes, api_keys=API_KEYS))
        bare = bench.start(Bare(processes))
        ours, theirs = (Sender.to(server.url, SIZES["2KB"], "up") for server in (up, bare))
        data = up.directory / "data"
        async with stream_in(data) as stream:
            with MemoryPeak(up.pid) as memory:
                await ours.closed_loop(0.5)
                await until_applied(stream, WRITER_GROUP)
                await theirs.closed_loop(0.5)
                for _ in range(bench.rounds):
                    rates.append((await ours.closed_loop(seconds)).rate)
                    began = time.perf_counter()
                    await until_applied(stream, WRITER_GROUP)
                    backlogs.append(time.perf_counter() - began)
                    bare_rates.append((await theirs.closed_loop(seconds)).rate)
        up.stop()
        engine = Engine(data / "store", bench.cores.server)
        found = [row["id"] for row in engine.query("SELECT id FROM log_records")]
        engine.stop()
    bench.check(check_ids("up", ours.ids, found))
    bench.add(Figure(name="up-post", unit="logs/s", rounds=rates, references=bare_rates, target=ratio_at_least(0.20)))
    bench.add(
        Figure(name="up-backlog", unit="s", rounds=[max(backlogs)], target=at_most(5), note="the longest of the rounds")
    )
    bench.add(
        Figure(
            name="memory-up",
            unit="MB",
            rounds=[memory.peak_mb],
            references=[idle_mb(UP_MODULES)],
            target=extra_at_most(500),
        )
    )


@contextlib.asynccontextmanager
async def stream_in(data: Path) -> AsyncIterator[Stream]:
    """The stream of an embedded installation, for looking at it."""
    stream = open_stream(f"sqlite:///{data / 'stream.db'}", StreamOptions("sluice-bench", read_only=True))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


UP: Final = Measure("up", ("up-post", "up-backlog", "memory-up"), run)
