"""`sluice dead-letters`: what the writer could not store, and giving it another try."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from services.writer_worker import dead_letters
from shared.settings import Settings
from shared.stream.factory import StreamOptions, open_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.writer_worker.dead_letters import DeadLetter
    from shared.stream.base import Stream


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Records that the store refused, kept whole."""


@dead_letters_group.command("list")
def list_letters() -> None:
    """List all dead letters, oldest first in each partition."""

    async def run() -> None:
        found = 0
        async with _stream() as stream:
            async for letter in dead_letters.read_all(stream):
                found += 1
                when = datetime.fromtimestamp(letter.timestamp_ms / 1000, UTC).isoformat(timespec="seconds")
                key = letter.record.key.decode(errors="replace")
                click.echo(f"{letter.name}  {when}  {key}  {letter.error[:200]}")
        click.echo(f"{found} dead letters")

    asyncio.run(run())


@dead_letters_group.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show one dead letter whole; NAME is partition:offset as listed."""

    async def run() -> None:
        async with _stream() as stream:
            letter = await _find(stream, name)
            click.echo(f"first position (time ms:partition:offset)  {letter.origin}")
            click.echo(f"key    {letter.record.key.decode(errors='replace')}")
            click.echo(f"error  {letter.error}")
            click.echo(letter.record.value)

    asyncio.run(run())


@dead_letters_group.command("replay")
@click.argument("names", nargs=-1)
@click.option("--all", "replay_all", is_flag=True, help="Replay every dead letter.")
def replay(names: tuple[str, ...], replay_all: bool) -> None:
    """Put dead letters back into the log stream; NAMES are partition:offset as listed.

    A log keeps the id it was acknowledged with. Replaying twice is harmless.
    """
    if replay_all == bool(names):
        raise click.UsageError("name the dead letters to replay, or give --all")

    async def run() -> None:
        async with _stream() as stream:
            letters = [letter async for letter in dead_letters.read_all(stream) if replay_all or letter.name in names]
            missing = set(names) - {letter.name for letter in letters}
            if missing:
                raise click.ClickException(f"no such dead letter: {', '.join(sorted(missing))}")
            for letter in letters:
                appended = await dead_letters.replay(stream, letter)
                click.echo(f"{letter.name} -> partition {appended.partition}, offset {appended.offset}")
        click.echo(f"{len(letters)} replayed")

    asyncio.run(run())


async def _find(stream: Stream, name: str) -> DeadLetter:
    async for letter in dead_letters.read_all(stream):
        if letter.name == name:
            return letter
    raise click.ClickException(f"no such dead letter: {name}")


@asynccontextmanager
async def _stream() -> AsyncIterator[Stream]:
    stream = open_stream(Settings.load().stream, StreamOptions("sluice-dead-letters"))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()
