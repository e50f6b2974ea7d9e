"""`sluice up` as its users run it: one process, killed and stopped under load; keys; workspaces."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
import httpx

from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, ROWS_SQL, Ledger
from tests.support.ledger_client import LedgerClient, check_all, load
from tests.support.log_bodies import promptlayer_body
from tests.support.processes import Up, until, wait_until
from tests.support.store_rows import store_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.processes import Processes

KEY = "some-key-12345"
LOGS = 5_000
LOAD_TIMEOUT_S = 300
PATIENCE_S = 60
"""How long clients go on trying while the process is away; on an idle machine it is back after a second."""

KEYS_KNOWN_WITHIN_S = 5
"""On an idle machine it takes a quarter of a second."""

MIX = [HUMANLOOP, HUMANLOOP_NAMED, *[PROMPTLAYER] * 8]


async def test_5000_logs_while_the_process_is_killed_and_stopped(processes: Processes) -> None:
    sluice = await asyncio.to_thread(Up(processes, api_keys=f"default:{KEY}").start)
    ledger = Ledger("up")
    async with http_client(ledger, sluice, PATIENCE_S) as client:
        families = [MIX[number % len(MIX)] for number in range(LOGS)]
        async with asyncio.TaskGroup() as group:
            group.create_task(load(client, families, at_once=128, update_every=50))
            group.create_task(kill_and_later_stop(sluice, ledger))
        await check_all(client, ledger.acknowledged(), at_once=128)
    await asyncio.to_thread(sluice.stop)

    assert client.answers["POST", 0], "the load did not notice that the process was killed"
    [counted] = await asyncio.to_thread(store_rows, store_url(sluice), "SELECT count() AS logs FROM log_records")
    fewest, most = ledger.counted()
    assert fewest <= counted["logs"] <= most
    ledger.check_rows(await asyncio.to_thread(store_rows, store_url(sluice), ROWS_SQL))


async def kill_and_later_stop(sluice: Up, ledger: Ledger) -> None:
    """SIGKILL after a third of the load, SIGTERM after two thirds; each time it is started again."""
    await until(lambda: len(ledger.entries) > LOGS // 3, "a third of the load", LOAD_TIMEOUT_S)
    await asyncio.to_thread(sluice.kill)
    await asyncio.to_thread(sluice.start)
    await until(lambda: len(ledger.entries) > LOGS * 2 // 3, "two thirds of the load", LOAD_TIMEOUT_S)
    await asyncio.to_thread(sluice.stop)
    await asyncio.to_thread(sluice.start)


async def test_quick_updates_of_one_log_keep_their_order(processes: Processes) -> None:
    sluice = await asyncio.to_thread(Up(processes, api_keys=f"default:{KEY}").start)
    async with http_client(Ledger("order"), sluice) as client:

        async def update_in_turn(family: str) -> None:
            entry = await client.create(family)
            await client.update_in_turn(entry, 10)
            await client.check(entry)

        async def update_at_once(family: str) -> None:
            """Updates of different fields, none waiting for another: each answer has its own, the log has all."""
            entry = await client.create(family)
            fields = ("output", "error", "stdout", "source", "finish_reason")
            values = {name: f"{entry.marker} {name}" for name in fields}
            answers = await asyncio.gather(*[client.update(entry, {name: values[name]}) for name in fields])
            for name, answer in zip(fields, answers, strict=True):
                assert answer is not None
                assert answer[name] == values[name]
            await client.check(entry)

        families = [HUMANLOOP, HUMANLOOP_NAMED] * 10
        await asyncio.gather(*map(update_in_turn, families), *map(update_at_once, families))
    await asyncio.to_thread(sluice.stop)


def test_the_first_start_makes_a_key_and_later_ones_do_not(processes: Processes) -> None:
    sluice = Up(processes).start()
    key = next(word for word in sluice.printed.split() if word.startswith("sk_sluice_"))
    log_id = create(sluice, key)
    sluice.stop()
    sluice.start()
    assert "sk_sluice_" not in sluice.printed
    assert status_of_read(sluice, key, log_id) == 200
    sluice.stop()
    assert key not in sluice.log


def test_keys_are_made_and_revoked_while_it_runs(processes: Processes) -> None:
    sluice = Up(processes, api_keys=f"default:{KEY}").start()
    made, key = sluice.run("keys", "create", "--workspace", "default").split("\n")[:2]
    key_id = made.split()[0]
    log_id = create(sluice, KEY)
    wait_until(lambda: status_of_read(sluice, key, log_id) == 200, "the new key to be known", KEYS_KNOWN_WITHIN_S)
    sluice.run("keys", "revoke", key_id)
    wait_until(lambda: status_of_read(sluice, key, log_id) == 401, "the revoked key to be refused", KEYS_KNOWN_WITHIN_S)
    assert status_of_read(sluice, KEY, log_id) == 200
    sluice.stop()


def test_another_workspace_does_not_see_a_log(processes: Processes) -> None:
    sluice = Up(processes, api_keys=f"default:{KEY},other:other-key-12345").start()
    log_id = create(sluice, KEY)
    assert status_of_read(sluice, KEY, log_id) == 200
    assert status_of_read(sluice, "other-key-12345", log_id) == 404
    assert status_of_read(sluice, "no-key-at-all", log_id) == 401
    sluice.stop()


@contextlib.asynccontextmanager
async def http_client(ledger: Ledger, sluice: Up, patience_s: float = 0) -> AsyncIterator[LedgerClient]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield LedgerClient(ledger, session, lambda: sluice.url, lambda: sluice.url, KEY, patience_s)


def store_url(sluice: Up) -> str:
    """The store of a `sluice up` that was stopped."""
    return f"chdb:///{sluice.directory}/data/store"


def create(sluice: Up, key: str) -> int:
    """Log something; its id."""
    answer = httpx.post(f"{sluice.url}/log-request", json=promptlayer_body("one", 1), headers={"x-api-key": key})
    assert answer.status_code == 201, answer.text
    log_id: int = answer.json()["id"]
    return log_id


def status_of_read(sluice: Up, key: str, log_id: int) -> int:
    """The status with which a log is read."""
    return httpx.get(f"{sluice.url}/api/public/v2/requests/{log_id}", headers={"x-api-key": key}).status_code
