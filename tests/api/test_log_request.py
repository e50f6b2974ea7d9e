"""`POST /log-request`: every field, default and spelling, as seen in what is read back at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.promptlayer import create, fetch, log
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message, text_block

if TYPE_CHECKING:
    from tests.support.api import Api

DEFAULTS: dict[str, Any] = {
    "parameters": {},
    "tags": [],
    "metadata": {},
    "prompt_name": None,
    "prompt_id": None,
    "prompt_version_number": None,
    "prompt_input_variables": {},
    "input_tokens": 0,
    "output_tokens": 0,
    "price": 0,
    "function_name": "",
    "scores": [],
    "api_type": None,
    "status": "SUCCESS",
    "error_type": None,
    "error_message": None,
}
"""What reads back for optional fields that were left out."""

OPTIONAL = {*DEFAULTS, "score", "score_name"} - {"scores"}


def test_the_answer_has_the_id_twice_the_blueprint_and_the_status(api: Api) -> None:
    sent = body(status="WARNING", error_type="UNKNOWN_ERROR", error_message="odd", parameters={"temperature": 0.5})
    response = api.default.post("/log-request", json=sent)
    assert response.status_code == 201
    answer = response.json()
    assert type(answer["id"]) is int
    assert 1 <= answer["id"] == answer["request_id"] < 1 << 53
    assert (answer["status"], answer["error_type"], answer["error_message"]) == ("WARNING", "UNKNOWN_ERROR", "odd")
    blueprint = answer["prompt_version"]
    assert [m["role"] for m in blueprint["prompt_template"]["messages"]] == ["user", "assistant"]
    model = blueprint["metadata"]["model"]
    assert (model["provider"], model["name"]) == ("openai", "gpt-4o")
    assert model["parameters"] == {"temperature": 0.5}
    assert blueprint == fetch(api, answer["id"])["prompt_blueprint"]


def test_required_fields_are_enough_and_the_others_have_defaults(api: Api) -> None:
    read = log(api, **{})
    assert {name: read[name] for name in DEFAULTS} == DEFAULTS
    assert (read["provider"], read["model"]) == ("openai", "gpt-4o")


def test_null_means_the_default_for_every_optional_field(api: Api) -> None:
    read = log(api, **dict.fromkeys(OPTIONAL))
    assert {name: read[name] for name in DEFAULTS} == DEFAULTS


NESTED = {"a": [1, None, True, {"b": 1.5}], "é": {"": "x"}}

READS_BACK: list[tuple[str, Any]] = [
    ("provider", "openai.azure"),
    ("provider", ""),
    ("model", "ft:gpt-4o:ours::1"),
    ("parameters", {"temperature": 0.7, "response_format": {"json_schema": NESTED}, "max": 18446744073709551615}),
    ("tags", ["a", "b", "a", "", "x" * 512]),
    ("metadata", {"user": "u-1", "plan": "pro", "": ""}),
    ("metadata", {"n": 5, "nested": NESTED, "none": None, "yes": True, "k" * 1024: "long", "a.b": 1, "a": {"b": 2}}),
    ("prompt_name", "support/answer v2"),
    ("prompt_id", 12),
    ("prompt_input_variables", {"question": "What?", "nested": NESTED, "none": None}),
    ("input_tokens", 1 << 53),
    ("output_tokens", 7),
    ("price", 0.000125),
    ("price", 3),
    ("function_name", "openai.chat.completions.create"),
    ("api_type", "chat-completions"),
    ("status", "WARNING"),
    ("status", "ERROR"),
    ("error_message", "e" * 1024),
    ("error_message", ""),
    ("output", None),
    ("output", chat()),
    ("input", completion("Once upon")),
    ("output", completion("a time", template_format="jinja2", more={"x": 1})),
    ("input", chat(message("system", "s"), message("developer", "d"), message("user", "u"), message("alien", "a"))),
    ("input", chat({"role": "user", "content": "plain text"}, tools=[{"type": "function", "function": {"name": "f"}}])),
    ("input", chat({"role": "user", "content": [{"type": "hologram", "x": [1]}], "zz": 1}, dataset_examples=[], q=2)),
    ("output", chat({"role": "assistant"})),
    ("output", chat({"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]})),
    ("input", chat({"role": "tool", "content": [text_block("r")], "tool_call_id": "1"}, {"role": "placeholder"})),
]


@pytest.mark.parametrize(("field", "value"), READS_BACK)
def test_a_field_reads_back_as_it_was_sent(api: Api, field: str, value: Any) -> None:
    assert log(api, **{field: value})[field] == value


@pytest.mark.parametrize(
    "error_type",
    [
        "PROVIDER_RATE_LIMIT",
        "PROVIDER_QUOTA_LIMIT",
        "UNKNOWN_ERROR",
        "PROVIDER_PARTIAL_RESPONSE",
        "VARIABLE_MISSING_OR_EMPTY",
        "PROVIDER_TIMEOUT",
        "PROVIDER_AUTH_ERROR",
        "PROVIDER_ERROR",
        "TEMPLATE_RENDER_ERROR",
    ],
)
@pytest.mark.parametrize("status", ["WARNING", "ERROR"])
def test_error_types_go_with_any_status(api: Api, status: str, error_type: str) -> None:
    read = log(api, status=status, error_type=error_type)
    assert (read["status"], read["error_type"]) == (status, error_type)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"score": 50}, [{"name": "default", "value": 50}]),
        ({"score": 100, "score_name": "quality"}, [{"name": "quality", "value": 100}]),
        ({"score": 1, "score_name": ""}, [{"name": "default", "value": 1}]),
        ({"score": 0, "score_name": "quality"}, []),
    ],
)
def test_scores(api: Api, sent: dict[str, Any], read: list[dict[str, Any]]) -> None:
    assert log(api, **sent)["scores"] == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"prompt_name": ""}, (None, None, None)),
        ({"prompt_version_number": 3}, (None, None, None)),
        ({"prompt_name": "", "prompt_version_number": 3}, (None, None, None)),
        ({"prompt_name": "p", "prompt_version_number": 3}, (None, "p", 3)),
        ({"prompt_id": 9, "prompt_version_number": 4294967295}, (9, None, 4294967295)),
        ({"prompt_id": 9, "prompt_name": "p"}, (9, "p", None)),
    ],
)
def test_references_to_a_prompt(api: Api, sent: dict[str, Any], read: tuple[Any, ...]) -> None:
    answer = log(api, **sent)
    assert (answer["prompt_id"], answer["prompt_name"], answer["prompt_version_number"]) == read


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        ("input_tokens", 12.0, 12),
        ("input_tokens", "12", 12),
        ("output_tokens", "12.0", 12),
        ("price", "0.5", 0.5),
        ("prompt_id", "7", 7),
    ],
)
def test_numbers_are_taken_in_every_spelling(api: Api, field: str, sent: Any, read: Any) -> None:
    assert log(api, **{field: sent})[field] == read


CAMEL = {
    "requestStartTime": 1700000000.5,
    "requestEndTime": "2023-11-14T22:13:21Z",
    "promptName": "p",
    "promptId": 4,
    "promptVersionNumber": 2,
    "promptInputVariables": {"a": 1},
    "inputTokens": 1,
    "outputTokens": 2,
    "functionName": "f",
    "scoreName": "s",
    "score": 9,
    "apiType": "responses",
    "errorType": "UNKNOWN_ERROR",
    "errorMessage": "m",
}


def test_keys_may_be_camel_case(api: Api) -> None:
    sent = {**body(), **CAMEL}
    del sent["request_start_time"], sent["request_end_time"]
    read = fetch(api, create(api, sent))
    assert read["request_start_time"] == "2023-11-14T22:13:20.500000Z"
    assert read["request_end_time"] == "2023-11-14T22:13:21.000000Z"
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == ("p", 4, 2)
    assert read["prompt_input_variables"] == {"a": 1}
    assert (read["input_tokens"], read["output_tokens"], read["tokens"]) == (1, 2, 3)
    assert (read["function_name"], read["api_type"]) == ("f", "responses")
    assert (read["error_type"], read["error_message"]) == ("UNKNOWN_ERROR", "m")
    assert read["scores"] == [{"name": "s", "value": 9}]


def test_of_two_spellings_the_documented_one_counts(api: Api) -> None:
    read = log(api, inputTokens=1, input_tokens=2, functionName="camel", function_name="snake")
    assert (read["input_tokens"], read["function_name"]) == (2, "snake")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (1700000000, "2023-11-14T22:13:20.000000"),
        (1700000000.123456, "2023-11-14T22:13:20.123456"),
        (1700000000123, "2023-11-14T22:13:20.123000"),
        (1700000000123.5, "2023-11-14T22:13:20.123500"),
        ("1700000000.25", "2023-11-14T22:13:20.250000"),
        (0, "1970-01-01T00:00:00.000000"),
        ("2026-11-21T00:07:23.465Z", "2026-11-21T00:07:23.465000"),
        ("2024-07-19T00:29:35.178992", "2024-07-19T00:29:35.178992"),
        ("2024-07-19 00:29:35", "2024-07-19T00:29:35.000000"),
        ("2024-07-19T00:29:35.123456789Z", "2024-07-19T00:29:35.123456"),
        ("2024-07-19T00:29:35.5+05:30", "2024-07-18T18:59:35.500000"),
    ],
)
def test_times(api: Api, sent: Any, read: str) -> None:
    answer = log(api, request_start_time=sent)
    assert answer["request_start_time"] == f"{read}Z"
    assert datetime.fromisoformat(answer["request_start_time"]).tzinfo is not None


def test_an_end_before_the_start_is_kept(api: Api) -> None:
    read = log(api, request_start_time=1700000001, request_end_time=1700000000)
    assert read["latency_ms"] == -1000.0


@pytest.mark.parametrize(("template", "kind"), [({"messages": []}, "chat"), ({"content": []}, "completion")])
def test_the_type_of_a_template_is_inferred(api: Api, template: dict[str, Any], kind: str) -> None:
    assert log(api, input=template)["input"] == {"type": kind, **template}


def test_unknown_keys_are_ignored(api: Api) -> None:
    read = log(api, no_such_field=[1], id=5, workspace_id="other", version=1, is_deleted=1, received_at="2020-01-01")
    assert "no_such_field" not in read
    assert read["request_id"] != 5
