"""What the stream in a file does besides the contract: group commit, full disks, crashes, retention, processes."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from shared.errors import Misconfigured, OutcomeUnknown, StreamUnavailable
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, REGISTRY_TOPIC, WRITER_GROUP, Appended, Message
from shared.stream.sqlite import SqliteStream
from shared.stream.sqlite.file import connect
from tests.support.streams import Listener, lets_go_of_what_failed, messages, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    Open = Callable[..., SqliteStream]

START_S = 1_800_000_000.0
"""The wall clock of the tests that set it."""


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "stream.db"


@pytest.fixture
async def make(path: Path, clock: Clock) -> AsyncIterator[Open]:
    """Makes streams on one file, which are stopped at the end. Retention runs when a test calls `trim`."""
    streams: list[SqliteStream] = []

    def make_stream(**options: object) -> SqliteStream:
        defaults: dict[str, object] = {"sync": lambda: None, "clock": clock, "retention_interval_s": 3600}
        streams.append(SqliteStream(path, **(defaults | options)))  # type: ignore[arg-type]
        return streams[-1]

    yield make_stream
    for stream in streams:
        await stream.stop()


@pytest.fixture
async def stream(make: Open) -> SqliteStream:
    started = make()
    await started.start()
    return started


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(connect(path, 5)) as connection:
        return connection.execute(sql).fetchall()


def write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def file_size(path: Path) -> int:
    return path.stat().st_size


async def commit_all(stream: SqliteStream, offsets: Mapping[int, int]) -> None:
    """Apply records as the writer does: a member of its group commits them."""
    consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
    await consumer.start()
    await consumer.commit(offsets)
    await consumer.stop()


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process that runs the code."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


# Group commit


async def test_appends_that_wait_together_are_committed_together(stream: SqliteStream, path: Path) -> None:
    await asyncio.gather(*(stream.append(LOGS_TOPIC, 0, messages(str(number))) for number in range(500)))
    # A row of the file is what one transaction wrote to one partition.
    assert len(query(path, "SELECT * FROM batches_1")) < 50
    assert [record.value for record in await read_all(stream)] == [str(number).encode() for number in range(500)]


async def test_big_groups_are_split_into_rows_and_transactions(stream: SqliteStream) -> None:
    value = bytes(5 << 20)
    await asyncio.gather(*(stream.append(LOGS_TOPIC, number % 2, [Message(b"k", value)]) for number in range(20)))
    assert await stream.end_offsets(LOGS_TOPIC) == {0: 10, 1: 10, 2: 0, 3: 0}
    assert [len(record.value) for record in await read_all(stream)] == [len(value)] * 10


async def test_the_file_is_synced_at_every_commit(path: Path, stream: SqliteStream) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("a"))
    with contextlib.closing(connect(path, 5)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


async def test_timestamps_never_go_back(stream: SqliteStream, clock: Clock) -> None:
    first = await stream.append(LOGS_TOPIC, 0, messages("a"))
    clock.now_s -= 3600
    second = await stream.append(LOGS_TOPIC, 0, messages("b"))
    other = await stream.append(LOGS_TOPIC, 1, messages("c"))
    assert first.timestamp_ms == second.timestamp_ms == START_S * 1000
    assert other.timestamp_ms == (START_S - 3600) * 1000


# Failures


async def test_a_full_disk_refuses_appends_and_harms_nothing(stream: SqliteStream) -> None:
    kept: list[tuple[Appended, bytes]] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    try:
        refused = 0
        for number in range(40):
            value = str(number).encode() * 20_000
            results = await asyncio.gather(
                *(stream.append(LOGS_TOPIC, partition, [Message(b"k", value)]) for partition in range(4)),
                return_exceptions=True,
            )
            for result in results:
                if isinstance(result, Appended):
                    kept.append((result, value))
                else:
                    assert isinstance(result, StreamUnavailable)
                    refused += 1
        assert refused > 10
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept
    again = await stream.append(LOGS_TOPIC, 0, messages("there is room again"))
    assert again.offset == sum(appended.partition == 0 for appended, _ in kept)
    for partition in range(4):
        stored = await read_all(stream, partition)
        expected = [value for appended, value in kept if appended.partition == partition]
        assert [record.value for record in stored][: len(expected)] == expected
        assert len(stored) == len(expected) + (partition == 0)


async def test_an_append_ends_at_its_deadline_while_another_process_holds_the_file(make: Open, path: Path) -> None:
    stream = make(produce_deadline_s=0.3)
    await stream.start()
    with contextlib.closing(connect(path, 5)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        taken = asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages("taken by the writer")))
        await asyncio.sleep(0.1)
        queued = asyncio.create_task(stream.append(LOGS_TOPIC, 0, messages("queued")))
        async with asyncio.timeout(5):
            with pytest.raises(OutcomeUnknown):
                await taken
            with pytest.raises(StreamUnavailable):
                await queued
        assert await lets_go_of_what_failed(stream)
        connection.execute("ROLLBACK")
    await stream.append(LOGS_TOPIC, 0, messages("after"))
    # "Queued" was promised not to be stored.
    assert [record.value for record in await read_all(stream)] == [b"taken by the writer", b"after"]


async def test_another_file_is_refused(make: Open, path: Path) -> None:
    write_file(path, b"this is not a database, and long enough to be sure of it" * 100)
    with pytest.raises(Misconfigured, match="not a stream file"):
        await make().start()


async def test_a_file_of_a_newer_format_is_refused(make: Open, stream: SqliteStream, path: Path) -> None:
    with contextlib.closing(connect(path, 5)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(Misconfigured, match="format 2"):
        await make().start()


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="can't be made"):
        await SqliteStream(tmp_path / "file" / "stream.db").start()


async def test_the_partition_count_is_that_of_the_file(make: Open, stream: SqliteStream) -> None:
    await stream.append(LOGS_TOPIC, 3, messages("a"))
    other = make(partitions=16)
    await other.start()
    assert other.partitions(LOGS_TOPIC) == 4
    assert len(await read_all(other, 3)) == 1


@pytest.mark.parametrize("partitions", [0, 257])
async def test_partition_counts_that_ids_cannot_hold_are_refused(make: Open, partitions: int) -> None:
    with pytest.raises(Misconfigured, match="1 to 256"):
        await make(partitions=partitions).start()


# Other processes


APPEND_ON = """
    import asyncio, sys
    from shared.stream.base import LOGS_TOPIC, Message
    from shared.stream.sqlite import SqliteStream

    async def main() -> None:
        stream = SqliteStream(sys.argv[1])
        await stream.start()

        async def append(partition: int) -> None:
            number = 0
            while True:
                value = f"{partition}-{number}"
                appended = await stream.append(LOGS_TOPIC, partition, [Message(b"k", value.encode() * 100)])
                print(partition, appended.offset, value, flush=True)
                number += 1

        await asyncio.gather(*(append(partition) for partition in range(4)))

    asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_it_acknowledged(make: Open, path: Path) -> None:
    lines: list[str] = []
    for _ in range(3):
        process = run(APPEND_ON, path)
        assert process.stdout is not None
        lines += [await asyncio.to_thread(process.stdout.readline) for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        lines += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    stream = make()
    await stream.start()
    stored = {partition: await read_all(stream, partition) for partition in range(4)}
    for partition, offset, value in (line.split() for line in lines):
        assert stored[int(partition)][int(offset)].value == value.encode() * 100
    for records in stored.values():
        assert [record.offset for record in records] == list(range(len(records)))


async def test_two_processes_append_to_one_file(stream: SqliteStream, path: Path) -> None:
    code = """
        import asyncio, sys
        from shared.stream.base import REGISTRY_TOPIC, Message
        from shared.stream.sqlite import SqliteStream

        async def main() -> None:
            stream = SqliteStream(sys.argv[1])
            await stream.start()
            for number in range(100):
                print((await stream.append(REGISTRY_TOPIC, 0, [Message(b"there", b"%d" % number)])).offset)
            await stream.stop()

        asyncio.run(main())
    """
    process = run(code, path)
    reader = await stream.reader(REGISTRY_TOPIC, 0, 0)
    followed = await reader.read(1, 30)  # the other process is at it
    mine = [(await stream.append(REGISTRY_TOPIC, 0, messages(str(number)))).offset for number in range(100)]
    output, _ = await asyncio.to_thread(process.communicate)
    theirs = [int(line) for line in output.split()]
    assert sorted(mine + theirs) == list(range(200))
    while len(followed) < 200:
        found = await reader.read(1000, 5)
        assert found
        followed += found
    assert [record.offset for record in followed] == list(range(200))
    assert [record.offset for record in followed if record.key == b"there"] == theirs


# Retention


async def fill(stream: SqliteStream, clock: Clock, partition: int, count: int, step_s: float = 60) -> None:
    """One batch of 100 KB after the other, each some time after the last."""
    for number in range(count):
        await stream.append(LOGS_TOPIC, partition, [Message(b"k", b"%03d" % number + bytes(100_000))])
        clock.now_s += step_s


async def test_old_applied_records_are_deleted(make: Open, clock: Clock) -> None:
    stream = make(retention_s=600)
    await stream.start()
    await fill(stream, clock, 0, 20)
    await fill(stream, clock, 1, 5)
    await commit_all(stream, {0: 20, 1: 5})
    await stream.trim()
    # The clock is 25 minutes on; the first record younger than ten minutes is the sixteenth.
    assert await stream.start_offsets(LOGS_TOPIC) == {0: 15, 1: 0, 2: 0, 3: 0}
    assert await stream.end_offsets(LOGS_TOPIC) == {0: 20, 1: 5, 2: 0, 3: 0}
    clock.now_s += 86400
    await stream.trim()
    assert await stream.start_offsets(LOGS_TOPIC) == {0: 20, 1: 5, 2: 0, 3: 0}
    assert (await stream.append(LOGS_TOPIC, 0, messages("next"))).offset == 20
    assert [record.offset for record in await read_all(stream)] == [20]


async def test_a_reader_of_deleted_records_begins_at_the_oldest_kept(make: Open, clock: Clock) -> None:
    stream = make(retention_s=600)
    await stream.start()
    await fill(stream, clock, 0, 20)
    await commit_all(stream, {0: 20})
    await stream.trim()
    reader = await stream.reader(LOGS_TOPIC, 0, 3)
    assert (await reader.read(1, 1))[0].offset == 10


async def test_the_oldest_applied_records_make_room(make: Open, clock: Clock, path: Path) -> None:
    stream = make(retention_bytes=1_000_000)
    await stream.start()
    await fill(stream, clock, 0, 10)
    await fill(stream, clock, 1, 10)
    await commit_all(stream, {0: 10, 1: 10})
    await stream.trim()
    assert await stream.start_offsets(LOGS_TOPIC) == {0: 10, 1: 1, 2: 0, 3: 0}
    size = file_size(path)
    for _ in range(5):
        await fill(stream, clock, 0, 10)
        await commit_all(stream, await stream.end_offsets(LOGS_TOPIC))
        await stream.trim()
    assert file_size(path) <= size + 2_000_000  # pages are used again


async def test_what_is_not_applied_is_never_deleted(make: Open, clock: Clock) -> None:
    stream = make(retention_s=1, retention_bytes=1)
    await stream.start()
    await fill(stream, clock, 0, 10)
    await stream.append(REGISTRY_TOPIC, 0, messages("r"))
    await stream.append(DEAD_LETTERS_TOPIC, 0, messages("d"))
    clock.now_s += 1_000_000
    await stream.trim()
    assert (await stream.start_offsets(LOGS_TOPIC))[0] == 0
    await commit_all(stream, {0: 4})
    await stream.trim()
    assert (await stream.start_offsets(LOGS_TOPIC))[0] == 4
    assert await stream.start_offsets(REGISTRY_TOPIC) == {0: 0}
    assert (await stream.start_offsets(DEAD_LETTERS_TOPIC))[0] == 0


async def test_a_run_of_records_is_kept_until_all_of_it_is_applied(make: Open, clock: Clock) -> None:
    stream = make(retention_s=1)
    await stream.start()
    await stream.append(LOGS_TOPIC, 0, messages("a", "b", "c"))
    await commit_all(stream, {0: 2})
    clock.now_s += 100
    await stream.trim()
    assert (await stream.start_offsets(LOGS_TOPIC))[0] == 0


async def test_young_records_are_deleted_only_after_the_store_is_synced(make: Open, clock: Clock) -> None:
    synced: list[float] = []
    stream = make(retention_bytes=550_000, rewind_s=600, sync=lambda: synced.append(clock.now_s))
    await stream.start()
    await fill(stream, clock, 0, 10, step_s=1)
    await commit_all(stream, {0: 10})
    await stream.trim()
    assert synced == [START_S + 10]
    clock.now_s += 3600
    await fill(stream, clock, 0, 5, step_s=1)
    await commit_all(stream, {0: 15})
    await stream.trim()  # what goes now is an hour old
    assert synced == [START_S + 10]


async def test_retention_runs_by_itself(make: Open, clock: Clock) -> None:
    stream = make(retention_s=1, retention_interval_s=0.01)
    await stream.start()
    await stream.append(LOGS_TOPIC, 0, messages("a"))
    await commit_all(stream, {0: 1})
    clock.now_s += 1_000
    async with asyncio.timeout(10):
        while (await stream.start_offsets(LOGS_TOPIC))[0] == 0:
            pass


# Unclean stops


CRASH = """
    import asyncio, os, sys
    from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Message
    from shared.stream.sqlite import SqliteStream
    from tests.support.streams import Listener

    async def main() -> None:
        now_s = float(sys.argv[2])
        stream = SqliteStream(sys.argv[1], clock=lambda: now_s)
        await stream.start()
        consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
        await consumer.start()
        for _ in range(30):
            await stream.append(LOGS_TOPIC, 0, [Message(b"k", b"v")])
            now_s += 60
        await stream.append(LOGS_TOPIC, 1, [Message(b"k", b"v")] * 5)
        await consumer.commit({0: 30, 1: 2})
        if sys.argv[3] == "clean":
            await consumer.stop()
            await stream.stop()
        os._exit(0)

    asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["clean", "crash"])
async def test_after_an_unclean_stop_the_last_minutes_are_read_again(
    make: Open, path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    process = run(CRASH, path, START_S, how)
    await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    stream = make()
    await stream.start()
    assert (await stream.committed(LOGS_TOPIC, WRITER_GROUP))[0] == 30
    listener = Listener()
    consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, listener)
    await consumer.start()
    if how == "clean":
        assert listener.owned == {0: 30, 1: 2, 2: 0, 3: 0}
        assert stream.rewound == {}
    else:
        # The newest record is of minute 30: ten minutes before it is the one of minute 20.
        assert listener.owned == {0: 20, 1: 0, 2: 0, 3: 0}
        assert stream.rewound == {0: (30, 20), 1: (2, 0)}
        assert await stream.committed(LOGS_TOPIC, WRITER_GROUP) == listener.owned
        assert "did not stop cleanly" in caplog.text


async def test_a_member_that_follows_another_in_one_process_does_not_go_back(stream: SqliteStream) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("a", "b"))
    await commit_all(stream, {0: 2})
    listener = Listener()
    await stream.consumer(LOGS_TOPIC, WRITER_GROUP, listener).start()
    assert listener.owned[0] == 2


async def test_a_process_beside_the_owner_does_not_rewind_it(make: Open, stream: SqliteStream) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("a", "b"))
    consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
    await consumer.start()
    await consumer.commit({0: 2})
    beside = make()
    await beside.start()
    await beside.append(REGISTRY_TOPIC, 0, messages("r"))
    await beside.stop()
    assert (await stream.committed(LOGS_TOPIC, WRITER_GROUP))[0] == 2


async def test_a_stop_is_clean_only_once_everything_is_synced(make: Open) -> None:
    def fail() -> None:
        raise OSError("the disk does not answer")

    stream = make(sync=fail)
    await stream.start()
    await stream.append(LOGS_TOPIC, 0, messages("a", "b"))
    await commit_all(stream, {0: 2})
    await stream.stop()
    listener = Listener()
    second = make()
    await second.start()
    await second.consumer(LOGS_TOPIC, WRITER_GROUP, listener).start()
    assert listener.owned[0] == 0


async def test_committed_offsets_below_the_log_are_refused(stream: SqliteStream, path: Path) -> None:
    await stream.append(LOGS_TOPIC, 0, messages("a"))
    await commit_all(stream, {0: 0})
    await stream.append(LOGS_TOPIC, 0, messages("b"))
    with contextlib.closing(connect(path, 5)) as connection:
        connection.execute("DELETE FROM batches_1 WHERE first_offset = 0")
    with pytest.raises(Misconfigured, match="deleted before they were read"):
        await stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener()).start()


async def test_reading_a_broken_file_is_unavailable_not_a_crash(stream: SqliteStream, path: Path) -> None:
    with contextlib.closing(connect(path, 5)) as connection:
        connection.execute("DROP TABLE committed")
    with pytest.raises(StreamUnavailable):
        await stream.committed(LOGS_TOPIC, WRITER_GROUP)
