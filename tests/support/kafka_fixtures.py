"""Kafka for tests, from the best source there is.

In this order: the cluster that `SLUICE_TEST_KAFKA` names (`host:port`), a container when a Docker engine answers, a
`KafkaBroker` process. Without any, the tests that need it are skipped on a person's machine and fail with `CI=true`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from tests.support.kafka_broker import KafkaBroker, NotAvailable, answering_brokers, libraries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KAFKA_IMAGE: Final = "confluentinc/cp-kafka:7.9.0"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a cluster that tests share. Whoever uses it makes topics of its own."""
    named = os.environ.get("SLUICE_TEST_KAFKA")
    if named:
        if not answering_brokers(named):
            pytest.fail(f"SLUICE_TEST_KAFKA={named} does not answer")
        yield named
    elif _docker_answers():
        yield from _container()
    else:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
        start_here(broker)
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker process for one test, which may stop, kill and start it again."""
    broker = KafkaBroker(tmp_path / "kafka")
    start_here(broker)
    try:
        yield broker
    finally:
        broker.kill()


def start_here(broker: KafkaBroker) -> None:
    """Start a broker process, on a machine that has what it takes; else skip the test, or fail it with CI=true."""
    try:
        libraries()
    except NotAvailable as error:
        not_tested(
            f"the Kafka stream ({error}). Install Java 17 and Maven, start Docker, or set SLUICE_TEST_KAFKA=host:port"
        )
    broker.start()


def not_tested(what: str) -> NoReturn:
    """Skip a test for what the machine lacks; fail it with CI=true."""
    reason = f"NOT TESTED: {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def _container() -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    with KafkaContainer(KAFKA_IMAGE).with_kraft() as container:
        yield container.get_bootstrap_server()
