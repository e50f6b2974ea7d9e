"""The load engine: what it sends, what it counts, and from when it measures."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from services.client.load.engine import Load, PlainCall
from services.client.load.http import NoAnswer, Response, Target
from tests.unit.client.server import CLOSE, Asked, Pieces, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


class Recorded(PlainCall):
    """A call that remembers what became of it."""

    def __init__(self, target: Target, number: int) -> None:
        body = str(number).encode()
        super().__init__("create", target.head("POST", "/", len(body)) + body, 201)
        self.problem: NoAnswer | None = None
        self.response: Response | None = None

    def answered(self, response: Response) -> str | None:
        self.response = response
        return super().answered(response)

    def failed(self, problem: NoAnswer) -> None:
        self.problem = problem


def calls(target: Target, count: int) -> list[Recorded]:
    return [Recorded(target, number) for number in range(count)]


def endless(target: Target) -> Iterator[Recorded]:
    return (Recorded(target, number) for number in itertools.count())


async def test_a_closed_loop_sends_each_call_once_over_its_connections() -> None:
    seen: list[bytes] = []
    at_once = most_at_once = 0

    async def handle(asked: Asked) -> Pieces:
        nonlocal at_once, most_at_once
        seen.append(asked.body)
        at_once += 1
        most_at_once = max(at_once, most_at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return answer(201, asked.body)

    async with serving(handle) as url:
        target = Target.at(url)
        sent = calls(target, 100)
        load = Load(target, iter(sent), connections=7)
        await load.run()
    assert sorted(map(int, seen)) == list(range(100))
    assert most_at_once <= 7
    assert all(call.response == Response(201, str(number).encode(), None) for number, call in enumerate(sent))
    assert len(load.samples["create"].latencies_s) == 100
    assert not load.samples["create"].failures
    assert 0 < min(load.samples["create"].latencies_s) <= max(load.samples["create"].latencies_s) <= load.elapsed_s


async def test_failures_are_counted_by_reason_and_have_no_latency() -> None:
    answers: dict[bytes, Pieces] = {
        b"0": answer(201),
        b"1": answer(503, b'{"success": false, "error": "overloaded"}', "retry-after: 1"),
        b"2": answer(503, b"<html>"),
        b"3": [CLOSE],
        b"4": answer(200),
        b"5": [b"nonsense"],
        b"6": answer(201),
    }

    async def handle(asked: Asked) -> Pieces:
        return answers[asked.body]

    async with serving(handle) as url:
        target = Target.at(url)
        sent = calls(target, 7)
        load = Load(target, iter(sent), connections=1)
        await load.run()
    reasons = ["503 overloaded", "503", "connection closed", "200", "answer is not HTTP"]
    assert load.samples["create"].failures == dict.fromkeys(reasons, 1)
    assert len(load.samples["create"].latencies_s) == 2
    assert [bool(call.problem) for call in sent] == [False, False, False, True, False, True, False]


async def test_a_server_that_is_not_there_is_a_failure_with_its_reason() -> None:
    async with serving(lambda _: asyncio.sleep(0, answer(201))) as url:
        target = Target.at(url)
    load = Load(target, iter(calls(target, 4)), connections=2)
    await load.run()
    assert load.samples["create"].failures == {"connection refused": 4}


async def test_an_answer_that_never_comes_is_given_up_and_the_load_goes_on() -> None:
    async def handle(asked: Asked) -> Pieces:
        if asked.body == b"1":
            await asyncio.Event().wait()
        return answer(201)

    async with serving(handle) as url:
        target = Target.at(url)
        load = Load(target, iter(calls(target, 3)), connections=1, timeout_s=0.2)
        await load.run()
    assert load.samples["create"].failures == {"no answer within 0.2 s": 1}
    assert len(load.samples["create"].latencies_s) == 2


async def test_an_open_loop_measures_from_when_a_request_was_due() -> None:
    """One connection, 50 requests a second; the server holds the first answer back until many are due."""
    held_s = 0.5

    async def handle(asked: Asked) -> Pieces:
        if asked.body == b"0":
            await asyncio.sleep(held_s)
        return answer(201)

    async with serving(handle) as url:
        target = Target.at(url)
        load = Load(target, iter(calls(target, 10)), connections=1, rate=50)
        await load.run()
    latencies_s = load.samples["create"].latencies_s
    # Each of the others was answered at once, and was due 20 ms after the one before it.
    for number, latency_s in enumerate(latencies_s):
        assert latency_s >= held_s - number / 50 - 0.01


async def test_an_open_loop_sends_no_faster_than_its_rate() -> None:
    async with serving(lambda _: asyncio.sleep(0, answer(201))) as url:
        target = Target.at(url)
        load = Load(target, iter(calls(target, 21)), connections=5, rate=100)
        await load.run()
    assert load.elapsed_s >= 20 / 100 - 0.005
    assert len(load.samples["create"].latencies_s) == 21


async def test_a_load_ends_after_its_time() -> None:
    async with serving(lambda _: asyncio.sleep(0, answer(201))) as url:
        target = Target.at(url)
        for rate in (None, 100.0, 0.01):
            load = Load(target, endless(target), connections=3, rate=rate)
            async with asyncio.timeout(30):
                await load.run(duration_s=0.2)
            assert load.elapsed_s >= 0.19
            assert load.samples["create"].latencies_s


async def test_a_stopped_load_waits_for_answers_and_stopped_again_does_not() -> None:
    asked_for = asyncio.Event()
    may_answer = asyncio.Event()

    async def handle(_asked: Asked) -> Pieces:
        asked_for.set()
        await may_answer.wait()
        return answer(201)

    async with serving(handle) as url, asyncio.timeout(30):
        target = Target.at(url)
        load = Load(target, endless(target), connections=1)
        running = asyncio.create_task(load.run())
        await asked_for.wait()
        load.stop()
        may_answer.set()
        await running
        assert len(load.samples["create"].latencies_s) == 1

        asked_for.clear()
        may_answer.clear()
        load = Load(target, endless(target), connections=1)
        running = asyncio.create_task(load.run())
        await asked_for.wait()
        load.stop()
        load.stop()
        await running
        assert load.samples["create"].failures == {"given up": 1}
