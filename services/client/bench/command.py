"""`sluice bench`."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
import uvloop

from services.client.bench import report
from services.client.bench.options import PATCH, parse_duration, parse_mix, parse_sizes, parsed
from services.client.bench.run import run
from services.client.bench.workload import Plan
from services.client.load.bodies import HUMANLOOP, PROMPTLAYER, Bodies
from services.client.load.http import Target
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from typing import BinaryIO

    from services.client.bench.run import Result

_APIS: Final = {PROMPTLAYER: [PROMPTLAYER], HUMANLOOP: [HUMANLOOP], "both": [PROMPTLAYER, HUMANLOOP]}
_DEFAULT_DURATION: Final = "30s"
_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""


@click.command()
@click.argument("url")
@click.option(
    "--api-key", envvar="SLUICE_API_KEY", help="A key with the scopes ingest and read.  [env: SLUICE_API_KEY]"
)
@click.option("--concurrency", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Connections.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Requests a second, instead of as many as go.")
@click.option("--duration", callback=parsed(parse_duration), help=f"For how long.  [default: {_DEFAULT_DURATION}]")
@click.option("--requests", type=click.IntRange(1), help="How many requests, instead of a time.")
@click.option(
    "--size",
    "sizes",
    default="2.2k",
    show_default=True,
    callback=parsed(parse_sizes),
    help="Bytes of a log: 2.2k, or several: 2.2k,20k,200k.",
)
@click.option(
    "--mix",
    default=None,
    callback=parsed(parse_mix),
    help="Shares of the operations.  [default: create=90,patch=5,get=5]",
)
@click.option("--api", type=click.Choice(list(_APIS)), default="both", show_default=True, help="Whose API to use.")
@click.option(
    "--bulk", type=click.IntRange(1, 100_000), help="Create so many logs with each request, by POST /v1/logs."
)
@click.option("--check", type=click.IntRange(1), default=200_000, show_default=True, help="Most logs to read back.")
@click.option("--json", "json_file", type=click.File("wb"), help="Also write the results to this file.")
def bench(url: str, api_key: str | None, json_file: BinaryIO | None, **options: Any) -> None:
    """Load the Sluice at URL with logs, then check that it kept every log it acknowledged.

    Creates go to the APIs of PromptLayer and Humanloop in turn; patches and gets are of logs that the run created
    (only Humanloop's API has a patch). At the end each acknowledged log is read back by its id and compared with what
    was sent; of more logs than --check, a random sample. Exit status 1 when one is missing or differs.

    The logs stay where they are: they have the tag "sluice-bench" (PromptLayer) or belong to the prompt "sluice-bench"
    (Humanloop), and their metadata has the run's id as "sluice_bench".
    """
    if not api_key:
        raise Misconfigured("give a key with --api-key or SLUICE_API_KEY")
    name = secrets.token_hex(4)
    started_at = datetime.now(UTC)
    target = Target.at(url, api_key)
    plan = _plan(options, name, started_at)
    duration_s, requests = options["duration"], options["requests"]
    if duration_s is None and requests is None:
        duration_s = parse_duration(_DEFAULT_DURATION)
    result = uvloop.run(
        run(
            target,
            plan,
            name=name,
            started_at=started_at,
            connections=options["concurrency"],
            rate=options["rate"],
            duration_s=duration_s,
            requests=requests,
            to_check=options["check"],
            on_ready=lambda: click.echo(f"bench run {name} of {target.url}"),
        )
    )
    click.echo("\n" + "\n".join(report.lines(result, options["rate"])))
    if json_file is not None:
        about = {"run": name, "url": target.url, "started_at": started_at.isoformat(), "options": options}
        json_file.write(
            orjson.dumps(about | report.as_json(result), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    sys.exit(_status(result))


def _plan(options: dict[str, Any], name: str, started_at: datetime) -> Plan:
    """What to send. Raises click.UsageError for options that don't go together."""
    families, mix = _APIS[options["api"]], options["mix"]
    if HUMANLOOP not in families:
        if mix is not None and PATCH in mix:
            raise click.UsageError("PromptLayer's API has no patch of a log: use --api both, or a mix without patch")
        mix = mix or parse_mix("create=95,get=5")
    plan = Plan(families, options["sizes"], mix or parse_mix("create=90,patch=5,get=5"), options["bulk"])
    try:
        for family in families:
            Bodies(family, min(plan.sizes), name, started_at, extra=plan.extra_keys(family))
    except ValueError as error:
        raise click.UsageError(f"--size: {error}") from None
    return plan


def _status(result: Result) -> int:
    if not result.verdict.kept or not result.verdict.acknowledged:
        return 1
    return _INTERRUPTED if result.verdict.interrupted else 0
