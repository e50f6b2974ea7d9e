"""Real `sluice` processes under a test's control.

    def test_survives(processes: Processes) -> None:
        sluice = Up(processes, api_keys="default:some-key-12345").start()   # returns when /readyz says yes
        ...
        sluice.kill()             # SIGKILL
        sluice.start()            # again: same port, same directory
        sluice.pause()            # SIGSTOP; resume() is SIGCONT
        sluice.stop()             # SIGTERM; fails the test unless the exit status is 0

* `Up`, `Gateway`, `Query` and `Writer` are one process each; `Deployment` is several of them over Kafka and ClickHouse.
* Keyword arguments are settings by name (`api_keys="..."` is SLUICE_API_KEYS). Nothing of the caller's own SLUICE_...
  environment gets through. To put a proxy between two parts, give one handle another `stream=` or `store=`.
* Each process has a directory of its own under the test's `tmp_path`, which is its working directory. What it prints is
  in the files `stdout` and `stderr` there; when the test fails, the end of every `stderr` is part of the report.
* The system chooses the port of the first start; it is read from what the process prints. Every later start takes the
  same one, so clients find the process again.
* `run` is for commands that end by themselves: `sluice.run("keys", "list")`, with the process's settings.
* All calls block. Where a load runs in the same event loop: `await asyncio.to_thread(sluice.start)`.
* Whatever still runs when the test is over is killed, children included.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, ClassVar, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedWriter
    from pathlib import Path

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 120.0
LOOK_AGAIN_S = 0.02
"""Pause between two looks at a condition of another process."""

_URL = re.compile(r"(?:ready at|listening on) (http://[\w.:\[\]]+:\d+)")
_SHOWN_CHARACTERS = 4000


class Processes:
    """All processes of one test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._handles: list[Process] = []

    def add(self, process: Process) -> Path:
        """Take charge of a process; returns its directory."""
        number = sum(1 for known in self._handles if known.command == process.command)
        self._handles.append(process)
        directory = self.directory / f"{process.command}-{number}"
        directory.mkdir(parents=True)
        return directory

    def kill(self) -> None:
        """Kill what still runs."""
        for process in self._handles:
            process.kill()

    def end(self) -> None:
        """Kill what still runs, and print what every process had to say."""
        self.kill()
        for process in self._handles:
            print(f"--- stderr of {process} ---\n{process.log[-_SHOWN_CHARACTERS:]}")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """The processes of this test, gone when it is over."""
    group = Processes(tmp_path)
    try:
        yield group
    finally:
        group.end()


class Process:
    """One process of the `sluice` command. Made with its settings, and not running before `start`."""

    command: ClassVar[str]

    def __init__(self, processes: Processes, **settings: str) -> None:
        self.settings = settings
        self.directory = processes.add(self)
        self._port = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self._printed_before = (0, 0)

    def __repr__(self) -> str:
        return f"{self.directory.name} (exit status {self.exit_status})"

    @property
    def url(self) -> str:
        """Where it listens, or did. Only after the first start."""
        assert self._port, f"{self} was never started"
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._popen is not None, f"{self} was never started"
        return self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """Of the last run; negative for a signal. None while it runs and before the first start."""
        return self._popen.poll() if self._popen is not None else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended; a paused one is running."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def log(self) -> str:
        """All that it wrote to stderr, over all starts."""
        return self._read("stderr", 0)

    @property
    def printed(self) -> str:
        """What it wrote to stdout since it was last started."""
        return self._read("stdout", self._printed_before[0])

    def start(self) -> Self:
        """Launch it, and return when it is ready."""
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """Start the process, and return at once."""
        assert not self.is_running, f"{self} runs already"
        with self._file("stdout") as stdout, self._file("stderr") as stderr:
            self._printed_before = (stdout.tell(), stderr.tell())
            self._popen = subprocess.Popen(
                self._command_line(self.command, "--port", str(self._port)),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when a launched process answers `/readyz` with 200."""
        wait_until(self._find_port, f"{self} to print its URL", START_TIMEOUT_S)
        wait_until(self._is_ready, f"{self} to be ready", START_TIMEOUT_S)

    def stop(self) -> None:
        """SIGTERM; returns when it is gone, and fails unless its exit status is 0."""
        self.signal(signal.SIGTERM)
        status = self._wait(STOP_TIMEOUT_S)
        assert status == 0, f"{self.directory.name} ended with status {status} after SIGTERM"

    def kill(self) -> None:
        """SIGKILL, to the process and its children; returns when it is gone. Does nothing when it is gone already."""
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nobody."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, after `pause`."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, which must be running."""
        assert self.is_running, f"{self} is not running"
        os.kill(self.pid, number)

    def run(self, *arguments: str) -> str:
        """What another `sluice` command with the same settings prints. Fails unless its exit status is 0."""
        done = subprocess.run(
            self._command_line(*arguments),
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"sluice {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """The environment of the process: ours without our settings, and its own settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        return inherited | {f"SLUICE_{name.upper()}": value for name, value in self.settings.items()}

    def _command_line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "services", *arguments]

    def _file(self, name: str) -> BufferedWriter:
        return (self.directory / name).open("ab")

    def _read(self, name: str, start: int) -> str:
        path = self.directory / name
        return path.read_bytes()[start:].decode(errors="replace") if path.exists() else ""

    def _find_port(self) -> bool:
        self._must_not_have_ended()
        found = _URL.search(self.printed) or _URL.search(self._read("stderr", self._printed_before[1]))
        if found is not None:
            self._port = int(found[1].rpartition(":")[2])
        return found is not None

    def _is_ready(self) -> bool:
        self._must_not_have_ended()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _must_not_have_ended(self) -> None:
        assert self.is_running, f"{self} ended before it was ready:\n{self.log[-_SHOWN_CHARACTERS:]}"

    def _wait(self, timeout_s: float) -> int:
        assert self._popen is not None
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.directory.name} still runs {timeout_s:g} s after SIGTERM") from None


class Up(Process):
    """`sluice up`: everything in one process, with its data under `data` in the process's directory."""

    command = "up"


class Gateway(Process):
    """`sluice gateway`."""

    command = "gateway"


class Query(Process):
    """`sluice query`."""

    command = "query"


class Writer(Process):
    """`sluice writer`."""

    command = "writer"


class Migrate(Process):
    """`sluice migrate`, which ends by itself."""

    command = "migrate"

    def up(self) -> None:
        """Bring the store to the current schema."""
        self.run("migrate", "up")


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Block until the condition holds. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(LOOK_AGAIN_S)


async def until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    """As `wait_until`, beside other tasks of the event loop."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        await asyncio.sleep(LOOK_AGAIN_S)
