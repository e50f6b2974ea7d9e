"""Sends calls to a server over many connections and measures the answers.

    load = Load(target, calls, connections=64)             # closed loop: each connection sends when it was answered
    load = Load(target, calls, connections=64, rate=2000)  # open loop: 2,000 a second, whatever the server does
    await load.run(duration_s=30)                          # or until there are no more calls, or `stop()`
    load.samples["create"].latencies_s

In an open loop a latency counts from when the request was due, not from when a connection was free for it: a server
that stalls for a second is charged for all requests of that second, as its users would be ("coordinated omission" is
the name for measuring only the first of them).
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

import orjson

from services.client.load.http import Connection, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.client.load.http import Response, Target

TIMEOUT_S: Final = 30.0
"""A request that is not answered by then has failed. Longer than any wait of Sluice's own under default settings."""

_LOOK_FOR_TIMEOUTS_S: Final = 0.5
_AFTER_FAILED_CONNECT_S: Final = 0.1
"""So that a server that is away is not asked thousands of times a second."""

_TICK_S: Final = 0.001
"""The resolution of the event loop's timers."""


class Call(Protocol):
    """One request and what is to become of its answer."""

    operation: str
    """Samples are kept by this name."""

    request: bytes
    """Head and body."""

    def answered(self, response: Response) -> str | None:
        """Take the answer; returns None when it is right, else in few words why not."""

    def failed(self, problem: NoAnswer) -> None:
        """Learn that there was none."""


@dataclass(slots=True)
class Samples:
    """What came of the calls of one operation."""

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    """Of the calls that succeeded: quick refusals would make a server look better than it is."""

    failures: Counter[str] = field(default_factory=Counter)
    """How many calls failed, by reason."""


class Load:
    """Calls under way. `calls` is asked for the next one at the moment when it is sent.

    `rate` is in requests a second. The first answers are in `samples` while the load runs.
    """

    def __init__(
        self,
        target: Target,
        calls: Iterator[Call],
        *,
        connections: int,
        rate: float | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.samples: defaultdict[str, Samples] = defaultdict(Samples)
        self.started = 0.0
        """`perf_counter` at the start, and after the last answer."""
        self.ended = 0.0
        self._target = target
        self._calls = calls
        self._size = connections
        self._interval_s = 1 / rate if rate else 0.0
        self._timeout_s = timeout_s
        self._connections: list[Connection] = []
        self._deadline = float("inf")
        self._stopped = asyncio.Event()
        self._due = 0.0
        self._turn = asyncio.Lock()

    @property
    def elapsed_s(self) -> float:
        """From the start to the last answer, or to now."""
        return (self.ended or perf_counter()) - self.started

    def stop(self) -> None:
        """Send nothing more; `run` returns when what is under way was answered. Called again, gives up on that too."""
        if self._stopped.is_set():
            for connection in self._connections:
                connection.give_up("given up")
        self._stopped.set()

    async def run(self, duration_s: float | None = None) -> None:
        """Send until the time is over, the calls end, or `stop`; then wait for the answers."""
        self.started = self._due = perf_counter()
        if duration_s is not None:
            self._deadline = self.started + duration_s
        self._connections = [Connection(self._target) for _ in range(self._size)]
        watch = asyncio.create_task(self._time_out())
        try:
            async with asyncio.TaskGroup() as group:
                for connection in self._connections:
                    group.create_task(self._work(connection))
        finally:
            self.ended = perf_counter()
            watch.cancel()
            for connection in self._connections:
                connection.give_up("the load ended")
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _work(self, connection: Connection) -> None:
        """Use one connection: take a turn, send, wait for the answer, again."""
        while (began := await self._next_turn()) is not None:
            call = next(self._calls, None)
            if call is None:
                self._stopped.set()
                return
            try:
                if not connection.is_open:
                    await connection.connect()
                response = await connection.send(call.request)
            except NoAnswer as problem:
                self.samples[call.operation].failures[str(problem)] += 1
                call.failed(problem)
                if not problem.sent:
                    await asyncio.sleep(_AFTER_FAILED_CONNECT_S)
                continue
            latency_s = perf_counter() - began
            problem_text = call.answered(response)
            if problem_text is None:
                self.samples[call.operation].latencies_s.append(latency_s)
            else:
                self.samples[call.operation].failures[problem_text] += 1

    async def _next_turn(self) -> float | None:
        """Wait until the next request is due; returns when its latency begins, None when no more are to be sent."""
        if not self._interval_s:
            now = perf_counter()
            return None if self._stopped.is_set() or now >= self._deadline else now
        async with self._turn:
            due = self._due
            await self._wait_until(min(due, self._deadline))
            if self._stopped.is_set() or due >= self._deadline:
                return None
            self._due += self._interval_s
        return min(due, perf_counter())

    async def _wait_until(self, due: float) -> None:
        # Timers count whole ticks, so this ends up to a tick early; the latency then begins early, too.
        while (ticks := int((due - perf_counter()) / _TICK_S)) > 0 and not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), ticks * _TICK_S)

    async def _time_out(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_FOR_TIMEOUTS_S, self._timeout_s / 4))
            too_long_ago = perf_counter() - self._timeout_s
            for connection in self._connections:
                if connection.waiting_since is not None and connection.waiting_since < too_long_ago:
                    connection.give_up(f"no answer within {self._timeout_s:g} s")


class PlainCall:
    """A call that is right when its answer has the expected status, and keeps nothing."""

    __slots__ = ("_expected", "operation", "request")

    def __init__(self, operation: str, request: bytes, expected_status: int) -> None:
        self.operation = operation
        self.request = request
        self._expected = expected_status

    def answered(self, response: Response) -> str | None:
        return None if response.status == self._expected else problem_of(response)

    def failed(self, problem: NoAnswer) -> None:
        pass


def problem_of(response: Response) -> str:
    """A refusal in few words: the status, and the code of Sluice's error envelope when there is one."""
    with contextlib.suppress(orjson.JSONDecodeError):
        body = orjson.loads(response.body)
        if isinstance(body, dict) and isinstance(code := body.get("error"), str):
            return f"{response.status} {code}"
    return f"{response.status}"
