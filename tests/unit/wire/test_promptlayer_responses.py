from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.records import HUMANLOOP_PROMPT_LOG
from shared.wire.promptlayer import responses
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import parse_log_request
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message, stored


def read_back(sent: dict[str, Any], *, repaired: bool = False, **more: Any) -> dict[str, Any]:
    row = stored(log_request_columns(parse_log_request(sent), repaired=repaired), **more)
    answer: dict[str, Any] = orjson.loads(orjson.dumps(responses.request(row, row)))
    return answer


def test_the_answer_to_a_create() -> None:
    request = parse_log_request(
        body(status="WARNING", error_type="UNKNOWN_ERROR", error_message="hm", api_type="responses")
    )
    answer = responses.created(5066549580791808, request)
    version = answer.pop("prompt_version")
    assert answer == {
        "id": 5066549580791808,
        "request_id": 5066549580791808,
        "status": "WARNING",
        "error_type": "UNKNOWN_ERROR",
        "error_message": "hm",
    }
    texts = [part["content"][0]["text"] for part in version["prompt_template"]["messages"]]
    assert texts == ["What is 2+2?", "4"]
    assert version["metadata"]["model"]["name"] == "gpt-4o"
    assert version["metadata"]["model"]["api_type"] == "responses"


def test_the_answer_to_a_create_without_output() -> None:
    answer = responses.created(1, parse_log_request(body(output=None)))
    assert len(answer["prompt_version"]["prompt_template"]["messages"]) == 1
    assert (answer["status"], answer["error_type"], answer["error_message"]) == ("SUCCESS", None, None)


def test_a_request_with_the_required_fields_alone() -> None:
    answer = read_back(body())
    template = answer.pop("prompt_blueprint")["prompt_template"]
    assert [part["role"] for part in template["messages"]] == ["user", "assistant"]
    assert answer == {
        "success": True,
        "request_id": 77,
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 0,
        "output_tokens": 0,
        "tokens": 0,
        "price": 0,
        "request_start_time": "2023-11-14T22:13:20.123456Z",
        "request_end_time": "2023-11-14T22:13:21.623456Z",
        "latency_ms": 1500.0,
        "trace_id": None,
        "span_id": None,
        "group_id": None,
        "created_at": "2026-11-21T00:07:23.465000Z",
        "input": chat(message("user", "What is 2+2?")),
        "output": chat(message("assistant", "4")),
        "parameters": {},
        "tags": [],
        "metadata": {},
        "scores": [],
        "status": "SUCCESS",
        "error_type": None,
        "error_message": None,
        "api_type": None,
        "function_name": "",
        "prompt_id": None,
        "prompt_name": None,
        "prompt_version_number": None,
        "prompt_label": None,
        "prompt_input_variables": {},
    }
    assert type(answer["latency_ms"]) is float


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"input_tokens": 3, "output_tokens": 4}, {"input_tokens": 3, "output_tokens": 4, "tokens": 7}),
        ({"price": "0.5"}, {"price": 0.5}),
        ({"score": 80}, {"scores": [{"name": "default", "value": 80}]}),
        ({"score": 80, "score_name": "quality"}, {"scores": [{"name": "quality", "value": 80}]}),
        ({"score": 0, "score_name": "quality"}, {"scores": []}),
        ({"prompt_id": 12}, {"prompt_id": 12}),
        ({"prompt_id": 0}, {"prompt_id": 0}),
        ({"prompt_id": -3}, {"prompt_id": -3}),
        ({"prompt_name": "", "prompt_version_number": 3}, {"prompt_name": None, "prompt_version_number": None}),
        ({"prompt_name": "a/b", "prompt_version_number": 3}, {"prompt_name": "a/b", "prompt_version_number": 3}),
        ({"error_message": ""}, {"error_message": ""}),
        ({"api_type": ""}, {"api_type": ""}),
        ({"output": None}, {"output": None}),
        ({"output": chat()}, {"output": chat()}),
        ({"request_end_time": 1700000000}, {"latency_ms": -123.456}),
        ({"request_start_time": 1700000000123, "request_end_time": 1700000000123}, {"latency_ms": 0.0}),
        (
            {"metadata": {"a": None, "b": [1, {"c": True}], "d.e": "f"}},
            {"metadata": {"a": None, "b": [1, {"c": True}], "d.e": "f"}},
        ),
        ({"prompt_input_variables": {"x": "é\u0000"}}, {"prompt_input_variables": {"x": "é\u0000"}}),
        ({"function_name": "f"}, {"function_name": "f"}),
    ],
)
def test_what_was_sent_is_read(sent: dict[str, Any], read: dict[str, Any]) -> None:
    answer = read_back(body(**sent))
    assert {name: answer[name] for name in read} == read


def test_what_later_events_set_is_read() -> None:
    answer = read_back(body(), trace_id="ab" * 16, span_id="cd" * 8, group_id=9, scores={"a": 50.5, "default": 1})
    assert (answer["trace_id"], answer["span_id"], answer["group_id"]) == ("ab" * 16, "cd" * 8, 9)
    assert answer["scores"] == [{"name": "a", "value": 50.5}, {"name": "default", "value": 1}]


def test_flags_are_there_when_set() -> None:
    assert not {"repaired", "duplicate_of"} & set(read_back(body()))
    answer = read_back(body(), repaired=True, duplicate_of=76)
    assert answer["repaired"] is True
    assert answer["duplicate_of"] == 76


def test_a_completion() -> None:
    answer = read_back(body(input={"content": [{"type": "text", "text": "a"}]}, output=completion("b")))
    assert answer["input"] == completion("a")
    assert [block["text"] for block in answer["prompt_blueprint"]["prompt_template"]["content"]] == ["a", "b"]


QUESTION = {"role": "user", "content": "2+2?"}


@pytest.mark.parametrize(
    ("columns", "input", "output"),
    [
        ({}, chat(), None),
        ({"input": [QUESTION]}, chat(QUESTION), None),
        (
            {"input": [QUESTION], "output": {"role": "assistant", "content": "4"}, "output_text": "four"},
            chat(QUESTION),
            chat({"role": "assistant", "content": "4"}),
        ),
        ({"output_text": "four"}, chat(), chat(message("assistant", "four"))),
        ({"output_text": ""}, chat(), chat(message("assistant", ""))),
    ],
)
def test_a_humanloop_log(columns: dict[str, Any], input: dict[str, Any], output: dict[str, Any] | None) -> None:
    row = stored({"type": HUMANLOOP_PROMPT_LOG, "prompt_id": "pr_1", "input_cost": 0.5, "output_cost": 0.25, **columns})
    answer = responses.request(row, row)
    assert (answer["input"], answer["output"]) == (input, output)
    assert answer["prompt_id"] == "pr_1"
    assert answer["price"] == 0.75
    assert answer["status"] == "SUCCESS"
    assert answer["tokens"] is answer["latency_ms"] is answer["request_start_time"] is None


def test_a_humanloop_log_of_a_failure() -> None:
    row = stored({"type": HUMANLOOP_PROMPT_LOG, "error": "boom", "output_tokens": 5})
    answer = responses.request(row, row)
    assert (answer["status"], answer["error_message"], answer["tokens"]) == ("ERROR", "boom", 5)


TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)


def with_more(fixed: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these keys and any others."""
    return st.builds(lambda more, known: {**more, **known}, OBJECT, st.fixed_dictionaries(fixed))


BLOCKS = st.lists(
    with_more({"type": st.just("text"), "text": TEXT}) | with_more({"type": TEXT}),
    max_size=2,
)
CALL = with_more({"function": with_more({"name": TEXT, "arguments": TEXT}) | JSON})
MESSAGES = st.lists(
    with_more({"role": st.sampled_from(["user", "assistant", "system"]) | TEXT, "content": st.none() | TEXT | BLOCKS})
    | with_more({"role": st.just("assistant"), "content": BLOCKS, "tool_calls": st.lists(CALL, max_size=2) | JSON}),
    max_size=2,
)
TEMPLATE = with_more({"type": st.just("chat"), "messages": MESSAGES}) | with_more(
    {"type": st.just("completion"), "content": BLOCKS}
)
ZONES = st.integers(-12 * 60, 12 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1900, 1, 2), datetime(2261, 12, 30), timezones=ZONES)
BODIES = st.fixed_dictionaries(
    {
        "provider": TEXT,
        "model": TEXT,
        "input": TEMPLATE,
        "output": st.none() | TEMPLATE,
        "request_start_time": TIMES,
        "request_end_time": TIMES,
    },
    optional={
        "parameters": OBJECT,
        "tags": st.lists(TEXT, max_size=3),
        "metadata": st.dictionaries(TEXT, TEXT, max_size=3) | OBJECT,
        "prompt_input_variables": OBJECT,
        "prompt_name": st.none() | st.text(min_size=1, max_size=8),
        "prompt_id": st.none() | st.integers(0, 2**53),
        "input_tokens": st.integers(0, 2**53),
        "output_tokens": st.integers(0, 2**53),
        "price": st.floats(0, 1e9),
        "function_name": TEXT,
        "api_type": st.none() | TEXT,
        "status": st.sampled_from(["SUCCESS", "WARNING", "ERROR"]),
        "error_type": st.none() | st.just("PROVIDER_ERROR"),
        "error_message": st.none() | TEXT,
    },
)
DEFAULTS: dict[str, Any] = {
    "parameters": {},
    "tags": [],
    "metadata": {},
    "prompt_input_variables": {},
    "prompt_name": None,
    "prompt_id": None,
    "input_tokens": 0,
    "output_tokens": 0,
    "price": 0,
    "function_name": "",
    "api_type": None,
    "status": "SUCCESS",
    "error_type": None,
    "error_message": None,
}


def instant(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text).astimezone(UTC)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(BODIES)
def test_every_valid_body_reads_back_equal(generated: dict[str, Any]) -> None:
    times = {name: generated[name] for name in ("request_start_time", "request_end_time")}
    sent = orjson.loads(orjson.dumps({**generated, **{name: moment.isoformat() for name, moment in times.items()}}))
    answer = read_back(sent)
    for name, moment in times.items():
        assert instant(answer[name]) == moment
    for name, value in {**DEFAULTS, **sent}.items():
        if name not in times:
            assert answer[name] == value
    responses.created(1, parse_log_request(sent))
