"""Rules of what production has beside the roles: topics, rights and scaling fit the program and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ByteSize, TypeAdapter

from shared.settings import Settings
from shared.stream.base import LOGS_TOPIC, REGISTRY_TOPIC, WRITER_GROUP
from shared.stream.kafka.topics import REQUIRED
from tests.deploy.objects import Object, Objects, find, of_kind, title
from tests.deploy.pod_rules import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def topics_are_what_the_program_needs(objects: Objects) -> list[str]:
    """Every topic is there, with the settings, the partitions and the size of records that roles check at the start."""
    topics = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "KafkaTopic")}
    if not topics:
        return []  # the program makes them, or whoever runs the Kafka
    options = stream_options(objects)
    complaints = [f"there is no topic {name}" for name in REQUIRED.keys() - topics.keys()]
    for name, spec in topics.items():
        wanted: dict[str, Any] = {
            **REQUIRED.get(name, {}),
            "max.message.bytes": Settings.model_fields["max_message_bytes"].default,
            "min.insync.replicas": 2,
        }
        for key, value in wanted.items():
            if str(spec["config"].get(key)) != str(int(value) if isinstance(value, ByteSize) else value):
                complaints.append(f"{name} has {key} {spec['config'].get(key)}, and needs {value}")
        partitions = 1 if name == REGISTRY_TOPIC else int(options["partitions"])
        if (spec["partitions"], spec["replicas"]) != (partitions, int(options["replication"])):
            complaints.append(f"{name} has other partitions or replicas than SLUICE_STREAM")
    return complaints


def stream_options(objects: Objects) -> dict[str, str]:
    """The options of SLUICE_STREAM."""
    options = parse_qs(urlsplit(settings_of(objects)["SLUICE_STREAM"]).query)
    return {name: values[0] for name, values in options.items()}


def users_have_their_rights(objects: Objects) -> list[str]:
    """The user of SLUICE_STREAM may do what the program does with its topics and its group."""
    needed = {("topic", name): {"Describe", "DescribeConfigs", "Read", "Write"} for name in REQUIRED}
    needed[("group", WRITER_GROUP)] = {"Describe", "Read"}
    complaints = []
    for user in of_kind(objects, "KafkaUser"):
        if user["metadata"]["name"] != urlsplit(settings_of(objects)["SLUICE_STREAM"]).username:
            complaints.append(f"{title(user)} is not the user of SLUICE_STREAM")
        for (kind, name), operations in needed.items():
            missing = operations - set(_allowed(user, kind, name))
            complaints += [f"{title(user)} may not {operation} {kind} {name}" for operation in sorted(missing)]
    return complaints


def _allowed(user: Object, kind: str, name: str) -> Iterator[str]:
    for rule in user["spec"]["authorization"]["acls"]:
        resource = rule["resource"]
        matches = name.startswith(resource["name"]) if resource["patternType"] == "prefix" else name == resource["name"]
        if resource["type"] == kind and matches:
            yield from rule["operations"]


def scaling_fits(objects: Objects) -> list[str]:
    """Writers are scaled by the program's own topic and group up to its partitions, gateways before they refuse."""
    complaints = []
    place = urlsplit(settings_of(objects)["SLUICE_STREAM"]).netloc.rpartition("@")[2]
    for scaler in of_kind(objects, "ScaledObject"):
        (trigger,) = (trigger["metadata"] for trigger in scaler["spec"]["triggers"])
        held = {
            "the topic": trigger["topic"] == LOGS_TOPIC,
            "the group": trigger["consumerGroup"] == WRITER_GROUP,
            "the brokers of SLUICE_STREAM": trigger["bootstrapServers"] == place,
            "a name of the brokers that works in other namespaces": "." in place.partition(":")[0],
            "at most a writer for each partition": scaler["spec"]["maxReplicaCount"]
            == int(stream_options(objects)["partitions"]),
            "no fixed number of replicas": "replicas" not in find(objects, "StatefulSet/sluice-writer")["spec"],
        }
        complaints += [f"{title(scaler)} lacks {what}" for what, holds in held.items() if not holds]
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        if "replicas" in find(objects, f"Deployment/{scaler['spec']['scaleTargetRef']['name']}")["spec"]:
            complaints.append(f"{title(scaler)}: its Deployment has a fixed number of replicas")
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] == "Pods" and not _bytes(metric["pods"]["target"]["averageValue"]) < _bytes(
                settings_of(objects)["SLUICE_MAX_INFLIGHT_BYTES"]
            ):
                complaints.append(f"{title(scaler)} scales when requests are refused already")
    return complaints


def _bytes(text: str) -> int:
    return TypeAdapter(ByteSize).validate_python(text if text.endswith("B") else f"{text}B")
