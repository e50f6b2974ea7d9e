"""Keeps a writer running: waits for what it needs, starts it again when it fails, gives up when it never can."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.writer_worker import metrics
from services.writer_worker.backlog import Backlog
from services.writer_worker.config import config_of
from services.writer_worker.garbage import collect_seldom
from services.writer_worker.writer import Writer
from shared.errors import Misconfigured, SluiceError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.backends import Backends
    from shared.http.app import Application

_log = logging.getLogger(__name__)

_RESTART_PAUSE_S: Final = 1.0

_LOOK_EVERY_S: Final = 2.0
"""How often the backlog is looked at: two small requests to the stream."""


class SupervisedWriter:
    """The writer of a process, for its whole life."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._config = config_of(backends.settings)
        self._writer: Writer | None = None
        self._backlog = Backlog(backends.stream)
        self._problem = "starting"

    @asynccontextmanager
    async def running(self, app: Application) -> AsyncIterator[None]:
        """Write in the background; on leaving, drain: at most the drain timeout. Fails `app` on Misconfigured."""
        stop = asyncio.Event()
        collect_seldom()
        metrics.OLDEST_UNSTORED_AGE.set_function(lambda: self._backlog.oldest_age_s(time.time()))
        writing = asyncio.create_task(self._keep_writing(stop, app))
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            stop.set()
            looking.cancel()
            await writing
            await asyncio.wait([looking])

    def not_ready(self) -> list[str]:
        """Why nothing is being written now."""
        if self._problem:
            return [f"writer: {self._problem}"]
        return [] if self._writer is not None and self._writer.joined else ["writer: joining the group"]

    async def _keep_writing(self, stop: asyncio.Event, app: Application) -> None:
        while not stop.is_set():
            missing = self._backends.missing()
            if missing:
                self._problem = "waiting for " + ", ".join(missing)
            else:
                self._writer = Writer(self._backends.stream, self._backends.store, self._config)
                self._problem = ""
                try:
                    await self._writer.run(stop)
                except Misconfigured as error:
                    self._problem = str(error)
                    app.fail(error)
                    return
                except Exception as error:
                    self._problem = f"failed, starting again: {error}" if isinstance(error, SluiceError) else "failed"
                    _log.exception("the writer failed and is started again")
                self._writer = None
            await _pause(stop)

    async def _keep_looking(self) -> None:
        while True:
            if "stream" not in self._backends.missing():
                try:
                    await self._backlog.look(self._writer)
                except Unavailable as error:
                    _log.debug("the backlog can't be looked at: %s", error.message)
                except Exception:
                    _log.exception("looking at the backlog failed and is tried again")
            await asyncio.sleep(_LOOK_EVERY_S)


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_RESTART_PAUSE_S):
            await stop.wait()
    except TimeoutError:
        return
