"""How a migration's text becomes the statements of one server, or of a cluster. Pure.

On one server a table has its rows. On a cluster the rows are in `<table>_local` on every server, replicated within a
shard, and `<table>` is a Distributed table over those: the product's own SQL is the same on both. A migration writes

| placeholder | one server | cluster |
| --- | --- | --- |
| `{local:logs}` | `logs` | `db.logs_local`: where rows are |
| `{table:logs}` | `logs` | `db.logs`: what is read and written |
| `{on_cluster}` | | `ON CLUSTER 'c'` |
| `{engine:X(a)}` | `X(a)` | `ReplicatedX('/path/of/shard/and/table', '{replica}', a)` |
| `{distributed:logs}` | | the statement that makes `logs` over `logs_local` |
| `{distributed:logs ADD COLUMN ...}` | | the same change of columns in `logs` |
| `{gathered:usage}` | | as `distributed`, for a table that is only read: a view writes `usage_local` |

Names are whole on a cluster: a statement runs on its servers with another current database
(ClickHouse issues 6104, 8445, 37318).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOCAL_SUFFIX: Final = "_local"

CLUSTER_ROWS: Final = (
    "SELECT shard_num, shard_weight, internal_replication FROM system.clusters WHERE cluster = {cluster:String}"
)
"""The query whose rows `layout_of` takes."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_SHARDING_KEY: Final = re.compile(r"Distributed\((?:'[^']*', ){3}(.*)\)")
_ENGINE: Final = re.compile(r"(\w+)(?:\((.*)\))?")


@dataclass(frozen=True, slots=True)
class Layout:
    """One server (`cluster` is ''), or a cluster: its name, the database of the tables, how many shards it has.

    `here_only` leaves out ON CLUSTER: for a server that was added to a cluster.
    """

    cluster: str = ""
    database: str = ""
    shards: int = 1
    replicas: int = 1
    here_only: bool = False
    key: str = ""
    """Which shard a row is on, where tables say so already."""

    @property
    def on_cluster(self) -> str:
        """ON CLUSTER and the name, or nothing."""
        return f"ON CLUSTER '{self.cluster}'" if self.cluster and not self.here_only else ""

    def table(self, name: str) -> str:
        """What is read and written."""
        return f"{self.database}.{name}" if self.cluster else name

    def local(self, name: str) -> str:
        """Where rows are."""
        return f"{self.database}.{name}{LOCAL_SUFFIX}" if self.cluster else name

    @property
    def sharding_key(self) -> str:
        """Which shard a row is on. All versions of a log, its body and its names have its id, and so one shard.

        The number of shards is written into it: else a shard that is added would move logs that are there, and an
        update of one of them would be a second log on another shard. deploy/README.md says how to add one.
        """
        return self.key or f"intHash64(id) % {self.shards}"

    def engine(self, text: str, *, everywhere: bool = False) -> str:
        """A MergeTree engine, replicated on a cluster: in each shard, or `everywhere` in all of them together.

        The path has no {uuid}: a replica that is added later must come to the same one.
        """
        if not self.cluster:
            return text
        parts = _ENGINE.fullmatch(text)
        if parts is None:
            raise ValueError(f"a migration has the engine {text!r}")
        name, arguments = parts.groups()
        shard, replica = ("all_shards", "{shard}-{replica}") if everywhere else ("{shard}", "{replica}")
        path = f"/clickhouse/tables/{self.cluster}/{shard}/{{database}}/{{table}}"
        parameters = ", ".join([f"'{path}'", f"'{replica}'", *([arguments] if arguments else [])])
        return f"Replicated{name}({parameters})"

    def distributed(self, text: str, *, key: bool = True) -> str:
        """The statement that makes a Distributed table, or that changes its columns; none on one server."""
        if not self.cluster:
            return ""
        name, _, change = text.partition(" ")
        if change:
            return f"ALTER TABLE {self.table(name)} {self.on_cluster} {change}"
        where = [
            f"'{self.cluster}'",
            f"'{self.database}'",
            f"'{name}{LOCAL_SUFFIX}'",
            *([self.sharding_key] if key else []),
        ]
        made = f"CREATE TABLE IF NOT EXISTS {self.table(name)} {self.on_cluster} AS {self.local(name)}"
        return f"{made} ENGINE = Distributed({', '.join(where)})"


ONE_SERVER: Final = Layout()


def layout_of(
    cluster: str, database: str, found: Sequence[Mapping[str, object]], database_engine: str, made: str = ""
) -> Layout:
    """The layout of a cluster of which `system.clusters` has these rows, one for each replica.

    `made` is the engine of its table `logs_in` with all its parameters, '' before there is one. Raises Misconfigured
    for a cluster that can't serve.
    """
    setting = f"SLUICE_CLICKHOUSE_CLUSTER={cluster}"
    if not found:
        raise Misconfigured(f"{setting}: the server knows no cluster of that name; see system.clusters")
    if database_engine == "Replicated":
        raise Misconfigured(
            f"{setting}: the database {database} is Replicated, which does not take ON CLUSTER: use one that is Atomic"
        )
    replicas = [row["shard_num"] for row in found]
    if any(row["shard_weight"] != 1 for row in found):
        raise Misconfigured(f"{setting}: every shard must have the weight 1: logs are spread by a hash of their ids")
    if any(not row["internal_replication"] and replicas.count(row["shard_num"]) > 1 for row in found):
        raise Misconfigured(
            f"{setting}: every shard must have internal_replication: its tables replicate by themselves"
        )
    most = max(map(replicas.count, replicas))
    key = _SHARDING_KEY.fullmatch(made)
    return Layout(cluster, database, shards=len(set(replicas)), replicas=most, key=key[1] if key else "")


def render(sql: str, layout: Layout = ONE_SERVER) -> str:
    """A migration's text with its placeholders filled in. Raises ValueError for an unknown one."""

    def fill(placeholder: re.Match[str]) -> str:
        name, argument = placeholder.groups()
        match name, argument:
            case "on_cluster", None:
                return layout.on_cluster
            case "table", str():
                return layout.table(argument)
            case "local", str():
                return layout.local(argument)
            case "engine", str():
                return layout.engine(argument)
            case "engine_everywhere", str():
                return layout.engine(argument, everywhere=True)
            case "distributed", str():
                return layout.distributed(argument)
            case "gathered", str():
                return layout.distributed(argument, key=False)
        raise ValueError(f"a migration has the unknown placeholder {placeholder[0]}")

    return _PLACEHOLDER.sub(fill, sql)
