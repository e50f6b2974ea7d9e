"""`SLUICE_STREAM`: which URLs name which stream, and what is said about the others."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.stream.factory import StreamOptions, open_stream
from shared.stream.kafka import KafkaConfig, KafkaStream
from shared.stream.sqlite import SqliteStream


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///./data/stream.db", "data/stream.db"),
        ("sqlite:///data/stream.db", "data/stream.db"),
        ("sqlite:////var/lib/sluice/stream.db", "/var/lib/sluice/stream.db"),
        ("sqlite:////var/my%20logs/stream.db?partitions=16", "/var/my logs/stream.db"),
    ],
)
def test_sqlite_urls(url: str, path: str) -> None:
    stream = open_stream(url, StreamOptions("sluice-test"))
    assert isinstance(stream, SqliteStream)
    assert stream.path == Path(path)


@pytest.mark.parametrize(
    ("url", "config"),
    [
        ("kafka://broker:9092", KafkaConfig("broker:9092", "sluice-test", produce_deadline_s=3)),
        (
            "kafka://one:9092,two:9093/?partitions=32&replication=3&retention_hours=24",
            KafkaConfig(
                "one:9092,two:9093",
                "sluice-test",
                partitions=32,
                replication=3,
                retention_ms=86_400_000,
                produce_deadline_s=3,
            ),
        ),
    ],
)
def test_kafka_urls(url: str, config: KafkaConfig) -> None:
    stream = open_stream(url, StreamOptions("sluice-test", produce_deadline_s=3))
    assert isinstance(stream, KafkaStream)
    assert stream.config == config


def test_kafka_takes_over_how_long_the_group_waits() -> None:
    options = StreamOptions("sluice-test", session_timeout_s=7, rebalance_timeout_s=70)
    stream = open_stream("kafka://broker:9092", options)
    assert isinstance(stream, KafkaStream)
    assert (stream.config.session_timeout_s, stream.config.rebalance_timeout_s) == (7, 70)


@pytest.mark.parametrize(("replication", "expected"), [(1, 1), (2, 1), (3, 2), (5, 2)])
def test_three_replicas_are_asked_to_confirm_twice(replication: int, expected: int) -> None:
    stream = open_stream(f"kafka://broker:9092?replication={replication}", StreamOptions("sluice-test"))
    assert isinstance(stream, KafkaStream)
    assert stream.config.effective_min_insync_replicas == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "scheme"),
        ("data/stream.db", "scheme"),
        ("redis://host:6379", "scheme 'redis'"),
        ("sqlite://", "no file path"),
        ("sqlite:///", "no file path"),
        ("sqlite:///data/", "no file path"),
        ("sqlite://data/stream.db", "no file path"),
        ("sqlite:///s.db?replication=3", "unknown option 'replication'"),
        ("sqlite:///s.db?partitions=0", "partitions='0'"),
        ("sqlite:///s.db?partitions=257", "from 1 to 256"),
        ("sqlite:///s.db?partitions=four", "partitions='four'"),
        ("sqlite:///s.db?partitions=", "partitions=''"),
        ("sqlite:///s.db?partitions=4&partitions=8", "twice"),
        ("sqlite:///s.db#part", "after #"),
        ("sqlite:///s.db?partitions", "can't be read"),
        ("kafka://", "host:port"),
        ("kafka://broker", "host:port"),
        ("kafka://broker:9092,", "host:port"),
        ("kafka://broker:99999", "host:port"),
        ("kafka://user:secret@broker:9092", "a user or a sasl_mechanism, which security=PLAINTEXT does not take"),
        ("kafka://broker:9092?sasl_mechanism=PLAIN", "which security=PLAINTEXT does not take"),
        ("kafka://broker:9092?security=TLS", "security='TLS', which is none of PLAINTEXT, SSL, SASL_PLAINTEXT"),
        ("kafka://broker:9092?security=SSL&security=SSL", "twice"),
        ("kafka://broker:9092?ca_file=/ca.pem", "files for TLS, which security=PLAINTEXT does not have"),
        ("kafka://user:secret@broker:9092?security=SASL_SSL", "needs sasl_mechanism, one of PLAIN, SCRAM-SHA-256"),
        ("kafka://user:secret@broker:9092?security=SASL_SSL&sasl_mechanism=GSSAPI", "needs sasl_mechanism"),
        ("kafka://user@broker:9092?security=SASL_PLAINTEXT&sasl_mechanism=PLAIN", "a user and a password"),
        ("kafka://:secret@broker:9092?security=SASL_PLAINTEXT&sasl_mechanism=PLAIN", "a user and a password"),
        ("kafka://broker:9092?security=SASL_PLAINTEXT&sasl_mechanism=PLAIN", "a user and a password"),
        ("kafka://a@user:secret@broker:9092?security=SSL", "does not take"),
        ("kafka://broker:9092/topic", "path after the brokers"),
        ("kafka://broker:9092?acks=1", "unknown option 'acks'"),
        ("kafka://broker:9092?replication=2&min_insync_replicas=3", "above replication=2"),
    ],
)
def test_other_urls_are_refused(url: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        open_stream(url, StreamOptions("sluice-test"))
    assert problem in str(refused.value)
    assert "SLUICE_STREAM" in str(refused.value)
    assert "sqlite:///" in str(refused.value)
    assert "kafka://" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_user_of_kafka_is_not_shown() -> None:
    url = "kafka://me:s%40cret@broker:9092?security=sasl_plaintext&sasl_mechanism=scram-sha-256"
    stream = open_stream(url, StreamOptions("sluice-test"))
    assert isinstance(stream, KafkaStream)
    connection = stream.config.connection()
    assert connection["security_protocol"] == "SASL_PLAINTEXT"
    assert connection["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (connection["sasl_plain_username"], connection["sasl_plain_password"]) == ("me", "s@cret")
    assert "cret" not in repr(stream.config)


def test_tls_without_files_trusts_whom_the_system_trusts() -> None:
    stream = open_stream("kafka://broker:9092?security=SSL", StreamOptions("sluice-test"))
    assert isinstance(stream, KafkaStream)
    context = stream.config.ssl_context
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("ca_file=/no/ca.pem", "ca_file /no/ca.pem can't be read: No such file or directory"),
        ("ca_file=/etc/hosts", "ca_file /etc/hosts has no certificates in PEM"),
        ("cert_file=/etc/hosts", "needs cert_file and key_file together"),
        ("cert_file=/etc/hosts&key_file=/no/key.pem", "key_file /no/key.pem can't be read"),
        ("cert_file=/etc/hosts&key_file=/etc/hosts", "no PEM certificate and its private key"),
    ],
)
def test_files_that_can_not_be_used_are_named(option: str, problem: str) -> None:
    with pytest.raises(Misconfigured, match="SLUICE_STREAM") as refused:
        open_stream(f"kafka://broker:9092?security=SSL&{option}", StreamOptions("sluice-test"))
    assert problem in str(refused.value)


def test_kafka_is_not_imported_for_a_file() -> None:
    code = (
        "import sys; from shared.stream.factory import StreamOptions as O, open_stream;"
        " open_stream('sqlite:///s.db', O('t'));"
        " sys.exit('aiokafka' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
