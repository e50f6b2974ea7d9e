"""Load from the vendors' own Python clients, unmodified, in a process of its own.

    python -m tests.support.sdk_load FAMILY COUNT GATEWAY QUERY KEY NAME FILE

Sends COUNT logs from a few threads, or with COUNT 0 until its standard input ends. Reads each back at once, updates the
Humanloop ones, and saves the ledger. Any answer but success makes it end with an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from humanloop import Humanloop
from promptlayer import PromptLayer

from tests.support.ledger import HUMANLOOP, PROMPTLAYER, Entry, Ledger, Update, check_answer
from tests.support.log_bodies import humanloop_update

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

THREADS = 8
UPDATE_EVERY = 5
UPDATES = 2


async def sdk_load(family: str, count: int, gateway: str, query: str, key: str, file: Path) -> None:
    """Run it as a process; returns when it has ended well. The file's name is the name of the ledger."""
    async with sdk_process(family, count, gateway, query, key, file):
        pass


@contextlib.asynccontextmanager
async def sdk_process(family: str, count: int, gateway: str, query: str, key: str, file: Path) -> AsyncIterator[None]:
    """Run it as a process beside the block; with a count of 0 it goes on until the block ends. Fails if it does."""
    arguments = [family, str(count), gateway, query, key, file.stem, str(file)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.support.sdk_load", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield
        _, errors = await process.communicate(b"")  # ends its standard input, which Python 3.11 does not do by itself
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"the {family} client's load failed: {errors.decode()[-3000:]}"


def promptlayer_load(gateway: str, query: str, key: str) -> Callable[[Entry], None]:
    """What sends one log with PromptLayer's client, which has no public call to read one."""
    client = PromptLayer(api_key=key, base_url=gateway)
    reader = httpx.Client(base_url=query, headers={"x-api-key": key}, timeout=30)

    def send(entry: Entry) -> None:
        entry.ids.append(client.log_request(**entry.body)["id"])
        answer = reader.get(f"/api/public/v2/requests/{entry.ids[-1]}")
        assert answer.status_code == 200, f"{entry.marker}: reads as {answer.status_code} {answer.text}"
        check_answer(entry, answer.json())

    return send


def humanloop_load(gateway: str, query: str, key: str) -> Callable[[Entry], None]:
    """What sends one log with Humanloop's client, reads it, and maybe updates it."""
    creating = Humanloop(api_key=key, base_url=f"{gateway}/v5")
    reading = Humanloop(api_key=key, base_url=f"{query}/v5")

    def send(entry: Entry) -> None:
        created = creating.prompts.log(**entry.body)
        entry.ids.append(created.id)
        check_answer(entry, _as_dict(reading.logs.get(id=created.id)))
        if entry.number % UPDATE_EVERY == 0:
            for turn in range(UPDATES):
                fields = humanloop_update(entry.marker, turn, turn)
                updated = reading.prompts.update_log(id=created.prompt_id, log_id=created.id, **fields)
                entry.updates.append(Update(fields, acknowledged=True))
                check_answer(entry, _as_dict(updated))

    return send


def _as_dict(answer: Any) -> dict[str, Any]:
    """The client hands a log out as a dictionary where it can't tell its type."""
    fields: dict[str, Any] = answer if isinstance(answer, dict) else answer.dict()
    return fields


def main(family: str, count: str, gateway: str, query: str, key: str, name: str, file: str) -> None:
    """See the module."""
    ledger = Ledger(name)
    send = {PROMPTLAYER: promptlayer_load, HUMANLOOP: humanloop_load}[family](gateway, query, key)
    told_to_stop = threading.Event()
    if not int(count):
        threading.Thread(target=_set_at_end_of_input, args=[told_to_stop], daemon=True).start()
    lock = threading.Lock()

    def next_entry() -> Entry | None:
        with lock:
            if told_to_stop.is_set() or 0 < int(count) <= len(ledger.entries):
                return None
            return ledger.new(family)

    def work(_: int) -> None:
        while (entry := next_entry()) is not None:
            send(entry)

    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(work, range(THREADS)):
            pass
    ledger.save(Path(file))


def _set_at_end_of_input(event: threading.Event) -> None:
    sys.stdin.read()
    event.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
