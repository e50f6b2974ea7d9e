from __future__ import annotations

from typing import Any

import pytest

from shared.records import LOG_FIELDS, PAYLOAD_FIELDS, PROMPTLAYER_REQUEST
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import parse_log_request
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message


def columns(**changes: Any) -> dict[str, Any]:
    return log_request_columns(parse_log_request(body(**changes)), repaired=False)


SMALLEST: dict[str, Any] = {
    "type": PROMPTLAYER_REQUEST,
    "provider": "openai",
    "model": "gpt-4o",
    "status": "SUCCESS",
    "started_at": "2023-11-14 22:13:20.123456",
    "ended_at": "2023-11-14 22:13:21.623456",
    "input_tokens": 0,
    "output_tokens": 0,
    "price": 0,
    "input": chat(message("user", "What is 2+2?")),
    "output": chat(message("assistant", "4")),
    "input_preview": "What is 2+2?",
    "output_preview": "4",
}


def test_what_was_not_sent_is_left_out() -> None:
    assert columns() == SMALLEST


@pytest.mark.parametrize(
    ("sent", "added"),
    [
        ({"parameters": {}, "tags": [], "metadata": {}, "prompt_input_variables": {}}, {}),
        ({"function_name": "", "score": 0, "score_name": "s", "api_type": None, "prompt_name": ""}, {}),
        ({"parameters": {"a": None}}, {"parameters": {"a": None}}),
        ({"prompt_input_variables": {"x": [1]}}, {"variables": {"x": [1]}}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["b", "a", "b"]}),
        ({"metadata": {"user": "u"}}, {"metadata": {"user": "u"}, "metadata_json": ""}),
        (
            {"metadata": {"a": {"b": 1}, "c": "d"}},
            {"metadata": {"a.b": "1", "c": "d"}, "metadata_json": '{"a":{"b":1},"c":"d"}'},
        ),
        (
            {"input_tokens": "3", "output_tokens": 4.0, "price": 1},
            {"input_tokens": 3, "output_tokens": 4, "price": 1.0},
        ),
        ({"function_name": "f", "api_type": "messages"}, {"function_name": "f", "api_type": "messages"}),
        ({"api_type": "", "error_message": ""}, {"api_type": "", "error": ""}),
        (
            {"status": "ERROR", "error_type": "PROVIDER_ERROR", "error_message": "no"},
            {"status": "ERROR", "error_type": "PROVIDER_ERROR", "error": "no"},
        ),
        ({"score": 80}, {"scores": {"default": 80}}),
        ({"score": 80, "score_name": ""}, {"scores": {"default": 80}}),
        ({"score": 80, "score_name": "quality"}, {"scores": {"quality": 80}}),
        ({"prompt_name": "p"}, {"prompt_name": "p"}),
        ({"prompt_name": "p", "prompt_version_number": 2}, {"prompt_name": "p", "prompt_version_number": 2}),
        ({"prompt_id": 12, "prompt_version_number": 2}, {"prompt_id": "12", "prompt_version_number": 2}),
        ({"prompt_id": 0}, {"prompt_id": "0"}),
        ({"prompt_version_number": 2}, {}),
        ({"prompt_name": "", "prompt_version_number": 2}, {}),
        ({"api_key": "sk-secret"}, {}),
    ],
)
def test_each_field_has_its_columns(sent: dict[str, Any], added: dict[str, Any]) -> None:
    assert columns(**sent) == {**SMALLEST, **added}


def test_an_output_that_is_null_or_empty() -> None:
    without = {key: value for key, value in SMALLEST.items() if key not in {"output", "output_preview"}}
    assert columns(output=None) == without
    assert columns(output=chat()) == {**without, "output": chat()}


def test_the_type_of_a_template_is_stored() -> None:
    assert columns(input={"content": []})["input"] == completion()


def test_tools() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    made = columns(output=chat({"role": "assistant", "content": None, "tool_calls": calls}))
    assert made["tool_names"] == ["weather"]
    assert made["output_preview"] == "weather({})"


def test_repaired_text_is_flagged() -> None:
    assert log_request_columns(parse_log_request(body()), repaired=True) == {**SMALLEST, "repaired": 1}


def test_only_known_columns_and_none_of_identity() -> None:
    everything = body(
        parameters={"a": 1},
        tags=["t"],
        metadata={"a": 1},
        prompt_name="p",
        prompt_id=1,
        prompt_version_number=1,
        prompt_input_variables={"x": 1},
        function_name="f",
        score=1,
        api_type="a",
        error_type="UNKNOWN_ERROR",
        error_message="e",
    )
    assert set(log_request_columns(parse_log_request(everything), repaired=True)) <= LOG_FIELDS | PAYLOAD_FIELDS
