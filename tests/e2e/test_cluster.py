"""Every role a process of its own, over Kafka and ClickHouse, under load: nothing lost, nothing twice, all readable at
once.

The slowest test of the suite: three and a half minutes of processor time, so about two minutes on two idle cores.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp

from tests.support.deployment import Deployment
from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, ROWS_SQL, Ledger
from tests.support.ledger_client import LedgerClient, load
from tests.support.processes import until
from tests.support.sdk_load import sdk_load
from tests.support.store_rows import store_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.kafka_broker import KafkaBroker
    from tests.support.processes import Processes

KEY = "some-key-12345"
LOGS = 20_000
FROM_PROMPTLAYER_CLIENT = 1_000
FROM_HUMANLOOP_CLIENT = 500
LOAD_TIMEOUT_S = 600
OVER_HTTP = LOGS - FROM_PROMPTLAYER_CLIENT - FROM_HUMANLOOP_CLIENT
MIX = [HUMANLOOP, HUMANLOOP_NAMED, *[PROMPTLAYER] * 8]


async def test_20000_logs_from_clients_of_both_apis_while_writers_come_and_go(
    own_kafka: KafkaBroker, clickhouse_url: str, processes: Processes
) -> None:
    deployment = Deployment(
        processes,
        kafka=own_kafka.bootstrap,
        clickhouse=clickhouse_url,
        api_keys=f"default:{KEY}",
        visibility_timeout_s="25",
    )
    await asyncio.to_thread(deployment.start)
    ledger = Ledger("http")
    async with http_client(ledger, deployment) as client, asyncio.TaskGroup() as group:
        for family, count in ((PROMPTLAYER, FROM_PROMPTLAYER_CLIENT), (HUMANLOOP, FROM_HUMANLOOP_CLIENT)):
            urls = deployment.gateway_url(), deployment.query_url()
            group.create_task(sdk_load(family, count, *urls, KEY, processes.directory / f"{family}.json"))
        families = [MIX[number % len(MIX)] for number in range(OVER_HTTP)]
        group.create_task(load(client, families, at_once=512, update_every=100))
        group.create_task(change_writers(deployment, ledger))
    for family in (PROMPTLAYER, HUMANLOOP):
        ledger.merge(processes.directory / f"{family}.json")
    await asyncio.to_thread(deployment.stop)

    assert len(ledger.acknowledged()) == LOGS
    assert await asyncio.to_thread(store_rows, clickhouse_url, "SELECT count() AS logs FROM log_records") == [
        {"logs": LOGS}
    ]
    ledger.check_rows(await asyncio.to_thread(store_rows, clickhouse_url, ROWS_SQL))


@contextlib.asynccontextmanager
async def http_client(ledger: Ledger, deployment: Deployment) -> AsyncIterator[LedgerClient]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield LedgerClient(ledger, session, deployment.gateway_url, deployment.query_url, KEY)


async def change_writers(deployment: Deployment, ledger: Ledger) -> None:
    """A third writer joins when a third of the load was sent; the first one leaves when two thirds were."""
    await until(lambda: len(ledger.entries) > OVER_HTTP // 3, "a third of the load", LOAD_TIMEOUT_S)
    await asyncio.to_thread(deployment.add_writer)
    await until(lambda: len(ledger.entries) > OVER_HTTP * 2 // 3, "two thirds of the load", LOAD_TIMEOUT_S)
    await asyncio.to_thread(deployment.writers[0].stop)
