"""The `sluice` command: the one place that knows every role."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from services.client.bench.command import bench
from services.client.importing.command import import_command
from services.client.purge import purge_command
from services.client.sql import sql_command
from services.embedded import Embedded
from services.writer_worker.commands import dead_letters_group
from shared import settings_secrets
from shared.doctor.commands import doctor
from shared.errors import ClientError, SluiceError, Unavailable
from shared.http.server import ServerOptions
from shared.http.serving import serve
from shared.observability.logging import configure_logging
from shared.registry.commands import environments_group, keys_group
from shared.settings import Settings
from shared.settings_rules import unknown_variables
from shared.store.commands import migrate_group

logger = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., Any])

GATEWAY_PORT = 8001
QUERY_PORT = 8002
WRITER_PORT = 8003


class Sluice(click.Group):
    """Turns the product's own errors into one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (ClientError, Unavailable) as error:
            raise click.ClickException(error.message) from error
        except SluiceError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Sluice)
@click.version_option(package_name="promptsluice", prog_name="sluice")
def main() -> None:
    """A store for LLM request logs that speaks the PromptLayer and Humanloop logging APIs.

    Every option is also an environment variable (SLUICE_HOST, SLUICE_PORT, ...); the README lists the others.
    """


def _options(*names: str) -> Callable[[Command], Command]:
    options = {
        "host": click.option("--host", help="Address to listen on.  [default: 127.0.0.1]"),
        "port": click.option("--port", type=int, help="Port to listen on; 0 lets the system choose."),
        "proxy_headers": click.option(
            "--proxy-headers/--no-proxy-headers",
            default=None,
            help="Take the client's address and scheme from a proxy's headers.  [default: no]",
        ),
        "workers": click.option("--workers", type=int, help="Processes.  [default: 1]"),
        "data": click.option("--data", help="Directory of the embedded stream and store.  [default: ./data]"),
    }

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = options[name](command)
        return command

    return decorate


@main.command()
@_options("host", "port", "data", "proxy_headers")
def up(**options: Any) -> None:
    """Run everything in one process, with its data in one directory."""
    settings = _load("up", options, {})
    embedded = Embedded(settings)
    sys.exit(
        serve(
            embedded.app, server_options(settings, workers=1), lambda url: click.echo(_welcome(url, embedded.first_key))
        )
    )


@main.command()
@_options("host", "port", "workers", "proxy_headers")
def gateway(**options: Any) -> None:
    """Run the ingest gateway."""
    _serve_role("gateway", "services.ingest_gateway.app:create_app", options, GATEWAY_PORT)


@main.command()
@_options("host", "port", "workers", "proxy_headers")
def query(**options: Any) -> None:
    """Run the query API."""
    _serve_role("query", "services.query_api.app:create_app", options, QUERY_PORT)


@main.command()
@_options("host", "port")
def writer(**options: Any) -> None:
    """Run the writer; its port serves health and metrics."""
    _serve_role("writer", "services.writer_worker.app:create_app", options, WRITER_PORT)


main.add_command(doctor)
main.add_command(bench)
main.add_command(import_command)
main.add_command(purge_command)
main.add_command(sql_command)
main.add_command(migrate_group)
main.add_command(keys_group)
main.add_command(environments_group)
main.add_command(dead_letters_group)


def _load(role: str, options: dict[str, Any], defaults: dict[str, Any]) -> Settings:
    settings = Settings.load(options, defaults)
    configure_logging(settings.log_level, role, log_format=settings.log_format, secrets=settings.secrets())
    for warning in unknown_variables(os.environ, (*Settings.model_fields, *settings_secrets.NAMES)):
        logger.warning(warning)
    logger.debug("settings: %s", settings.redacted())
    return settings


def _serve_role(role: str, factory: str, options: dict[str, Any], default_port: int) -> None:
    settings = _load(role, options, {"port": default_port})
    workers = 1 if role == "writer" else settings.workers
    sys.exit(serve(factory, server_options(settings, workers)))


def server_options(settings: Settings, workers: int) -> ServerOptions:
    """The share of the settings that the HTTP server has."""
    return ServerOptions(
        host=settings.host,
        port=settings.port,
        workers=workers,
        graceful_timeout_s=settings.graceful_timeout_s,
        drain_delay_s=settings.drain_delay_s,
        trusted_proxies=settings.forwarded_allow_ips if settings.proxy_headers else None,
        environment=settings.environment(),
    )


def _welcome(url: str, first_key: str | None) -> str:
    """What a person sees when `sluice up` is ready."""
    key = first_key or "$SLUICE_KEY"
    about_key = (
        f"API key of workspace default, shown only now:\n\n  {first_key}\n"
        if first_key
        else "Keys were made before; `sluice keys create` makes another.\n"
    )
    return f"""
Sluice is ready at {url}

{about_key}
A first log, and reading it back:

  curl -s {url}/log-request -H "X-API-KEY: {key}" -H "Content-Type: application/json" -d '{{
    "provider": "openai", "model": "gpt-4o",
    "input": {{"type": "chat", "messages": [{{"role": "user", "content": [{{"type": "text", "text": "Hello"}}]}}]}},
    "output": {{"type": "chat", "messages": [{{"role": "assistant", "content": [{{"type": "text", "text": "Hi!"}}]}}]}},
    "request_start_time": "2026-01-01T00:00:00Z", "request_end_time": "2026-01-01T00:00:01Z"}}'

  curl -s {url}/api/public/v2/requests/ID -H "X-API-KEY: {key}"
"""


if __name__ == "__main__":
    main()
