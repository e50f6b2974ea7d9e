"""Topics at boot: make the missing ones, refuse those that can't serve."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.errors import Misconfigured
from shared.ids import MAX_PARTITIONS
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, REGISTRY_TOPIC, TopicInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shared.stream.kafka.config import KafkaConfig

log = logging.getLogger(__name__)

_STAMPED: Final = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"}
_KEPT: Final = _STAMPED | {"retention.ms": "-1", "retention.bytes": "-1"}

REQUIRED: Final[Mapping[str, Mapping[str, str]]] = {
    LOGS_TOPIC: _STAMPED,
    REGISTRY_TOPIC: _KEPT,
    DEAD_LETTERS_TOPIC: _KEPT,
}
"""Settings without which a topic can't serve: ids come from the broker's time, registry and dead letters are kept."""

_POLL_S: Final = 0.1
"""How often the metadata of a new topic is asked for until every partition has a leader."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as found: what everybody may know of it, and the biggest batch that its brokers take."""

    info: TopicInfo
    max_message_bytes: int


async def prepare(config: KafkaConfig, admin: AIOKafkaAdminClient) -> dict[str, Topic]:
    """Make and check the topics. Raises Misconfigured; waits without bound until every partition has a leader."""
    names = {config.name(topic): topic for topic in REQUIRED}
    missing = names.keys() - set(await admin.list_topics())
    if missing and config.read_only:
        raise Misconfigured(
            f"Kafka at {config.bootstrap} has no topic {', '.join(sorted(missing))}: the first start of a role makes it"
        )
    if missing:
        await _create(config, admin, [names[name] for name in missing])
    replicas = await _replicas(admin, names)
    settings = await _settings(admin, names)
    found = {
        topic: Topic(
            TopicInfo(
                name=name,
                partitions=len(replicas[name]),
                replication_factor=min(replicas[name]),
                min_insync_replicas=int(settings[name]["min.insync.replicas"]),
                retention_ms=_bound(settings[name]["retention.ms"]),
                retention_bytes=_bound(settings[name]["retention.bytes"]),
            ),
            max_message_bytes=int(settings[name]["max.message.bytes"]),
        )
        for name, topic in names.items()
    }
    for name, topic in names.items():
        _check_settings(config, name, REQUIRED[topic], settings[name])
        _check_safety(found[topic].info)
    _check_partitions(config, {topic: entry.info for topic, entry in found.items()})
    return found


async def _create(config: KafkaConfig, admin: AIOKafkaAdminClient, topics: Collection[str]) -> None:
    new_topics = []
    for topic in topics:
        settings = {
            **REQUIRED[topic],
            "min.insync.replicas": str(config.effective_min_insync_replicas),
            "max.message.bytes": str(config.max_message_bytes),
        }
        if topic == LOGS_TOPIC:
            settings["retention.ms"] = str(config.retention_ms)
        partitions = 1 if topic == REGISTRY_TOPIC else config.partitions
        new_topics.append(NewTopic(config.name(topic), partitions, config.replication, topic_configs=settings))
    response = await admin.create_topics(new_topics)
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        # Several processes start side by side: whoever comes second checks what the first one made.
        if error not in (NoError, TopicAlreadyExistsError):
            raise error(f"topic {name}: {' '.join(str(part) for part in reason)}")
        log.info("kafka: topic %s %s", name, "made" if error is NoError else "was made by another process")


async def _replicas(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, list[int]]:
    """The number of replicas of each partition, once every partition has a leader."""
    while True:
        described: list[dict[str, Any]] = await admin.describe_topics(list(names))
        ready = {
            entry["topic"]: [len(partition["replicas"]) for partition in entry["partitions"]]
            for entry in described
            if entry["partitions"] and all(partition["leader"] >= 0 for partition in entry["partitions"])
        }
        if ready.keys() >= set(names):
            return ready
        await asyncio.sleep(_POLL_S)


async def _settings(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    settings: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for code, reason, _, name, entries, *_ in response.resources:
            error = for_code(code)
            if error is not NoError:
                raise error(f"settings of topic {name}: {reason}")
            settings[name] = {entry[0]: entry[1] for entry in entries}
    return settings


def _bound(setting: str) -> int | None:
    """A retention setting, where -1 stands for none."""
    return int(setting) if int(setting) >= 0 else None


def _check_settings(config: KafkaConfig, name: str, required: Mapping[str, str], found: Mapping[str, str]) -> None:
    wrong = {setting: value for setting, value in required.items() if found.get(setting) != value}
    if not wrong:
        return
    is_now = ", ".join(f"{setting}={found.get(setting)}" for setting in wrong)
    change = ",".join(f"{setting}={value}" for setting, value in wrong.items())
    raise Misconfigured(
        f"Kafka topic {name} can't serve with {is_now}. Change it with: kafka-configs.sh --bootstrap-server"
        f" {config.bootstrap} --alter --entity-type topics --entity-name {name} --add-config {change}"
    )


def _check_safety(info: TopicInfo) -> None:
    if info.replication_factor >= 3 and info.min_insync_replicas < 2:
        log.warning(
            "kafka: topic %s has %d replicas but min.insync.replicas=%d: an acknowledged record may be on one broker",
            info.name,
            info.replication_factor,
            info.min_insync_replicas,
        )


def _check_partitions(config: KafkaConfig, found: Mapping[str, TopicInfo]) -> None:
    logs, registry, dead_letters = found[LOGS_TOPIC], found[REGISTRY_TOPIC], found[DEAD_LETTERS_TOPIC]
    if logs.partitions > MAX_PARTITIONS:
        raise Misconfigured(
            f"Kafka topic {logs.name} has {logs.partitions} partitions; a log id has room for {MAX_PARTITIONS}"
        )
    if registry.partitions != 1:
        raise Misconfigured(
            f"Kafka topic {registry.name} has {registry.partitions} partitions; its order matters, so it must have 1"
        )
    if dead_letters.partitions < logs.partitions:
        raise Misconfigured(
            f"Kafka topic {dead_letters.name} has {dead_letters.partitions} partitions, {logs.name} has"
            f" {logs.partitions}. Change it with: kafka-topics.sh --bootstrap-server {config.bootstrap} --alter"
            f" --topic {dead_letters.name} --partitions {logs.partitions}"
        )
