from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from shared.errors import (
    ClientError,
    Conflict,
    Invalid,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    StoreRejected,
    Unauthenticated,
)
from shared.http.responses import error_response, json_response

if TYPE_CHECKING:
    from starlette.responses import Response


def body(response: Response) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(response.body)
    return value


def test_a_json_response_has_its_length_type_and_extra_headers() -> None:
    response = json_response(201, {"id": 1, "text": "é"}, {"X-Extra": "yes"})
    assert response.status_code == 201
    assert response.body == '{"id":1,"text":"é"}'.encode()
    assert dict(response.headers) == {"content-length": "20", "content-type": "application/json", "x-extra": "yes"}


@pytest.mark.parametrize("error", [NotFound("no such log"), Conflict("taken"), Unauthenticated("no key")])
def test_a_client_error_is_the_plain_envelope_outside_v5(error: ClientError) -> None:
    response = error_response(error, path="/log-request")
    assert response.status_code == error.status
    assert body(response) == {"success": False, "message": error.message, "error": error.code}


def test_under_v5_detail_is_an_object() -> None:
    assert body(error_response(NotFound("no such log"), path="/v5/logs/a"))["detail"] == {
        "type": "not_found",
        "message": "no such log",
        "code": 404,
        "origin": "sluice",
    }


@pytest.mark.parametrize("path", ["/log-request", "/v5/prompts/log"])
def test_on_422_detail_is_always_a_list_with_its_three_keys(path: str) -> None:
    detail = [{"loc": ["body", "price"], "msg": "must be a number", "type": "float_type"}]
    assert body(error_response(Invalid("price: must be a number", detail), path=path))["detail"] == detail
    assert body(error_response(Invalid("wrong"), path=path))["detail"] == [
        {"loc": ["body"], "msg": "wrong", "type": "invalid"}
    ]


@pytest.mark.parametrize("error", [Overloaded("full", 3), OutcomeUnknown("who knows", 3)])
def test_a_passing_condition_says_when_to_come_back(error: Overloaded | OutcomeUnknown) -> None:
    response = error_response(error, path="/log-request")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "3"
    assert body(response)["error"] == error.code


@pytest.mark.parametrize("error", [ValueError("secret"), StoreRejected("secret"), Misconfigured("secret")])
def test_any_other_error_tells_only_its_id(error: Exception) -> None:
    response = error_response(error, path="/v5/logs", error_id="abc123")
    assert response.status_code == 500
    assert body(response)["error"] == "internal_error"
    assert "abc123" in body(response)["message"]
    assert b"secret" not in response.body
