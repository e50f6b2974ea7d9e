"""The short set of fault scenarios, each once with a small load, and proof that they can fail.

`python -m tests.faults` (make faults) is the long set: the same scenarios, and those left out here, with far more load.
"""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.faults import scenarios
from tests.faults.context import Context
from tests.faults.report import DUPLICATED, LOST
from tests.faults.scenarios import brokers, embedded, networks, replays, stores, writers
from tests.support.kafka_broker import NotAvailable, libraries
from tests.support.kafka_fixtures import not_tested

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

SHORT_CLUSTER = [
    writers.writer_killed_beside_others,
    writers.frozen_writer,
    stores.store_killed_mid_insert,
    stores.poisonous_rows,
    networks.black_hole_before_a_writer,
    replays.group_rewound,
]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """What the scenarios share."""
    context = Context(tmp_path_factory.mktemp("faults"))
    yield context
    context.close()


@pytest.fixture
def kafka_processes() -> None:
    """Skips, or fails with CI=true, where brokers can't be started as processes."""
    try:
        libraries()
    except NotAvailable as error:
        not_tested(f"faults of Kafka ({error})")


@pytest.fixture
def small_disks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where file systems can't be mounted."""
    directory = tmp_path_factory.mktemp("mount")
    try:
        with embedded.small_disk(directory, 1):
            pass
    except (OSError, subprocess.CalledProcessError):
        not_tested("full disks (no right to mount a tmpfs)")


async def check(context: Context, scenario: Callable[[Context], Awaitable[None]]) -> None:
    report = await context.run(scenario, random.randrange(1_000_000_000))
    print(report.line())
    assert not report.problems, f"{report.line()}\n{report.explain()}"


@pytest.mark.parametrize("scenario", scenarios.EMBEDDED)
async def test_sluice_up(context: Context, scenario: Callable[[Context], Awaitable[None]]) -> None:
    await check(context, scenario)


@pytest.mark.usefixtures("small_disks")
@pytest.mark.parametrize("scenario", scenarios.FULL_DISKS)
async def test_full_disks(context: Context, scenario: Callable[[Context], Awaitable[None]]) -> None:
    await check(context, scenario)


@pytest.mark.usefixtures("kafka_processes")
@pytest.mark.parametrize("scenario", SHORT_CLUSTER)
async def test_roles_apart(context: Context, scenario: Callable[[Context], Awaitable[None]]) -> None:
    await check(context, scenario)


@pytest.mark.parametrize(
    ("breakage", "kind"), [("commit-first", LOST), ("ack-first", LOST), ("store-twice", DUPLICATED)]
)
async def test_a_broken_sluice_up_is_found_out(context: Context, breakage: str, kind: str) -> None:
    async def broken(context: Context) -> None:
        async with context.embedded(fresh=True, sabotage=breakage) as trial:
            up = trial.installation.up
            async with trial.loaded():
                if breakage == "commit-first":
                    await writers.dead(up)
                else:
                    await trial.more(100)
                    up.kill()
                await trial.check_committed()
                up.sabotage = ""
                await trial.installation.start()

    report = await context.run(broken, seed=1)
    assert report.count(kind), report.line()


@pytest.mark.usefixtures("small_disks")
async def test_a_store_that_hides_a_full_disk_is_found_out(context: Context) -> None:
    async def broken(context: Context) -> None:
        await embedded.disk_of_the_store_full(context, sabotage="swallow")

    report = await context.run(broken, seed=1)
    assert report.lost, report.line()


@pytest.mark.usefixtures("kafka_processes")
async def test_a_writer_that_drops_work_at_a_rebalance_is_found_out(context: Context) -> None:
    async def broken(context: Context) -> None:
        async with context.cluster() as trial:
            for writer in trial.installation.writers:
                writer.stop()
                writer.sabotage = "drop-at-rebalance"
                # Slow flushes: there is work in hand whenever the rebalance comes.
                writer.settings["flush_interval_ms"] = "3000"
            await trial.installation.start_roles()
            async with trial.loaded():
                await trial.more(100)
                await trial.installation.add_writer()
                await trial.more(100)

    report = await context.run(broken, seed=1)
    assert report.lost, report.line()


@pytest.mark.usefixtures("kafka_processes")
async def test_three_brokers(context: Context) -> None:
    context.close()  # three more brokers beside all the others would be too much for a small machine
    await check(context, brokers.leader_killed_then_two_of_three)
