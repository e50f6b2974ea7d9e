"""The API holds what its description says: no request that the description allows, and none beside it, gets an answer
that is not described. A 500 is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from shared.openapi.document import document
from shared.openapi.operations import OPERATIONS
from shared.openapi.routes import VERSION
from tests.support.api import OTHER_KEY

if TYPE_CHECKING:
    from tests.support.api import Api

EXAMPLES = 6
"""Requests to each operation."""

ALIKE = r"^/v5/(flows|evaluators)/|^/rest/track-"
"""Paths whose routes are those of other paths once more."""

DESCRIPTION = schemathesis.openapi.from_dict(document(OPERATIONS, VERSION))
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson", "application/x-protobuf")
def as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def test_the_description_is_served(api: Api) -> None:
    with api.client(None) as anyone:
        described = anyone.get("/openapi.json")
        assert described.status_code == 200
        assert described.json() == document(OPERATIONS, VERSION)
        docs = anyone.get("/docs")
        assert docs.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in docs.headers["content-security-policy"]
        assert "/log-request" in docs.text


@DESCRIPTION.exclude(path_regex=ALIKE).parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(api: Api, case: Any) -> None:
    case.call_and_validate(base_url=api.url, headers={"X-API-KEY": OTHER_KEY}, checks=CHECKS)


def test_without_a_key_the_answer_is_401(api: Api) -> None:
    with api.client(None) as anyone:
        for operation in OPERATIONS:
            if operation.scope is not None:
                answer = anyone.request(operation.method, operation.path.replace("{", "").replace("}", ""))
                assert (operation.name, answer.status_code) == (operation.name, 401)
                assert answer.json()["error"] == "unauthenticated"
