"""Running Sluice to do harm to: everything in one process, or every role apart over Kafka and ClickHouse."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared.store.factory import open_store
from shared.stream.factory import StreamOptions, open_stream
from tests.faults.proxy import Proxy
from tests.support.clickhouse_fixtures import ClickHouseProcess
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster
from tests.support.processes import Gateway, Migrate, Process, Processes, Query, Up, Writer
from tests.support.store_rows import store_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.stream.base import Stream

KEY = "fault-key-12345"
IMPATIENT = {"session_timeout_s": "3", "produce_deadline_s": "4", "drain_delay_s": "0.5"}
"""Settings that let a fault be noticed, and be over, within seconds. Clients use their connections more often than
every drain delay, so that they are told that one will be closed."""

UNDER_LOAD = {"session_timeout_s": "10", "produce_deadline_s": "6", "drain_delay_s": "2"}
"""The same where a machine that is fully loaded must not look like a fault."""

ROOT = Path(__file__).parents[2]


class Sabotaged(Process):
    """A process that runs through `tests.faults.sabotage` while `sabotage` is set; read at each start."""

    sabotage = ""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(ROOT)}

    def _command_line(self, *arguments: str) -> list[str]:
        if self.sabotage and arguments[0] == self.command:
            return [sys.executable, "-m", "tests.faults.sabotage", self.sabotage, *arguments]
        return super()._command_line(*arguments)


class SabotagedUp(Sabotaged, Up):
    """`sluice up`, maybe sabotaged."""


class SabotagedWriter(Sabotaged, Writer):
    """`sluice writer`, maybe sabotaged."""


class Installation(Protocol):
    """What a trial needs of running Sluice. `epoch` is SLUICE_STREAM_EPOCH."""

    processes: Processes
    stream_url: str
    epoch: int

    def gateway_url(self) -> str: ...

    def query_url(self) -> str: ...

    def running(self) -> list[Process]:
        """Its processes that run now."""
        ...

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT on its store, without going through Sluice."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """In order; every process must end with status 0."""
        ...

    def end(self) -> None:
        """Leave nothing running."""
        ...


class Embedded:
    """`sluice up`."""

    def __init__(self, processes: Processes, *, sabotage: str = "", **settings: str) -> None:
        self.processes = processes
        self.up = SabotagedUp(processes, api_keys=f"default:{KEY}", **settings)
        self.up.sabotage = sabotage
        data = self.up.directory / "data"
        self.stream_url = settings.get("stream", f"sqlite:///{data}/stream.db")
        self.store_url = settings.get("store", f"chdb:///{data}/store")
        self.epoch = 0

    def gateway_url(self) -> str:
        return self.up.url

    query_url = gateway_url

    def running(self) -> list[Process]:
        return [self.up] if self.up.is_running else []

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """Only while it does not run: the store's directory belongs to one process."""
        assert not self.up.is_running, "the store is in use"
        return await asyncio.to_thread(store_rows, self.store_url, sql)

    async def start(self) -> None:
        await asyncio.to_thread(self.up.start)

    async def stop(self) -> None:
        if self.up.is_running:
            await asyncio.to_thread(self.up.stop)

    def end(self) -> None:
        self.up.kill()


class Cluster:
    """Gateways, writers and a query process over Kafka and ClickHouse, with a proxy wherever a scenario wants one.

    A broker has three listeners: one for whom nothing stands in between, one each behind the proxies `to_gateways` and
    `to_first_writer`. With `brokers=3` there are no such proxies. `to_store` stands between the writers and ClickHouse.
    """

    def __init__(
        self,
        processes: Processes,
        *,
        brokers: int = 1,
        gateways: int = 2,
        writers: int = 2,
        queries: int = 2,
        partitions: int = 8,
        loaded: bool = False,
        **settings: str,
    ) -> None:
        directory = processes.directory / f"cluster-{len(list(processes.directory.glob('cluster-*')))}"
        directory.mkdir(parents=True)
        self.processes = processes
        self.epoch = 0
        self.to_gateways, self.to_first_writer, self.to_store = Proxy(), Proxy(), Proxy()
        self.clickhouse = ClickHouseProcess(directory / "clickhouse")
        self.to_store.target_port = self.clickhouse.port
        self.store_url = self.clickhouse.url("sluice")
        options = f"?partitions={partitions}"
        self.kafka: KafkaBroker | KafkaCluster
        if brokers == 1:
            advertised = {"GATEWAYS": self.to_gateways.port, "FIRSTWRITER": self.to_first_writer.port}
            self.kafka = KafkaBroker(
                directory / "kafka",
                advertised=advertised,
                settings={"group.min.session.timeout.ms": "1000"},
                heap="400m",
                short_lived=True,
            )
            self.to_gateways.target_port = self.kafka.listeners["GATEWAYS"]
            self.to_first_writer.target_port = self.kafka.listeners["FIRSTWRITER"]
            gateway_kafka, writer_kafka = f"127.0.0.1:{self.to_gateways.port}", f"127.0.0.1:{self.to_first_writer.port}"
        else:
            self.kafka = KafkaCluster(directory)
            options += "&replication=3"
            gateway_kafka = writer_kafka = self.kafka.bootstrap
        self.stream_url = f"kafka://{self.kafka.bootstrap}{options}"
        self.settings = {
            "api_keys": f"default:{KEY}",
            "stream": self.stream_url,
            "store": self.store_url,
            **(UNDER_LOAD if loaded else IMPATIENT),
            **settings,
        }
        self._gateway_settings = self.settings | {"stream": f"kafka://{gateway_kafka}{options}"}
        first_writer_stream = f"kafka://{writer_kafka}{options}"
        self.gateways = [Gateway(processes, **self._gateway_settings) for _ in range(gateways)]
        self.writers = [self._writer(self.stream_url if number else first_writer_stream) for number in range(writers)]
        self.queries = [Query(processes, **self.settings) for _ in range(queries)]
        self._turns = itertools.count()

    @property
    def broker(self) -> KafkaBroker:
        """The only one."""
        assert isinstance(self.kafka, KafkaBroker)
        return self.kafka

    @property
    def brokers(self) -> KafkaCluster:
        """All three."""
        assert isinstance(self.kafka, KafkaCluster)
        return self.kafka

    @property
    def roles(self) -> list[Process]:
        """Every process of ours."""
        return [*self.gateways, *self.writers, *self.queries]

    def gateway_url(self) -> str:
        return self.gateways[next(self._turns) % len(self.gateways)].url

    def query_url(self) -> str:
        return self.queries[next(self._turns) % len(self.queries)].url

    def running(self) -> list[Process]:
        return [role for role in self.roles if role.is_running]

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        store = open_store(self.store_url)
        await store.start()
        try:
            return await store.query(sql)
        finally:
            await store.stop()

    async def start(self) -> None:
        for proxy in (self.to_gateways, self.to_first_writer, self.to_store):
            if proxy.target_port:
                proxy.start()
        await asyncio.gather(asyncio.to_thread(self.kafka.start), asyncio.to_thread(self.clickhouse.start))
        await asyncio.to_thread(Migrate(self.processes, **self.settings).up)
        await self.start_roles()

    async def start_roles(self) -> None:
        """Start those that do not run."""
        starting = [role for role in self.roles if not role.is_running]
        for role in starting:
            role.launch()
        for role in starting:
            await asyncio.to_thread(role.wait_until_ready)

    async def stop(self) -> None:
        for role in [*self.gateways, *self.queries, *self.writers]:
            if role.is_running:
                await asyncio.to_thread(role.stop)

    async def add_writer(self) -> SabotagedWriter:
        """Start one more writer."""
        writer = self._writer(self.stream_url)
        await asyncio.to_thread(writer.start)
        self.writers.append(writer)
        return writer

    def end(self) -> None:
        for role in self.roles:
            role.kill()
        self.kafka.kill()
        with contextlib.suppress(ProcessLookupError):
            self.clickhouse.kill()
        for proxy in (self.to_gateways, self.to_first_writer, self.to_store):
            if proxy.target_port:
                proxy.close()

    def _writer(self, stream: str) -> SabotagedWriter:
        behind_proxies = {"stream": stream, "store": f"clickhouse://127.0.0.1:{self.to_store.port}/sluice"}
        return SabotagedWriter(self.processes, **self.settings | behind_proxies)


@contextlib.asynccontextmanager
async def connected(installation: Installation) -> AsyncIterator[Stream]:
    """The installation's stream, for looking at it from outside."""
    stream = open_stream(installation.stream_url, StreamOptions("sluice-fault-tests"))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()
