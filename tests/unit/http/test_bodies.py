from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import ClientDisconnect

from shared.errors import BadRequest, Overloaded, TooLarge, UnsupportedMediaType
from shared.http.admission import Admission
from shared.http.bodies import ABANDONED_KEY, ADMITTED_KEY, BodyReader, drain

if TYPE_CHECKING:
    from starlette.types import Message, Receive

LIMIT = 1000


def receiving(*messages: Message) -> Receive:
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def scope(**headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw}


@pytest.fixture
def admission() -> Admission:
    return Admission(2 * LIMIT)


@pytest.fixture
def reader(admission: Admission) -> BodyReader:
    return BodyReader(LIMIT, 0.05, admission)


async def test_parts_are_joined_and_the_declared_length_is_admitted(reader: BodyReader, admission: Admission) -> None:
    request = scope(content_length="6")
    assert await reader.read(request, receiving(part(b"abc", more=True), part(b"def", more=False))) == b"abcdef"
    assert request[ADMITTED_KEY] == admission.admitted_bytes == 6
    assert ABANDONED_KEY not in request


async def test_without_a_length_bytes_are_admitted_as_they_come(reader: BodyReader, admission: Admission) -> None:
    request = scope(transfer_encoding="chunked")
    body = await reader.read(
        request, receiving(part(b"a" * 600, more=True), part(b"", more=True), part(b"b", more=False))
    )
    assert body == b"a" * 600 + b"b"
    assert request[ADMITTED_KEY] == admission.admitted_bytes == 601


async def test_a_body_of_exactly_the_limit_is_taken(reader: BodyReader) -> None:
    assert len(await reader.read(scope(content_length=str(LIMIT)), receiving(part(b"a" * LIMIT, more=False)))) == LIMIT
    assert len(await reader.read(scope(), receiving(part(b"a" * LIMIT, more=False)))) == LIMIT


async def test_a_declared_length_over_the_limit_is_refused_before_reading(
    reader: BodyReader, admission: Admission
) -> None:
    request = scope(content_length=str(LIMIT + 1))
    with pytest.raises(TooLarge, match="1000 bytes"):
        await reader.read(request, receiving())
    assert request[ABANDONED_KEY] is True
    assert admission.admitted_bytes == 0


async def test_a_body_that_grows_over_the_limit_is_refused_while_it_comes(reader: BodyReader) -> None:
    request = scope()
    with pytest.raises(TooLarge):
        await reader.read(request, receiving(part(b"a" * 600, more=True), part(b"a" * 600, more=True)))
    assert request[ABANDONED_KEY] is True
    assert request[ADMITTED_KEY] == 600


async def test_beyond_the_budget_requests_are_refused_until_others_are_answered(
    reader: BodyReader, admission: Admission
) -> None:
    admission.acquire(LIMIT + 1)
    request = scope(content_length=str(LIMIT))
    with pytest.raises(Overloaded):
        await reader.read(request, receiving())
    assert ADMITTED_KEY not in request
    assert ABANDONED_KEY not in request
    admission.release(1)
    assert len(await reader.read(request, receiving(part(b"a" * LIMIT, more=False)))) == LIMIT


async def test_a_body_that_does_not_arrive_is_refused(reader: BodyReader) -> None:
    request = scope(content_length="10")
    with pytest.raises(BadRequest, match=r"within 0\.05 s"):
        await reader.read(request, receiving(part(b"abc", more=True)))
    assert request[ABANDONED_KEY] is True


async def test_a_client_that_leaves_is_told_apart(reader: BodyReader) -> None:
    with pytest.raises(ClientDisconnect):
        await reader.read(scope(content_length="10"), receiving(part(b"abc", more=True), {"type": "http.disconnect"}))


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
async def test_gzip_is_inflated_and_admitted(reader: BodyReader, admission: Admission, name: str) -> None:
    body = gzip.compress(b"a" * LIMIT)
    request = scope(content_encoding=name, content_length=str(len(body)))
    assert await reader.read(request, receiving(part(body, more=False))) == b"a" * LIMIT
    assert request[ADMITTED_KEY] == admission.admitted_bytes == len(body) + LIMIT


async def test_an_empty_gzip_body_is_empty(reader: BodyReader) -> None:
    assert await reader.read(scope(content_encoding="gzip"), receiving(part(b"", more=False))) == b""


@pytest.mark.parametrize("name", ["br", "deflate", "gzip, gzip"])
async def test_other_encodings_are_refused_by_name(reader: BodyReader, name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=name):
        await reader.read(scope(content_encoding=name), receiving())


async def test_draining_reads_to_the_end_or_until_the_client_leaves() -> None:
    await asyncio.wait_for(drain(scope(), receiving(part(b"a", more=True), part(b"b", more=False))), 5)
    await asyncio.wait_for(drain(scope(), receiving(part(b"a", more=True), {"type": "http.disconnect"})), 5)


async def test_a_client_that_waits_to_be_told_to_continue_is_not_drained() -> None:
    await asyncio.wait_for(drain(scope(expect="100-continue"), receiving()), 5)


async def test_draining_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.bodies.DRAIN_BYTES", 10)
    await asyncio.wait_for(drain(scope(), receiving(part(b"a" * 6, more=True), part(b"a" * 6, more=True))), 5)


async def test_draining_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.bodies.DRAIN_S", 0.01)
    await asyncio.wait_for(drain(scope(), receiving(part(b"a", more=True))), 5)
