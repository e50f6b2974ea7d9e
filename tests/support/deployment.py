"""Sluice as in production: every role a process of its own, over Kafka and ClickHouse."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Self

from tests.support.processes import Gateway, Migrate, Query, Writer

if TYPE_CHECKING:
    from tests.support.processes import Process, Processes


class Deployment:
    """Gateways, writers and query processes with the same settings. Add and stop single ones while it runs."""

    def __init__(
        self,
        processes: Processes,
        *,
        kafka: str,
        clickhouse: str,
        gateways: int = 2,
        writers: int = 2,
        queries: int = 1,
        partitions: int = 8,
        **settings: str,
    ) -> None:
        self._processes = processes
        self.settings = settings | {"stream": f"kafka://{kafka}?partitions={partitions}", "store": clickhouse}
        self.gateways = [Gateway(processes, **self.settings) for _ in range(gateways)]
        self.writers = [Writer(processes, **self.settings) for _ in range(writers)]
        self.queries = [Query(processes, **self.settings) for _ in range(queries)]
        self._gateway_turns = itertools.cycle(self.gateways)
        self._query_turns = itertools.cycle(self.queries)

    @property
    def all(self) -> list[Process]:
        """Every process."""
        return [*self.gateways, *self.writers, *self.queries]

    def start(self) -> Self:
        """Migrate the store, start everything side by side, and return when all of it is ready."""
        Migrate(self._processes, **self.settings).up()
        for process in self.all:
            process.launch()
        for process in self.all:
            process.wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop everything that runs, one by one and the writers last; fails unless each ends with status 0."""
        for process in [*self.gateways, *self.queries, *self.writers]:
            if process.is_running:
                process.stop()

    def add_writer(self) -> Writer:
        """Start one more writer."""
        writer = Writer(self._processes, **self.settings).start()
        self.writers.append(writer)
        return writer

    def gateway_url(self) -> str:
        """Of the gateways in turn."""
        return next(self._gateway_turns).url

    def query_url(self) -> str:
        """Of the query processes in turn."""
        return next(self._query_turns).url
