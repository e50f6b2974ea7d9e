"""Rules of pods: what they may do, how they stop, and that whatever objects name exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.deploy.objects import (
    OPERATED,
    WORKLOADS,
    Object,
    Objects,
    find,
    is_ours,
    of_kind,
    operated_pods,
    pods,
    title,
)
from tests.deploy.secrets import secret_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBED: Final = {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}


def pods_are_confined(objects: Objects) -> list[str]:
    """No pod runs as root, gains privileges or has a token; Sluice's can't write to their image either."""
    return [
        f"{owner} lacks {what}"
        for owner, labels, spec in (*pods(objects), *operated_pods(objects))
        for what, holds in [
            *_confinement(spec),
            *(each for c in spec["containers"] for each in _held(c, is_ours(labels))),
        ]
        if not holds
    ]


def _confinement(spec: Object) -> Iterator[tuple[str, bool]]:
    pod = spec.get("securityContext", {})
    yield "runAsNonRoot: true", pod.get("runAsNonRoot") is True
    yield "a numeric runAsUser", isinstance(pod.get("runAsUser"), int) and pod["runAsUser"] > 0
    yield "seccompProfile RuntimeDefault", pod.get("seccompProfile") == {"type": "RuntimeDefault"}
    yield "automountServiceAccountToken: false", spec.get("automountServiceAccountToken") is False
    yield "enableServiceLinks: false", spec.get("enableServiceLinks") is False


def _held(container: Object, ours: bool) -> Iterator[tuple[str, bool]]:
    own = container.get("securityContext", {})
    yield "allowPrivilegeEscalation: false", own.get("allowPrivilegeEscalation") is False
    yield "capabilities dropped", own.get("capabilities") == {"drop": ["ALL"]}
    yield "a read-only root", own.get("readOnlyRootFilesystem") is True or not ours
    yield "requests of cpu and memory", {"cpu", "memory"} <= container["resources"]["requests"].keys()
    yield "a limit of memory", "memory" in container["resources"]["limits"]
    yield "an image with a version", ":" in container["image"] and not container["image"].endswith(":latest")


def roles_are_probed(objects: Objects) -> list[str]:
    """Every role answers for itself: alive and started by /healthz, ready by /readyz."""
    return [
        f"{owner}: {probe} is {container.get(probe)}"
        for owner, labels, spec in pods(objects)
        if is_ours(labels) and not owner.startswith("Job/")
        for container in spec["containers"]
        for probe, path in PROBED.items()
        if container.get(probe, {}).get("httpGet") != {"path": path, "port": "http"}
    ]


def stops_end_before_the_kill(objects: Objects) -> list[str]:
    """A pod has its preStop pause and the time that its settings reckon with; a role behind a Service has a pause."""
    grace_s = float(settings_of(objects)["SLUICE_TERMINATION_GRACE_S"])
    complaints = []
    for owner, labels, spec in pods(objects):
        if not is_ours(labels):
            continue
        pause_s = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pause_s == 0 and owner.startswith("Deployment/"):
            complaints.append(f"{owner} stops while it is still sent requests")
        if spec["terminationGracePeriodSeconds"] < grace_s + pause_s:
            complaints.append(f"{owner} is killed before SLUICE_TERMINATION_GRACE_S is over")
    return complaints


def settings_of(objects: Objects) -> dict[str, str]:
    """The settings that all roles have."""
    values: dict[str, str] = find(objects, "ConfigMap/sluice-settings")["data"]
    return values


def names_are_known(objects: Objects) -> list[str]:
    """ConfigMaps, Secrets and their keys, Services, accounts and workloads that are named exist or will."""
    known = {title(item) for item in objects} | {
        f"Service/keeper-{item['metadata']['name']}" for item in _keepers(objects)
    }
    for secret, keys in secret_keys(objects).items():
        known |= {f"Secret/{secret}", *(f"Secret/{secret}/{key}" for key in keys)}
    return sorted({f"{title(item)} names {name}" for item in objects for name in _names(item) if name not in known})


def _keepers(objects: Objects) -> Objects:
    return of_kind(objects, "ClickHouseKeeperInstallation")


def _names(item: Object) -> Iterator[str]:
    spec = item.get("spec", {})
    if item["kind"] in WORKLOADS:
        yield from _names_of_a_pod(spec["template"]["spec"])
    if item["kind"] == "StatefulSet":
        yield f"Service/{spec['serviceName']}"
    if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
        target = spec["scaleTargetRef"]
        yield f"{target['kind']}/{target['name']}"
    if item["kind"] == "Ingress":
        for rule in spec["rules"]:
            for path in rule["http"]["paths"]:
                yield f"Service/{path['backend']['service']['name']}"
        for tls in spec.get("tls", []):
            yield f"Secret/{tls['secretName']}"
    if item["kind"] == "ScaledObject":
        for trigger in spec["triggers"]:
            yield f"TriggerAuthentication/{trigger['authenticationRef']['name']}"
    if item["kind"] == "TriggerAuthentication":
        yield from (f"ConfigMap/{each['name']}" for each in spec["configMapTargetRef"])
        yield from (f"Secret/{each['name']}/{each['key']}" for each in spec["secretTargetRef"])
    if item["kind"] == "ClickHouseInstallation":
        yield from (f"Service/{node['host']}" for node in spec["configuration"]["zookeeper"]["nodes"])
        files = spec["configuration"]["files"].values()
        for each in [content["valueFrom"]["secretKeyRef"] for content in files if isinstance(content, dict)]:
            yield f"Secret/{each['name']}/{each['key']}"
        for name, value in spec["configuration"]["users"].items():
            if name.endswith("/k8s_secret_password"):
                yield f"Secret/{value}"


def _names_of_a_pod(spec: Object) -> Iterator[str]:
    if "serviceAccountName" in spec:
        yield f"ServiceAccount/{spec['serviceAccountName']}"
    for container in spec["containers"]:
        for source in container.get("envFrom", []):
            for kind, reference in source.items():
                yield f"{'Secret' if kind == 'secretRef' else 'ConfigMap'}/{reference['name']}"
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield f"Secret/{variable['valueFrom']['secretKeyRef']['name']}"
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            yield f"Secret/{volume['secret']['secretName']}"
        if "configMap" in volume:
            yield f"ConfigMap/{volume['configMap']['name']}"
        for source in volume.get("projected", {}).get("sources", []):
            for key in source.get("secret", {}).get("items", []):
                yield f"Secret/{source['secret']['name']}/{key['key']}"


def selectors_find_pods(objects: Objects) -> list[str]:
    """Whatever selects pods of Sluice selects some, and a port that is named is one of theirs."""
    all_pods = [(labels, spec) for _, labels, spec in (*pods(objects), *operated_pods(objects))]
    all_pods += [
        ({OPERATED["Kafka"]: item["metadata"]["name"]}, {"containers": []}) for item in of_kind(objects, "Kafka")
    ]
    complaints = []
    for item in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy", *WORKLOADS):
        selector = selector_of(item)
        if selector is None:
            continue
        chosen = [spec for labels, spec in all_pods if selects(selector, labels)]
        if not chosen:
            complaints.append(f"{title(item)} selects nothing")
        ports = {port.get("name") for spec in chosen for container in spec["containers"] for port in _ports(container)}
        for port in item["spec"].get("ports", []):
            if isinstance(target := port.get("targetPort", port.get("name")), str) and target not in ports:
                complaints.append(f"{title(item)} names the port {target}")
    return complaints


def _ports(container: Object) -> Objects:
    ports: Objects = container.get("ports", [])
    return ports


def selector_of(item: Object) -> Object | None:
    """By what an object selects pods; None when it selects none."""
    spec = item["spec"]
    if item["kind"] == "Service":
        return {"matchLabels": spec["selector"]} if "selector" in spec else None
    found: Object | None = spec["podSelector"] if item["kind"] == "NetworkPolicy" else spec.get("selector")
    return found


def selects(selector: Object, labels: Object) -> bool:
    """Whether pods with these labels are selected."""
    equal = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    return equal and all(
        labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", [])
        if each["operator"] == "In"
    )
