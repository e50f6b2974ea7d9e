"""Three Kafka brokers on one machine: a topic of Sluice's survives one of them, and refuses writes without two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

from tests.support.kafka_broker import KafkaBroker, free_port, new_cluster_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NODES: Final = (1, 2, 3)

_SETTINGS: Final = {"min.insync.replicas": "2", "controlled.shutdown.enable": "true"}


class KafkaCluster:
    """Brokers 1 to 3, each in a directory of its own. Ask for topics with `replication=3` (in SLUICE_STREAM)."""

    def __init__(self, directory: Path) -> None:
        voters = {node: free_port() for node in NODES}
        cluster_id = new_cluster_id()
        self.brokers = {
            node: KafkaBroker(
                directory / f"broker-{node}",
                node_id=node,
                voters=voters,
                cluster_id=cluster_id,
                settings=_SETTINGS,
                heap="400m",
                short_lived=True,
            )
            for node in NODES
        }

    @property
    def bootstrap(self) -> str:
        """`host:port` of each."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self) -> Self:
        """Format and launch them side by side; returns when each is in the cluster."""
        with ThreadPoolExecutor(len(NODES)) as executor:
            for _ in executor.map(KafkaBroker.launch, self.brokers.values()):
                pass
        for broker in self.brokers.values():
            broker.wait_ready()
        return self

    def kill(self) -> None:
        """SIGKILL, all of them."""
        for broker in self.brokers.values():
            broker.kill()

    def __iter__(self) -> Iterator[KafkaBroker]:
        return iter(self.brokers.values())
