"""The writer, against ClickHouse's own Kafka engine, and against nothing but the insert.

All three have the same logs, the same engine, settings, schema and indexes, in one process each on the same core; the
broker is elsewhere. In each round the same new records are in the topic before anything reads them, and one process
works while the other two are stopped (SIGSTOP):

* `sluice writer`, with the engine in process, as `sluice up` has it: reads, folds, knows re-sends, inserts, commits.
* An engine with `ENGINE = Kafka` on the same topic, and a view that computes ids and versions in SQL: reads, inserts,
  commits. It knows no re-sends, updates or dead letters.
* An engine that is given the finished rows, in batches of the same size. It takes the cheapest way in; the product does
  not, for that way reports success when the disk is full.

A row's cost is the process's CPU time, of all its threads, until the merges that the round caused are done too.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import orjson

from shared import ids
from shared.store.session import SESSION_SETTINGS
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from tests.bench import kafka, logs
from tests.bench.bench import Bench, Measure
from tests.bench.engine import Engine
from tests.bench.figures import Figure, LedgerCheck, ratio_at_least
from tests.bench.machine import cpu_seconds, until_idle
from tests.bench.rows import BATCH, lines_of
from tests.support.processes import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.stream.base import Stream

ENGINE_GROUP: Final = "engine"

_HASH: Final = """
    SELECT count() AS logs,
           sum(cityHash64(id, version, toString(received_at), input, output, toString(metadata))) AS hash
    FROM (SELECT * FROM logs FINAL) AS log JOIN (SELECT id, input, output FROM log_payloads FINAL) AS body USING (id)
"""
"""Equal when two stores have the same logs."""


async def run(bench: Bench) -> None:
    """Three processes take turns."""
    rows = bench.scale(3, 2) * BATCH
    directory = bench.new_directory("writer")
    async with bench.kafka() as bootstrap, kafka.connected(bootstrap) as stream:
        with bench.processes() as processes:
            store = directory / "product"
            writer = Writer(processes, stream=kafka.url(bootstrap), store=f"chdb:///{store}", session_timeout_s="59")
            Engine(store, bench.cores.server).stop()  # makes the schema
            bench.start(writer)
            engine, insert = (Engine(directory / name, bench.cores.server) for name in ("engine", "insert"))
            attach_queue(engine, bootstrap)
            await warm_up(stream)

            cpu: dict[str, list[float]] = {"product": [], "engine": [], "insert": []}
            wall: dict[str, list[float]] = {"product": [], "engine": [], "insert": []}

            async def timed(name: str, pid: int, work: Callable[[], Awaitable[None]]) -> None:
                began, took = time.perf_counter(), cpu_seconds(pid)
                await work()
                wall[name].append(rows / (time.perf_counter() - began))
                await until_idle(pid)
                cpu[name].append(rows / (cpu_seconds(pid) - took))

            async def drain(process: Writer | Engine, group: str) -> None:
                process.resume()
                await kafka.until_applied(stream, group)

            for number in range(bench.rounds):
                writer.pause()
                engine.pause()
                values = list(logs.messages(rows, f"writer{number}"))
                await kafka.append_all(stream, values)
                await asyncio.to_thread(insert.hold, lines_of(values, number * rows))
                await timed("product", writer.pid, lambda: drain(writer, WRITER_GROUP))
                writer.pause()
                await timed("engine", engine.pid, lambda: drain(engine, ENGINE_GROUP))
                await timed("insert", insert.pid, lambda: asyncio.to_thread(insert.insert_held, "logs_in"))
                writer.resume()

            writer.stop()
            detach_queue(engine)
            engine.settle()
            bench.check(
                compare(Engine(store, bench.cores.server), engine, sum((await stream.end_offsets(LOGS_TOPIC)).values()))
            )
            inserted = insert.query("SELECT count() AS logs FROM logs")[0]["logs"]
            if inserted != rows * bench.rounds:
                raise RuntimeError(f"the reference inserted {inserted} of {rows * bench.rounds} rows")
            insert.stop()
    add(bench, cpu, wall)


def add(bench: Bench, cpu: dict[str, list[float]], wall: dict[str, list[float]]) -> None:
    """The figures."""
    for name, other, bound in (("writer-vs-engine", "engine", 1.0), ("writer-vs-insert", "insert", 0.85)):
        bench.add(
            Figure(
                name=name,
                unit="rows/cpu-s",
                rounds=cpu["product"],
                references=cpu[other],
                target=ratio_at_least(bound),
            )
        )
        bench.add(Figure(name=f"{name}-clock", unit="rows/s", rounds=wall["product"], references=wall[other]))


def attach_queue(engine: Engine, bootstrap: str) -> None:
    """Let ClickHouse read the topic: a table for the records, and a view that inserts them where the writer does."""
    sample = next(logs.messages(1, "sample"))
    names = sorted(orjson.loads(sample.value))
    found = engine.query("SELECT name, type FROM system.columns WHERE database = 'sluice' AND table = 'logs_in'")
    types = {row["name"]: row["type"] for row in found}
    settings = {
        "kafka_broker_list": bootstrap,
        "kafka_topic_list": LOGS_TOPIC,
        "kafka_group_name": ENGINE_GROUP,
        "kafka_format": "JSONEachRow",
        "kafka_num_consumers": 1,
        "kafka_max_block_size": BATCH,
        "kafka_poll_max_batch_size": BATCH,
        "kafka_flush_interval_ms": 500,
        **{
            name: value
            for name, value in SESSION_SETTINGS.items()
            if name.startswith(("input_format", "date_time_input"))
        },
    }
    columns = ", ".join(f"{name} {types[name]}" for name in names)
    engine.execute(
        f"CREATE TABLE queue ({columns}) ENGINE = Kafka SETTINGS "
        + ", ".join(f"{name} = {value!r}" for name, value in settings.items())
    )
    engine.execute(f"""
        CREATE MATERIALIZED VIEW queue_to_logs_in TO logs_in AS
        WITH intDiv(toUnixTimestamp64Milli(received_at) - {ids.ID_EPOCH_MS}, {ids.MINUTE_MS}) AS minute,
             {ids.MAX_RECORDS_PER_MINUTE} AS span
        SELECT {", ".join(names)},
               assumeNotNull(_timestamp_ms) AS received_at,
               _offset AS version,
               toUInt64(minute * {ids.MAX_PARTITIONS} * span + _partition * span + _offset % span) AS id
        FROM queue
    """)


def detach_queue(engine: Engine) -> None:
    """Stop reading."""
    engine.execute("DROP TABLE queue_to_logs_in SYNC")
    engine.execute("DROP TABLE queue SYNC")


async def warm_up(stream: Stream) -> None:
    """Some logs, so that every consumer has joined its group and every code path was taken."""
    await kafka.append_all(stream, list(logs.messages(1000, "warmup")))
    await kafka.until_applied(stream, WRITER_GROUP)
    await kafka.until_applied(stream, ENGINE_GROUP)


def compare(product: Engine, engine: Engine, appended: int) -> LedgerCheck:
    """Hold the product's store against the engine's, and against the topic; closes both."""
    ours, theirs = (store.query(_HASH)[0] for store in (product, engine))
    product.stop()
    engine.stop()
    same = ours["hash"] == theirs["hash"]
    lost = appended - ours["logs"]
    return LedgerCheck("writer", appended, ours["logs"], max(lost, 0 if same else 1), max(-lost, 0))


WRITER: Final = Measure("writer", ("writer-vs-engine", "writer-vs-insert"), run)
