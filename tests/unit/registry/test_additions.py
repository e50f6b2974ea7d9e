"""Versions on their way into the fold, with the append in the test's hands."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import StreamUnavailable
from shared.registry.additions import Additions
from shared.registry.events import VersionAdded
from shared.stream.base import Appended, Message

EVENT = VersionAdded("default", "pr_1", "prv_1", {"model": "gpt-4o"})


class Appends:
    """An append that is answered when the test says so."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()

    async def __call__(self, message: Message) -> Appended:
        self.sent.append(message)
        return await asyncio.shield(self.answer)


async def test_concurrent_calls_share_one_append() -> None:
    appends = Appends()
    additions = Additions(appends)
    calls = [asyncio.create_task(additions.add(EVENT)) for _ in range(5)]
    await asyncio.sleep(0)
    assert additions.contains("pr_1", "prv_1")
    assert additions.count("pr_1") == 1
    assert not any(call.done() for call in calls)
    appends.answer.set_result(Appended(0, 7, 0))
    await asyncio.gather(*calls)
    assert len(appends.sent) == 1


async def test_details_are_there_until_the_fold_has_them() -> None:
    appends = Appends()
    appends.answer.set_result(Appended(0, 7, 0))
    additions = Additions(appends)
    await additions.add(EVENT)
    assert additions.details("pr_1", "prv_1") == {"model": "gpt-4o"}
    assert additions.details("pr_1", "prv_2") is None
    assert additions.details("pr_2", "prv_1") is None
    additions.forget("pr_1", "prv_1")
    additions.forget("pr_1", "prv_1")
    assert additions.details("pr_1", "prv_1") is None
    assert additions.count("pr_1") == 0
    assert additions.appends() == []


async def test_a_failed_append_reaches_every_caller_and_is_made_again_by_the_next() -> None:
    appends = Appends()
    additions = Additions(appends)
    calls = [asyncio.create_task(additions.add(EVENT)) for _ in range(3)]
    await asyncio.sleep(0)
    appends.answer.set_exception(StreamUnavailable("down"))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StreamUnavailable] * 3
    assert not additions.contains("pr_1", "prv_1")
    appends.answer = asyncio.get_running_loop().create_future()
    appends.answer.set_result(Appended(0, 7, 0))
    await additions.add(EVENT)
    assert len(appends.sent) == 2


async def test_a_cancelled_caller_does_not_cancel_the_append() -> None:
    appends = Appends()
    additions = Additions(appends)
    first, second = (asyncio.create_task(additions.add(EVENT)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    appends.answer.set_result(Appended(0, 7, 0))
    await second
    assert len(appends.sent) == 1


async def test_what_json_cannot_hold_is_refused_before_it_is_on_its_way() -> None:
    additions = Additions(Appends())
    with pytest.raises(TypeError):
        await additions.add(VersionAdded("default", "pr_1", "prv_1", {"seed": 2**64}))
    assert additions.count("pr_1") == 0
