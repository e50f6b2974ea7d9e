"""Gateways that die in the middle of requests, and every role restarted in turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.context import Context


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


_FINE = frozenset({0, 200, 201, 503})
"""0: could not connect. One that was sent and got no answer would be of unknown outcome."""
