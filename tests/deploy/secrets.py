"""What is in the Secrets that manifests name: their own, and stand-ins for those that operators and people make."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import certifi

from tests.deploy.objects import Objects, of_kind

CERTIFICATES: Final = Path(certifi.where()).read_text()

BY_HAND: Final = {
    "sluice-keys": {"api-keys": "default:some-key-12345"},
    "sluice-clickhouse": {"password": "a password"},
    "sluice-clickhouse-tls": {"ca.crt": CERTIFICATES, "tls.crt": CERTIFICATES, "tls.key": "a key"},
    "sluice-tls": {"tls.crt": CERTIFICATES, "tls.key": "a key"},
}
"""Made by whoever deploys, as deploy/README.md says."""

OF_AN_EXTERNAL_KAFKA: Final = {"sluice": {"password": "a password"}, "sluice-cluster-ca-cert": {"ca.crt": CERTIFICATES}}
"""Made by hand where no operator does."""


def secret_keys(objects: Objects) -> dict[str, dict[str, str]]:
    """The values by key of every Secret that there is or will be, by its name."""
    made = {
        item["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
        for item in of_kind(objects, "Secret")
    }
    for user in of_kind(objects, "KafkaUser"):
        made[user["metadata"]["name"]] = {"password": "a password"}
    for kafka in of_kind(objects, "Kafka"):
        made[f"{kafka['metadata']['name']}-cluster-ca-cert"] = {"ca.crt": CERTIFICATES}
    if not of_kind(objects, "Kafka"):
        made = OF_AN_EXTERNAL_KAFKA | made
    return BY_HAND | made
