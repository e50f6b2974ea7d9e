"""The stream on Apache Kafka, for production."""

from __future__ import annotations

from shared.stream.kafka.config import KafkaConfig
from shared.stream.kafka.stream import KafkaStream

__all__ = ["KafkaConfig", "KafkaStream"]
