"""`sluice migrate`: the store's schema."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from shared.settings import Settings
from shared.store import migrate
from shared.store.factory import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.base import LogStore


@click.group("migrate")
def migrate_group() -> None:
    """The schema of the store. `sluice up` migrates by itself; the other roles only check."""


@migrate_group.command("up")
def up() -> None:
    """Apply the migrations that the store lacks. Safe to run again, also after it was interrupted."""

    async def run() -> None:
        async with _store() as store:
            applied = await migrate.migrate_up(store)
        for migration in applied:
            click.echo(f"applied {migration.number:04d} {migration.name}")
        click.echo("the schema is up to date")

    asyncio.run(run())


@migrate_group.command("status")
def status() -> None:
    """Show which migrations the store has."""

    async def run() -> None:
        async with _store() as store:
            for entry in await migrate.status(store):
                click.echo(f"{entry.number:04d}  {entry.name}  {entry.applied_at or 'not applied'}")

    asyncio.run(run())


@asynccontextmanager
async def _store() -> AsyncIterator[LogStore]:
    store = open_store(Settings.load().store)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
