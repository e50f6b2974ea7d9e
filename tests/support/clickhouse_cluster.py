"""A server that knows clusters, as far as one process goes: every replica of them is the server itself.

The engine makes Distributed tables over its own and runs the product's SQL on them. It also takes replicated tables
(their keeper is in memory), but never starts replicating them, and it refuses ON CLUSTER: `OneReplica` does without
either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.support.clickhouse_fixtures import ClickHouseProcess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.store.base import LogStore, QueryLimits, Row

CLUSTER: Final = "testing"
"""Of one shard."""

TWO_SHARDS: Final = "two_shards"
"""That are the same server, so what is read is there twice. For what the engine refuses or asks of two shards."""

ONE_DOWN: Final = "one_down"
"""Of two shards, one of which does not answer."""

_SHARD: Final = """
            <shard>
                <internal_replication>true</internal_replication>
                <replica><host>localhost</host><port>9000</port></replica>
            </shard>"""

_CONFIGURATION: Final = f"""
<clickhouse>
    <tcp_port>9000</tcp_port>
    <zookeeper><implementation>testkeeper</implementation></zookeeper>
    <macros><shard>1</shard><replica>a</replica></macros>
    <remote_servers>
        <{CLUSTER}>{_SHARD}</{CLUSTER}>
        <{ONE_DOWN}>{_SHARD}{_SHARD.replace("9000", "1")}</{ONE_DOWN}>
        <{TWO_SHARDS}>{_SHARD}{_SHARD}</{TWO_SHARDS}>
    </remote_servers>
</clickhouse>
"""
"""The port, on which nothing listens, is how the engine knows that the replica is itself."""

_REPLICATED: Final = re.compile(r"Replicated(\w+)\('[^']*', '[^']*'(?:, )?")
_ON_CLUSTER: Final = re.compile(r"ON CLUSTER '\w+'")


def cluster_process(directory: Path) -> ClickHouseProcess:
    """The server, not yet started. It is killed, not stopped: its replicated tables would keep it waiting."""
    configuration = directory / "cluster.xml"
    configuration.write_text(_CONFIGURATION)
    return ClickHouseProcess(directory / f"data?config-file={configuration}")


class OneReplica:
    """A store whose tables are not replicated and whose statements are run on its server, whatever they say."""

    def __init__(self, store: LogStore) -> None:
        self.store = store

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        return await self.store.query(sql, parameters, limits)

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        await self.store.execute(_ON_CLUSTER.sub("", _REPLICATED.sub(r"\1(", sql)), parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
