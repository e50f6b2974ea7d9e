"""Gateways that die in the middle of requests, and every role restarted in turn."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from tests.faults.ingress import ingress
from tests.faults.installations import KEY
from tests.support.ledger import HUMANLOOP, PROMPTLAYER
from tests.support.processes import until
from tests.support.sdk_load import sdk_process

if TYPE_CHECKING:
    from tests.faults.context import Context
    from tests.faults.ingress import Ingress


async def gateway_killed_mid_request(context: Context) -> None:
    """SIGKILL a gateway while it works on requests, and start it again."""
    async with context.cluster() as trial, trial.loaded():
        for turn in range(4):
            await trial.more(context.logs(60) + context.random.randrange(50))
            gateway = trial.installation.gateways[turn % 2]
            await asyncio.to_thread(gateway.kill)
            await trial.more(context.logs(30))
            await asyncio.to_thread(gateway.start)
            await trial.recovered()


async def rolling_restart(context: Context) -> None:
    """Every process is stopped in order and started again, one at a time: no request may fail for a client that
    tries again on a 503 and where it can't connect, and none may be left without an answer."""
    async with context.cluster() as trial:
        async with trial.loaded():
            for role in trial.installation.roles:
                await trial.more(context.logs(60))
                await asyncio.to_thread(role.stop)
                await trial.more(context.logs(30))
                await asyncio.to_thread(role.start)
                await trial.recovered()
        unanswered = sum(entry.unknown for entry in trial.ledger.entries)
        trial.expect(not unanswered, f"{unanswered} requests were left without an answer that says what became of them")
        failed = {answer: count for answer, count in trial.client.answers.items() if answer[1] not in _FINE}
        trial.expect(not failed, f"requests failed: {failed}")


async def rolling_restart_under_sdks(context: Context) -> None:
    """The same behind an ingress, while the vendors' own Python clients, unmodified, log, read back and update: not one
    of their calls fails.

    Neither tries again by itself when a log is answered with 503 (PromptLayer 1.5.16 only when the connection drops,
    Humanloop 0.8.38 only where the application asks for it with `request_options`), so no answer may be one.
    """
    async with context.cluster(fresh=True, **_NO_HURRY) as trial:
        cluster = trial.installation
        families = {PROMPTLAYER: "promptlayer", HUMANLOOP: "humanloop"}
        files = [cluster.processes.directory / f"{trial.ledger.name}-{name}.json" for name in families.values()]
        async with ingress(cluster.gateways, cluster.queries) as (url, front):
            async with contextlib.AsyncExitStack() as clients:
                for family, file in zip(families, files, strict=True):
                    await clients.enter_async_context(sdk_process(family, 0, url, url, KEY, file))
                for role in cluster.roles:
                    await _answered(front, context.logs(10))
                    await asyncio.to_thread(role.stop)
                    await _answered(front, context.logs(5))
                    await asyncio.to_thread(role.start)
                await _answered(front, context.logs(10))
            failed = {answer: count for answer, count in front.answers.items() if answer[1] not in (200, 201)}
            trial.expect(not failed, f"calls failed: {failed}")
            trial.client.answers.update(front.answers)
        for file in files:
            trial.ledger.merge(file)


_NO_HURRY = {"drain_delay_s": "3", "produce_deadline_s": "25", "visibility_timeout_s": "29"}
"""So that it is the restarts that are looked at: under full load, requests can take as long without them."""


async def _answered(front: Ingress, count: int) -> None:
    """Return when so many more requests were answered."""
    target = front.answers.total() + count
    await until(lambda: front.answers.total() >= target, f"{count} requests of the clients", 600)


_FINE = frozenset({0, 200, 201, 503})
"""0: could not connect. One that was sent and got no answer would be of unknown outcome."""
