"""What measures share: the size of the run, cores, a Kafka broker, processes, and where results go."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from tests.bench import report
from tests.bench.engine import Engine
from tests.bench.kafka import delete_topics, warm_up
from tests.bench.machine import choose_cores, pinned
from tests.support.clickhouse_fixtures import ClickHouseProcess
from tests.support.kafka_broker import KafkaBroker
from tests.support.processes import Processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.bench.figures import Curve, Figure, LedgerCheck
    from tests.bench.machine import Cores
    from tests.support.processes import Process

AnyProcess = TypeVar("AnyProcess", bound="Process")

WORKSPACE: Final = "bench"
KEY: Final = "bench-key-0123456789"
API_KEYS: Final = f"{WORKSPACE}:{KEY}"


_PATIENT: Final = {"broker.session.timeout.ms": "60000", "broker.heartbeat.interval.ms": "2000"}
"""A broker that gets too little CPU for a while is no broker that failed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A part of the benchmark: adds its figures to the run. `figures` are the names that they begin with."""

    name: str
    figures: tuple[str, ...]
    run: Callable[[Bench], Awaitable[None]]

    def is_called(self, name: str) -> bool:
        """Whether `--only NAME` asks for it."""
        return name in self.name or any(name in figure for figure in self.figures)


@dataclass(slots=True)
class Bench:
    """One run. `say` prints a line."""

    directory: Path
    rounds: int
    quick: bool
    say: Callable[[str], None]
    cores: Cores = field(default_factory=choose_cores)
    figures: list[Figure] = field(default_factory=list)
    checks: list[LedgerCheck] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    _broker: KafkaBroker | None = None
    _numbers: int = 0

    def add(self, figure: Figure) -> None:
        """Add a line to the report."""
        self.figures.append(figure)
        self.say(report.line(figure))

    def check(self, check: LedgerCheck) -> None:
        """Add what a ledger says to the report."""
        self.checks.append(check)
        self.say(check.line())

    def scale(self, full: int, quick: int) -> int:
        """A size, by the kind of run."""
        return quick if self.quick else full

    def new_directory(self, name: str) -> Path:
        """A new, empty directory."""
        self._numbers += 1
        directory = self.directory / f"{self._numbers:02}-{name}"
        directory.mkdir(parents=True)
        return directory

    @contextlib.contextmanager
    def processes(self) -> Iterator[Processes]:
        """Processes of the product, gone afterwards."""
        group = Processes(self.new_directory("processes"))
        try:
            yield group
        except BaseException:
            group.end()
            raise
        group.kill()

    def start(self, process: AnyProcess, cores: frozenset[int] | None = None) -> AnyProcess:
        """Start a process on these cores (the server's by default), and return when it is ready."""
        with pinned(self.cores.server if cores is None else cores):
            process.launch()
        process.wait_until_ready()
        return process

    @contextlib.asynccontextmanager
    async def kafka(self) -> AsyncIterator[str]:
        """The address of a broker without topics; those that were made meanwhile are deleted."""
        if self._broker is None:
            self._broker = KafkaBroker(self.new_directory("kafka"), settings=_PATIENT)
            with pinned(self.cores.others):
                self._broker.start()
            with pinned(self.cores.server):
                await warm_up(self._broker.bootstrap, self.scale(15, 8))
            await delete_topics(self._broker.bootstrap)
        try:
            yield self._broker.bootstrap
        finally:
            await delete_topics(self._broker.bootstrap)

    @contextlib.contextmanager
    def clickhouse(self, directory: Path, cores: frozenset[int]) -> Iterator[str]:
        """The URL of a store with the current schema, over HTTP: an engine on a directory, in a process of its own."""
        Engine(directory, cores).stop()  # makes the schema
        server = ClickHouseProcess(directory)
        with pinned(cores):
            server.start()
        try:
            yield server.url("sluice")
        finally:
            server.kill()

    def close(self) -> None:
        """End what is shared."""
        if self._broker is not None:
            self._broker.kill()
