"""What a scenario is given: a seed, a scale, and installations, which scenarios share where they leave them whole."""

from __future__ import annotations

import contextlib
import time
from random import Random
from typing import TYPE_CHECKING, Any

from tests.faults import audit
from tests.faults.installations import Cluster, Embedded, Installation
from tests.faults.load import LONG, SHORT
from tests.faults.report import Report
from tests.faults.trial import Trial
from tests.support.processes import Processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


class Context:
    """The surroundings of all scenarios of a run. `scale` multiplies the load; 1 is the short set's."""

    def __init__(self, directory: Path, *, scale: float = 1.0) -> None:
        self.scale = scale
        self.report = Report("none", 0)
        self.random = Random(0)
        self._directory = directory
        self._shared: dict[str, tuple[Installation, set[str]]] = {}

    def logs(self, count: int) -> int:
        """A number of logs, at this scale."""
        return max(1, int(count * self.scale))

    def logs_within(self, count: int, most: int) -> int:
        """The same, where the disk is small."""
        return min(self.logs(count), most)

    @property
    def long(self) -> bool:
        """Whether this is the long set."""
        return self.scale > 5

    def directory(self, name: str) -> Path:
        """A new, empty directory."""
        directory = self._directory / f"{len(list(self._directory.iterdir())):03}-{name}"
        directory.mkdir()
        return directory

    async def run(self, scenario: Callable[[Context], Awaitable[None]], seed: int) -> Report:
        """The report of a scenario. What it raises is one of its problems; nothing is shared with it any more then."""
        self.report = Report(scenario.__name__, seed)
        self.random = Random(seed)
        started = time.monotonic()
        try:
            await scenario(self)
        except BaseException:
            self.close()
            raise
        finally:
            self.report.seconds = time.monotonic() - started
        if self.report.problems:
            self.close()
        return self.report

    def close(self) -> None:
        """End what is shared."""
        for installation, _ in self._shared.values():
            installation.end()
        self._shared.clear()

    @contextlib.asynccontextmanager
    async def embedded(self, *, fresh: bool = False, **settings: str) -> AsyncIterator[Trial[Embedded]]:
        """A trial of `sluice up`. `fresh`: of one that no other scenario had, and that is gone afterwards."""
        async with self._trial(Embedded, fresh, settings) as trial:
            yield trial

    @contextlib.asynccontextmanager
    async def cluster(self, *, fresh: bool = False, **options: Any) -> AsyncIterator[Trial[Cluster]]:
        """A trial of every role apart, over Kafka and ClickHouse; see `Cluster`."""
        async with self._trial(Cluster, fresh, {"loaded": self.long, **options}) as trial:
            yield trial

    @contextlib.asynccontextmanager
    async def _trial(self, kind: Any, fresh: bool, options: dict[str, Any]) -> AsyncIterator[Trial[Any]]:
        name = f"{kind.__name__} {sorted(options.items())}"
        installation, foreign = (None, set[str]()) if fresh else self._shared.get(name, (None, set[str]()))
        if installation is None:
            if fresh and self.long:
                self.close()  # nobody comes back to the others in the order of the long set
            directory = self.directory(kind.__name__.lower())
            installation = kind(Processes(directory), **options)
            name = f"{directory}" if fresh else name
            self._shared[name] = (installation, foreign)
            await installation.start()
        trial = Trial(
            installation,
            self.report,
            await audit.beginning(installation),
            shape=LONG if self.long else SHORT,
            sample=500 if self.long else 200,
            foreign=foreign,
        )
        try:
            yield trial
            await trial.finish()
        finally:
            await trial.close()
        if fresh:
            installation.end()
            del self._shared[name]
