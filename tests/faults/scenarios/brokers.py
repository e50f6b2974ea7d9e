"""Kafka brokers that die: the leader of a partition, and then all but one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.faults.context import Context
    from tests.faults.trial import Trial

REFUSED_REQUESTS = 16
"""How many 503s are waited for while nothing can be acknowledged."""


async def leader_killed_then_two_of_three(context: Context) -> None:
    """SIGKILL the broker that leads most, then two of three: nothing is acknowledged until there are two again."""
    async with context.cluster(brokers=3, fresh=True, session_timeout_s="6") as trial:
        brokers = list(trial.installation.brokers)
        async with trial.loaded():
            await trial.more(context.logs(150))
            first, second, _ = context.random.sample(brokers, 3)
            await asyncio.to_thread(first.kill)
            await trial.recovered()
            await trial.more(context.logs(150))
            await asyncio.to_thread(first.start)
            await trial.more(context.logs(100))

            await asyncio.to_thread(first.kill)
            await asyncio.to_thread(second.kill)
            await refused(trial, REFUSED_REQUESTS)
            before = trial.load.acknowledged
            await refused(trial, REFUSED_REQUESTS)
            acknowledged = trial.load.acknowledged - before
            trial.expect(not acknowledged, f"{acknowledged} logs were acknowledged by one broker of three")
            first.launch()
            second.launch()
            await asyncio.to_thread(first.wait_ready)
            await asyncio.to_thread(second.wait_ready)
            await trial.recovered()
            await trial.more(context.logs(150))


async def broker_restarted(context: Context) -> None:
    """The only broker is killed and comes back: 503s meanwhile, and no other answer."""
    async with context.cluster() as trial, trial.loaded():
        for _ in range(2):
            await trial.more(context.logs(100))
            await asyncio.to_thread(trial.installation.broker.kill)
            await refused(trial, REFUSED_REQUESTS)
            await asyncio.to_thread(trial.installation.broker.start)
            await trial.recovered()


async def refused(trial: Trial[Any], count: int) -> None:
    """Return when so many more creates were answered with 503."""
    answers = trial.client.answers
    target = answers["POST", 503] + count
    await asyncio.to_thread(wait_until, lambda: answers["POST", 503] >= target, f"{count} answers with 503", 300)
