"""The manifests under deploy/kustomize keep the rules of an API server, of the program, and of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deploy.container_rules import programs_take_their_settings
from tests.deploy.objects import edited
from tests.deploy.pod_rules import (
    names_are_known,
    pods_are_confined,
    roles_are_probed,
    selectors_find_pods,
    stops_end_before_the_kill,
)
from tests.deploy.routing import ingress_follows_the_routes
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
        (names_are_known, "Deployment/sluice-query", f"{CONTAINER} envFrom 0 configMapRef name", "sluice-setting"),
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
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0", None),
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0 path", "/log-requests"),
        (ingress_follows_the_routes, "Ingress/sluice", "spec rules 0 http paths 0 path", "/v5/logs"),
    ],
)
def test_the_rule_can_fail(dev: Objects, rule: Rule, item: str, path: str, value: object) -> None:
    assert rule(edited(dev, item, path, value)) != []
