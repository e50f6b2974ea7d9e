"""The stream that `SLUICE_STREAM` names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from shared import tls
from shared.errors import Misconfigured
from shared.ids import MAX_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shared.stream.base import Stream

FORMS: Final = (
    "sqlite:///relative/file.db, sqlite:////absolute/file.db (option: partitions)"
    " or kafka://user:password@host:port,host:port (options: partitions, replication, min_insync_replicas,"
    " retention_hours, security, sasl_mechanism, ca_file, cert_file, key_file)"
)

_SQLITE_OPTIONS: Final = {"partitions": MAX_PARTITIONS}
_KAFKA_OPTIONS: Final = {
    "partitions": MAX_PARTITIONS,
    "replication": 32,
    "min_insync_replicas": 32,
    "retention_hours": 24 * 365 * 10,
}
"""Options of a URL and the biggest value of each; all are whole numbers from 1."""

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Kafka's `security.protocol`."""

_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""Kafka's `sasl.mechanism`, those by user and password."""

_SECURITY_OPTIONS: Final = ("security", "sasl_mechanism", *tls.OPTIONS)


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

    Raises Misconfigured for a URL of another form, and for TLS files that can't be used.
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
        return _open_kafka(parts.netloc, parts.path, options, stream_options)
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


def _open_kafka(place: str, path: str, given: list[tuple[str, str]], wanted: StreamOptions) -> Stream:
    credentials, _, hosts = place.rpartition("@")
    options = _numbers([option for option in given if option[0] not in _SECURITY_OPTIONS], _KAFKA_OPTIONS)
    if path not in ("", "/"):
        raise _misconfigured(f"has a path after the brokers: {path!r}")
    for host in hosts.split(","):
        name, _, port = host.rpartition(":")
        if not name or not port.isdecimal() or not 0 < int(port) < 65536:
            raise _misconfigured("has a broker that is not host:port")
    replication = options.get("replication", 1)
    min_insync_replicas = options.get("min_insync_replicas")
    if min_insync_replicas is not None and min_insync_replicas > replication:
        raise _misconfigured(f"asks for min_insync_replicas={min_insync_replicas} above replication={replication}")
    from shared.stream.kafka import KafkaConfig, KafkaStream

    config = KafkaConfig(
        bootstrap=hosts,
        client_id=wanted.client_id,
        **_security(credentials, [option for option in given if option[0] in _SECURITY_OPTIONS]),
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


def _security(credentials: str, given: list[tuple[str, str]]) -> dict[str, Any]:
    """The fields of a `KafkaConfig` about who we are to the brokers and they to us."""
    options = dict(given)
    if len(options) < len(given):
        raise _misconfigured("has an option of its security twice")
    protocol = options.get("security", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise _misconfigured(f"has security={protocol!r}, which is none of {', '.join(_PROTOCOLS)}")
    fields: dict[str, Any] = {"security_protocol": protocol}
    files = tls.TlsFiles.of(options, "SLUICE_STREAM")
    if protocol.endswith("SSL"):
        fields["ssl_context"] = files.context("SLUICE_STREAM")
    elif files != tls.TlsFiles():
        raise _misconfigured(f"names files for TLS, which security={protocol} does not have")
    user, _, password = credentials.partition(":")
    mechanism = options.get("sasl_mechanism", "").upper()
    if not protocol.startswith("SASL_"):
        if user or mechanism:
            raise _misconfigured(f"has a user or a sasl_mechanism, which security={protocol} does not take")
        return fields
    if mechanism not in _MECHANISMS:
        raise _misconfigured(f"needs sasl_mechanism, one of {', '.join(_MECHANISMS)}, for security={protocol}")
    if not user or not password:
        raise _misconfigured(f"needs a user and a password (SLUICE_STREAM_PASSWORD) for security={protocol}")
    return fields | {"sasl_mechanism": mechanism, "user": unquote(user), "password": unquote(password)}


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
