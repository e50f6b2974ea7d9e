"""`sluice purge`."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import click
import orjson

from services.client.load.http import NoAnswer, Target, ask
from shared.errors import Misconfigured, SluiceError

TIMEOUT_S: Final = 120.0
RETRY_FOR_S: Final = 3600.0
"""How long the server may take to rewrite its parts; every request waits for a share of it."""


class Refused(SluiceError):
    """The server did not do it; `str()` says why."""


@click.command("purge")
@click.argument("url")
@click.option("--api-key", envvar="SLUICE_API_KEY", help="A key with the scope admin.  [env: SLUICE_API_KEY]")
@click.option("--workspace", required=True, help="Whose logs; the key must be of this workspace.")
@click.option("--log", "logs", multiple=True, help="A log by its id, in any form; may be repeated.")
@click.option("--metadata", help="All logs with this entry in their metadata: KEY=VALUE.")
@click.option("--user", help="All logs of this end user (Humanloop's `user`).")
@click.option("--dry-run", is_flag=True, help="Only say which logs are meant.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def purge_command(
    url: str,
    api_key: str | None,
    workspace: str,
    logs: tuple[str, ...],
    metadata: str | None,
    user: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete logs from the Sluice at URL and take them off its disks, as a request for erasure demands.

    Works for logs that were deleted before, too, and can be repeated. What remains is told at the end.
    """
    if not api_key:
        raise Misconfigured("give a key with --api-key or SLUICE_API_KEY")
    body: dict[str, Any] = {"workspace": workspace} | _selection(logs, metadata, user)
    purger = _Purger(Target.at(url, api_key))

    found = asyncio.run(purger.send({**body, "dry_run": True}))
    click.echo(f"{_count(found)} of workspace {workspace}, {found['deleted_before']} of them deleted before:")
    for log_id in found["logs"]:
        click.echo(f"  {log_id}")
    if found["found"] > len(found["logs"]):
        click.echo("  ...")
    if dry_run or not found["found"]:
        return
    if not yes:
        click.confirm("Delete them, and take them off the disks for good?", abort=True)
    purged = asyncio.run(purger.send_all(body))
    click.echo(f"purged {_logs(purged)}: the store has nothing of them but their ids, times and types")
    click.echo(_what_remains(found["kept"]))


def _selection(logs: tuple[str, ...], metadata: str | None, user: str | None) -> dict[str, Any]:
    if sum((bool(logs), metadata is not None, user is not None)) != 1:
        raise click.UsageError("say which logs with one of --log, --metadata and --user")
    if metadata is None:
        return {"logs": list(logs)} if logs else {"user": user}
    key, separator, value = metadata.partition("=")
    if not separator:
        raise click.UsageError("--metadata takes KEY=VALUE")
    return {"metadata": {key: value}}


class _Purger:
    def __init__(self, target: Target) -> None:
        self._target = target

    async def send(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of the server; while it says that it needs more time it is asked again. Raises Refused."""
        text = orjson.dumps(body)
        request = self._target.head("POST", "/v1/purge", len(text)) + text
        deadline = time.monotonic() + RETRY_FOR_S
        while True:
            try:
                response = await ask(self._target, request, TIMEOUT_S)
            except NoAnswer as error:
                raise Refused(f"{self._target.url}: {error}") from error
            try:
                answer: dict[str, Any] = orjson.loads(response.body)
            except orjson.JSONDecodeError:
                raise Refused(f"{self._target.url} answers {response.status}, and no JSON") from None
            if response.status == 200:
                return answer
            if response.status != 503 or time.monotonic() > deadline:
                raise Refused(f"{self._target.url} answers {response.status}: {answer.get('message')}")
            click.echo(f"waiting: {answer.get('message')}", err=True)
            await asyncio.sleep(float(response.retry_after or 1))

    async def send_all(self, body: dict[str, Any]) -> int:
        """Purge until there is nothing left; how many logs that were."""
        purged: int = 0
        while True:
            answer = await self.send(body)
            purged += int(answer["found"])
            if not answer["more"]:
                return purged


def _count(found: dict[str, Any]) -> str:
    return f"{'at least ' if found['more'] else ''}{_logs(found['found'])}"


def _logs(number: int) -> str:
    return f"{number} log" if number == 1 else f"{number} logs"


def _what_remains(kept: dict[str, Any]) -> str:
    bounds = [f"{kept['stream_ms'] / 3_600_000:g} hours"] if kept["stream_ms"] is not None else []
    bounds += [f"{kept['stream_bytes'] / (1 << 30):g} GiB"] if kept["stream_bytes"] is not None else []
    retention = f"of {' or '.join(bounds)}" if bounds else "is over, which nothing bounds now"
    return f"""\
What can't be purged and goes by itself:
- The stream keeps the records as they came until its retention {retention}. With Kafka that is the
  topic's retention.ms (`retention_hours` of SLUICE_STREAM when Sluice makes the topic); nothing in it can be blanked.
  Records that a writer reads again meanwhile (after a crash, or when you rewind it) don't bring a log back, but may put
  its contents on the disk again: run this command again after that.
- The files that the store has rewritten are removed by the engine some ten minutes later. Backups are yours to purge.
- Records that could not be stored: see `sluice dead-letters list`."""
