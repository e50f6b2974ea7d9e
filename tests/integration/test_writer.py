"""The writer on a real stream and the real engine: what it promises when the store is down, slow, or refuses a row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.writer_worker import dead_letters
from services.writer_worker.config import WriterConfig
from services.writer_worker.writer import Writer
from shared import ids
from shared.errors import Misconfigured, StoreOverloaded, StoreUnavailable
from shared.events import Event, EventKind, encode_key
from shared.store.logs import read_log
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, WRITER_GROUP, Appended, Message
from shared.stream.sqlite import SqliteStream
from shared.visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from shared.store.base import AnswerLimits, LogStore, QueryLimits, Row
    from shared.store.chdb_store import ChdbStore

WORKSPACE = "default"


class Gate:
    """A store in front of the real one that can be shut, for inserts: the real one sees nothing while it is."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.open = True
        self.most_rows = 1_000_000
        self.largest_answer = 0
        """Bytes of the rows that one query was answered with, at most."""

        self.refusals: asyncio.Queue[None] = asyncio.Queue()

    async def insert(self, table: str, rows: bytes) -> None:
        if not self.open:
            self.refusals.put_nowait(None)
            raise StoreUnavailable("shut")
        if rows.count(b"\n") + 1 > self.most_rows:
            raise StoreOverloaded("too many rows")
        await self._store.insert(table, rows)

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        rows = await self._store.query(sql, parameters, limits)
        self.largest_answer = max(self.largest_answer, sum(len(orjson.dumps(row)) for row in rows))
        return rows

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        return await self._store.answer(sql, parameters, limits, output_format)

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        await self._store.execute(sql, parameters)

    async def ping(self) -> None:
        await self._store.ping()

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return


class Bench:
    """A stream, a store, and a writer that can be started and stopped."""

    def __init__(self, stream: SqliteStream, store: Gate) -> None:
        self.stream = stream
        self.store = store
        self.visibility = Visibility(stream, timeout_s=20)
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, **config: Any) -> None:
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(Writer(self.stream, self.store, WriterConfig(**config)).run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def ended(self) -> None:
        """Wait for a writer that ends by itself; raises what it raised."""
        assert self._task is not None
        task, self._task = self._task, None
        await asyncio.wait_for(task, 20)

    async def create(self, partition: int = 0, **body: Any) -> Appended:
        value = orjson.dumps({"workspace_id": WORKSPACE, "type": "test", **body})
        message = Message(encode_key(Event(EventKind.CREATE, WORKSPACE)), value)
        return await self.stream.append(LOGS_TOPIC, partition, [message])

    async def patch(self, log_id: int, **body: Any) -> Appended:
        message = Message(encode_key(Event(EventKind.PATCH, WORKSPACE, log_id=log_id)), orjson.dumps(body))
        return await self.stream.append(LOGS_TOPIC, ids.split(log_id).partition, [message])

    async def log(self, appended: Appended) -> Row | None:
        stored = await read_log(self.store, WORKSPACE, id_of(appended))
        return stored.log | stored.payload if stored is not None else None

    async def count(self) -> int:
        (row,) = await self.store.query("SELECT count() AS logs FROM log_records")
        return int(row["logs"])


def id_of(appended: Appended) -> int:
    return ids.mint(appended.timestamp_ms, appended.partition, appended.offset)


@pytest.fixture
async def bench(tmp_path: Path, chdb_store: ChdbStore) -> AsyncIterator[Bench]:
    stream = SqliteStream(tmp_path / "stream.db", partitions=2)
    await stream.start()
    bench = Bench(stream, Gate(chdb_store))
    yield bench
    await bench.stop()
    await bench.visibility.stop()
    await stream.stop()


async def test_a_log_and_its_update_are_stored_and_then_committed(bench: Bench) -> None:
    bench.start()
    created = await bench.create(source="a", output_text="x")
    await bench.visibility.wait_for_append(created)
    patched = await bench.patch(id_of(created), source="b")
    await bench.visibility.wait_for_append(patched)
    row = await bench.log(created)
    assert row is not None
    assert (row["source"], row["output_text"]) == ("b", "x")
    assert (await bench.stream.committed(LOGS_TOPIC, WRITER_GROUP))[0] == 2


async def test_an_update_of_a_log_that_the_writer_never_saw_is_read_from_the_store(bench: Bench) -> None:
    bench.start()
    created = await bench.create(source="a", output_text="x", tags=["t"], metadata={"k": "v"})
    await bench.visibility.wait_for_append(created)
    await bench.stop()
    bench.start()
    patched = await bench.patch(id_of(created), output_text="y", error="e")
    await bench.visibility.wait_for_append(patched)
    row = await bench.log(created)
    assert row is not None
    assert (row["source"], row["output_text"], row["error"]) == ("a", "y", "e")
    assert (row["tags"], row["metadata"]) == (["t"], {"k": "v"})
    assert await bench.count() == 1


async def test_the_logs_that_one_flush_reads_to_update_them_are_bounded_in_bytes(bench: Bench) -> None:
    bench.start()
    created = [await bench.create(number % 2, source="a", output_text="x" * 100_000) for number in range(20)]
    for one in created:
        await bench.visibility.wait_for_append(one)
    await bench.stop()

    changes = [{"source": "b"}, {"output_text": "y" * 10}]
    patched = [await bench.patch(id_of(one), **changes[n % 2]) for n in range(2) for one in created]
    bench.store.largest_answer = 0
    bench.start(batch_max_bytes=350_000)
    for one in patched:
        await bench.visibility.wait_for_append(one)
    assert 100_000 < bench.store.largest_answer < 350_000
    logs = [await bench.log(one) for one in created]
    assert [log and (log["source"], log["output_text"]) for log in logs] == [("b", "y" * 10)] * len(created)


async def test_a_log_that_is_larger_than_the_bound_of_a_flush_is_updated_alone(bench: Bench) -> None:
    bench.start()
    created = [await bench.create(source="a", output_text="x" * 100_000) for _ in range(3)]
    await bench.visibility.wait_for_append(created[-1])
    await bench.stop()

    patched = [await bench.patch(id_of(one), source="b") for one in created]
    bench.store.largest_answer = 0
    bench.start(batch_max_bytes=50_000)
    await bench.visibility.wait_for_append(patched[-1])
    assert 100_000 < bench.store.largest_answer < 110_000
    logs = [await bench.log(one) for one in created]
    assert [log and log["source"] for log in logs] == ["b"] * len(created)


async def test_while_the_store_is_down_nothing_is_committed_and_then_everything(bench: Bench) -> None:
    bench.store.open = False
    bench.start()
    created = [await bench.create(partition=number % 2) for number in range(50)]
    for _ in range(3):
        await bench.store.refusals.get()
    assert await bench.stream.committed(LOGS_TOPIC, WRITER_GROUP) == {0: 0, 1: 0}
    bench.store.open = True
    for appended in created:
        await bench.visibility.wait_for_append(appended)
    assert await bench.count() == 50


async def test_what_is_held_while_the_store_is_down_is_bounded(bench: Bench) -> None:
    bench.store.open = False
    stop = asyncio.Event()
    writer = Writer(bench.stream, bench.store, WriterConfig(batch_max_records=10, drain_timeout_s=0.1))
    task = asyncio.create_task(writer.run(stop))
    for _ in range(200):
        await bench.create()
    for _ in range(4):
        await bench.store.refusals.get()
    assert sum(writer.waiting().values()) <= 20
    stop.set()
    await task
    assert await bench.stream.committed(LOGS_TOPIC, WRITER_GROUP) == {0: 0, 1: 0}


async def test_a_batch_that_is_too_big_for_the_store_is_halved_until_it_fits(bench: Bench) -> None:
    bench.store.most_rows = 3
    created = [await bench.create() for _ in range(20)]
    bench.start()
    await bench.visibility.wait_for_append(created[-1])
    assert await bench.count() == 20


async def test_a_row_that_the_store_refuses_is_buried_alone(bench: Bench) -> None:
    before = [await bench.create(source=str(number)) for number in range(5)]
    bad = await bench.create(input_tokens="not a number")
    after = [await bench.create(source=str(number)) for number in range(5)]
    bench.start()
    await bench.visibility.wait_for_append(after[-1])
    assert [(await bench.log(appended)) is not None for appended in (*before, bad, *after)] == [True] * 5 + [False] + [
        True
    ] * 5
    letters = [letter async for letter in dead_letters.read_all(bench.stream)]
    assert [(letter.origin, letter.record.key) for letter in letters] == [
        (f"{bad.timestamp_ms}:{bad.partition}:{bad.offset}", b"create default -")
    ]
    assert "input_tokens" in letters[0].error


async def test_an_update_that_the_store_refuses_leaves_the_log_as_it_was(bench: Bench) -> None:
    bench.start()
    created = await bench.create(source="a")
    await bench.visibility.wait_for_append(created)
    await bench.visibility.wait_for_append(await bench.patch(id_of(created), input_tokens="not a number"))
    await bench.visibility.wait_for_append(await bench.patch(id_of(created), source="b"))
    row = await bench.log(created)
    assert row is not None
    assert (row["source"], row["input_tokens"]) == ("b", None)
    assert sum((await bench.stream.end_offsets(DEAD_LETTERS_TOPIC)).values()) == 1


@pytest.mark.parametrize(
    "message",
    [
        Message(b"", b""),
        Message(b"nonsense", b"{}"),
        Message(b"create default -", b"not json"),
        Message(b"create default -", b"{not json}"),
        Message(b"create default -", b'{"workspace_id":"default","source":"unfinished}'),
        Message(b"create default -", b"{}"),
        Message(b"patch default id:99999999999999999999", b"{}"),
        Message(b"delete-everything default -", b"{}"),
        Message(b"create \xff -", b'{"workspace_id":"default"}'),
    ],
)
async def test_garbage_in_the_topic_stops_nothing(bench: Bench, message: Message) -> None:
    await bench.stream.append(LOGS_TOPIC, 0, [message])
    created = await bench.create(source="good")
    bench.start()
    await bench.visibility.wait_for_append(created)
    assert await bench.log(created) is not None


async def test_a_replayed_letter_keeps_its_id_and_is_stored_once(bench: Bench) -> None:
    lost = await bench.create(source="a")
    await dead_letters.append(
        bench.stream, (await read_records(bench.stream, 0))[0], "a defect of the writer, mended since"
    )
    letters = [letter async for letter in dead_letters.read_all(bench.stream)]
    skipper = bench.stream.consumer(LOGS_TOPIC, WRITER_GROUP, Nobody())
    await skipper.start()
    await skipper.commit({0: 1})
    await skipper.stop()
    bench.start()
    for _ in range(2):
        await bench.visibility.wait_for_append(await dead_letters.replay(bench.stream, letters[0]))
    row = await bench.log(lost)
    assert row is not None
    assert row["source"] == "a"
    assert await bench.count() == 1


class Nobody:
    async def on_revoked(self, partitions: frozenset[int]) -> None:
        return

    async def on_assigned(self, positions: Mapping[int, int]) -> None:
        return


async def read_records(stream: SqliteStream, partition: int) -> list[Any]:
    reader = await stream.reader(LOGS_TOPIC, partition, 0)
    records = await reader.read(100, 1)
    await reader.close()
    return records


async def test_a_resend_is_recognised_across_a_restart_of_the_writer(bench: Bench) -> None:
    async def send() -> Appended:
        key = encode_key(Event(EventKind.CREATE, WORKSPACE, fingerprint="f"))
        body = {"workspace_id": WORKSPACE, "type": "test", "fingerprint": "f"}
        return await bench.stream.append(LOGS_TOPIC, 0, [Message(key, orjson.dumps(body))])

    bench.start()
    first = await send()
    await bench.visibility.wait_for_append(first)
    await bench.stop()
    bench.start()
    second = await send()
    await bench.visibility.wait_for_append(second)
    row = await bench.log(second)
    assert row is not None
    assert row["duplicate_of"] == id_of(first)
    assert await bench.count() == 1


async def test_a_topic_made_again_without_a_new_epoch_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.start()
    for _ in range(5):
        last = await bench.create()
    await bench.visibility.wait_for_append(last)
    await bench.stop()
    fresh = SqliteStream(tmp_path / "fresh.db", partitions=2)
    await fresh.start()
    again = Bench(fresh, bench.store)
    again.start()
    await again.create()
    with pytest.raises(Misconfigured, match="SLUICE_STREAM_EPOCH=1"):
        await again.ended()
    again.start(epoch=1)
    await again.visibility.wait_for_append(await again.create())
    await again.stop()
    await again.visibility.stop()
    await fresh.stop()


async def test_a_stop_writes_what_was_fetched(bench: Bench) -> None:
    bench.start(flush_interval_s=30)
    created = [await bench.create() for _ in range(300)]
    await bench.visibility.wait_for_append(created[0])
    await bench.stop()
    committed = (await bench.stream.committed(LOGS_TOPIC, WRITER_GROUP))[0]
    assert await bench.count() == committed
