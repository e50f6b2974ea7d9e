from __future__ import annotations

import asyncio

from shared.deadlines import Deadlines

AFTER_S = 0.01


async def wait_for(count: int, expired: asyncio.Queue[str]) -> list[str]:
    async with asyncio.timeout(5):
        return [await expired.get() for _ in range(count)]


async def test_waits_expire_in_the_order_in_which_they_began_and_not_before_their_time() -> None:
    loop = asyncio.get_running_loop()
    expired: asyncio.Queue[str] = asyncio.Queue()
    deadlines = Deadlines[str](AFTER_S, expired.put_nowait)
    began = loop.time()
    deadlines.begin("first")
    deadlines.begin("second")
    assert await wait_for(1, expired) == ["first"]
    assert loop.time() >= began + AFTER_S
    began = loop.time()
    deadlines.begin("third")
    assert await wait_for(2, expired) == ["second", "third"]
    assert loop.time() >= began + AFTER_S


async def test_what_ended_in_time_does_not_expire_and_later_waits_do() -> None:
    expired: asyncio.Queue[str] = asyncio.Queue()
    deadlines = Deadlines[str](AFTER_S, expired.put_nowait)
    deadlines.begin("ended")
    deadlines.begin("late")
    deadlines.end("ended")
    deadlines.end("never begun")
    assert await wait_for(1, expired) == ["late"]
    deadlines.begin("next")
    assert await wait_for(1, expired) == ["next"]


async def test_a_wait_that_expires_may_begin_and_end_others() -> None:
    expired: asyncio.Queue[str] = asyncio.Queue()

    def expire(wait: str) -> None:
        expired.put_nowait(wait)
        deadlines.end("second")
        if wait == "first":
            deadlines.begin("third")

    deadlines = Deadlines[str](AFTER_S, expire)
    deadlines.begin("first")
    deadlines.begin("second")
    assert await wait_for(2, expired) == ["first", "third"]
