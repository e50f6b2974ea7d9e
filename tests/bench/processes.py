"""References as processes, handled as those of the product."""

from __future__ import annotations

import sys

from tests.bench import bare
from tests.support.kafka_broker import free_port
from tests.support.processes import Process, Processes


class Bare(Process):
    """The bare stack: see `tests.bench.bare`."""

    command = "bare"

    def __init__(self, processes: Processes) -> None:
        super().__init__(processes)
        self._port = free_port()

    def _command_line(self, *arguments: str) -> list[str]:
        return [sys.executable, bare.__file__, *arguments[1:]]

    def _find_port(self) -> bool:
        self._must_not_have_ended()
        return True
