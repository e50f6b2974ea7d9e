"""The same records read again: a group that is set back, and a topic that is made anew."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient

from shared.ids import MINUTE_MS
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from tests.faults.installations import connected
from tests.support.ledger import PROMPTLAYER
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.context import Context
    from tests.support.processes import Process

REWOUND_RECORDS = 10_000


async def group_rewound(context: Context) -> None:
    """The writers' group is set back by 10,000 records, twice, while logs go on coming in."""
    async with context.cluster() as trial:
        installation = trial.installation
        async with trial.loaded():
            for _ in range(2):
                await trial.more(context.logs(300))
                for writer in installation.writers:
                    await asyncio.to_thread(writer.stop)
                async with connected(installation) as stream:
                    offsets = await stream.committed(LOGS_TOPIC, WRITER_GROUP)
                    consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, _Nobody())
                    await consumer.start()
                    back = REWOUND_RECORDS // len(offsets)
                    await consumer.commit({partition: max(0, offset - back) for partition, offset in offsets.items()})
                    await consumer.stop()
                await installation.start_roles()
                await trial.recovered()


async def topic_made_anew(context: Context) -> None:
    """The logs topic is deleted: writers refuse to work on the new one until the epoch is raised, and then nothing of
    the new topic is taken for older than what the store has."""
    async with context.cluster(fresh=True) as trial:
        installation = trial.installation
        async with trial.loaded():
            await trial.more(context.logs(200))
        await trial.installation.stop()
        async with connected(installation) as stream:
            ends = await stream.end_offsets(LOGS_TOPIC)
            trial.expect(await stream.committed(LOGS_TOPIC, WRITER_GROUP) == ends, "a stop left records unwritten")
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.broker.bootstrap)
        await admin.start()
        await admin.delete_topics([LOGS_TOPIC])
        await admin.close()
        # An id is unique within its minute: the new topic gives out the offsets of the old one again.
        await asyncio.sleep((MINUTE_MS - time.time() * 1000 % MINUTE_MS) / 1000 + 1)

        for process in (*installation.gateways, *installation.queries):
            await asyncio.to_thread(process.start)
        await trial.client.send(trial.ledger.new(PROMPTLAYER))
        writer = installation.writers[0]
        writer.launch()
        status = await asyncio.to_thread(_exit_status, writer)
        trial.expect(status == 1, f"a writer on the new topic ended with {status}")
        trial.expect("SLUICE_STREAM_EPOCH=1" in writer.log, "a writer on the new topic does not say what to do")

        installation.epoch = 1
        for process in installation.roles:
            process.settings["stream_epoch"] = "1"
        await installation.start_roles()
        async with trial.loaded():
            await trial.recovered()
            await trial.more(context.logs(200))


def _exit_status(process: Process) -> int | None:
    wait_until(lambda: not process.is_running, f"{process} to refuse to start", 60)
    return process.exit_status


class _Nobody:
    """A group member that wants nothing."""

    async def on_revoked(self, partitions: frozenset[int]) -> None: ...

    async def on_assigned(self, positions: Mapping[int, int]) -> None: ...
