"""A process of the benchmark's own, that does what it is told, one thing at a time. References live in such."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

import uvloop

from tests.bench.machine import pinned

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


class Worker(Protocol):
    """What lives in the process. Its other methods take one argument and may be asked for by name."""

    async def start(self) -> None:
        """Get ready."""

    async def stop(self) -> None:
        """Close everything."""


class Remote:
    """A `Worker` in a process on these cores, made there of the given arguments. Every call blocks until it is done."""

    def __init__(self, cores: frozenset[int], make: Callable[..., Worker], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, arguments, theirs), daemon=True)
        with pinned(cores):
            self._process.start()
        theirs.close()
        self._answer()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, method: str, argument: object = None) -> Any:
        """What a method of the worker returns. Raises RuntimeError for what it raises."""
        self._pipe.send((method, argument))
        return self._answer()

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Close the worker, and wait until the process is gone."""
        self.ask("stop")
        self._process.join()

    def _answer(self) -> Any:
        problem, result = self._pipe.recv()
        if problem:
            raise RuntimeError(problem)
        return result


def _serve(make: Callable[..., Worker], arguments: tuple[object, ...], pipe: Connection) -> None:
    uvloop.run(_work(make(*arguments), pipe))


async def _work(worker: Worker, pipe: Connection) -> None:
    method: str = "start"
    argument: tuple[object, ...] = ()
    while True:
        try:
            result = await getattr(worker, method)(*argument)
        except Exception as error:
            pipe.send((f"{type(error).__name__}: {error}", None))
        else:
            pipe.send(("", result))
        if method == "stop":
            return
        try:
            method, *rest = pipe.recv()  # blocks the loop: between two things there is nothing to do
        except EOFError:
            return  # whoever made this process is gone
        argument = tuple(rest) if rest != [None] else ()
