"""The process in which templates of Jinja2 are filled in: `python -m services.query_api.promptlayer.rendering_process`.

Jinja2 is a programming language, and its sandbox bounds neither time nor memory, so the system does: a template that
takes too much of either ends this process, and none of the one that serves requests. It reads messages from its
standard input until that ends, and answers each on its standard output; a message is its length (8 bytes, big-endian)
and JSON.
"""

from __future__ import annotations

import resource
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.wire.promptlayer.rendering import render

if TYPE_CHECKING:
    from typing import BinaryIO

LENGTH_BYTES: Final = 8

OUT_OF_MEMORY: Final = 3
"""The status with which it ends over a template that takes too much."""


def main(cpu_seconds: float, memory_bytes: int) -> None:
    """Answer until the input ends. Each message may take this much processor time, and the process this much memory."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends the input when it has stopped
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while (message := _read(requests)) is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # the signal's default is to end the process
        answer = orjson.dumps(_answer(message["template"], message["variables"]))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        answers.flush()


def _read(source: BinaryIO) -> Any:
    length = source.read(LENGTH_BYTES)
    return orjson.loads(source.read(int.from_bytes(length))) if length else None


def _answer(template: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    try:
        rendered = render(template, variables)
    except ValueError as error:
        return {"error": str(error)}
    return {"template": rendered.template, "problems": rendered.problems}


if __name__ == "__main__":
    try:
        main(float(sys.argv[1]), int(sys.argv[2]))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
