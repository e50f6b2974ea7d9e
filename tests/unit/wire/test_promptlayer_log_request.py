from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from shared.errors import Invalid
from shared.wire.promptlayer.log_request import LogRequest, parse_log_request
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message

REQUIRED = ["provider", "model", "input", "output", "request_start_time", "request_end_time"]

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
    "score": 0,
    "score_name": None,
    "api_type": None,
    "status": "SUCCESS",
    "error_type": None,
    "error_message": None,
}

PYTHON_CLIENT_UNSET: dict[str, Any] = {
    **DEFAULTS,
    "price": 0.0,
    "status": "SUCCESS",
}
"""What the synchronous Python client sends for what its caller left out."""


def optional(request: LogRequest) -> dict[str, Any]:
    return request.model_dump(include=set(DEFAULTS))


def refusal(sent: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_log_request(sent)
    return caught.value


def test_the_required_fields_are_enough() -> None:
    request = parse_log_request(body())
    assert optional(request) == DEFAULTS
    assert request.input == chat(message("user", "What is 2+2?"))
    assert request.output == chat(message("assistant", "4"))
    assert request.request_start_time == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert request.request_end_time == datetime(2023, 11, 14, 22, 13, 21, 623456, tzinfo=UTC)


def test_the_model_has_the_fields_that_the_api_has() -> None:
    assert set(LogRequest.model_fields) == {*REQUIRED, *DEFAULTS}
    assert len(LogRequest.model_fields) == 23


def test_all_that_the_python_client_sends_for_what_was_left_out() -> None:
    sent = body(**PYTHON_CLIENT_UNSET)
    assert len(sent) == 23
    assert optional(parse_log_request(sent)) == DEFAULTS
    without = {key: value for key, value in sent.items() if key not in {"score_name", "api_type"}}  # the async method
    assert optional(parse_log_request(without)) == DEFAULTS


def test_null_means_the_default_everywhere() -> None:
    assert optional(parse_log_request(body(**dict.fromkeys(DEFAULTS)))) == DEFAULTS


def test_every_field_is_held() -> None:
    sent: dict[str, Any] = {
        "parameters": {"temperature": 0.7, "response_format": {"json_schema": {"a": [None]}}},
        "tags": ["a", "b", "a", ""],
        "metadata": {"user": "u", "nested": {"a": [1, None]}, "n": 5},
        "prompt_name": "greeting/v2",
        "prompt_id": 12,
        "prompt_version_number": 3,
        "prompt_input_variables": {"x": {"y": 1}},
        "input_tokens": 10,
        "output_tokens": 20,
        "price": 0.25,
        "function_name": "f",
        "score": 100,
        "score_name": "quality",
        "api_type": "responses",
        "status": "ERROR",
        "error_type": "PROVIDER_TIMEOUT",
        "error_message": "late",
    }
    assert set(sent) == set(DEFAULTS)
    assert optional(parse_log_request(body(**sent))) == sent


@pytest.mark.parametrize("field", REQUIRED)
def test_required_fields(field: str) -> None:
    sent = body()
    del sent[field]
    error = refusal(sent)
    assert error.message == f"{field}: is required"
    assert error.detail == [{"loc": ["body", field], "msg": "is required", "type": "missing"}]


@pytest.mark.parametrize("field", [field for field in REQUIRED if field != "output"])
def test_required_fields_are_not_null(field: str) -> None:
    assert refusal(body(**{field: None})).message.startswith(f"{field}: must be")


def test_a_null_output_is_kept() -> None:
    assert parse_log_request(body(output=None)).output is None


@pytest.mark.parametrize("sent", [None, [], "x", 5, True])
def test_a_body_that_is_no_object(sent: Any) -> None:
    assert refusal(sent).message == "body: must be an object"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", 5),
        ("model", ["gpt"]),
        ("input", "hello"),
        ("input", []),
        ("output", "hello"),
        ("request_start_time", True),
        ("request_start_time", "soon"),
        ("request_end_time", {}),
        ("request_end_time", "1800-01-01"),
        ("parameters", []),
        ("parameters", "x"),
        ("tags", "x"),
        ("tags", {"a": 1}),
        ("metadata", ["a"]),
        ("metadata", "x"),
        ("prompt_name", 7),
        ("prompt_id", "x"),
        ("prompt_id", 1.5),
        ("prompt_id", True),
        ("prompt_version_number", 0),
        ("prompt_version_number", -1),
        ("prompt_version_number", 1.5),
        ("prompt_version_number", 1 << 32),
        ("prompt_input_variables", [1]),
        ("input_tokens", -1),
        ("input_tokens", 12.5),
        ("input_tokens", True),
        ("input_tokens", "many"),
        ("output_tokens", -1),
        ("output_tokens", False),
        ("price", -0.01),
        ("price", "free"),
        ("price", True),
        ("price", float("inf")),
        ("function_name", 3),
        ("score", -1),
        ("score", 101),
        ("score", 50.5),
        ("score", True),
        ("score_name", 1),
        ("api_type", {}),
        ("status", "success"),
        ("status", "FAILED"),
        ("status", ""),
        ("error_type", "OTHER"),
        ("error_type", ""),
        ("error_message", "x" * 1025),
        ("error_message", 5),
    ],
)
def test_wrong_values_are_refused_by_name(field: str, value: Any) -> None:
    error = refusal(body(**{field: value}))
    assert error.message.startswith(f"{field}")
    assert error.detail is not None
    assert error.detail[0]["loc"][:2] == ["body", field]
    if "_" in field:
        camel = refusal(_renamed(body(**{field: value}), {field: to_camel(field)}))
        assert camel.message.startswith(to_camel(field))


@pytest.mark.parametrize(
    ("field", "value", "loc"),
    [
        ("tags", ["fine", "x" * 513], ["tags", 1]),
        ("tags", ["fine"] * 10_001, ["tags"]),
        ("tags", ["fine", None], ["tags", 1]),
        ("tags", [5], ["tags", 0]),
        ("metadata", {"k" * 1025: "x"}, ["metadata", "k" * 80]),
    ],
)
def test_wrong_items_are_refused_by_place(field: str, value: Any, loc: list[str | int]) -> None:
    error = refusal(body(**{field: value}))
    assert error.detail is not None
    assert [problem["loc"] for problem in error.detail] == [["body", *loc]]


def test_values_at_their_limits() -> None:
    request = parse_log_request(
        body(
            tags=["é" * 512],
            metadata={"k" * 1024: "x" * 100_000},
            error_message="x" * 1024,
            prompt_name="n" * 5000,
            prompt_version_number=(1 << 32) - 1,
            score=100,
        )
    )
    assert request.tags == ["é" * 512]
    assert request.score == 100


@pytest.mark.parametrize(("sent", "held"), [(12.0, 12), ("12", 12), (12, 12), (0, 0)])
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "prompt_id", "score"])
def test_integers_are_lax(field: str, sent: Any, held: int) -> None:
    assert getattr(parse_log_request(body(**{field: sent})), field) == held


@pytest.mark.parametrize(("sent", "held"), [(1, 1.0), ("0.5", 0.5), (0, 0.0)])
def test_a_price_is_lax(sent: Any, held: float) -> None:
    assert parse_log_request(body(price=sent)).price == held


@pytest.mark.parametrize("status", ["SUCCESS", "WARNING", "ERROR"])
@pytest.mark.parametrize("error_type", [None, "PROVIDER_RATE_LIMIT", "PROVIDER_TIMEOUT", "VARIABLE_MISSING_OR_EMPTY"])
def test_every_known_error_goes_with_every_status(status: str, error_type: str | None) -> None:
    request = parse_log_request(body(status=status, error_type=error_type))
    assert (request.status, request.error_type) == (status, error_type)


def _renamed(sent: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in sent.items()}


def test_camel_case_throughout() -> None:
    sent = body(
        **{**DEFAULTS, "input_tokens": 5, "prompt_name": "p", "prompt_version_number": 2, "api_type": "messages"}
    )
    camel = _renamed(sent, {name: to_camel(name) for name in sent})
    assert "requestStartTime" in camel
    assert parse_log_request(camel) == parse_log_request(sent)


def test_nulls_in_camel_case() -> None:
    assert optional(parse_log_request(body(**{to_camel(name): None for name in DEFAULTS}))) == DEFAULTS


@pytest.mark.parametrize("order", [1, -1])
def test_snake_case_wins_over_camel_case(order: int) -> None:
    both = [("input_tokens", 1), ("inputTokens", 2), ("price", 1), ("score_name", None), ("scoreName", "x")]
    request = parse_log_request(body(**dict(both[::order])))
    assert request.input_tokens == 1
    assert request.score_name is None
    nulled = parse_log_request(body(**dict([("input_tokens", None), ("inputTokens", 2)][::order])))
    assert nulled.input_tokens == 0


def test_unknown_keys_and_the_key_are_not_kept() -> None:
    request = parse_log_request(body(api_key="sk-secret", apiKey="sk-secret", no_such=[1]))
    assert "sk-secret" not in repr(request)
    assert request == parse_log_request(body())


def test_all_problems_are_told() -> None:
    error = refusal({"provider": "openai", "input": {"messages": [{}]}, "output": {}, "tags": [1]})
    assert error.message == (
        "model: is required (and 5 more: "
        "input.messages[0].role, output.type, request_start_time, request_end_time, tags[0])"
    )
    assert error.detail is not None
    assert [problem["loc"][1:] for problem in error.detail] == [
        ["model"],
        ["input", "messages", 0, "role"],
        ["output", "type"],
        ["request_start_time"],
        ["request_end_time"],
        ["tags", 0],
    ]


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ({"messages": []}, "chat"),
        ({"content": []}, "completion"),
        ({"messages": [], "content": "x"}, "chat"),
        ({"type": None, "messages": []}, "chat"),
    ],
)
def test_the_type_of_a_template_is_inferred(template: dict[str, Any], kind: str) -> None:
    original = dict(template)
    request = parse_log_request(body(input=template, output=template))
    assert request.input == {**original, "type": kind}
    assert request.output == request.input
    assert template == original


@pytest.mark.parametrize(
    "template",
    [
        chat(),
        completion(),
        chat({"role": "assistant"}, {"role": "assistant", "content": None, "tool_calls": []}),
        chat({"role": "user", "content": "plain text"}),
        chat(
            {"role": "critic", "content": [{"type": "hologram", "shape": {"of": ["things"]}}], "mood": 1}, colour="red"
        ),
        chat({"role": "tool", "content": [], "tool_call_id": "c"}, {"role": "placeholder", "name": "history"}),
        chat(message("user", "x", dataset_examples=[], raw_request_display_role=""), dataset_examples=[], tools=None),
        completion("a", "b", template_format="jinja2", input_variables=["x"], anything=[{}]),
        {
            "type": "completion",
            "content": [{"type": "image_url", "image_url": {"url": "data:"}}],
            "messages": "ignored",
        },
    ],
)
def test_templates_are_held_as_sent(template: dict[str, Any]) -> None:
    request = parse_log_request(body(input=template, output=template))
    assert request.input is template
    assert request.output is template


@pytest.mark.parametrize(
    ("template", "loc"),
    [
        ({}, ["type"]),
        ({"type": "image", "messages": []}, ["type"]),
        ({"type": "Chat", "messages": []}, ["type"]),
        ({"type": 1, "messages": []}, ["type"]),
        ({"type": ["chat"], "messages": []}, ["type"]),
        ({"type": "chat"}, ["messages"]),
        ({"type": "chat", "content": []}, ["messages"]),
        ({"type": "chat", "messages": None}, ["messages"]),
        ({"type": "chat", "messages": {}}, ["messages"]),
        ({"messages": "hello"}, ["messages"]),
        (chat(message("user", "x"), {"content": "x"}), ["messages", 1, "role"]),
        (chat({"role": 1}), ["messages", 0, "role"]),
        (chat({"role": None}), ["messages", 0, "role"]),
        ({"messages": ["hello"]}, ["messages", 0]),
        (chat({"role": "user", "content": 5}), ["messages", 0, "content"]),
        (chat({"role": "user", "content": {"type": "text"}}), ["messages", 0, "content"]),
        (chat({"role": "user", "content": ["x"]}), ["messages", 0, "content", 0]),
        (chat({"role": "user", "content": [{"text": "x"}]}), ["messages", 0, "content", 0, "type"]),
        (chat({"role": "user", "content": [{"type": 1}]}), ["messages", 0, "content", 0, "type"]),
        ({"type": "completion"}, ["content"]),
        ({"type": "completion", "content": "x"}, ["content"]),
        ({"type": "completion", "content": None}, ["content"]),
        ({"type": "completion", "content": [1]}, ["content", 0]),
        ({"type": "completion", "content": [{}]}, ["content", 0, "type"]),
    ],
)
@pytest.mark.parametrize("field", ["input", "output"])
def test_templates_that_nobody_could_read(field: str, template: dict[str, Any], loc: list[str | int]) -> None:
    error = refusal(body(**{field: template}))
    assert error.detail is not None
    assert [problem["loc"] for problem in error.detail] == [["body", field, *loc]]
