"""Networks that swallow everything: connections stay open, and nothing comes through."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.faults.scenarios.brokers import REFUSED_REQUESTS, refused

if TYPE_CHECKING:
    from tests.faults.context import Context


async def black_hole_before_the_gateway(context: Context) -> None:
    """Between gateway and Kafka: 503s within the deadline, never a hang, never a 2xx."""
    async with context.cluster() as trial:
        async with trial.loaded():
            for _ in range(2):
                await trial.more(context.logs(100))
                trial.installation.to_gateways.black_hole()
                await refused(trial, REFUSED_REQUESTS)
                before = trial.load.acknowledged
                await refused(trial, REFUSED_REQUESTS)
                acknowledged = trial.load.acknowledged - before
                trial.expect(not acknowledged, f"{acknowledged} logs were acknowledged by nobody")
                trial.installation.to_gateways.clear()
                await trial.recovered()
        hung = trial.client.answers["POST", 0]
        trial.expect(not hung, f"{hung} creates were not answered")


async def black_hole_before_a_writer(context: Context) -> None:
    """Between one writer and Kafka while its inserts are slow: it loses its partitions in the middle of one."""
    async with context.cluster() as trial, trial.loaded():
        installation = trial.installation
        for _ in range(2 if context.long else 1):
            await trial.more(context.logs(100))
            installation.to_store.latency_s = 0.5
            await trial.more(context.logs(50))
            installation.to_first_writer.black_hole()
            await trial.more(context.logs(50))
            await trial.recovered()  # the others own its partitions now
            await trial.check_committed()
            installation.to_first_writer.clear()
            await trial.more(context.logs(50))
            installation.to_store.clear()
            await trial.recovered()


async def connections_reset(context: Context) -> None:
    """Every connection to Kafka and the store is torn down, again and again."""
    async with context.cluster() as trial, trial.loaded():
        installation = trial.installation
        for _ in range(5):
            await trial.more(context.logs(50) + context.random.randrange(20))
            for proxy in (installation.to_gateways, installation.to_first_writer, installation.to_store):
                await asyncio.to_thread(proxy.reset)
            await trial.recovered()
