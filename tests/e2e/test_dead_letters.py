"""Records that can't become rows: kept aside whole, without holding up the others, and given another try.

Tried on `sluice up`, with the command that operators use.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from shared import ids
from shared.events import Event, EventKind, encode_key
from shared.stream.base import LOGS_TOPIC, Message
from shared.stream.factory import StreamOptions, open_stream
from shared.visibility import Visibility
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import parse_log_request
from tests.support.log_bodies import promptlayer_body
from tests.support.processes import Up, wait_until
from tests.support.store_rows import store_execute, store_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.stream.base import Appended, Stream
    from tests.support.processes import Processes

KEY = "some-key-12345"
HEADERS = {"x-api-key": KEY}
TIMEOUT_S = 30
PARTITION = 2


@pytest.fixture
def sluice(processes: Processes) -> Up:
    """A running one."""
    return Up(processes, api_keys=f"default:{KEY}").start()


async def test_a_bad_record_goes_aside_and_its_neighbours_are_stored(sluice: Up) -> None:
    async with log_stream(sluice) as stream:
        appended = await stream.append(LOGS_TOPIC, PARTITION, [create(1), create("x"), create(3)])
        await applied(stream)
    first, bad, third = positions(appended, 3)
    assert [read(sluice, log_id)["input_tokens"] for log_id in (first, third)] == [1, 3]
    assert get(sluice, bad).status_code == 404
    listed = sluice.run("dead-letters", "list")
    assert "1 dead letters" in listed
    assert f"{PARTITION}:0  " in listed
    shown = sluice.run("dead-letters", "show", f"{PARTITION}:0")
    assert '"input_tokens":"x"' in shown
    assert "input_tokens" in shown.partition("error")[2].partition("\n")[0], "the error does not name the column"

    # Still bad: it comes back, and nobody else notices.
    sluice.run("dead-letters", "replay", f"{PARTITION}:0")
    wait_until(lambda: "2 dead letters" in sluice.run("dead-letters", "list"), "the letter to come back", TIMEOUT_S)
    assert [read(sluice, log_id)["input_tokens"] for log_id in (first, third)] == [1, 3]
    sluice.stop()
    assert {row["id"] for row in store_rows(store_url(sluice), "SELECT id FROM log_records")} == {first, third}


async def test_garbage_never_stops_the_writer(sluice: Up) -> None:
    create_key = encode_key(Event(EventKind.CREATE, "default"))
    keys = [
        create_key,
        b"",
        b"patch default id:7",
        b"patch default id:x",
        b"create default",
        b"remove default -",
        b"\xff",
    ]
    values = [b"", b"[]", b"{", b"null", b'{"workspace_id":', b"\xff\xfe", b'{"workspace_id":"default"}x', b"{}"]
    garbage = [Message(key, value) for key in keys for value in values]
    async with log_stream(sluice) as stream:
        appended = await stream.append(LOGS_TOPIC, PARTITION, [create(1), *garbage, create(2)])
        await applied(stream)
    first, *_, last = positions(appended, len(garbage) + 2)
    assert [read(sluice, log_id)["input_tokens"] for log_id in (first, last)] == [1, 2]
    letters = sluice.run("dead-letters", "list")
    sluice.stop()
    stored = {row["id"] for row in store_rows(store_url(sluice), "SELECT id FROM log_records")}
    assert stored == {first, last}
    # An update of a log that is not there is left out; everything else must be kept.
    ignored = len(values)
    assert f"{len(garbage) - ignored} dead letters" in letters


async def test_a_bad_update_does_not_take_its_log_along(sluice: Up) -> None:
    sluice.stop()  # so that all of it is one batch, at the next start
    async with log_stream(sluice) as stream:
        [log_id] = positions(await stream.append(LOGS_TOPIC, PARTITION, [create(1)]), 1)
        fields = [b'{"output_tokens":2}', b'{"input_tokens":"x","price":3}', b'{"price":4}']
        key = encode_key(Event(EventKind.PATCH, "default", log_id=log_id))
        await stream.append(LOGS_TOPIC, PARTITION, [Message(key, value) for value in fields])
    sluice.start()
    async with log_stream(sluice) as stream:
        await applied(stream)
    answer = read(sluice, log_id)
    assert (answer["input_tokens"], answer["output_tokens"], answer["price"]) == (1, 2, 4)
    listed = sluice.run("dead-letters", "list")
    assert "1 dead letters" in listed
    assert f"{PARTITION}:0  " in listed
    sluice.stop()


def test_a_letter_whose_cause_is_mended_gets_the_id_that_its_client_knows_and_is_counted_once(sluice: Up) -> None:
    # A schema that somebody broke: it has no room for error messages that are not times.
    alter(sluice, "ALTER TABLE logs_in MODIFY COLUMN error Nullable(DateTime)")
    body = promptlayer_body("mended", 1) | {"status": "ERROR", "error_message": "the model was busy"}
    log_id = log(sluice, body)
    neighbour = log(sluice, promptlayer_body("neighbour", 2))
    assert read(sluice, neighbour)["metadata"]["marker"] == "neighbour"
    wait_until(lambda: "1 dead letters" in sluice.run("dead-letters", "list"), "the log to be aside", TIMEOUT_S)

    alter(sluice, "ALTER TABLE logs_in MODIFY COLUMN error Nullable(String)")
    for _ in range(2):
        assert "1 replayed" in sluice.run("dead-letters", "replay", "--all")
    wait_until(lambda: get(sluice, log_id).status_code == 200, "the replayed log", TIMEOUT_S)
    answer = read(sluice, log_id)
    assert answer["error_message"] == "the model was busy"
    assert (answer["input"], answer["output"], answer["metadata"]) == (body["input"], body["output"], body["metadata"])
    sluice.run("dead-letters", "replay", "--all")
    assert read(sluice, log(sluice, promptlayer_body("later", 3)))["metadata"]["marker"] == "later"

    sluice.stop()
    rows = store_rows(store_url(sluice), "SELECT id, metadata['marker'] AS marker FROM log_records ORDER BY id")
    assert [row["id"] for row in rows if row["marker"] == "mended"] == [log_id]
    assert len(rows) == 3


@contextlib.asynccontextmanager
async def log_stream(sluice: Up) -> AsyncIterator[Stream]:
    """The stream of a running `sluice up`, to append what no gateway would."""
    stream = open_stream(f"sqlite:///{sluice.directory}/data/stream.db", StreamOptions("test"))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


async def applied(stream: Stream) -> None:
    """Wait until the writer is done with the partition.

    No gateway acknowledged these records, so reading their log by id waits for its create event alone: it may show the
    log between two halves of a batch that is being written again.
    """
    visibility = Visibility(stream, TIMEOUT_S)
    await visibility.wait_for_end(PARTITION)
    await visibility.stop()


def create(input_tokens: Any) -> Message:
    """The record of a log, as a gateway would append it but for this number."""
    columns = log_request_columns(parse_log_request(promptlayer_body("appended", 1)), repaired=False)
    body = {"workspace_id": "default", **columns, "input_tokens": input_tokens}
    return Message(encode_key(Event(EventKind.CREATE, "default")), orjson.dumps(body))


def positions(appended: Appended, count: int) -> list[int]:
    """The ids of logs whose records were appended together."""
    offsets = range(appended.offset, appended.offset + count)
    return [ids.mint(appended.timestamp_ms, appended.partition, offset) for offset in offsets]


def alter(sluice: Up, sql: str) -> None:
    """Change the schema, which belongs to one process at a time."""
    sluice.stop()
    store_execute(store_url(sluice), sql)
    sluice.start()


def store_url(sluice: Up) -> str:
    """The store of a `sluice up` that was stopped."""
    return f"chdb:///{sluice.directory}/data/store"


def log(sluice: Up, body: dict[str, Any]) -> int:
    """The id of a new log."""
    answer = httpx.post(f"{sluice.url}/log-request", json=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text
    log_id: int = answer.json()["id"]
    return log_id


def get(sluice: Up, log_id: int) -> httpx.Response:
    """What reading a log answers, once all that was appended before it is applied."""
    return httpx.get(f"{sluice.url}/api/public/v2/requests/{log_id}", headers=HEADERS, timeout=30)


def read(sluice: Up, log_id: int) -> dict[str, Any]:
    """A log that is there."""
    answer = get(sluice, log_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
