"""A process that imports modules and does nothing: `python -m tests.bench.idle MODULE...`. It ends with its stdin."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Final

from tests.bench.machine import resident_mb

SERVER: Final = ("uvicorn.protocols.http.httptools_impl", "uvloop")
"""What every role's web server loads when it starts."""

GATEWAY: Final = (*SERVER, "services.ingest_gateway.app", "shared.stream.kafka", "shared.store.clickhouse_store")
WRITER: Final = (*SERVER, "services.writer_worker.app", "shared.stream.kafka", "shared.store.clickhouse_store")
UP: Final = (*SERVER, "services.embedded", "shared.stream.sqlite", "shared.store.chdb_store")


def idle_mb(modules: tuple[str, ...]) -> float:
    """Resident memory of a process that has imported these modules, in MB."""
    command = [sys.executable, "-m", "tests.bench.idle", *modules]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"imported\n"
        return resident_mb(process.pid)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        importlib.import_module(name)
    print("imported", flush=True)
    sys.stdin.read()
