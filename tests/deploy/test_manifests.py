"""The manifests under deploy/kustomize keep the rules of an API server, of the program, and of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deploy.availability_rules import only_what_is_needed_may_talk, roles_outlive_a_node
from tests.deploy.container_rules import programs_take_their_settings
from tests.deploy.metrics import queries_ask_for_what_is_exported
from tests.deploy.objects import edited
from tests.deploy.pod_rules import (
    names_are_known,
    pods_are_confined,
    roles_are_probed,
    selectors_find_pods,
    stops_end_before_the_kill,
)
from tests.deploy.routing import ingress_follows_the_routes
from tests.deploy.stream_rules import scaling_fits, topics_are_what_the_program_needs, users_have_their_rights
from tests.deploy.validity import objects_are_valid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deploy.objects import Objects

    Rule = Callable[[Objects], list[str]]

RULES = (
    objects_are_valid,
    pods_are_confined,
    roles_are_probed,
    stops_end_before_the_kill,
    names_are_known,
    selectors_find_pods,
    programs_take_their_settings,
    ingress_follows_the_routes,
    roles_outlive_a_node,
    only_what_is_needed_may_talk,
    queries_ask_for_what_is_exported,
    topics_are_what_the_program_needs,
    users_have_their_rights,
    scaling_fits,
)

POD = "spec template spec"
CONTAINER = f"{POD} containers 0"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_an_overlay_keeps_the_rule(objects: Objects, rule: Rule) -> None:
    assert rule(objects) == []


@pytest.mark.parametrize(
    ("rule", "item", "path", "value"),
    [
        (objects_are_valid, "Deployment/sluice-gateway", f"{POD} terminationGracePeriod", 90),
        (objects_are_valid, "Deployment/sluice-gateway", f"{CONTAINER} livenessProbe periodSeconds", "10"),
        (objects_are_valid, "NetworkPolicy/sluice-clients", "spec podSelector matchLables", {}),
        (objects_are_valid, "StatefulSet/sluice-writer", "apiVersion", "apps/v2"),
        (pods_are_confined, "Deployment/sluice-query", f"{POD} securityContext runAsNonRoot", None),
        (pods_are_confined, "StatefulSet/sluice-kafka", f"{CONTAINER} securityContext capabilities", None),
        (pods_are_confined, "Job/sluice-migrate", f"{CONTAINER} securityContext readOnlyRootFilesystem", None),
        (pods_are_confined, "Deployment/sluice-gateway", f"{CONTAINER} image", "sluice:latest"),
        (roles_are_probed, "StatefulSet/sluice-writer", f"{CONTAINER} startupProbe", None),
        (roles_are_probed, "Deployment/sluice-query", f"{CONTAINER} livenessProbe httpGet path", "/readyz"),
        (stops_end_before_the_kill, "Deployment/sluice-gateway", f"{POD} terminationGracePeriodSeconds", 90),
        (stops_end_before_the_kill, "Deployment/sluice-gateway", f"{CONTAINER} lifecycle", None),
        (names_are_known, "StatefulSet/sluice-writer", "spec serviceName", "sluice-writers"),
        (names_are_known, "Deployment/sluice-query", f"{POD} volumes 0 projected sources 0 secret name", "sluice-key"),
        (names_are_known, "HorizontalPodAutoscaler/sluice-query", "spec scaleTargetRef name", "query"),
        (names_are_known, "Ingress/sluice", "spec rules 0 http paths 0 backend service name", "gateway"),
        (selectors_find_pods, "Service/sluice-query", "spec selector", {"app.kubernetes.io/name": "query"}),
        (selectors_find_pods, "Service/sluice-query", "spec ports 0 targetPort", "https"),
        (selectors_find_pods, "PodDisruptionBudget/sluice-writer", "spec selector matchLabels name", "writer"),
        (programs_take_their_settings, "Deployment/sluice-gateway", f"{CONTAINER} args 0", "gatway"),
        (programs_take_their_settings, "Job/sluice-migrate", f"{CONTAINER} args", ["migrate", "up", "--dry"]),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_DRAIN_DELAYS", "5"),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_DRAIN_DELAY_S", "20"),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_STREAM", "kafka://k:9092?part=4"),
        (roles_outlive_a_node, "HorizontalPodAutoscaler/sluice-query", "spec minReplicas", 1),
        (roles_outlive_a_node, "StatefulSet/sluice-writer", "spec replicas", 1),
        (roles_outlive_a_node, "Deployment/sluice-gateway", f"{POD} topologySpreadConstraints 1", None),
        (roles_outlive_a_node, "PodDisruptionBudget/sluice-query", "spec selector matchLabels name", "query"),
        (only_what_is_needed_may_talk, "NetworkPolicy/sluice-default-deny", "spec policyTypes", ["Ingress"]),
        (only_what_is_needed_may_talk, "NetworkPolicy/sluice-default-deny", "spec egress", [{}]),
        (only_what_is_needed_may_talk, "NetworkPolicy/sluice-to-stream-and-store", "spec egress 0 ports 0 port", 9093),
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0", None),
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0 path", "/log-requests"),
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0 path", "/v5/logs"),
    ],
)
def test_the_rule_can_fail(dev: Objects, rule: Rule, item: str, path: str, value: object) -> None:
    assert rule(edited(dev, item, path, value)) != []


@pytest.mark.parametrize(
    ("rule", "item", "path", "value"),
    [
        (objects_are_valid, "Kafka/sluice", "spec kafka listener", []),
        (objects_are_valid, "Kafka/sluice", "spec kafka listeners 0 authentication type", "scram-sha-1"),
        (objects_are_valid, "KafkaNodePool/broker", "spec storage volumes 0 kraftMetadata", "yes"),
        (objects_are_valid, "KafkaTopic/sluice.logs", "spec partition", 12),
        (objects_are_valid, "KafkaUser/sluice", "spec authorization acls 0 resource patternType", "prefixed"),
        (objects_are_valid, "ClickHouseInstallation/sluice", "spec configuration clusters 0 layout replicas", 3),
        (objects_are_valid, "ClickHouseInstallation/sluice", "spec templates podTemplates 0 spec container", []),
        (objects_are_valid, "ClickHouseKeeperInstallation/sluice", "spec templates podTemplate", []),
        (objects_are_valid, "ScaledObject/sluice-writer", "spec maxReplicas", 12),
        (objects_are_valid, "ScaledObject/sluice-writer", "spec triggers 0 metadata lagTreshold", "1"),
        (objects_are_valid, "TriggerAuthentication/sluice-stream", "spec secretTargetRef 0 keys", "password"),
        (objects_are_valid, "ServiceMonitor/sluice", "spec endpoints 0 intervals", "15s"),
        (objects_are_valid, "PrometheusRule/sluice", "spec groups 0 rules 0 expression", "up"),
        (
            pods_are_confined,
            "ClickHouseInstallation/sluice",
            "spec templates podTemplates 0 spec securityContext runAsNonRoot",
            None,
        ),
        (names_are_known, "TriggerAuthentication/sluice-stream", "spec secretTargetRef 0 key", "pass"),
        (names_are_known, "ScaledObject/sluice-writer", "spec scaleTargetRef kind", "Deployment"),
        (names_are_known, "ClickHouseInstallation/sluice", "spec configuration zookeeper nodes 0 host", "keeper"),
        (names_are_known, "Ingress/sluice", "spec tls 0 secretName", "tls"),
        (selectors_find_pods, "NetworkPolicy/keeper", "spec podSelector matchLabels app", "keeper"),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_API_KEY_FILE", "/etc/sluice/api-keys"),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_API_KEYS_FILE", "/etc/sluice/keys"),
        (programs_take_their_settings, "ConfigMap/sluice-settings", "data SLUICE_STORE_PASSWORD", "twice"),
        (
            programs_take_their_settings,
            "ConfigMap/sluice-settings",
            "data SLUICE_STREAM",
            "kafka://sluice@k:9093?security=SASL_SSL&sasl_mechanism=SCRAM-SHA-512&ca_file=/etc/sluice/ca.crt",
        ),
        (queries_ask_for_what_is_exported, "PrometheusRule/sluice", "spec groups 0 rules 0 expr", "sluice_logs > 1"),
        (
            queries_ask_for_what_is_exported,
            "HorizontalPodAutoscaler/sluice-gateway",
            "spec metrics 1 pods metric name",
            "sluice_http_inflight_bytes",
        ),
        (topics_are_what_the_program_needs, "KafkaTopic/sluice.registry", "spec config retention.ms", 604800000),
        (topics_are_what_the_program_needs, "KafkaTopic/sluice.dead-letters", "metadata name", "sluice.dead"),
        (topics_are_what_the_program_needs, "KafkaTopic/sluice.logs", "spec partitions", 6),
        (users_have_their_rights, "KafkaUser/sluice", "spec authorization acls 0 operations", ["Read", "Write"]),
        (users_have_their_rights, "KafkaUser/sluice", "spec authorization acls 1 resource name", "slice"),
        (scaling_fits, "ScaledObject/sluice-writer", "spec maxReplicaCount", 24),
        (scaling_fits, "ScaledObject/sluice-writer", "spec triggers 0 metadata consumerGroup", "sluice-writer"),
        (scaling_fits, "ScaledObject/sluice-writer", "spec triggers 0 metadata bootstrapServers", "kafka:9093"),
        (scaling_fits, "StatefulSet/sluice-writer", "spec replicas", 2),
        (scaling_fits, "ConfigMap/sluice-settings", "data SLUICE_MAX_INFLIGHT_BYTES", "32MiB"),
    ],
)
def test_the_rule_can_fail_in_production(production: Objects, rule: Rule, item: str, path: str, value: object) -> None:
    assert rule(edited(production, item, path, value)) != []
