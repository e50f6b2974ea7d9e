"""Bytes on disk per log, indexes included, once all parts are merged; beside the JSON that clients sent."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.bench import logs
from tests.bench.bench import Bench, Measure
from tests.bench.engine import Engine
from tests.bench.figures import Figure, ratio_at_most
from tests.bench.logs import SIZES
from tests.bench.rows import BATCH, lines_of

TABLES: Final = ("logs", "log_payloads")


async def run(bench: Bench) -> None:
    """One store for each size of body."""
    for name, size in SIZES.items():
        count = bench.scale(4, 1) * BATCH * SIZES["2KB"] // size
        if bench.quick and size > SIZES["2KB"]:
            continue
        engine = Engine(bench.new_directory("disk"))
        await asyncio.to_thread(engine.hold, lines_of(list(logs.messages(count, "disk", size)), 0))
        await asyncio.to_thread(engine.insert_held, "logs_in")
        for table in TABLES:
            await asyncio.to_thread(engine.execute, f"OPTIMIZE TABLE {table} FINAL")
        found = engine.query(
            "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'sluice'"
        )
        engine.stop()
        target = ratio_at_most(0.45) if name == "2KB" else None
        bench.add(
            Figure(
                name=f"disk-{name}",
                unit="bytes/log",
                rounds=[found[0]["bytes"] / count],
                references=[size],
                target=target,
                note=f"of {count:,} logs",
            )
        )


DISK: Final = Measure("disk", ("disk",), run)
