"""Rules of what happens around pods: nodes that go, and who may talk to whom."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.deploy.objects import Objects, is_ours, of_kind, pods
from tests.deploy.pod_rules import selector_of, selects, settings_of

SPREAD: set[str] = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def roles_outlive_a_node(objects: Objects) -> list[str]:
    """Every role is spread over zones and nodes, has more than one pod, and is drained pod by pod."""
    complaints = []
    scaled = {
        item["spec"]["scaleTargetRef"]["name"]: item["spec"].get("minReplicas", item["spec"].get("minReplicaCount", 0))
        for item in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")
    }
    fixed = {item["metadata"]["name"]: item["spec"].get("replicas", 0) for item in of_kind(objects, "StatefulSet")}
    budgets = [selector_of(item) or {} for item in of_kind(objects, "PodDisruptionBudget")]
    for owner, labels, spec in pods(objects):
        if not is_ours(labels) or owner.startswith("Job/"):
            continue
        name = owner.partition("/")[2]
        spread = spec.get("topologySpreadConstraints", [])
        if {each["topologyKey"] for each in spread if selects(each["labelSelector"], labels)} != SPREAD:
            complaints.append(f"{owner} is not spread over zones and nodes")
        if max(scaled.get(name, 0), fixed.get(name, 0)) < 2:
            complaints.append(f"{owner} may have a single pod")
        if not any(selects(selector, labels) for selector in budgets):
            complaints.append(f"{owner} has no PodDisruptionBudget")
    return complaints


def only_what_is_needed_may_talk(objects: Objects) -> list[str]:
    """By default nobody talks to a pod, nor it to others; every pod of ours may talk to the stream and to the store."""
    policies = of_kind(objects, "NetworkPolicy")
    settings = settings_of(objects)
    stream = urlsplit(settings["SLUICE_STREAM"]).netloc.rpartition(":")[2]
    needed = {int(stream), urlsplit(settings["SLUICE_STORE"]).port, 53}
    complaints = []
    for owner, labels, _ in pods(objects):
        chosen = [item["spec"] for item in policies if selects(item["spec"]["podSelector"], labels)]
        denying = [spec for spec in chosen if len(spec["policyTypes"]) == 2 and not {"ingress", "egress"} & spec.keys()]
        if not denying:
            complaints.append(f"{owner} may be talked to by anybody")
        rules = [rule for spec in chosen for rule in spec.get("egress", []) if "to" in rule]
        open_ports = {port["port"] for rule in rules for port in rule.get("ports", [])}
        if is_ours(labels) and needed - open_ports:
            complaints.append(f"{owner} can't talk to port {sorted(map(str, needed - open_ports))}")
    return complaints
