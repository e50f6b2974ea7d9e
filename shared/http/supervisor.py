"""Several worker processes on one socket.

uvicorn has a supervisor of its own; ours differs in what an operator sees: readiness turns false in every worker before
connections are refused, the exit status tells a clean stop from a failed start, a worker that can't come back (its
stream is down) is tried again without taking the others with it, workers don't outlive a killed parent, and a dead
worker's levels leave the metrics.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from time import monotonic
from typing import TYPE_CHECKING, Final

from shared.http.server import EXIT_FAILED, EXIT_OK, ServerOptions, run_server
from shared.observability import metrics
from shared.observability.logging import configure_logging_from, current_logging

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from shared.observability.logging import LoggingOptions

_POLL_S: Final = 0.2
_FIRST_RESTART_S: Final = 1.0
_LAST_RESTART_S: Final = 30.0
"""Pause before a dead worker is replaced; doubles while replacements die young."""

_spawn = multiprocessing.get_context("spawn")
logger = logging.getLogger(__name__)


def supervise(factory: str, options: ServerOptions, listener: socket.socket, on_started: Callable[[], None]) -> int:
    """Keep `options.workers` workers serving until a signal to stop; returns the exit status. Blocks.

    Fails when a worker can't start at first; later that is retried for ever.
    """
    os.environ.update(options.environment)
    with metrics.multiprocess_directory():
        return _Supervisor(factory, options, listener, on_started).run()


class _Slot:
    """The place of one worker: its process, and when to replace it once it has died."""

    def __init__(self) -> None:
        self.process: SpawnProcess | None = None
        self.started_at = 0.0
        self.restart_at = 0.0
        self.pause_s = _FIRST_RESTART_S


class _Supervisor:
    def __init__(
        self, factory: str, options: ServerOptions, listener: socket.socket, on_started: Callable[[], None]
    ) -> None:
        self._factory = factory
        self._options = options
        self._listener = listener
        self._on_started = on_started
        self._started = _spawn.Event()
        self._announced = False
        self._stopping = False
        self._slots = [_Slot() for _ in range(options.workers)]

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        status = EXIT_OK
        while not self._stopping:
            self._start_missing()
            self._announce()
            alive = [slot.process.sentinel for slot in self._slots if slot.process is not None]
            wait(alive, timeout=_POLL_S)
            if not self._reap():
                status = EXIT_FAILED
                break
        return max(status, self._stop())

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _start_missing(self) -> None:
        for slot in self._slots:
            if slot.process is None and monotonic() >= slot.restart_at:
                arguments = (self._factory, self._options, self._listener, self._started, current_logging())
                slot.process = _spawn.Process(target=_work, args=arguments, name="sluice-worker")
                slot.process.start()
                slot.started_at = monotonic()

    def _announce(self) -> None:
        if not self._announced and self._started.is_set():
            self._announced = True
            self._on_started()

    def _reap(self) -> bool:
        """Take note of workers that have ended; False when the first start has failed."""
        for slot in self._slots:
            if slot.process is None or slot.process.exitcode is None or self._stopping:
                continue
            process_id, status = slot.process.pid, slot.process.exitcode
            slot.process = None
            assert process_id is not None
            metrics.forget_worker(process_id)
            if not self._started.is_set():
                logger.critical("a worker could not start (exit status %s)", status)
                return False
            if monotonic() - slot.started_at > _LAST_RESTART_S:
                slot.pause_s = _FIRST_RESTART_S
            logger.error("worker %d ended with status %s; starting another in %g s", process_id, status, slot.pause_s)
            slot.restart_at = monotonic() + slot.pause_s
            slot.pause_s = min(slot.pause_s * 2, _LAST_RESTART_S)
        return True

    def _stop(self) -> int:
        """Stop every worker; they drain side by side."""
        processes = [slot.process for slot in self._slots if slot.process is not None]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        clean = (EXIT_OK, -signal.SIGTERM)  # the latter: stopped before it was up
        return EXIT_OK if all(process.exitcode in clean for process in processes) else EXIT_FAILED


def _work(
    factory: str, options: ServerOptions, listener: socket.socket, started: Event, log: LoggingOptions | None
) -> None:
    """A worker's whole life."""
    if log is not None:
        configure_logging_from(log)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def stop_with_parent() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_with_parent, daemon=True).start()
    raise SystemExit(run_server(factory, options, listener, started.set))
