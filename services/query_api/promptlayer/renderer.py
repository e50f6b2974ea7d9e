"""Fills in templates: f-strings here, Jinja2 in a process of its own with bounds on its time and memory."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.query_api.promptlayer.rendering_process import LENGTH_BYTES, OUT_OF_MEMORY
from shared.errors import Invalid, Overloaded
from shared.wire.promptlayer.rendering import Rendered, render, uses_jinja2

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

CPU_SECONDS: Final = 1.0
"""Processor time for one template; a usual one takes a thousandth of it."""

MEMORY_BYTES: Final = 512 << 20
"""Address space of the process, of which Python itself takes a tenth."""

MAX_WAITING: Final = 50
"""Templates that wait for the process: together they wait for less than a minute."""

_TOOK_TOO_MUCH: Final = {-signal.SIGPROF, OUT_OF_MEMORY}
"""Statuses of a process that ended over a template."""

_MODULE: Final = "services.query_api.promptlayer.rendering_process"


class Renderer:
    """Starts its process with the first template of Jinja2, and again after one that took too much.

    Templates are filled in one after the other. The process knows nothing of this one's environment, and ends with it
    however that happens, for its input ends.
    """

    def __init__(self, cpu_seconds: float = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._bounds = (cpu_seconds, memory_bytes)
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def render(self, template: dict[str, Any], variables: dict[str, Any]) -> Rendered:
        """The template filled in. Raises Invalid when it takes too much, Overloaded when too many are waiting."""
        if not uses_jinja2(template):
            try:
                return render(template, variables)
            except ValueError as error:
                raise _refused(str(error)) from None
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many templates of Jinja2 are waiting to be filled in")
        message = orjson.dumps({"template": template, "variables": variables})
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._ask(message)
        finally:
            self._waiting -= 1
        if "error" in answer:
            raise _refused(answer["error"])
        return Rendered(answer["template"], answer["problems"])

    @asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Ends the process, if there is one, on leaving."""
        try:
            yield
        finally:
            if self._process is not None:
                await _end(self._process)

    async def _ask(self, message: bytes) -> Any:
        idle, self._process = self._process, None  # until it has answered: one left half-way is of no further use
        process = idle or await self._start()
        try:
            answer = await _exchange(process, message)
        except BaseException:
            await _end(process)
            raise
        if answer is not None:
            self._process = process
            return orjson.loads(answer)
        status = await process.wait()
        if status in _TOOK_TOO_MUCH:
            cpu_seconds, memory_bytes = self._bounds
            raise _refused(f"takes more than {cpu_seconds:g} s or {memory_bytes >> 20} MiB to fill in")
        if idle is not None:  # something ended it while it had nothing to do
            return await self._ask(message)
        raise RuntimeError(f"the process for templates ended with status {status}")

    async def _start(self) -> Process:
        arguments = (str(bound) for bound in self._bounds)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", _MODULE, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={},
        )


async def _exchange(process: Process, message: bytes) -> bytes | None:
    """The answer to a message; None when the process ended over it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(len(message).to_bytes(LENGTH_BYTES) + message)
        await process.stdin.drain()
        length = await process.stdout.readexactly(LENGTH_BYTES)
        return await process.stdout.readexactly(int.from_bytes(length))
    except (ConnectionError, asyncio.IncompleteReadError):
        return None


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _refused(reason: str) -> Invalid:
    problem = {"loc": ["body", "input_variables"], "msg": reason, "type": "value_error"}
    return Invalid(f"input_variables: with these the template {reason}", [problem])
