"""The stream that `SLUICE_STREAM` names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import Misconfigured
from shared.ids import MAX_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.stream.base import Stream

FORMS: Final = (
    "sqlite:///relative/file.db, sqlite:////absolute/file.db (option: partitions)"
    " or kafka://host:port,host:port (options: partitions, replication, min_insync_replicas, retention_hours)"
)

_SQLITE_OPTIONS: Final = {"partitions": MAX_PARTITIONS}
_KAFKA_OPTIONS: Final = {
    "partitions": MAX_PARTITIONS,
    "replication": 32,
    "min_insync_replicas": 32,
    "retention_hours": 24 * 365 * 10,
}
"""Options of a URL and the biggest value of each; all are whole numbers from 1."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a process asks of its stream, whichever it is; see the settings of the same names."""

    client_id: str
    """What a Kafka broker logs the process under."""

    produce_deadline_s: float = 10
    max_message_bytes: int = 32 << 20
    session_timeout_s: float = 30
    rebalance_timeout_s: float = 90
    consumer_instance_id: str = ""
    read_only: bool = False
    """Make nothing and delete nothing; appends are refused. For looking at an installation, whatever its state."""


def open_stream(url: str, stream_options: StreamOptions) -> Stream:
    """The stream of a `SLUICE_STREAM` URL, not yet started. Connects to nothing.

    Raises Misconfigured for a URL of another form.
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise _misconfigured(f"can't be read: {error}") from error
    if parts.fragment:
        raise _misconfigured(f"has a part after #: {parts.fragment!r}")
    if parts.scheme == "sqlite":
        return _open_sqlite(parts.netloc, parts.path, _numbers(options, _SQLITE_OPTIONS), stream_options)
    if parts.scheme == "kafka":
        return _open_kafka(parts.netloc, parts.path, _numbers(options, _KAFKA_OPTIONS), stream_options)
    raise _misconfigured(f"has the scheme {parts.scheme!r}")


def _open_sqlite(host: str, path: str, options: Mapping[str, int], wanted: StreamOptions) -> Stream:
    if host or len(path) < 2 or path.endswith("/"):
        raise _misconfigured("has no file path after sqlite:///")
    from shared.stream.sqlite import SqliteStream

    return SqliteStream(
        unquote(path[1:]),
        partitions=options.get("partitions", 4),
        produce_deadline_s=wanted.produce_deadline_s,
        read_only=wanted.read_only,
    )


def _open_kafka(hosts: str, path: str, options: Mapping[str, int], wanted: StreamOptions) -> Stream:
    if path not in ("", "/"):
        raise _misconfigured(f"has a path after the brokers: {path!r}")
    for host in hosts.split(","):
        name, _, port = host.rpartition(":")
        if not name or "@" in name or not port.isdecimal() or not 0 < int(port) < 65536:
            raise _misconfigured("has a broker that is not host:port")
    replication = options.get("replication", 1)
    min_insync_replicas = options.get("min_insync_replicas")
    if min_insync_replicas is not None and min_insync_replicas > replication:
        raise _misconfigured(f"asks for min_insync_replicas={min_insync_replicas} above replication={replication}")
    from shared.stream.kafka import KafkaConfig, KafkaStream

    config = KafkaConfig(
        bootstrap=hosts,
        client_id=wanted.client_id,
        partitions=options.get("partitions", 8),
        replication=replication,
        min_insync_replicas=min_insync_replicas,
        retention_ms=options.get("retention_hours", 7 * 24) * 3_600_000,
        produce_deadline_s=wanted.produce_deadline_s,
        max_message_bytes=wanted.max_message_bytes,
        session_timeout_s=wanted.session_timeout_s,
        rebalance_timeout_s=wanted.rebalance_timeout_s,
        group_instance_id=wanted.consumer_instance_id or None,
        read_only=wanted.read_only,
    )
    return KafkaStream(config)


def _numbers(options: list[tuple[str, str]], allowed: Mapping[str, int]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name, text in options:
        if name not in allowed:
            raise _misconfigured(f"has the unknown option {name!r}")
        if name in numbers:
            raise _misconfigured(f"has the option {name} twice")
        if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= allowed[name]:
            raise _misconfigured(f"has {name}={text!r}, which is not a whole number from 1 to {allowed[name]}")
        numbers[name] = int(text)
    return numbers


def _misconfigured(problem: str) -> Misconfigured:
    return Misconfigured(f"SLUICE_STREAM {problem}; it must be {FORMS}")
