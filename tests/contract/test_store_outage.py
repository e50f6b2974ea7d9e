"""What may be in the way: a server that is down, is silent or refuses the password; a directory that is in use."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from shared.errors import Misconfigured, StoreUnavailable
from shared.store.chdb_store import ChdbStore
from shared.store.factory import open_store
from tests.support.clickhouse_fixtures import ClickHouseProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "p@ss/w:rd?"

HOLD_DIRECTORY = """
import asyncio, sys
from shared.store.chdb_store import ChdbStore
async def main():
    store = ChdbStore(sys.argv[1])
    await store.start()
    print("open", flush=True)
    sys.stdin.read()
    await store.stop()
asyncio.run(main())
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseProcess]:
    process = ClickHouseProcess(tmp_path / "data", password=PASSWORD)
    process.start()
    yield process
    process.kill()


async def test_a_killed_server_is_unavailable_and_the_store_works_when_it_is_back(
    server: ClickHouseProcess,
) -> None:
    store = open_store(server.url("sluice"))
    await store.start()
    await store.execute("CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x")
    await store.insert("t", b'{"x":1}')
    server.kill()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await store.query("SELECT x FROM t")
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await store.insert("t", b'{"x":2}')
        with pytest.raises(StoreUnavailable):
            await store.ping()
    server.start()
    await store.ping()
    await store.insert("t", b'{"x":3}')
    assert await store.query("SELECT x FROM t ORDER BY x") == [{"x": 1}, {"x": 3}]
    await store.stop()


async def test_a_server_killed_in_the_middle_of_a_request(server: ClickHouseProcess) -> None:
    store = open_store(server.url("sluice"))
    await store.start()
    waiting = asyncio.create_task(store.query("SELECT sleep(3)"))
    while not await store.query("SELECT 1 FROM system.processes WHERE query LIKE 'SELECT sleep(%'"):
        assert not waiting.done()
    server.kill()
    with pytest.raises(StoreUnavailable):
        await waiting
    await store.stop()


async def test_a_store_starts_once_the_server_is_there(tmp_path: Path) -> None:
    process = ClickHouseProcess(tmp_path / "data")
    store = open_store(process.url("sluice"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await store.start()
    process.start()
    try:
        await store.start()
        await store.ping()
        await store.stop()
    finally:
        process.kill()


async def test_a_silent_server_is_unavailable_within_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connections are made and never served
        store = open_store(f"clickhouse://127.0.0.1:{listener.getsockname()[1]}/sluice", timeout_s=0.2)
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable):
                await store.start()


async def test_a_wrong_password_is_misconfigured_and_not_repeated(server: ClickHouseProcess) -> None:
    store = open_store(f"clickhouse://default:other-secret@127.0.0.1:{server.port}/sluice")
    with pytest.raises(Misconfigured, match="refuses this user and password") as refusal:
        await store.start()
    shown = f"{store!r} {refusal.value} {refusal.value.__cause__}"
    assert "other-secret" not in shown


async def test_a_second_directory_in_one_process_is_misconfigured(chdb_store: ChdbStore, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"this process has .* open"):
        await ChdbStore(tmp_path / "other").start()
    await chdb_store.ping()


async def test_a_directory_of_another_process_is_misconfigured(tmp_path: Path) -> None:
    directory = tmp_path / "store"
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_DIRECTORY, str(directory), stdin=pipe, stdout=pipe
    )
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"open\n"
        store = ChdbStore(directory)
        with pytest.raises(Misconfigured, match=rf"in use by another process \(pid: {holder.pid}\).*`sluice up`"):
            await store.start()
        await holder.communicate(b"")
        assert holder.returncode == 0
        await store.start()
        await store.ping()
        await store.stop()
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()


async def test_a_directory_that_cannot_be_made_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="can't be made"):
        await ChdbStore(tmp_path / "file" / "store").start()
