"""Stores for tests: the engine in process, and a ClickHouse server from the best source there is.

The server is, in this order: `SLUICE_TEST_CLICKHOUSE` (a clickhouse:// URL without a database), a container when a
Docker engine answers, `tests.support.clickhouse_http`. Every test gets a database of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from shared.store.chdb_store import ChdbStore
from shared.store.factory import open_store
from shared.store.migrate import migrate_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from shared.store.base import LogStore

SERVER_IMAGE = "clickhouse/clickhouse-server:26.9"
START_TIMEOUT_S = 180.0


class ClickHouseProcess:
    """A `tests.support.clickhouse_http` process, which may be killed and started again on the same port and data."""

    def __init__(self, directory: Path, password: str = "") -> None:
        self.directory = directory
        self.password = password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "") -> str:
        """The store URL of a database."""
        credentials = f"default:{quote(self.password, safe='')}@" if self.password else ""
        return f"clickhouse://{credentials}127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return when it answers."""
        command = [sys.executable, "-m", "tests.support.clickhouse_http", "--port", str(self.port)]
        command += ["--path", str(self.directory), "--password", self.password]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("the ClickHouse stand-in did not start")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def docker_answers() -> bool:
    """Whether a Docker engine is at hand."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A URL that ends with `/`, to which the name of a database is added."""
    given = os.environ.get("SLUICE_TEST_CLICKHOUSE")
    if given:
        yield given.rstrip("/") + "/"
    elif docker_answers():
        from testcontainers.clickhouse import ClickHouseContainer

        with ClickHouseContainer(SERVER_IMAGE, username="test", password="test") as container:
            yield f"clickhouse://test:test@{container.get_container_host_ip()}:{container.get_exposed_port(8123)}/"
    else:
        process = ClickHouseProcess(tmp_path_factory.mktemp("clickhouse") / "data")
        process.start()
        yield process.url()
        process.stop()


@pytest.fixture(scope="session")
def chdb_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of every in-process store: a process can have one open."""
    return tmp_path_factory.mktemp("chdb") / "store"


@pytest.fixture
def database_name() -> str:
    """A name that no other test uses."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
async def clickhouse_url(clickhouse_server: str, database_name: str) -> AsyncIterator[str]:
    """The URL of a database that is not there yet, on a server. It is dropped after the test."""
    url = clickhouse_server + database_name
    yield url
    await _drop(open_store(url), database_name)


@pytest.fixture(params=["chdb", "clickhouse"])
async def empty_store(
    request: pytest.FixtureRequest, clickhouse_server: str, chdb_directory: Path, database_name: str
) -> AsyncIterator[LogStore]:
    """A started store with an empty database, on each adapter in turn."""
    store: LogStore
    if request.param == "chdb":
        store = ChdbStore(chdb_directory, database=database_name)
    else:
        store = open_store(clickhouse_server + database_name)
    await store.start()
    yield store
    await _drop(store, database_name)


@pytest.fixture
async def store(empty_store: LogStore) -> LogStore:
    """A started store with the current schema and no rows, on each adapter in turn."""
    await migrate_up(empty_store)
    return empty_store


@pytest.fixture
async def chdb_store(chdb_directory: Path, database_name: str) -> AsyncIterator[ChdbStore]:
    """A started in-process store with the current schema and no rows."""
    store = ChdbStore(chdb_directory, database=database_name)
    await store.start()
    await migrate_up(store)
    yield store
    await _drop(store, database_name)


async def _drop(store: LogStore, database: str) -> None:
    await store.start()
    await store.execute(f"DROP DATABASE IF EXISTS `{database}` SYNC")
    await store.stop()
