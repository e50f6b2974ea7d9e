"""The description of the API: that it has every route, is valid, and that its examples are what the models take."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import schemathesis

from services.embedded import Embedded
from shared.openapi.document import document
from shared.openapi.operations import OPERATIONS
from shared.openapi.page import page
from shared.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from shared.openapi.operation import Operation

CONVERTER = re.compile(r":\w+}")


def test_every_route_is_described_and_no_other(tmp_path: Path) -> None:
    routes = (
        Embedded(Settings(stream=f"sqlite:///{tmp_path}/stream.db", store=f"chdb:///{tmp_path}/store")).app().routes
    )
    served = {(method, CONVERTER.sub("}", route.path)) for route in routes for method in route.methods or ()}
    described = {(one.method, one.path) for one in OPERATIONS}
    assert described == {(method, path) for method, path in served if method != "HEAD"}
    assert len(OPERATIONS) == len(described)


def test_names_of_operations_are_their_own() -> None:
    names = [one.name for one in OPERATIONS]
    assert len(names) == len(set(names))


def test_the_document_is_valid_openapi() -> None:
    described = document(OPERATIONS, "1")
    schemathesis.openapi.from_dict(described).validate()
    assert json.loads(json.dumps(described)) == described
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert named <= described["components"]["schemas"].keys()


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body is not None], ids=lambda one: one.name)
def test_an_example_is_what_the_model_takes(operation: Operation) -> None:
    body = operation.body
    assert body is not None
    assert body.example is not None
    if body.model is not None:
        body.model.model_validate(body.example)


def test_the_page_has_every_operation_and_fetches_nothing() -> None:
    shown = page(document(OPERATIONS, "1"))
    assert all(f"id='{one.name}'" in shown for one in OPERATIONS)
    assert not re.search(r"<script|<link|src=|url\(|@import", shown)


def test_what_the_page_shows_is_escaped() -> None:
    described = document(OPERATIONS, "1")
    described["info"]["title"] = "<script>alert(1)</script>"
    assert "<script>" not in page(described)
