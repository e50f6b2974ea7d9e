"""What a Kafka stream is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

PLAINTEXT: Final = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Where the brokers are, how topics are made where they are missing, and how long to wait for what."""

    bootstrap: str
    """`host:port,host:port`."""

    client_id: str = "sluice"
    """What the brokers log this process under."""

    security_protocol: str = PLAINTEXT
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as Kafka names what a listener asks for."""

    ssl_context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)
    """For the protocols with SSL."""

    sasl_mechanism: str | None = None
    """For the protocols with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)

    prefix: str = ""
    """Put before the names of topics and groups, so that installations can share a cluster."""

    partitions: int = 8
    """Of the logs and dead-letters topics, where they are made."""

    replication: int = 1
    """Of every topic that is made."""

    min_insync_replicas: int | None = None
    """Of every topic that is made; None: 2 with a replication of 3 and more, else 1."""

    retention_ms: int = 7 * 24 * 3_600_000
    """Of the logs topic, where it is made. The other topics are kept for ever."""

    produce_deadline_s: float = 10
    """How long an append, a commit or a look at offsets may take."""

    max_batch_bytes: int = 1 << 20
    """Appends that wait for the same partition are sent together up to this size."""

    max_message_bytes: int = 32 << 20
    """The biggest append; `max.message.bytes` of topics that are made."""

    session_timeout_s: float = 30
    """A group member that was not heard of for this long loses its partitions."""

    rebalance_timeout_s: float = 90
    """How long a member may take to give partitions up; longer than the slowest insert."""

    max_poll_interval_s: float = 600
    """A member that does not call `fetch` for this long leaves the group."""

    group_instance_id: str | None = None
    """Static membership: a restart within the session timeout keeps the partitions. Unique among living members."""

    read_only: bool = False
    """Make no topics and take no appends."""

    def connection(self) -> dict[str, Any]:
        """What every client of aiokafka is told of the brokers."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context,
        }
        if self.sasl_mechanism is not None:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return arguments

    @property
    def effective_min_insync_replicas(self) -> int:
        """`min_insync_replicas`, or its default."""
        if self.min_insync_replicas is not None:
            return self.min_insync_replicas
        return 2 if self.replication >= 3 else 1

    def name(self, topic_or_group: str) -> str:
        """The name that the brokers know it by."""
        return self.prefix + topic_or_group
