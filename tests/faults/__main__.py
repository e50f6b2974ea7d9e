"""The long set of fault scenarios: `python -m tests.faults [--only NAME] [--seed N] [--seeds N] [--scale X]`.

One line per run of a scenario, and a last one for all. Exit status 1 when anything was lost, stored twice, or went
wrong. A run is made again with `--only NAME --seeds 1 --seed` and the seed of its line.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.context import Context
from tests.faults.report import WRONG, Problem
from tests.faults.scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.faults.report import Report

LONG_SCALE = 40.0
LONG_SEEDS = 3
"""Together, more than a million acknowledged logs."""


async def run(names: list[str], first_seed: int, seeds: int, scale: float, directory: Path) -> list[Report]:
    """Run scenarios one after the other, in several rounds; all of them when no names are given."""
    context = Context(directory, scale=scale)
    chosen = [one for one in SCENARIOS if not names or any(name in one.__name__ for name in names)]
    runs = chosen * seeds
    reports = []
    try:
        for seed, scenario in enumerate(runs, first_seed):
            try:
                report = await context.run(scenario, seed)
            except Exception:
                report = context.report
                report.problems.append(Problem(WRONG, report.name, traceback.format_exc()[-3000:]))
            reports.append(report)
            print(report.line(), flush=True)
            if report.problems:
                print(report.explain(), flush=True)
    finally:
        context.close()
    return reports


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="scenarios with NAME in their name")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; the others count up from it")
    parser.add_argument("--seeds", type=int, default=LONG_SEEDS, help=f"rounds; default {LONG_SEEDS}")
    parser.add_argument("--scale", type=float, default=LONG_SCALE, help=f"of the load; default {LONG_SCALE:g}")
    parser.add_argument("--keep", type=Path, default=None, metavar="DIRECTORY", help="keep logs and data there")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000_000)
    print(f"faults: first seed {seed}, {options.seeds} rounds, scale {options.scale:g}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sluice-faults-") as temporary:
        directory = options.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        reports = asyncio.run(run(options.only, seed, options.seeds, options.scale, directory))
    acknowledged = sum(report.acknowledged for report in reports)
    lost, duplicated = sum(r.lost for r in reports), sum(r.duplicated for r in reports)
    scenarios = len({report.name for report in reports})
    print(f"faults: {scenarios} scenarios, {acknowledged} acknowledged logs, {lost} lost, {duplicated} duplicated")
    return 1 if any(report.problems for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
