"""Fixtures and reporting for the whole suite."""

from __future__ import annotations

pytest_plugins = (
    "tests.support.not_tested",
    "tests.support.clickhouse_fixtures",
    "tests.support.kafka_fixtures",
    "tests.support.processes",
    "tests.support.api",
)
