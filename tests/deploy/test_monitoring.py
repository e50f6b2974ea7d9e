"""Alerts and the dashboard ask for metrics that the roles export."""

from __future__ import annotations

import json
from typing import Final

import pytest
import yaml

from tests.deploy.metrics import complaints_of, queries_ask_for_what_is_exported
from tests.deploy.objects import DEPLOY, Objects

COMPONENT: Final = DEPLOY / "kustomize" / "components" / "monitoring"


@pytest.fixture(scope="module")
def monitoring() -> Objects:
    """The component's own files, as kustomize takes them."""
    dashboard = {
        "kind": "ConfigMap",
        "metadata": {"name": "sluice-dashboard", "labels": {"grafana_dashboard": "1"}},
        "data": {"sluice.json": (COMPONENT / "dashboard.json").read_text()},
    }
    return [yaml.safe_load((COMPONENT / "alerts.yaml").read_text()), dashboard]


def test_queries_ask_for_what_is_exported(monitoring: Objects) -> None:
    assert queries_ask_for_what_is_exported(monitoring) == []


@pytest.mark.parametrize(
    "query",
    [
        "sluice_writer_oldest_unstored_age > 60",
        "rate(sluice_http_requests[5m])",
        'sluice_http_requests_total{state="500"}',
        "sum by (outcome) (sluice_http_errors_total)",
        "sums(sluice_http_errors_total)",
        "histogram_quantile(0.99, sluice_writer_insert_seconds)",
        'kube_pod_status_ready{phase="x"}',
    ],
)
def test_a_query_can_be_wrong(query: str) -> None:
    assert complaints_of(query) != []


def test_panels_have_places_and_names_of_their_own(monitoring: Objects) -> None:
    panels = json.loads(monitoring[1]["data"]["sluice.json"])["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
