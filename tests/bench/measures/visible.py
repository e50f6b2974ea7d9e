"""How soon a log can be read by its id after its 2xx, through gateway, Kafka, writer, ClickHouse and query API.

* Idle: one log at a time. The time from its 2xx to a GET that answers with it.
* Under load: 70 % of what the installation can take and store. When a log was stored is taken from the commits of the
  writer, looked at every few milliseconds: a log can be read when its position is committed, or a little before. A read
  of each would be most of the load. Some logs are read at once, and have to be there.

The writer's memory is what it has when the installation takes all it can.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from services.client.load.http import Connection, Target
from shared import ids
from shared.store.factory import open_store
from shared.store.migrate import migrate_up
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from tests.bench import kafka, logs
from tests.bench.bench import KEY, Bench, Measure
from tests.bench.figures import Figure, at_most, extra_at_most, percentile
from tests.bench.idle import WRITER as WRITER_MODULES
from tests.bench.idle import idle_mb
from tests.bench.installation import Installation, installation
from tests.bench.ledger import check_ids
from tests.bench.logs import SIZES
from tests.bench.machine import MemoryPeak
from tests.bench.posts import Post, Sender
from tests.bench.rows import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.client.load.http import Response
    from shared.stream.base import Stream

PAUSE_S: Final = 0.3
"""Between two logs when idle: longer than the writer's flush interval."""

SHARE: Final = 0.7
_LOOK_S: Final = 0.005
_READ_EVERY: Final = 1000
_REFERENCES: Final = 20


async def run(bench: Bench) -> None:
    """First idle, then as much as it takes, then 70 % of that."""
    async with installation(bench) as sluice:
        reference = await least_work(sluice)
        sender = Sender.to(sluice.gateway.url, SIZES["2KB"], "visible")
        warm = await sender.closed_loop(1, connections=4)
        await sluice.until_applied()
        idle = await idle_times(sluice, sender, bench.scale(60, 10))
        note = f"of {len(idle)} logs; the reference is a one-row insert and a commit"
        bench.add(
            Figure(
                name="visible-idle-p50",
                unit="ms",
                rounds=[percentile(idle, 0.5)],
                references=[reference],
                target=at_most(40),
                note=note,
            )
        )
        bench.add(
            Figure(
                name="visible-idle-p99",
                unit="ms",
                rounds=[percentile(idle, 0.99)],
                references=[reference],
                target=at_most(120),
                note=note,
            )
        )
        assert warm.latencies_s
        with MemoryPeak(sluice.writer.pid) as memory:
            most = await saturation(sluice, sender, bench.scale(8, 3))
        bench.add(Figure(name="installation-stored", unit="logs/s", rounds=[most], note="all roles on the same core"))
        late = await times_under_load(sluice, sender, SHARE * most, bench.scale(10, 3))
        bench.add(
            Figure(
                name="visible-at-70%-p99",
                unit="ms",
                rounds=[percentile(late, 0.99)],
                target=at_most(1000),
                note=f"at {SHARE * most:,.0f} logs/s",
            )
        )
        await sluice.until_applied()
        bench.check(check_ids("visible", sender.ids, await sluice.stored_ids()))
    bench.add(
        Figure(
            name="memory-writer",
            unit="MB",
            rounds=[memory.peak_mb],
            references=[idle_mb(WRITER_MODULES)],
            target=extra_at_most(200),
        )
    )


async def idle_times(sluice: Installation, sender: Sender, count: int) -> list[float]:
    """Milliseconds from a 2xx to the log, one log at a time."""
    posts, gets = Connection(sender.target), Connection(Target.at(sluice.query.url, KEY))
    await posts.connect()
    await gets.connect()
    times = []
    calls = sender.calls()
    for _ in range(count):
        await asyncio.sleep(PAUSE_S)
        call = next(calls)
        call.answered(await posts.send(call.request))
        began = time.perf_counter()
        await read(sluice, gets, sender.ids[-1])
        times.append((time.perf_counter() - began) * 1000)
    posts.give_up("done")
    gets.give_up("done")
    return times


async def read(sluice: Installation, connection: Connection, log_id: int) -> None:
    """Read a log. Raises RuntimeError when it is not there."""
    head = Target.at(sluice.query.url, KEY).head("GET", f"/api/public/v2/requests/{log_id}")
    response = await connection.send(head)
    if response.status != 200:
        raise RuntimeError(f"log {log_id} reads as {response.status}: {response.body[:200]!r}")


async def saturation(sluice: Installation, sender: Sender, seconds: float) -> float:
    """Logs a second that the installation takes and stores: until the last of them is stored."""
    before, began = len(sender.ids), time.perf_counter()
    await sender.closed_loop(seconds)
    await sluice.until_applied()
    return (len(sender.ids) - before) / (time.perf_counter() - began)


async def times_under_load(sluice: Installation, sender: Sender, rate: float, seconds: float) -> list[float]:
    """Milliseconds from the 2xx to the commit, for all logs of an open loop."""
    timed = _TimedSender(sender)
    watch = _Commits(sluice.stream)
    watching = asyncio.create_task(watch.run())
    reads = asyncio.create_task(read_some(sluice, timed))
    await timed.open_loop(rate, seconds)
    await sluice.until_applied()
    watch.over = timed.over = True
    await watching
    await reads
    sender.sent, sender.ids = timed.sent, timed.ids
    return [max(0.0, watch.time_of(log_id) - at) * 1000 for log_id, at in timed.acknowledged]


async def read_some(sluice: Installation, timed: _TimedSender) -> None:
    """Read some logs as soon as they are acknowledged."""
    connection = Connection(Target.at(sluice.query.url, KEY))
    await connection.connect()
    done = 0
    while not timed.over:
        if len(timed.acknowledged) >= (done + 1) * _READ_EVERY:
            await read(sluice, connection, timed.acknowledged[-1][0])
            done += 1
        await asyncio.sleep(_LOOK_S)
    connection.give_up("done")


class _TimedPost(Post):
    __slots__ = ("acknowledged",)

    def __init__(self, request: bytes, ids: list[int], acknowledged: list[tuple[int, float]]) -> None:
        super().__init__(request, ids)
        self.acknowledged = acknowledged

    def answered(self, response: Response) -> str | None:
        problem = super().answered(response)
        if problem is None:
            self.acknowledged.append((self.ids[-1], time.perf_counter()))
        return problem


class _TimedSender(Sender):
    """Goes on where another sender is, and notes when each log was acknowledged."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender.target, sender.bodies, sender.ids, sender.sent)
        self.acknowledged: list[tuple[int, float]] = []
        self.over = False

    def calls(self) -> Iterator[Post]:
        for call in super().calls():
            yield _TimedPost(call.request, self.ids, self.acknowledged)


class _Commits:
    """When the writer committed what."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._seen: dict[int, list[tuple[int, float]]] = {}
        self.over = False

    async def run(self) -> None:
        """Look until it is over, and once more."""
        while True:
            last = self.over
            committed = await self._stream.committed(LOGS_TOPIC, WRITER_GROUP)
            now = time.perf_counter()
            for partition, offset in committed.items():
                seen = self._seen.setdefault(partition, [])
                if not seen or seen[-1][0] < offset:
                    seen.append((offset, now))
            if last:
                return
            await asyncio.sleep(_LOOK_S)

    def time_of(self, log_id: int) -> float:
        """When a log was seen to be committed."""
        parts = ids.split(log_id)
        return next(at for offset, at in self._seen[parts.partition] if offset > parts.offset_low)


async def least_work(sluice: Installation) -> float:
    """The median of what the store and the stream take at least, in ms: an insert of one row, and a commit."""
    other = open_store(sluice.store_url.rpartition("/")[0] + "/reference")
    await other.start()
    await migrate_up(other)
    rows = lines_of(list(logs.messages(_REFERENCES, "reference")), 0)[0].split(b"\n")
    times = []
    async with kafka.group(sluice.bootstrap, "reference") as commit:
        for number, row in enumerate(rows):
            began = time.perf_counter()
            await other.insert("logs_in", row)
            await commit(number)
            times.append((time.perf_counter() - began) * 1000)
    await other.stop()
    return percentile(times, 0.5)


VISIBLE: Final = Measure("visible", ("visible-", "installation-stored", "memory-writer"), run)
