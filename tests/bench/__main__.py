"""Runs the benchmark: `python -m tests.bench [--quick] [--only NAME] [--rounds N] [--json FILE]`.

Exit status 1 when a ledger found something lost, or a measure failed. A figure that is short of its target does not
fail the run: it says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvloop

from tests.bench import plots, report
from tests.bench.bench import Bench
from tests.bench.machine import describe_machine, pinned
from tests.bench.measures import MEASURES, named

if TYPE_CHECKING:
    from tests.bench.bench import Measure

ROUNDS: Final = 5
QUICK_ROUNDS: Final = 2
README: Final = Path("README.md")
RESULTS: Final = Path("build/bench")

say = partial(print, flush=True)


async def run(bench: Bench, measures: list[Measure]) -> list[str]:
    """Run measures one after the other; the names of those that failed."""
    failed = []
    for measure in measures:
        began = time.monotonic()
        try:
            with pinned(bench.cores.client):
                await measure.run(bench)
        except Exception:
            failed.append(measure.name)
            say(f"{measure.name} FAILED\n{traceback.format_exc()[-3000:]}")
        say(f"# {measure.name}: {time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f}")
    return failed


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller stores")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measures with NAME in their name")
    parser.add_argument("--rounds", type=int, default=None, help=f"default {ROUNDS}, with --quick {QUICK_ROUNDS}")
    parser.add_argument(
        "--json", type=Path, default=None, metavar="FILE", help=f"default {RESULTS}/bench.json; plots beside it"
    )
    parser.add_argument("--readme", action="store_true", help="put the lines into the table of README.md, too")
    options = parser.parse_args()
    wanted = {m.name for name in options.only or [""] for m in named(name)}
    measures = [m for m in MEASURES if m.name in wanted]
    if not measures:
        parser.error(f"no measure is called so; there are {', '.join(m.name for m in MEASURES)}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        bench = Bench(Path(directory), rounds, options.quick, say)
        machine = describe_machine(bench.cores)
        for name, value in machine.items():
            say(f"# {name}: {value}")
        say(f"# {rounds} rounds; values are medians, ratios the medians of the rounds' own ratios")
        say(report.heading())
        try:
            failed = uvloop.run(run(bench, measures))
        finally:
            bench.close()
    results = options.json or RESULTS / "bench.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(report.document(machine, bench.figures, bench.checks, bench.curves), indent=1))
    for picture in plots.draw(bench.curves, results.parent):
        say(f"# {picture}")
    if options.readme:
        README.write_text(report.with_table(README.read_text(), machine, bench.figures))
    lost = [check.name for check in bench.checks if not check.holds]
    short = [figure.name for figure in bench.figures if figure.verdict == "short"]
    say(f"bench: {len(bench.figures)} figures, {len(short)} short, in {time.monotonic() - began:.0f} s; see {results}")
    for name in lost:
        say(f"LOST LOGS: {name}")
    return 1 if lost or failed else 0


if __name__ == "__main__":
    sys.exit(main())
