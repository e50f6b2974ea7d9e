"""Many logs in one request (`POST /v1/logs`), beside aiokafka sending batches of the same bytes."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.bench import kafka
from tests.bench.bench import API_KEYS, Bench, Measure
from tests.bench.figures import Figure, ratio_at_least
from tests.bench.ledger import check_topic
from tests.bench.logs import SIZES
from tests.bench.posts import BulkSender
from tests.bench.producer import Producer
from tests.support.processes import Gateway

LOGS: Final = 100
"""Of one request, and of one batch."""

AT_ONCE: Final = 16


async def run(bench: Bench) -> None:
    """A gateway and a bare producer take turns, for each size of body."""
    acknowledged: list[int] = []
    store = bench.new_directory("store")
    async with bench.kafka() as bootstrap:
        with bench.clickhouse(store, bench.cores.others) as url, bench.processes() as processes:
            gateway = bench.start(Gateway(processes, stream=kafka.url(bootstrap), store=url, api_keys=API_KEYS))
            for name, size in SIZES.items():
                first = name == "2KB"
                logs = max(1, LOGS * SIZES["2KB"] // size)
                sender = BulkSender.to(gateway.url, size, f"bulk{name}", logs)
                producer = Producer(bench.cores.server, bootstrap, size, logs, AT_ONCE)
                rounds, seconds = (bench.rounds, bench.scale(3, 1)) if first else (bench.scale(3, 1), bench.scale(2, 1))
                await sender.closed_loop(0.5, AT_ONCE)
                await asyncio.to_thread(producer.send, 0.5)
                rates, bare_rates = [], []
                for _ in range(rounds):
                    rates.append((await sender.closed_loop(seconds, AT_ONCE)).rate * logs)
                    bare_rates.append(await asyncio.to_thread(producer.send, seconds))
                producer.stop()
                acknowledged += sender.ids
                target = ratio_at_least(0.5) if first else None
                note = f"{logs} a request"
                bench.add(
                    Figure(
                        name=f"gateway-bulk-{name}",
                        unit="logs/s",
                        rounds=rates,
                        references=bare_rates,
                        target=target,
                        note=note,
                    )
                )
            gateway.stop()
            bench.check(await check_topic("bulk", bootstrap, acknowledged))


BULK: Final = Measure("bulk", ("gateway-bulk",), run)
