"""The machine: which core does what, and what processes take of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import threading
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MB: Final = 1_000_000

_LOOK_S: Final = 0.05
_IDLE_S: Final = 0.5
_IDLE_SHARE: Final = 0.1
_LOOKS: Final = 10
_LIBRARIES: Final = ("uvicorn", "uvloop", "starlette", "orjson", "pydantic", "aiokafka", "clickhouse-connect", "chdb")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where. The process under test and its reference have the same core to themselves.

    `others` is for what neither of them is, such as the Kafka broker: on two cores it shares the client's.
    """

    client: frozenset[int]
    server: frozenset[int]
    others: frozenset[int]

    @property
    def servers(self) -> frozenset[int]:
        """For several processes that are measured together."""
        return self.server | (self.others - self.client)

    def describe(self) -> str:
        """For the head of a report."""
        if not self.server:
            return "not pinned: this system can't"
        names = [f"{role} on {_numbers(cores)}" for role, cores in self._roles()]
        return "pinned to cores: " + ", ".join(names)

    def _roles(self) -> list[tuple[str, frozenset[int]]]:
        return [("load client", self.client), ("server or reference", self.server), ("Kafka", self.others)]


def _numbers(cores: frozenset[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))


def choose_cores() -> Cores:
    """The first core for the client, the second for the server, what is left for the others."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(frozenset(), frozenset(), frozenset())
    available = sorted(os.sched_getaffinity(0))
    client, server = frozenset(available[:1]), frozenset(available[1:2] or available[:1])
    return Cores(client, server, frozenset(available[2:]) or client)


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """This thread, and what it starts meanwhile, run on these cores; anywhere when there are none."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe_machine(cores: Cores) -> dict[str, Any]:
    """What figures of a run depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "pinning": cores.describe(),
        "load_before": os.getloadavg()[0],
    }


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cpu_seconds(*pids: int) -> float:
    """CPU time that processes have taken so far, user and system, all threads."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(time.user + time.system for time in times)


async def until_idle(pid: int) -> None:
    """Return when a process has next to nothing to do: what it does after a round belongs to the round.

    On a machine with a lot of other work that can't be told; then this returns after some seconds.
    """
    for _ in range(_LOOKS):
        before = cpu_seconds(pid)
        await asyncio.sleep(_IDLE_S)
        if cpu_seconds(pid) - before < _IDLE_SHARE * _IDLE_S:
            return


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    return float(psutil.Process(pid).memory_info().rss) / MB


class MemoryPeak:
    """The most resident memory that a process had while this was open, in MB."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while True:
                self.peak_mb = max(self.peak_mb, self._process.memory_info().rss / MB)
                if self._over.wait(_LOOK_S):
                    return
