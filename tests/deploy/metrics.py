"""Which metrics there are, and which of them a query of Prometheus asks for."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING, Final

import services
import shared
from shared.observability.metrics import REGISTRY, declared
from tests.deploy.objects import Objects, find, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET_LABELS: Final = {"namespace", "pod", "job", "instance", "service", "endpoint", "container", "le"}
"""What Prometheus Operator and histograms add to every series."""

OF_OTHERS: Final = {"up": set[str](), "kube_pod_status_ready": {"condition"}}
"""Metrics of Prometheus itself and of kube-state-metrics (docs/metrics/workload/pod-metrics.md there)."""

_FUNCTIONS: Final = {"rate", "increase", "delta", "deriv", "abs", "absent", "histogram_quantile"}
_WORDS: Final = {"sum", "max", "and", "or", "by", "on"} | _FUNCTIONS
"""Of the language of queries, those that are used here."""

_TEXT: Final = re.compile(r'"[^"]*"')
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_RANGE: Final = re.compile(r"\[[^]]*\]")
_NAME: Final = re.compile(r"(?<![\w$.])[a-zA-Z_:][\w:]*")


@cache
def exported() -> dict[str, set[str]]:
    """The labels of every series that a role may export, by its name."""
    for package in (services, shared):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: dict[str, set[str]] = {}
    for metric in declared:
        (described,) = metric.describe()
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(described.type, [""])
        found |= {described.name + suffix: set(metric._labelnames) for suffix in suffixes}
    for family in REGISTRY.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set(sample.labels))
    return found


def complaints_of(query: str) -> list[str]:
    """Names in a query that are no metric, function or label."""
    metrics = exported() | OF_OTHERS
    plain = _RANGE.sub("", _TEXT.sub('""', query))
    complaints = [
        f"{name} has no label {label}"
        for name, matchers in _SELECTOR.findall(plain)
        for label in re.findall(r"(\w+)\s*(?:=|!)", matchers)
        if label not in TARGET_LABELS | metrics.get(name, set())
    ]
    names = set(_NAME.findall(_GROUPING.sub("", re.sub(r"\{[^}]*\}", "", plain)))) - _WORDS
    complaints += [f"there is no metric {name}" for name in sorted(names - metrics.keys())]
    known_labels = TARGET_LABELS.union(*(metrics.get(name, set()) for name in names))
    grouped = {label.strip() for labels in _GROUPING.findall(plain) for label in labels.split(",")}
    complaints += [f"no metric here has the label {label}" for label in sorted(grouped - known_labels)]
    return complaints


def queries_ask_for_what_is_exported(objects: Objects) -> list[str]:
    """Alerts, panels and scaling name metrics that there are."""
    return [f"{where}: {complaint}" for where, query in _queries(objects) for complaint in complaints_of(query)]


def _queries(objects: Objects) -> Iterator[tuple[str, str]]:
    for rules in of_kind(objects, "PrometheusRule"):
        for group in rules["spec"]["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] == "Pods":
                yield scaler["metadata"]["name"], metric["pods"]["metric"]["name"]
    for config in of_kind(objects, "ConfigMap"):
        if config["metadata"].get("labels", {}).get("grafana_dashboard"):
            for text in config["data"].values():
                yield from _panel_queries(json.loads(text))


def _panel_queries(dashboard: dict[str, object]) -> Iterator[tuple[str, str]]:
    panels = dashboard["panels"]
    assert isinstance(panels, list)
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def alerts(objects: Objects) -> list[str]:
    """The names of all alerts."""
    rules = find(objects, "PrometheusRule/sluice")
    return [rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"]]
