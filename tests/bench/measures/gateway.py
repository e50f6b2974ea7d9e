"""The gateway: one log per request to Kafka under acks=all, beside the same web server doing nothing with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench import kafka
from tests.bench.bench import API_KEYS, Bench, Measure
from tests.bench.figures import Curve, Figure, extra_at_most, ratio_at_least
from tests.bench.idle import GATEWAY as GATEWAY_MODULES
from tests.bench.idle import idle_mb
from tests.bench.ledger import check_topic
from tests.bench.logs import SIZES
from tests.bench.machine import MemoryPeak, cpu_seconds
from tests.bench.posts import Sender
from tests.bench.processes import Bare
from tests.support.processes import Gateway

if TYPE_CHECKING:
    from tests.support.processes import Process

LOADS: Final = (0.1, 0.25, 0.5, 0.7, 0.85, 0.95)
"""Parts of the most that the gateway takes, for the plot."""


async def run(bench: Bench) -> None:
    """A gateway and a bare server take turns, for each size of body."""
    store_directory = bench.new_directory("store")
    async with bench.kafka() as bootstrap:
        with bench.clickhouse(store_directory, bench.cores.others) as store, bench.processes() as processes:
            settings = {"stream": kafka.url(bootstrap), "store": store, "api_keys": API_KEYS}
            gateway = bench.start(Gateway(processes, **settings))
            bare = bench.start(Bare(processes))
            acknowledged: list[int] = []
            peaks: dict[str, float] = {}
            for name, size in SIZES.items():
                with MemoryPeak(gateway.pid) as memory:
                    acknowledged += await compare(bench, gateway, bare, name, size)
                peaks[name] = memory.peak_mb
            acknowledged += await load_curve(bench, gateway)
            gateway.stop()
            bench.check(await check_topic("gateway", bootstrap, acknowledged))
    idle = [idle_mb(GATEWAY_MODULES)]
    for name, peak in peaks.items():
        target = extra_at_most(60) if name == "2KB" else None
        bench.add(Figure(name=f"memory-gateway-{name}", unit="MB", rounds=[peak], references=idle, target=target))


async def compare(bench: Bench, gateway: Gateway, bare: Process, name: str, size: int) -> list[int]:
    """The figures of one size; returns the ids that the gateway gave."""
    first = name == "2KB"
    rounds, seconds = (bench.rounds, bench.scale(4, 2)) if first else (bench.scale(3, 1), bench.scale(2, 1))
    ours, theirs = (Sender.to(server.url, size, f"gateway{name}") for server in (gateway, bare))
    rates: list[float] = []
    bare_rates: list[float] = []
    medians: list[float] = []
    cpu: list[float] = []
    bare_cpu: list[float] = []
    await ours.closed_loop(0.5)
    await theirs.closed_loop(0.5)
    for _ in range(rounds):
        took = cpu_seconds(gateway.pid)
        result = await ours.closed_loop(seconds)
        cpu.append((cpu_seconds(gateway.pid) - took) / len(result.latencies_s) * 1e6)
        rates.append(result.rate)
        medians.append(result.latency_ms(0.5))
        took = cpu_seconds(bare.pid)
        result = await theirs.closed_loop(seconds)
        bare_cpu.append((cpu_seconds(bare.pid) - took) / len(result.latencies_s) * 1e6)
        bare_rates.append(result.rate)
    target = ratio_at_least(0.55) if first else None
    bench.add(Figure(name=f"gateway-post-{name}", unit="logs/s", rounds=rates, references=bare_rates, target=target))
    if first:
        bench.add(Figure(name="gateway-post-cpu", unit="us/log", rounds=cpu, references=bare_cpu))
        bench.add(Figure(name="gateway-post-p50", unit="ms", rounds=medians, note="at 64 clients"))
    return ours.ids


async def load_curve(bench: Bench, gateway: Gateway) -> list[int]:
    """Latency against load, for the plot; returns the ids that were given."""
    sender = Sender.to(gateway.url, SIZES["2KB"], "gatewaycurve")
    most = (await sender.closed_loop(bench.scale(2, 1))).rate
    x, rates, medians, tails = [], [], [], []
    for share in LOADS:
        result = await sender.open_loop(share * most, bench.scale(2, 1))
        x.append(share * most)
        rates.append(result.rate)
        medians.append(result.latency_ms(0.5))
        tails.append(result.latency_ms(0.99))
    bench.curves.append(Curve("load", x, {"acknowledged logs/s": rates, "p50 ms": medians, "p99 ms": tails}))
    return sender.ids


GATEWAY: Final = Measure("gateway", ("gateway-post", "memory-gateway"), run)
