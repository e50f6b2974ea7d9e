"""Looks into a store from outside: `store_rows(url, sql)`, in a process of its own.

A chDB directory belongs to one process at a time, and a process can have only one open, so the test can't do it itself.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from shared.store.factory import open_store

TIMEOUT_S = 60.0


def store_rows(url: str, sql: str) -> list[dict[str, Any]]:
    """The rows of a SELECT. Blocks. Fails when the directory is in use by somebody else."""
    return [json.loads(line) for line in _run(url, sql).splitlines()]


def store_execute(url: str, sql: str) -> None:
    """Run a statement that changes something. Blocks."""
    _run(url, sql)


def _run(url: str, sql: str) -> str:
    command = [sys.executable, "-m", "tests.support.store_rows", url, sql]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{sql!r} failed: {done.stderr[-2000:]}"
    return done.stdout


async def _main(url: str, sql: str) -> None:
    store = open_store(url)
    await store.start()
    try:
        if sql.lstrip().upper().startswith("SELECT"):
            for row in await store.query(sql):
                print(json.dumps(row))
        else:
            await store.execute(sql)
    finally:
        await store.stop()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
