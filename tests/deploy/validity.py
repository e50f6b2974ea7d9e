"""Whether objects are what the API server, or the operator of a custom resource, takes: unknown fields are mistakes."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Final

import jsonschema_rs
import kubernetes_validate

from tests.deploy.objects import DEPLOY, Object, Objects, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema_rs import Validator

KUBERNETES: Final = ("1.30", "1.37")
"""The oldest version that the manifests are for, and the newest that there are schemas of."""

ALTINITY: Final = {"clickhouse.altinity.com", "clickhouse-keeper.altinity.com"}
TEMPLATES: Final = {
    "podTemplates": "Pod",
    "serviceTemplates": "Service",
    "volumeClaimTemplates": "PersistentVolumeClaim",
}


@cache
def custom_schemas() -> dict[tuple[str, str], Validator]:
    """Validators of custom resources, by apiVersion and kind."""
    validators = {}
    for path in sorted(DEPLOY.glob("schemas/*.*.json")):
        schema = json.loads(path.read_text())
        fixed = schema["properties"]
        validators[fixed["apiVersion"]["const"], fixed["kind"]["const"]] = jsonschema_rs.validator_for(schema)
    return validators


def objects_are_valid(objects: Objects) -> list[str]:
    """Every object fits its schema, strictly."""
    return [f"{title(item)}: {problem}" for item in objects for problem in _known_problems(json.dumps(item))]


@cache
def _known_problems(item: str) -> list[str]:
    """Of an object as JSON: most are the same in every overlay, and in copies with a mistake elsewhere."""
    return _problems(json.loads(item))


def _problems(item: Object) -> list[str]:
    custom = custom_schemas().get((item["apiVersion"], item["kind"]))
    if custom is not None:
        problems = [_told(error.instance_path, error.message) for error in custom.iter_errors(item)]
        return problems + [problem for part in _templates(item) for problem in _problems(part)]
    problems = []
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(_told(error.path, error.message))
        except kubernetes_validate.SchemaNotFoundError:
            problems.append(f"no schema of {item['apiVersion']} in Kubernetes {version} or deploy/schemas")
    return sorted(set(problems))


def _templates(item: Object) -> Iterator[Object]:
    """The objects that an operator makes of templates whose form its own schema leaves open."""
    templates = item["spec"].get("templates", {}) if item["apiVersion"].partition("/")[0] in ALTINITY else {}
    for field, kind in TEMPLATES.items():
        for template in templates.get(field, []):
            yield {"apiVersion": "v1", "kind": kind, "metadata": {"name": template["name"]}, "spec": template["spec"]}


def _told(path: object, message: str) -> str:
    where = ".".join(str(step) for step in path) if hasattr(path, "__iter__") else ""
    return f"{where}: {message[:300]}"
