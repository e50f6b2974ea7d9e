"""Fixtures and reporting for the whole suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemathesis.pytest.plugin import SchemathesisFunction

if TYPE_CHECKING:
    import pytest

pytest_plugins = (
    "tests.support.not_tested",
    "tests.support.clickhouse_fixtures",
    "tests.support.kafka_fixtures",
    "tests.support.processes",
    "tests.support.api",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of schemathesis, one for each operation, ids of their own.

    They all come with the same one, and processes that share the tests out would run one of them.
    """
    for item in items:
        if isinstance(item, SchemathesisFunction) and item.id.params is None:
            item._id = item.id.with_params(item.operation_label)
