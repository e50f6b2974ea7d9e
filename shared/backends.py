"""What a role stands on: stream, registry and store, opened from the settings, started side by side, closed in order.

Starting does not wait for systems that are down: the process answers health checks at once, says in `/readyz` what it
waits for, and every route that needs a part answers 503 until it is there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from shared.auth import HEADER, Authenticator, Principal, StaticKeys
from shared.errors import Misconfigured, StreamUnavailable, Unavailable
from shared.registry.registry import Registry
from shared.store.factory import open_store
from shared.store.migrate import check_schema, migrate_up
from shared.stream.factory import StreamOptions, open_stream
from shared.visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.registry.entities import Scope
    from shared.settings import Settings
    from shared.store.base import LogStore
    from shared.stream.base import Stream

_log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


def stream_options(settings: Settings, role: str) -> StreamOptions:
    """The stream's share of the settings."""
    return StreamOptions(
        client_id=f"sluice-{role}",
        produce_deadline_s=settings.produce_deadline_s,
        max_message_bytes=settings.max_message_bytes,
        session_timeout_s=settings.session_timeout_s,
        rebalance_timeout_s=settings.rebalance_timeout_s,
        consumer_instance_id=settings.consumer_instance_id,
    )


class Backends:
    """The parts of one process. `needs_store` says whether the role can work without the store (a gateway can)."""

    def __init__(
        self,
        settings: Settings,
        *,
        role: str,
        needs_store: bool,
        needs_registry: bool = True,
        migrate: bool = False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.stream: Stream = open_stream(settings.stream, stream_options(settings, role))
        self.store: LogStore = open_store(
            settings.store, timeout_s=settings.insert_timeout_s, cluster=settings.clickhouse_cluster
        )
        self.registry = Registry(self.stream, versions_per_prompt=settings.versions_per_prompt)
        self.visibility = Visibility(self.stream, settings.visibility_timeout_s, wall_clock)
        self._authenticator = Authenticator(self.registry.state, StaticKeys.parse(settings.api_keys))
        self._needs_store = needs_store
        self._needs_registry = needs_registry
        self._migrate = migrate
        self._missing: dict[str, str] = {"stream": "starting", "store": "starting"}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Try each part once, and go on trying in the background where it is down. Raises Misconfigured."""
        for name, attempt in (("stream", self._start_stream), ("store", self._start_store)):
            try:
                await attempt()
            except Unavailable as error:
                self._missing[name] = error.message
                _log.warning("%s is not available yet, trying on: %s", name, error.message)
                self._tasks.append(asyncio.create_task(self._keep_trying(name, attempt)))
            else:
                self._missing.pop(name, None)

    async def stop(self) -> None:
        """Close everything, the stream last. Appends in flight are finished, bounded by the produce deadline."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.visibility.stop()
        await self.registry.stop()
        await self.store.stop()
        await self.stream.stop()

    def missing(self) -> dict[str, str]:
        """The parts that were not started yet, and why."""
        return dict(self._missing)

    def authenticate(self, key: str | None, scope: Scope, place: str = HEADER) -> Principal:
        """Who sends a request with this key; `place` as in `Authenticator.authenticate`.

        Raises Unauthenticated, Forbidden; StreamUnavailable while keys are not known yet.
        """
        if "stream" in self._missing:
            raise StreamUnavailable(f"not ready: {self._missing['stream']}")
        return self._authenticator.authenticate(key, scope, place)

    async def not_ready(self) -> list[str]:
        """Why requests can't be served now; empty when they can. Asks the store, bounded by its timeout."""
        reasons = [f"{name}: {why}" for name, why in self._missing.items() if name != "store" or self._needs_store]
        if "stream" not in self._missing:
            reasons += [f"registry: {reason}" for reason in self.registry.unhealthy()] if self._needs_registry else []
        if self._needs_store and "store" not in self._missing:
            try:
                await self.store.ping()
            except Unavailable as error:
                reasons.append(f"store: {error.message}")
        return reasons

    async def _start_stream(self) -> None:
        await self.stream.start()
        if self._needs_registry:
            await self.registry.start()

    async def _start_store(self) -> None:
        await self.store.start()
        if self._migrate:
            await migrate_up(self.store, cluster=self.settings.clickhouse_cluster)
        await check_schema(self.store)

    async def _keep_trying(self, name: str, attempt: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                await attempt()
            except (Unavailable, Misconfigured) as error:
                # Misconfigured too: whoever mends the topic or the schema should not have to restart every process.
                self._missing[name] = str(error)
            else:
                self._missing.pop(name)
                _log.info("%s is available", name)
                return
