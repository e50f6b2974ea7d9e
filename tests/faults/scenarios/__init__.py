"""Every scenario, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.scenarios import writers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.context import Context

SCENARIOS: list[Callable[[Context], Awaitable[None]]] = [
    writers.writer_killed_at_each_failpoint,
    writers.writer_killed_beside_others,
    writers.frozen_writer,
    writers.writers_come_and_go,
]
