"""deploy/compose.yaml: its form, what its programs are given, and that its parts fit each other."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from tests.deploy.dockerfile import DOCKERFILE, environment, stages
from tests.deploy.objects import DEPLOY
from tests.deploy.routing import complaints_of as routing_complaints
from tests.deploy.routing import list_of, map_of
from tests.deploy.settings_check import complaints_of

Compose = dict[str, Any]

COMPOSE: Final[Compose] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
NGINX: Final = (DEPLOY / "nginx.conf").read_text()
README: Final = (DEPLOY / "README.md").read_text()
SCHEMA: Final = jsonschema_rs.validator_for(json.loads((DEPLOY / "schemas" / "compose.json").read_text()))

_DEFAULT: Final = re.compile(r"\$\{\w+:-([^}]*)\}")


def is_valid(compose: Compose) -> list[str]:
    """It has the form of a Compose file; unknown fields are mistakes."""
    return [f"{error.instance_path}: {error.message}" for error in SCHEMA.iter_errors(compose)]


def programs_take_their_settings(compose: Compose) -> list[str]:
    """Every container of Sluice starts with what the image and this file give it."""
    image = environment(stages(DOCKERFILE.read_text())[-1])
    return [
        f"{name}: {complaint}"
        for name, service in compose["services"].items()
        if "build" in service
        for complaint in complaints_of(
            service["command"],
            image | {key: _DEFAULT.sub(r"\1", str(value)) for key, value in service["environment"].items()},
        )
    ]


def names_are_known(compose: Compose) -> list[str]:
    """Services and volumes that are named exist, and so do hosts in nginx.conf and URLs."""
    services = compose["services"]
    named = set(re.findall(r"server (\w+):\d+;", NGINX))
    known = services.keys() | compose["volumes"].keys()
    for service in services.values():
        named |= service.get("depends_on", {}).keys()
        named |= {volume.partition(":")[0] for volume in service.get("volumes", []) if not volume.startswith(".")}
        urls = " ".join(service["environment"].values()) if "build" in service else ""
        named |= set(re.findall(r"(?:kafka://|@)(\w+):\d+", urls))
    return [f"there is no {name}" for name in sorted(named - known)]


def containers_are_confined(compose: Compose) -> list[str]:
    """Sluice and what clients reach can't write to their image nor gain privileges; every image has a version."""
    complaints = []
    for name, service in compose["services"].items():
        if not re.search(r":\d", service["image"]):
            complaints.append(f"{name} has an image without a version")
        if name in ("kafka", "clickhouse"):
            continue
        held = service.get("read_only") is True and service.get("cap_drop") == ["ALL"]
        if not held or service.get("security_opt") != ["no-new-privileges:true"]:
            complaints.append(f"{name} may do too much")
    return complaints


RULES = (is_valid, programs_take_their_settings, names_are_known, containers_are_confined)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_file_keeps_the_rule(rule: Any) -> None:
    assert rule(COMPOSE) == []


@pytest.mark.parametrize(
    ("rule", "service", "field", "value"),
    [
        (is_valid, "writer", "comand", ["writer"]),
        (is_valid, "query", "stop_grace_period", "90 seconds"),
        (is_valid, "kafka", "depends_on", {"migrate": {"condition": "service_done"}}),
        (programs_take_their_settings, "writer", "command", ["writers"]),
        (programs_take_their_settings, "query", "environment", {"SLUICE_STORES": "x"}),
        (programs_take_their_settings, "query", "environment", {"SLUICE_STORE": "clickhouse:/x"}),
        (names_are_known, "query", "depends_on", {"migrat": {"condition": "service_started"}}),
        (names_are_known, "kafka", "volumes", ["data:/var/lib/kafka"]),
        (names_are_known, "query", "environment", {"SLUICE_STREAM": "kafka://broker:9092"}),
        (containers_are_confined, "gateway", "read_only", False),
        (containers_are_confined, "kafka", "image", "apache/kafka"),
    ],
)
def test_the_rule_can_fail(rule: Any, service: str, field: str, value: object) -> None:
    changed = copy.deepcopy(COMPOSE)
    changed["services"][service][field] = value
    assert rule(changed) != []


def test_containers_have_the_time_that_a_stop_takes() -> None:
    assert COMPOSE["x-sluice"]["stop_grace_period"] == "90s", "the default of SLUICE_TERMINATION_GRACE_S"


def test_nginx_follows_the_routes() -> None:
    assert routing_complaints(map_of(NGINX)) == []
    assert routing_complaints(map_of(NGINX.replace("/v1/traces gateway", "/v1/trace gateway"))) != []
    assert routing_complaints(map_of(NGINX.replace("/metrics closed", "/metrics query"))) != []


def test_the_list_in_the_readme_follows_the_routes() -> None:
    assert routing_complaints(list_of(README)) == []
    assert routing_complaints(list_of(README.replace("`/v5/tools/log`", "`/v5/tool/log`"))) != []
