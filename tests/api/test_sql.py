"""`POST /v1/sql` and `sluice sql`, against a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api import promptlayer
from tests.support.api import unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

PATH = "/v1/sql"


def ask(client: httpx.Client, query: str, **parameters: Any) -> Json:
    response = client.post(PATH, json={"query": query, "parameters": parameters})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


@pytest.fixture(scope="module")
def tag(api: Api) -> str:
    """A tag of three logs of the default workspace."""
    tag = unique("sql")
    for number in range(3):
        promptlayer.create(api, body(tags=[tag], model="gpt-4o", price=number / 10, metadata={"user": f"u{number}"}))
    api.wait_until_applied()
    return tag


def test_an_answer_has_columns_with_types_and_rows(api: Api, tag: str) -> None:
    answer = ask(
        api.default,
        "SELECT model, count() AS logs, max(cost) AS dearest FROM log_records WHERE has(tags, {tag:String}) GROUP BY 1",
        tag=tag,
    )
    assert answer == {
        "success": True,
        "columns": [
            {"name": "model", "type": "String"},
            {"name": "logs", "type": "UInt64"},
            {"name": "dearest", "type": "Nullable(Float64)"},
        ],
        "rows": [{"model": "gpt-4o", "logs": 3, "dearest": 0.2}],
        "row_count": 1,
    }
