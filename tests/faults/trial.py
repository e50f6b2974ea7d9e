"""One scenario under way: a load on an installation, the harm that the scenario does, and the audit at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import aiohttp

from tests.faults import audit
from tests.faults.installations import KEY, Cluster, Installation, connected
from tests.faults.load import Load, Shape, SmallLedger
from tests.faults.report import DUPLICATED, LOST, WRONG, Problem, Report
from tests.support.ledger import PROMPTLAYER
from tests.support.ledger_client import LedgerClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Installed = TypeVar("Installed", bound=Installation)

PATIENCE_S: Final = 900.0
"""How long a client goes on trying: longer than any fault here takes, and what comes after it."""

REQUEST_TIMEOUT_S: Final = 60.0

MEMORY_MIB: Final = {"up": 2048, "gateway": 512, "writer": 1024, "query": 512}
"""The most that a process may hold resident, by role. `up` and `writer` hold batches, `up` the engine as well."""

_SAMPLE_S: Final = 0.5


class Trial(Generic[Installed]):
    """A load on an installation, and what came of it. `sample` is how many logs the audit reads through the API."""

    def __init__(
        self,
        installation: Installed,
        report: Report,
        since: audit.Beginning,
        *,
        shape: Shape,
        sample: int,
        foreign: set[str],
    ) -> None:
        self.installation = installation
        self.report = report
        self.since = since
        self.random = Random(report.seed)
        self.ledger = SmallLedger(f"{report.name}-{report.seed}-{time.time_ns():x}")
        self._sample = sample
        self._foreign = set(foreign)
        foreign.add(self.ledger.name)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        )
        self.client = LedgerClient(
            self.ledger, self._session, installation.gateway_url, installation.query_url, KEY, PATIENCE_S
        )
        self.load = Load(self.client, self.random, shape)

    @contextlib.asynccontextmanager
    async def loaded(self) -> AsyncIterator[None]:
        """Under load, and watched for memory."""
        watching = asyncio.create_task(self._watch_memory())
        try:
            async with self.load.running():
                yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def more(self, count: int) -> None:
        """Return when so many more logs were acknowledged."""
        await self.load.more(count)

    async def recovered(self) -> None:
        """Measure from now, the end of a fault, until a new log is acknowledged and readable."""
        started = time.monotonic()
        entry = await self.client.create(PROMPTLAYER)
        await self.client.check(entry)
        self.report.recovery_s = max(self.report.recovery_s, time.monotonic() - started)

    async def check_committed(self) -> None:
        """Hold the group's commits against the rows, as they are at this moment."""
        self.report.problems += await audit.check_committed(self.installation, self.since)

    def expect(self, holds: bool, what: str) -> None:
        """Note a violation of something that only this scenario looks at."""
        if not holds:
            self.report.problems.append(Problem(WRONG, self.report.name, what))

    async def finish(self) -> None:
        """Wait until all is written, hold everything against the ledger, and leave the installation as it is.

        An embedded one is stopped for that, and started again.
        """
        report = self.report
        report.problems += self.load.problems
        async with connected(self.installation) as stream:
            self.expect(await audit.quiescent(stream), "not all is written after the end of the load")
        report.problems += await audit.read_back(self.client, self.random, self._sample)
        apart = isinstance(self.installation, Cluster)
        if not apart:
            await self.installation.stop()
        await self.check_committed()
        rows = await self.installation.rows(self.since.of(audit.ROWS))
        bodies = await self.installation.rows(self.since.of(audit.BODIES))
        report.problems += audit.check_rows(self.ledger, rows, bodies, self._foreign)
        counted = (await self.installation.rows(self.since.of(audit.COUNTED)))[0]["logs"]
        expected = sum(row["duplicate_of"] == 0 for row in rows)
        if counted != expected:
            kind = LOST if counted < expected else DUPLICATED
            report.problems.append(Problem(kind, "log_records", f"counts {counted} of {expected} logs"))
        if not apart:
            await self.installation.start()

    async def close(self) -> None:
        """Disconnect, and count what was done so far, however it ended."""
        await self._session.close()
        self.report.requests = sum(self.client.answers.values())
        self.report.acknowledged = len(self.ledger.acknowledged())
        self.report.unknown = sum(entry.unknown for entry in self.ledger.entries)

    async def _watch_memory(self) -> None:
        while True:
            for process in self.installation.running():
                resident = _peak_resident_mib(process.pid)
                limit = MEMORY_MIB[process.command]
                if resident > limit:
                    text = f"held more than {limit} MiB resident"
                    problem = Problem(WRONG, f"{process.command} {process.pid}", text)
                    if problem not in self.report.problems:
                        self.report.problems.append(problem)
            await asyncio.sleep(_SAMPLE_S)


def _peak_resident_mib(pid: int) -> int:
    """Of a process, since it started; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    return 0
