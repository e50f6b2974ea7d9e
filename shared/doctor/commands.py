"""`sluice doctor`."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

import click
import orjson

from shared.doctor.examination import examine
from shared.doctor.findings import Finding, Level
from shared.settings import Settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_WIDTH = max(map(len, Level))


@click.command()
@click.option("--data", help="Directory of the embedded stream and store.  [default: ./data]")
@click.option("--max-records", type=click.IntRange(1), default=200_000, show_default=True, help="To be read again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(data: str | None, max_records: int, as_json: bool) -> None:
    """Look at the whole installation and say what is wrong with it, and how to mend it.

    Reads the newest records of the stream again and looks whether all of them are in the store. Changes nothing.
    Exit status 1 when there is a problem.
    """
    settings = Settings.load({"data": data})

    async def run() -> list[Finding]:
        found = []
        now_ms = int(time.time() * 1000)
        async for finding in examine(settings, max_records=max_records, now_ms=now_ms, progress=_Progress()):
            found.append(finding)
            if not as_json:
                click.echo(f"{finding.level:<{_WIDTH}}  {finding.check}: {finding.text}")
        return found

    findings = asyncio.run(run())
    if as_json:
        click.echo(orjson.dumps({"status": _worst(findings), "findings": findings}, option=orjson.OPT_INDENT_2))
    sys.exit(1 if _worst(findings) is Level.PROBLEM else 0)


def _worst(findings: list[Finding]) -> Level:
    levels = list(Level)
    return max((finding.level for finding in findings), key=levels.index)


class _Progress:
    """A line on a terminal, nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: ProgressBar[int] | None = None

    def start(self, records: int) -> None:
        """See `Progress`."""
        if records and sys.stderr.isatty():
            self._bar = click.progressbar(length=records, label="reading the stream again", file=sys.stderr)
            self._bar.render_progress()

    def advance(self, records: int) -> None:
        """See `Progress`."""
        if self._bar is not None:
            self._bar.update(records)
            if self._bar.finished:
                self._bar.render_finish()
