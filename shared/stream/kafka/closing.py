"""Closing aiokafka's consumers for good, whatever state they are in."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

log = logging.getLogger(__name__)


async def close_consumer(consumer: AIOKafkaConsumer, what: str, timeout_s: float) -> None:
    """Stop a consumer and close its connections. Raises nothing; blocks for at most about `timeout_s`.

    After an outage `stop` can raise the CancelledError of a task of its own, before it has closed its client
    (aio-libs/aiokafka#647). A `stop` that takes longer than `timeout_s` goes on by itself.
    """
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopping], timeout=timeout_s)
    if not stopping.done():
        log.warning("kafka: closing %s takes longer than %s s", what, timeout_s)
        return
    failure = "cancelled" if stopping.cancelled() else stopping.exception()
    if failure is not None:
        log.debug("kafka: closing %s failed: %s", what, failure)
        await consumer._client.close()
