"""`sluice import`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click
from pydantic import ByteSize, TypeAdapter, ValidationError

from services.client.importing.run import FileImport
from services.client.importing.sender import Sender, Stopped
from services.client.importing.source import STDIN, Unreadable
from services.client.load.http import Target
from shared.errors import Misconfigured
from shared.records import HUMANLOOP_PROMPT_LOG, PROMPTLAYER_REQUEST

EXIT_REJECTED: Final = 1


class Size(click.ParamType[int]):
    """A number of bytes, with or without a unit."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it."""
        try:
            size = int(TypeAdapter(ByteSize).validate_python(value))
        except ValidationError:
            size = 0
        if size < 1:
            self.fail(f"{value!r} is not a size such as 1MiB", param, ctx)
        return size


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--url",
    envvar="SLUICE_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Of the server.  [env: SLUICE_URL]",
)
@click.option("--api-key", envvar="SLUICE_API_KEY", help="A key with the scope ingest.  [env: SLUICE_API_KEY]")
@click.option(
    "--type", "kind", type=click.Choice([PROMPTLAYER_REQUEST, HUMANLOOP_PROMPT_LOG]), help="Of lines that say none."
)
@click.option("--batch-bytes", type=Size(), default="1MiB", show_default=True, help="Of one request, at most.")
@click.option("--batch-items", type=click.IntRange(1), default=1000, show_default=True, help="Lines of one request.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Requests at once. With more than one, lines with the same log_id may overtake each other.",
)
@click.option(
    "--retry-for", type=click.FloatRange(0), default=300, show_default=True, help="Seconds that a server may be away."
)
def import_command(
    files: tuple[str, ...],
    url: str,
    api_key: str | None,
    kind: str | None,
    batch_bytes: int,
    batch_items: int,
    concurrency: int,
    retry_for: float,
) -> None:
    """Send the logs in FILE... to a running Sluice: a JSON object per line, plain, .gz or .zst; - is standard input.

    A line is a body of /log-request or /v5/prompts/log with its "type", or of the type that --type says. What is
    acknowledged is noted in FILE.sluice-progress, so that the same command after an interruption goes on where it was.
    Lines that are refused go to FILE.rejected, each with its number and the reason; the exit status is then 1.
    """
    if not api_key:
        raise Misconfigured("give a key with --api-key or SLUICE_API_KEY")
    target = Target.at(url, api_key)

    async def run() -> bool:
        sender = Sender(target, kind, retry_for, lambda text: click.echo(text, err=True))
        complete = True
        try:
            for path in files:
                name = "stdin" if path == STDIN else path
                try:
                    file_import = FileImport(
                        path, batch_bytes=batch_bytes, batch_items=batch_items, concurrency=concurrency
                    )
                    complete &= await _import(file_import, name, sender)
                except Unreadable as error:
                    raise Unreadable(f"{name}: {error}") from error
        finally:
            sender.close()
        return complete

    if not asyncio.run(run()):
        sys.exit(EXIT_REJECTED)


async def _import(file_import: FileImport, name: str, sender: Sender) -> bool:
    """Import one file and say what came of it; False when lines were rejected. Raises Stopped and Unreadable."""
    if file_import.progress.offset:
        click.echo(f"{name}: going on at line {file_import.progress.line}", err=True)
    is_shown = file_import.size > 0 and sys.stderr.isatty()
    label = Path(name).name
    try:
        with click.progressbar(length=file_import.size, label=label, file=sys.stderr, hidden=not is_shown) as bar:
            await file_import.run(sender, lambda position: bar.update(position - bar.pos))
    except (Stopped, Unreadable) as error:
        done = file_import.progress
        raise type(error)(f"{error}; stopped at line {done.line}, {done.imported} logs imported") from error
    done = file_import.progress
    rejected = f"{done.rejected}" + (f" (see {file_import.rejected_path})" if done.rejected else "")
    click.echo(f"{name}: imported {done.imported}, rejected {rejected}, duplicates {done.duplicates}")
    return not done.rejected
