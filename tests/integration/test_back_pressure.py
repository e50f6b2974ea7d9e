"""A gateway whose stream is slower than its clients: it refuses at the door, keeps its size, and tells nobody a lie."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from shared import ids
from shared.stream.base import LOGS_TOPIC
from shared.stream.factory import StreamOptions, open_stream
from tests.support.processes import Gateway
from tests.support.raw_http import Answer, Connection, request
from tests.support.streams import read_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.kafka_broker import KafkaBroker
    from tests.support.processes import Processes

KEY: Final = "default-key-1"
MIB: Final = 1 << 20
NO_STORE: Final = "clickhouse://127.0.0.1:9/none"
"""A gateway needs none."""

DEADLINE_S: Final = 2
JAM_S: Final = 7
"""Long enough that what is admitted fails and is replaced by other requests several times."""

IN_FLIGHT: Final = 16 * MIB
GROWTH: Final = 12 * IN_FLIGHT
"""Beyond an idle gateway; five to ten times are usual. A request in flight is there as it came, parsed, as the record
that is made of it, and on its way to the stream, and connections have their buffers. What is refused meanwhile is ten
times as much."""


class Jam(Protocol):
    """A stream that can be made to take nothing for a while."""

    url: str

    def stop(self) -> None: ...

    def go_on(self) -> None: ...


class FrozenBroker:
    """A Kafka broker that is stopped in its tracks: it keeps its connections and answers nobody."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker
        self.url = f"kafka://{broker.bootstrap}?partitions=4"

    def stop(self) -> None:
        self._broker.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._broker.send_signal(signal.SIGCONT)


class LockedFile:
    """A stream file in which another process writes and does not come to an end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self.url = f"sqlite:///{path}"

    def stop(self) -> None:
        self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def go_on(self) -> None:
        assert self._connection is not None
        self._connection.close()


@pytest.fixture(params=["kafka", "sqlite"])
def jam(request: pytest.FixtureRequest, tmp_path: Path) -> Jam:
    if request.param == "kafka":
        return FrozenBroker(request.getfixturevalue("own_kafka"))
    return LockedFile(tmp_path / "stream.db")


def body(marker: str, size: int) -> bytes:
    """A log of about this many bytes."""
    message = {"role": "user", "content": "x" * size}
    log: dict[str, Any] = {"provider": "openai", "model": "gpt-4o", "output": None, "metadata": {"marker": marker}}
    times = {"request_start_time": 1, "request_end_time": 2}
    return json.dumps(log | times | {"input": {"type": "chat", "messages": [message]}}).encode()


@dataclass
class Sent:
    """Every answer: when it came, how long after the request, which, and the marker of the log."""

    answers: list[tuple[float, float, Answer, str]] = field(default_factory=list)

    def acknowledged(self) -> dict[int, str]:
        """Markers by the id that was answered."""
        return {answer.json()["id"]: marker for _, _, answer, marker in self.answers if answer.status == 201}

    def statuses(self, since: float = 0, until: float = float("inf")) -> Counter[int]:
        """By when the answer came."""
        return Counter(answer.status for at, _, answer, _ in self.answers if since <= at < until)

    def statuses_of_requests(self, since: float, until: float) -> Counter[int]:
        """Of those that were sent and answered between two moments."""
        return Counter(answer.status for at, took, answer, _ in self.answers if since <= at - took and at < until)


@asynccontextmanager
async def load(gateway: Gateway, clients: int, size: int, pause_s: float) -> AsyncIterator[Sent]:
    """Clients that send one log after the other; after a refusal they wait a little, not as long as they are told."""
    sent = Sent()

    async def client(number: int) -> None:
        count = 0
        async with Connection(gateway.url) as connection:
            while True:
                count += 1
                marker = f"client {number} log {count}"
                started = time.monotonic()
                await connection.send(*request("/log-request", KEY, body(marker, size)))
                answer = await connection.answer()
                sent.answers.append((time.monotonic(), time.monotonic() - started, answer, marker))
                if answer.status != 201:
                    await asyncio.sleep(pause_s)

    tasks = [asyncio.create_task(client(number)) for number in range(clients)]
    try:
        yield sent
        assert not [task for task in tasks if task.done()], [task.exception() for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Memory:
    """The most that a process takes, looked at every now and then."""

    def __init__(self, process_id: int) -> None:
        self._path = Path(f"/proc/{process_id}/statm")
        self.most = 0

    def now(self) -> int:
        return int(self._path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def watch(self) -> None:
        while True:
            self.most = max(self.most, self.now())
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watched(gateway: Gateway) -> AsyncIterator[Memory]:
    memory = Memory(gateway.pid)
    task = asyncio.create_task(memory.watch())
    try:
        yield memory
    finally:
        task.cancel()
        await asyncio.wait([task])


async def in_the_stream(url: str) -> dict[int, bytes]:
    """The value of every record by the id that its position gives."""
    stream = open_stream(url, StreamOptions("test", read_only=True))
    await stream.start()
    try:
        return {
            ids.mint(record.timestamp_ms, record.partition, record.offset): record.value
            for partition in range(stream.partitions(LOGS_TOPIC))
            for record in await read_all(stream, partition)
        }
    finally:
        await stream.stop()


async def check_acknowledged(url: str, sent: Sent) -> None:
    """Every log that was acknowledged is in the stream, under its id."""
    stored = await in_the_stream(url)
    acknowledged = sent.acknowledged()
    assert acknowledged
    wrong = [marker for log_id, marker in acknowledged.items() if f'"{marker}"'.encode() not in stored.get(log_id, b"")]
    assert not wrong


def check_refusals(sent: Sent) -> Counter[str]:
    """Every refusal says when to come back; returns what they are called."""
    refusals = [answer for _, _, answer, _ in sent.answers if answer.status != 201]
    assert {answer.status for answer in refusals} <= {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refusals)
    return Counter(answer.json()["error"] for answer in refusals)


@pytest.mark.parametrize(("clients", "size"), [(48, MIB), (192, MIB // 4)], ids=["1 MiB", "256 KiB"])
async def test_a_stream_that_stands_still_is_no_reason_to_grow(
    processes: Processes, jam: Jam, clients: int, size: int
) -> None:
    gateway = Gateway(
        processes,
        stream=jam.url,
        store=NO_STORE,
        api_keys=f"default:{KEY}",
        produce_deadline_s=str(DEADLINE_S),
        max_body_bytes=str(2 * MIB),
        max_inflight_bytes=str(IN_FLIGHT),
    )
    await asyncio.to_thread(gateway.start)
    idle = Memory(gateway.pid).now()
    async with watched(gateway) as memory, load(gateway, clients=clients, size=size, pause_s=0.2) as sent:
        await until(lambda: sent.statuses()[201] >= 100)
        jam.stop()
        stopped = time.monotonic()
        await asyncio.sleep(JAM_S)
        await check_refused_at_the_door(gateway.url)
        went_on = time.monotonic()
        jam.go_on()

        await until(lambda: sent.statuses(since=went_on + 1)[201] >= 50)
        recovered = next(at for at, _, answer, _ in sent.answers if at > went_on and answer.status == 201)

    assert sent.statuses_of_requests(since=stopped, until=went_on)[201] == 0
    refused = check_refusals(sent)
    assert refused["overloaded"] > 100
    assert set(refused) <= {"overloaded", "stream_unavailable", "outcome_unknown"}
    assert recovered - went_on < 5
    assert memory.most - idle < GROWTH
    slowest = max(took for _, took, answer, _ in sent.answers if answer.status == 503)
    assert slowest < DEADLINE_S + 3
    await asyncio.to_thread(gateway.stop)
    await check_acknowledged(jam.url, sent)
    assert "Traceback" not in gateway.log, "an outage of the stream is no bug of ours"


async def check_refused_at_the_door(url: str) -> None:
    """With nothing but a request's head sent, the answer is there: no byte of the body was waited for."""
    head, _ = request("/log-request", KEY, bytes(MIB))
    for _ in range(50):
        async with Connection(url) as connection, asyncio.timeout(2):
            await connection.send(head)
            try:
                async with asyncio.timeout(0.2):
                    answer = await connection.answer()
            except TimeoutError:
                continue  # room had just become free, so the gateway waits for the body
        assert (answer.status, answer.json()["error"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
        return
    raise AssertionError("no request was refused")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition of the load holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (answers come by the hundred)
            await asyncio.sleep(0.05)


async def test_several_times_what_it_can_take_is_taken_in_turn(processes: Processes, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'stream.db'}"
    gateway = Gateway(
        processes,
        stream=url,
        store=NO_STORE,
        api_keys=f"default:{KEY}",
        max_body_bytes=str(MIB // 2),
        max_inflight_bytes=str(MIB),
    )
    await asyncio.to_thread(gateway.start)
    async with watched(gateway) as memory, load(gateway, clients=400, size=16 * 1024, pause_s=0) as sent:
        await until(lambda: sent.statuses()[201] >= 200)
        normal = memory.most
        began = time.monotonic()
        await asyncio.sleep(5)
    statuses = sent.statuses(since=began)
    assert min(statuses[201], statuses[503]) > 100, "how many of each there are is the machine's affair"
    assert set(check_refusals(sent)) == {"overloaded"}
    latencies = sorted(took for at, took, answer, _ in sent.answers if at >= began and answer.status == 201)
    assert latencies[int(len(latencies) * 0.99)] < 3
    assert memory.most - normal < 48 * MIB
    await asyncio.to_thread(gateway.stop)
    await check_acknowledged(url, sent)
