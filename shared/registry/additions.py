"""Versions on their way into the fold: one append at a time in this process, usable once that is acknowledged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson

from shared.registry import events

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from shared.stream.base import Appended, Message


Result = TypeVar("Result")


class _Addition(NamedTuple):
    message: Message
    append: asyncio.Task[Appended]


class Additions:
    """What this process appended, or is appending, and has not yet folded."""

    def __init__(self, append: Callable[[Message], Coroutine[Any, Any, Appended]]) -> None:
        self._append = append
        self._by_prompt: dict[str, dict[str, _Addition]] = {}

    def count(self, prompt_id: str) -> int:
        """How many versions of a prompt are on their way."""
        return len(self._by_prompt.get(prompt_id, ()))

    def contains(self, prompt_id: str, version_id: str) -> bool:
        """Whether this version is on its way."""
        return version_id in self._by_prompt.get(prompt_id, ())

    async def add(self, event: events.VersionAdded) -> None:
        """Append the version; when it is on its way already, wait for that append. Raises what the append raises.

        A caller that is cancelled does not take the append away from the others.
        """
        addition = self._by_prompt.get(event.prompt_id, {}).get(event.version_id)
        if addition is None:
            message = events.encode(event)
            addition = _Addition(message, asyncio.create_task(self._append(message), name="add prompt version"))
            addition.append.add_done_callback(lambda append: self._forget_failed(event, append))
            self._by_prompt.setdefault(event.prompt_id, {})[event.version_id] = addition
        await result_of(addition.append)

    def details(self, prompt_id: str, version_id: str) -> dict[str, Any] | None:
        """The details of a version that is on its way."""
        addition = self._by_prompt.get(prompt_id, {}).get(version_id)
        if addition is None:
            return None
        details: dict[str, Any] = orjson.loads(addition.message.value)["details"]
        return details

    def forget(self, prompt_id: str, version_id: str) -> None:
        """The version has been folded: the state has it now."""
        versions = self._by_prompt.get(prompt_id)
        if versions is not None and versions.pop(version_id, None) is not None and not versions:
            del self._by_prompt[prompt_id]

    def appends(self) -> list[asyncio.Task[Appended]]:
        """All appends, those that are done included."""
        return [addition.append for versions in self._by_prompt.values() for addition in versions.values()]

    def _forget_failed(self, event: events.VersionAdded, append: asyncio.Task[Appended]) -> None:
        if append.cancelled() or append.exception() is not None:
            self.forget(event.prompt_id, event.version_id)


async def result_of(task: asyncio.Task[Result]) -> Result:
    """The result of a task that several callers wait for: cancelling one of them leaves the task running."""
    await asyncio.wait([task])
    try:
        return task.result()
    finally:
        del task  # else a failure would keep the frames of its callers, and they what they were called with
