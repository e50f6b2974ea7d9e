"""`sluice migrate`: the store's schema."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.store import migrate
from shared.store.clusters import find_layout
from shared.store.factory import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.base import LogStore


@click.group("migrate")
def migrate_group() -> None:
    """The schema of the store. `sluice up` migrates by itself; the other roles only check."""


@migrate_group.command("up")
@click.option("--dry-run", is_flag=True, help="Print the SQL that would be run, and run none of it.")
@click.option("--here", is_flag=True, help="On a cluster: make all tables on this one server, which was added to it.")
def up(dry_run: bool, here: bool) -> None:
    """Apply the migrations that the store lacks. Safe to run again, also after it was interrupted."""

    async def run() -> None:
        cluster = Settings.load().clickhouse_cluster
        if here and not cluster:
            raise Misconfigured("--here is for a server of a cluster: set SLUICE_CLICKHOUSE_CLUSTER")
        async with _store(create=not dry_run) as store:
            if dry_run:
                layout = await find_layout(store, cluster, here_only=here)
                pending = migrate.packaged_migrations() if here else await migrate.pending_migrations(store)
                statements = migrate.statements_of(pending, layout)
                click.echo("".join(f"{text};\n\n" for text in statements) or "-- the schema is up to date")
                return
            if here:
                click.echo(f"ran {len(await migrate.migrate_here(store, cluster))} statements on this server")
                return
            applied = await migrate.migrate_up(store, cluster=cluster)
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
async def _store(*, create: bool = True) -> AsyncIterator[LogStore]:
    settings = Settings.load()
    store = open_store(settings.store, create=create, cluster=settings.clickhouse_cluster)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
