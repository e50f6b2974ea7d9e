"""Logs sent over HTTP: closed loops for throughput, open loops for latency, and the ids that clients were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from services.client.load.engine import Load, problem_of
from services.client.load.http import Target
from shared.records import PROMPTLAYER_REQUEST
from tests.bench import logs
from tests.bench.bench import KEY
from tests.bench.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.client.load.bodies import Bodies
    from services.client.load.http import NoAnswer, Response

CONNECTIONS: Final = 64
CREATED: Final = 201
OK: Final = 200

OPERATION: Final = "create"


class Post:
    """One `POST /log-request`; the id in its answer goes to `ids`."""

    __slots__ = ("ids", "operation", "request")

    def __init__(self, request: bytes, ids: list[int]) -> None:
        self.operation = OPERATION
        self.request = request
        self.ids = ids

    def answered(self, response: Response) -> str | None:
        """See `Call`."""
        if response.status != CREATED:
            return problem_of(response)
        self.ids.append(orjson.loads(response.body)["id"])
        return None

    def failed(self, problem: NoAnswer) -> None:
        """See `Call`."""


class BulkPost(Post):
    """One `POST /v1/logs`."""

    __slots__ = ()

    def answered(self, response: Response) -> str | None:
        """See `Call`."""
        answer = orjson.loads(response.body)
        if response.status != OK or answer["failed"]:
            return problem_of(response)
        self.ids += [result["id"] for result in answer["results"]]
        return None


@dataclass(slots=True)
class Sender:
    """A client of one server, that never sends the same body twice. `ids` has what it was given for each log."""

    target: Target
    bodies: Bodies
    ids: list[int]
    sent: int = 0

    @classmethod
    def to(cls, url: str, size: int, run: str) -> Sender:
        """A client that sends bodies of this size to the server at `url`."""
        return cls(Target.at(url, KEY), logs.bodies(size, run), [])

    def calls(self) -> Iterator[Post]:
        """Posts without end."""
        head = self.target.head("POST", logs.PATH, self.bodies.size)
        while True:
            number = self.sent
            self.sent += 1
            yield Post(head + self.bodies.body(number), self.ids)

    async def closed_loop(self, duration_s: float, connections: int = CONNECTIONS) -> Result:
        """As much as the server takes over these connections."""
        return await self._run(Load(self.target, self.calls(), connections=connections), duration_s)

    async def open_loop(self, rate: float, duration_s: float, connections: int = 4 * CONNECTIONS) -> Result:
        """So many logs a second, whatever the server does."""
        return await self._run(Load(self.target, self.calls(), connections=connections, rate=rate), duration_s)

    async def _run(self, load: Load, duration_s: float) -> Result:
        await load.run(duration_s)
        samples = load.samples[OPERATION]
        if samples.failures:
            raise RuntimeError(f"the server failed or refused requests: {dict(samples.failures)}")
        return Result(len(samples.latencies_s) / load.elapsed_s, sorted(samples.latencies_s))


@dataclass(slots=True)
class BulkSender(Sender):
    """The same, with several logs in each request. Rates are requests a second."""

    logs: int = 1

    @classmethod
    def to(cls, url: str, size: int, run: str, logs_each: int = 1) -> BulkSender:
        """A client that sends so many bodies of this size at a time."""
        return cls(Target.at(url, KEY), logs.bodies(size, run, type=PROMPTLAYER_REQUEST), [], 0, logs_each)

    def calls(self) -> Iterator[Post]:
        """Posts without end."""
        length = self.logs * (self.bodies.size + 1) - 1
        head = self.target.head("POST", "/v1/logs", length, "application/x-ndjson")
        while True:
            numbers = range(self.sent, self.sent + self.logs)
            self.sent += self.logs
            yield BulkPost(head + b"\n".join([self.bodies.body(number) for number in numbers]), self.ids)


@dataclass(frozen=True, slots=True)
class Result:
    """What a load found: logs acknowledged a second, and the latencies of all, in order."""

    rate: float
    latencies_s: list[float]

    def latency_ms(self, share: float) -> float:
        """A percentile, in milliseconds."""
        return percentile(self.latencies_s, share) * 1000
