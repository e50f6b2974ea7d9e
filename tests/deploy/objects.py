"""Kubernetes objects as plain dictionaries, and what tests ask of them.

A rule is a function from all objects of an overlay to complaints, and is shown to complain about a mistake.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
Objects = list[Object]

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"

WORKLOADS: Final = {"Deployment", "StatefulSet", "Job"}


def title(item: Object) -> str:
    """`Kind/name`."""
    return f"{item['kind']}/{item['metadata']['name']}"


def of_kind(objects: Objects, *kinds: str) -> Objects:
    """The objects of these kinds."""
    return [item for item in objects if item["kind"] in kinds]


def find(objects: Objects, wanted: str) -> Object:
    """The object with this title; the hash at the end of a generated name may be left out."""
    found = [item for item in objects if title(item) == wanted or title(item).rpartition("-")[0] == wanted]
    assert len(found) == 1, f"{wanted}: {[title(item) for item in found]}"
    return found[0]


def pods(objects: Objects) -> Iterator[tuple[str, Object, Object]]:
    """The title of each workload, the labels of its pods, and their spec."""
    for item in of_kind(objects, *WORKLOADS):
        template = item["spec"]["template"]
        yield title(item), template["metadata"]["labels"], template["spec"]


OPERATED: Final = {
    "ClickHouseInstallation": "clickhouse.altinity.com/chi",
    "ClickHouseKeeperInstallation": "clickhouse-keeper.altinity.com/chk",
    "Kafka": "strimzi.io/cluster",
}
"""The label by which pods that an operator makes can be found; its value is the resource's name."""


def operated_pods(objects: Objects) -> Iterator[tuple[str, Object, Object]]:
    """The same as `pods`, of pods that operators make by a template of ours."""
    for item in of_kind(objects, *OPERATED):
        labels = {OPERATED[item["kind"]]: item["metadata"]["name"]}
        for template in item["spec"].get("templates", {}).get("podTemplates", []):
            yield title(item), labels, template["spec"]


def is_ours(labels: Object) -> bool:
    """Whether these are labels of a role of Sluice, and not of what it stands on."""
    return bool(labels.get("app.kubernetes.io/name") == "sluice")


def edited(objects: Objects, wanted: str, path: str, value: object) -> Objects:
    """A copy with one value changed: `path` has the keys and indexes to it; a value of None removes it."""
    changed = copy.deepcopy(objects)
    inside: Any = find(changed, wanted)
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split(" ")]
    for step in steps:
        inside = inside[step]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return changed
