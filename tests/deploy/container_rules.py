"""What the containers of an overlay are given, as the program in them sees it."""

from __future__ import annotations

import base64
from typing import Any

from tests.deploy.objects import Object, Objects, find, is_ours, pods
from tests.deploy.settings_check import complaints_of


def programs_take_their_settings(objects: Objects) -> list[str]:
    """Every container of Sluice starts: its command line, the names and the values of its settings are right."""
    return [
        f"{owner}: {complaint}"
        for owner, labels, spec in pods(objects)
        if is_ours(labels)
        for container in spec["containers"]
        for complaint in complaints_of(container["args"], _environment(objects, container))
    ]


def _environment(objects: Objects, container: Object) -> dict[str, str]:
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for kind, reference in source.items():
            environment |= _data(objects, "Secret" if kind == "secretRef" else "ConfigMap", reference["name"])
    for variable in container.get("env", []):
        environment[variable["name"]] = variable.get("value") or _from(objects, variable["valueFrom"])
    return environment


def _from(objects: Objects, source: Object) -> str:
    if "fieldRef" in source:
        return "sluice-writer-0"
    reference: dict[str, Any] = source["secretKeyRef"]
    return _data(objects, "Secret", reference["name"])[reference["key"]]


def _data(objects: Objects, kind: str, name: str) -> dict[str, str]:
    item = find(objects, f"{kind}/{name}")
    encoded = item.get("data", {}) if kind == "Secret" else {}
    plain: dict[str, str] = item.get("stringData", {}) if kind == "Secret" else item["data"]
    return plain | {key: base64.b64decode(value).decode() for key, value in encoded.items()}
