"""`sluice keys`: API keys. `sluice environments`: where versions of prompts are deployed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from shared.registry.entities import EnvironmentTag, Scope
from shared.registry.registry import Registry
from shared.settings import Settings
from shared.stream.factory import StreamOptions, open_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ALL_SCOPES = ",".join(Scope)


@click.group("keys")
def keys_group() -> None:
    """API keys. A running Sluice knows a new or revoked key within a second."""


@keys_group.command("create")
@click.option("--workspace", default="default", show_default=True, help="Whose logs the key may write and read.")
@click.option("--scopes", default=_ALL_SCOPES, show_default=True, help="What the key may do, comma-separated.")
@click.option("--name", default="", help="To tell keys apart in lists.")
def create(workspace: str, scopes: str, name: str) -> None:
    """Make a key and print it, this once."""
    wanted = _scopes(scopes)

    async def run() -> None:
        async with _registry() as registry:
            key, secret = await registry.create_key(workspace, wanted, name)
        click.echo(f"{key.id} for workspace {key.workspace} with {', '.join(sorted(key.scopes))}; shown only now:")
        click.echo(secret)

    asyncio.run(run())


@keys_group.command("list")
@click.option("--workspace", default=None, help="Only this workspace's keys.")
def list_keys(workspace: str | None) -> None:
    """List keys, without their text."""

    async def run() -> None:
        async with _registry() as registry:
            for key in registry.state.keys(workspace):
                made = key.created_at.isoformat(timespec="seconds")
                state = f"revoked {key.revoked_at.isoformat(timespec='seconds')}" if key.revoked_at else "active"
                click.echo(f"{key.id}  {key.workspace}  {','.join(sorted(key.scopes))}  {made}  {state}  {key.name}")

    asyncio.run(run())


@keys_group.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make a key useless, for good."""

    async def run() -> None:
        async with _registry() as registry:
            key = await registry.revoke_key(key_id)
        click.echo(f"{key.id} of workspace {key.workspace} is revoked")

    asyncio.run(run())


@click.group("environments")
def environments_group() -> None:
    """Where versions of prompts can be deployed. Each workspace starts with production, staging and development."""


@environments_group.command("create")
@click.argument("name")
@click.option("--workspace", default="default", show_default=True, help="Whose prompts can be deployed there.")
@click.option("--default", "is_default", is_flag=True, help="Use what is deployed there when a log says nothing else.")
def create_environment(name: str, workspace: str, is_default: bool) -> None:
    """Make an environment, for good."""

    async def run() -> None:
        async with _registry() as registry:
            tag = EnvironmentTag.DEFAULT if is_default else EnvironmentTag.OTHER
            environment = await registry.create_environment(workspace, name, tag)
        click.echo(f"{environment.id} is environment {environment.name} of workspace {environment.workspace}")

    asyncio.run(run())


@environments_group.command("list")
@click.option("--workspace", default="default", show_default=True, help="Whose.")
def list_environments(workspace: str) -> None:
    """List the environments of a workspace, and how many prompts have a version there."""

    async def run() -> None:
        async with _registry() as registry:
            files = registry.state.prompts(workspace, kind=None)
            for environment in registry.state.environments(workspace):
                deployed = sum(environment.id in file.deployments for file in files)
                click.echo(f"{environment.id}  {environment.tag}  {deployed}  {environment.name}")

    asyncio.run(run())


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return frozenset(Scope(name.strip()) for name in text.split(","))
    except ValueError:
        raise click.BadParameter(f"choose from {_ALL_SCOPES}", param_hint="--scopes") from None


@asynccontextmanager
async def _registry() -> AsyncIterator[Registry]:
    stream = open_stream(Settings.load().stream, StreamOptions("sluice-registry"))
    await stream.start()
    registry = Registry(stream)
    try:
        await registry.start()
        yield registry
    finally:
        await registry.stop()
        await stream.stop()
