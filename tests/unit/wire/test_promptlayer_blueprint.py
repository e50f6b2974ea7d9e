from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.wire.promptlayer.blueprint import (
    _Chat,
    are_messages,
    blueprint,
    input_preview,
    merge,
    output_preview,
    tool_names,
)
from tests.unit.wire.promptlayer_bodies import chat, completion, message, text_block


def call(name: Any, arguments: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


QUESTION = message("user", "What is 2+2?")
ANSWER = message("assistant", "4")


@pytest.mark.parametrize(
    ("input", "output", "merged"),
    [
        (chat(QUESTION), chat(ANSWER), chat(QUESTION, ANSWER)),
        (chat(QUESTION), chat(), chat(QUESTION)),
        (chat(QUESTION), None, chat(QUESTION)),
        (None, chat(ANSWER), chat(ANSWER)),
        (None, None, chat()),
        (
            chat(QUESTION, tools=[1], tool_choice="auto", colour="red"),
            chat(ANSWER, tools=None),
            chat(QUESTION, ANSWER, tools=[1], tool_choice="auto", colour="red"),
        ),
        (
            completion("Once", input_variables=["x"]),
            completion(" upon", input_variables=["y"]),
            completion("Once", " upon", input_variables=["x"]),
        ),
        (completion("Once"), None, completion("Once")),
        (
            chat(QUESTION, tools=[1]),
            completion("4", "!"),
            chat(QUESTION, {"role": "assistant", "content": [text_block("4"), text_block("!")]}, tools=[1]),
        ),
        (
            completion("2+2=", template_format="jinja2"),
            chat(ANSWER),
            chat(message("user", "2+2="), ANSWER, template_format="jinja2"),
        ),
    ],
)
def test_merge(input: dict[str, Any] | None, output: dict[str, Any] | None, merged: dict[str, Any]) -> None:
    originals = copy.deepcopy((input, output))
    assert merge(input, output) == merged
    assert (input, output) == originals


def wrapper(input: dict[str, Any] | None, output: dict[str, Any] | None) -> dict[str, Any]:
    return blueprint(
        provider="openai",
        model="gpt-4o",
        parameters={"temperature": 0},
        input=input,
        output=output,
        api_type="responses",
    )


def test_the_wrapper_has_every_key() -> None:
    answer = wrapper(chat(QUESTION), chat(ANSWER))
    del answer["prompt_template"]
    assert answer == {
        "commit_message": None,
        "metadata": {
            "model": {
                "provider": "openai",
                "name": "gpt-4o",
                "parameters": {"temperature": 0},
                "model_config_display_name": None,
                "base_model": None,
                "display_params": {},
                "api_type": "responses",
            }
        },
        "provider_base_url_name": None,
        "report_id": None,
        "inference_client_name": None,
        "provider_id": None,
    }


def test_messages_have_the_keys_that_the_original_service_answers() -> None:
    template = wrapper(chat(QUESTION), chat({"role": "assistant"}))["prompt_template"]
    common: dict[str, Any] = {
        "input_variables": [],
        "template_format": "f-string",
        "raw_request_display_role": "",
        "dataset_examples": [],
        "name": None,
    }
    assert template == {
        "type": "chat",
        "messages": [
            {**QUESTION, **common},
            {"role": "assistant", "content": None, "function_call": None, "tool_calls": None, **common},
        ],
        "input_variables": [],
        "functions": None,
        "tools": None,
        "function_call": None,
        "tool_choice": None,
    }


def test_what_was_sent_is_not_overwritten_by_defaults() -> None:
    sent = message("assistant", "x", name="Bo", tool_calls=[call("f", "{}")], template_format="jinja2", extra=1)
    template = wrapper(chat(sent, tools=[], input_variables=["a"]), None)["prompt_template"]
    assert sent.items() <= template["messages"][0].items()
    assert template["tools"] == []
    assert template["input_variables"] == ["a"]


def test_the_originals_stay_as_they_were() -> None:
    input, output = chat(QUESTION), chat(ANSWER)
    before = orjson.dumps((input, output))
    answer = wrapper(input, output)["prompt_template"]
    answer["messages"][0]["input_variables"].append("changed")
    answer["messages"].clear()
    assert orjson.dumps((input, output)) == before
    assert wrapper(input, output)["prompt_template"]["messages"][0]["input_variables"] == []


def test_a_completion_has_its_keys() -> None:
    assert wrapper(completion("a"), completion("b"))["prompt_template"] == completion(
        "a", "b", input_variables=[], template_format="f-string"
    )


def test_the_last_text_of_the_blueprint_is_the_answer() -> None:
    template = wrapper(chat(QUESTION), chat(ANSWER))["prompt_template"]
    assert template["messages"][-1]["content"][-1]["text"] == "4"


@pytest.mark.parametrize(
    ("template", "preview"),
    [
        (None, ""),
        (chat(), ""),
        (chat(QUESTION), "What is 2+2?"),
        (chat(message("user", "first"), message("assistant", "no"), message("user", "last")), "last"),
        (chat(message("user", "ask"), message("tool", "result", tool_call_id="c")), "ask"),
        (chat(message("user", "ask"), {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}), "ask"),
        (chat(message("system", "be kind"), {"role": "user", "content": None}), "be kind"),
        (chat({"role": "user", "content": "plain"}), "plain"),
        (chat({"role": "user", "content": [text_block("a"), {"type": "media"}, text_block("b")]}), "a\nb"),
        (chat({"role": "user", "content": [{"type": "text", "text": 5}, {"type": "text"}, {"type": "code"}]}), ""),
        (chat(message("user", "é" * 500)), "é" * 200),
        (
            chat({"role": "user", "content": [text_block("x" * 150), text_block("y" * 150)]}),
            "x" * 150 + "\n" + "y" * 49,
        ),
        (completion("Once upon"), "Once upon"),
        (completion(), ""),
    ],
)
def test_input_preview(template: dict[str, Any] | None, preview: str) -> None:
    assert input_preview(template) == preview


@pytest.mark.parametrize(
    ("template", "preview", "names"),
    [
        (None, "", []),
        (chat(), "", []),
        (chat(ANSWER), "4", []),
        (completion("upon", " a time"), "upon\n a time", []),
        (
            chat({"role": "assistant", "tool_calls": [call("weather", '{"city":"Oslo"}')]}),
            'weather({"city":"Oslo"})',
            ["weather"],
        ),
        (
            chat(
                {
                    "role": "assistant",
                    "content": [],
                    "tool_calls": [call("a", ""), call("b", None), call("a", {"x": 1})],
                }
            ),
            'a(), b(), a({"x":1})',
            ["a", "b"],
        ),
        (chat(message("assistant", "Let me look", tool_calls=[call("search", "{}")])), "Let me look", ["search"]),
        (chat({"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}}), "old({})", ["old"]),
        (
            chat(
                {
                    "role": "assistant",
                    "content": [
                        {"type": "server_tool_use", "id": "1", "name": "web", "input": {"q": 1}},
                        {"type": "mcp_call", "name": "remote", "arguments": "{}"},
                    ],
                }
            ),
            'web({"q":1}), remote({})',
            ["web", "remote"],
        ),
        (chat({"role": "assistant", "tool_calls": "x", "function_call": "auto"}), "", []),
        (
            chat(
                {
                    "role": "assistant",
                    "tool_calls": [None, {}, {"function": 1}, {"function": {"name": 7}}, call(None, 1)],
                }
            ),
            "",
            [],
        ),
        (chat({"role": "assistant", "tool_calls": [call("f", "x" * 5000)]}), ("f(" + "x" * 200)[:200], ["f"]),
    ],
)
def test_output_preview_and_tool_names(template: dict[str, Any] | None, preview: str, names: list[str]) -> None:
    assert output_preview(template) == preview
    assert tool_names(template) == names


_scalars = st.none() | st.booleans() | st.integers(0, 1) | st.just("text")
_blocks = st.fixed_dictionaries({}, optional={"type": _scalars, "text": _scalars}) | _scalars
_messages = (
    st.fixed_dictionaries({}, optional={"role": _scalars, "content": st.lists(_blocks, max_size=3) | _scalars})
    | _scalars
)


@given(st.lists(_messages, max_size=3) | _scalars | st.dictionaries(st.just("role"), _scalars))
def test_what_is_right_at_a_glance_is_what_the_models_take(messages: Any) -> None:
    try:
        _Chat.model_validate({"messages": messages})
    except ValidationError:
        assert not are_messages(messages)
    else:
        assert are_messages(messages)
