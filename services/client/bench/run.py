"""One bench run: probe, load, ledger check."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import signal
from dataclasses import dataclass
from random import Random
from time import process_time
from typing import TYPE_CHECKING, Any, Final

from services.client.bench import report
from services.client.bench.ledger import Ledger
from services.client.bench.probe import probe
from services.client.bench.progress import shown
from services.client.bench.readback import Check
from services.client.bench.workload import Workload
from services.client.load.bodies import Bodies
from services.client.load.engine import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from services.client.bench.readback import Verdict
    from services.client.bench.workload import Plan
    from services.client.load.http import Target

_CHECK_CONNECTIONS: Final = 256
"""Many, since a server looks up together what is asked for at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found. `busy` is the share of a core that the generator used during the load."""

    operations: dict[str, Any]
    elapsed_s: float
    busy: float
    verdict: Verdict


async def run(
    target: Target,
    plan: Plan,
    *,
    name: str,
    started_at: datetime,
    connections: int,
    rate: float | None,
    duration_s: float | None,
    requests: int | None,
    to_check: int,
    on_ready: Callable[[], None],
) -> Result:
    """Load the server for a time or a number of requests, then read everything back.

    `name` marks the run's logs, `to_check` is how many of them are read back at most. The first SIGINT ends the load,
    the second gives up on what is under way; in the check, one ends it. `on_ready` is called when the load begins.
    Raises Unusable when the server can't be measured.
    """
    random = Random(0)
    ledger = Ledger(random, to_check)
    prompt_id = await probe(target, [Bodies(family, 2_200, name, started_at) for family in plan.families])
    workload = Workload(target, plan, ledger, random, run=name, started_at=started_at, prompt_id=prompt_id)
    load = Load(target, itertools.islice(workload, requests), connections=connections, rate=rate)
    with _interrupted_by(load.stop), _without_collector():
        on_ready()
        cpu_s = process_time()
        async with _progress(load, duration_s, requests):
            await load.run(duration_s)
        busy = (process_time() - cpu_s) / load.elapsed_s
    check = Check(target, ledger, _CHECK_CONNECTIONS)
    with _interrupted_by(check.stop):
        async with shown("reading back", check.verdict.to_check, lambda: (check.verdict.checked, "")):
            await check.run()
    return Result(report.operations(load.samples, load.elapsed_s), load.elapsed_s, busy, check.verdict)


def _progress(load: Load, duration_s: float | None, requests: int | None) -> AbstractAsyncContextManager[None]:
    """The load's progress: by requests when their number is limited, else by time."""

    def position() -> tuple[int, str]:
        ok = sum(len(sample.latencies_s) for sample in load.samples.values())
        failed = sum(sample.failures.total() for sample in load.samples.values())
        note = f"{ok / max(load.elapsed_s, 0.001):,.0f}/s, {failed:,} failed"
        return (ok + failed if requests else int(load.elapsed_s * 1000)), note

    return shown("load", requests or int((duration_s or 0) * 1000), position)


@contextlib.contextmanager
def _interrupted_by(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT calls `stop`."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """No pauses of Python's garbage collector, which would be measured as the server's. What is kept has no cycles."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
