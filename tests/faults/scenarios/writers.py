"""Writers that die at the worst moment, freeze, come and go."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.faults.context import Context
    from tests.faults.installations import Sabotaged

DEATH_TIMEOUT_S = 180.0


async def writer_killed_at_each_failpoint(context: Context) -> None:
    """SIGKILL at every step of a flush, in `sluice up`; each time the next start must mend what was left."""
    async with context.embedded() as trial:
        up = trial.installation.up
        for failpoint in _FAILPOINTS:
            await trial.installation.stop()
            up.sabotage = f"{failpoint}:{context.random.randint(2, 6)}"
            await asyncio.to_thread(up.start)
            async with trial.loaded():
                await dead(up)
                up.sabotage = ""
                await trial.check_committed()
                await asyncio.to_thread(up.start)
                await trial.recovered()
                await trial.more(context.logs(100))


async def writer_killed_beside_others(context: Context) -> None:
    """The same for one of two writers on Kafka: the other one takes over, and the dead one comes back."""
    async with context.cluster() as trial:
        cluster = trial.installation
        for failpoint in _FAILPOINTS if context.long else context.random.sample(_FAILPOINTS, 2):
            writer = cluster.writers[0]
            await asyncio.to_thread(writer.stop)
            writer.sabotage = f"{failpoint}:{context.random.randint(2, 6)}"
            await asyncio.to_thread(writer.start)
            async with trial.loaded():
                await dead(writer)
                writer.sabotage = ""
                await trial.check_committed()
                await trial.recovered()
                await asyncio.to_thread(writer.start)
                await trial.more(context.logs(100))


async def frozen_writer(context: Context) -> None:
    """A writer is stopped past its session timeout and wakes up beside its successor, with a batch in its hands."""
    async with context.cluster() as trial:
        writer = trial.installation.writers[0]
        async with trial.loaded():
            for _ in range(2):
                await trial.more(context.logs(100))
                writer.pause()
                await trial.recovered()  # the others took over
                await trial.more(context.logs(100))
                writer.resume()
                await trial.more(context.logs(100))
                await trial.check_committed()
            await trial.recovered()


async def writers_come_and_go(context: Context) -> None:
    """Writers join and leave under load, in order and by SIGKILL."""
    async with context.cluster() as trial:
        cluster = trial.installation
        async with trial.loaded():
            for turn in range(3):
                await trial.more(context.logs(60))
                third = await cluster.add_writer()
                await trial.more(context.logs(60))
                leaver = context.random.choice(cluster.writers[:2])
                await asyncio.to_thread(leaver.kill if turn == 1 else leaver.stop)
                await trial.check_committed()
                await trial.recovered()
                await asyncio.to_thread(leaver.start)
                await asyncio.to_thread(third.stop)
                cluster.writers.remove(third)


async def dead(process: Sabotaged) -> None:
    """Return when a failpoint has killed the process."""
    died = partial(lambda: not process.is_running)
    await asyncio.to_thread(wait_until, died, f"{process.sabotage} to kill {process}", DEATH_TIMEOUT_S)
    assert process.exit_status == -signal.SIGKILL, f"{process} was not killed"


_FAILPOINTS = ("after-fetch", "mid-insert", "between-inserts", "after-insert", "before-commit", "after-commit")
