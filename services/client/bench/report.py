"""What a bench run found: as a table for people, as JSON for programs. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from services.client.load.latency import summary_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.client.bench.readback import Verdict
    from services.client.bench.run import Result
    from services.client.load.engine import Samples

_COLUMNS: Final = ("operation", "requests", "ok", "failed", "ok/s", "p50", "p90", "p99", "p99.9", "max")
_SHOWN: Final = 5
_BUSY: Final = 0.9
"""Share of a core beyond which the generator, not the server, may be what limits the throughput."""
_MISSED_RATE: Final = 0.95


def operations(samples: Mapping[str, Samples], elapsed_s: float) -> dict[str, Any]:
    """Counts, throughput (succeeded, a second) and latencies (milliseconds, of those that succeeded) by operation."""
    found = {}
    for name, sample in sorted(samples.items()):
        ok, failed = len(sample.latencies_s), sum(sample.failures.values())
        found[name] = {
            "requests": ok + failed,
            "ok": ok,
            "failed": failed,
            "failures": dict(sample.failures.most_common()),
            "ok_per_s": round(ok / elapsed_s, 1),
            "latency_ms": summary_ms(sample.latencies_s),
        }
    return found


def table(found: Mapping[str, Any]) -> list[str]:
    """The lines of a table of `operations`, and a line for each reason of failures."""
    rows = [list(_COLUMNS)]
    for name, operation in found.items():
        latency = operation["latency_ms"] or {}
        counts = (operation["requests"], operation["ok"], operation["failed"])
        rows.append(
            [
                name,
                *(f"{count:,}" for count in counts),
                f"{operation['ok_per_s']:,.1f}",
                *(f"{latency[column]:,.1f}" if latency else "-" for column in _COLUMNS[5:]),
            ]
        )
    lines = _aligned(rows)
    reasons = [
        f"  {count:,} x {name}: {reason}"
        for name, operation in found.items()
        for reason, count in operation["failures"].items()
    ]
    lines.append("(milliseconds, of the requests that succeeded)")
    return [*lines, "", "failed:", *reasons] if reasons else lines


def lines(result: Result, rate: float | None) -> list[str]:
    """All that people read. `rate` is what was asked for."""
    verdict, elapsed_s = result.verdict, result.elapsed_s
    logs_per_s = verdict.acknowledged / elapsed_s
    remarks = [f"{verdict.acknowledged:,} logs acknowledged in {elapsed_s:,.1f} s: {logs_per_s:,.0f} a second"]
    reached = sum(operation["requests"] for operation in result.operations.values()) / elapsed_s
    if rate is not None and reached < rate * _MISSED_RATE:
        remarks.append(f"{rate:,g} requests a second were asked for, {reached:,.0f} were reached")
    if result.busy > _BUSY:
        remarks.append(
            f"the load generator used {result.busy:.0%} of a core, and may be what limited the throughput: "
            "start several, or one on another machine"
        )
    return [*table(result.operations), "", *remarks, *verdict_lines(verdict)]


def as_json(result: Result) -> dict[str, Any]:
    """All that programs read. Times in seconds, latencies in milliseconds."""
    verdict = asdict(result.verdict)
    return {
        "elapsed_s": round(result.elapsed_s, 3),
        "generator_busy": round(result.busy, 3),
        "operations": result.operations,
        "ledger": verdict | {"kept": result.verdict.kept},
    }


def verdict_lines(verdict: Verdict) -> list[str]:
    """The ledger check, in a few lines."""
    of_all = f"a random sample of {verdict.to_check:,}" if verdict.to_check < verdict.acknowledged else "all"
    lines = [
        f"ledger check of {of_all}, {verdict.elapsed_s:,.1f} s: {verdict.found:,} read back as sent, "
        f"{len(verdict.missing):,} missing, {len(verdict.wrong):,} wrong, {verdict.unread.total():,} unreadable"
    ]
    if verdict.last_readable_after_s is not None:
        after_ms = verdict.last_readable_after_s * 1000
        lines.append(f"the last log was readable {after_ms:,.0f} ms after its acknowledgement")
    lines += [f"  missing: {log_id}" for log_id in verdict.missing[:_SHOWN]]
    lines += [f"  wrong: {log_id}: {problem}" for log_id, problem in list(verdict.wrong.items())[:_SHOWN]]
    lines += [f"  unreadable: {count:,} x {reason}" for reason, count in verdict.unread.most_common(_SHOWN)]
    if verdict.interrupted:
        lines.append("the check was interrupted: of the others nothing is known")
    return lines


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
