"""`POST /prompt-templates/{identifier}` with variables: texts filled in, and in the words of the model's provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.templates import MODEL, get, publish, texts
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

PAIRS = "{% for name, age in people.items() %}{{ name|upper }} is {{ age }}. {% endfor %}{{ missing.at.all }}"


@pytest.fixture(scope="module")
def name(api: Api) -> str:
    """A template of both formats, with a model."""
    name = unique("rendered")
    publish(
        api,
        name,
        message("system", "You are {who}, {missing}{{as is}}"),
        message("user", PAIRS, template_format="jinja2"),
        {"role": "placeholder", "name": "history"},
        metadata={"model": MODEL},
    )
    return name


def test_texts_are_filled_in_by_their_format(api: Api, name: str) -> None:
    got = get(api, name, input_variables={"who": "a {who}", "people": {"Ada": 36}, "history": []})
    assert texts(got) == ["You are a {who}, {as is}", "ADA is 36. "]
    assert [sent["content"] for sent in got["llm_kwargs"]["messages"]] == texts(got)
    assert got["warning"] is None


def test_without_variables_a_template_with_a_model_is_filled_in_with_nothing(api: Api, name: str) -> None:
    got = get(api, name)
    assert texts(got) == ["You are , {as is}", PAIRS]
    assert got["warning"] == "messages[1]: 'people' is undefined", "a call needs something to be called"


def test_a_template_may_be_got_as_it_is(api: Api, name: str) -> None:
    as_it_is = ["You are {who}, {missing}{{as is}}", PAIRS]
    got = get(api, name, input_variables={"who": "x"}, skip_input_variable_rendering=True)
    raw = api.default.get(f"/prompt-templates/{name}", params={"include_llm_kwargs": "true"}).json()
    for answer in (got, raw):
        assert [sent["content"] for sent in answer["llm_kwargs"]["messages"]] == as_it_is
        roles = [shown["role"] for shown in answer["prompt_template"]["messages"]]
        assert roles == ["system", "user", "placeholder"]
    assert api.default.get(f"/prompt-templates/{name}").json()["llm_kwargs"] is None
    plain = unique()
    publish(api, plain)
    assert texts(get(api, plain)) == ["Hi {who}"], "it has no model"
    assert get(api, plain)["llm_kwargs"] is None


def test_messages_come_from_variables(api: Api) -> None:
    name = unique()
    publish(
        api,
        name,
        {"role": "placeholder", "name": "history"},
        message("user", "{question}"),
        metadata={"model": MODEL},
    )
    history = [message("user", "{question}"), {"role": "assistant", "content": None, "tool_calls": []}]
    got = get(api, name, input_variables={"history": history, "question": "2+2?", "unused": 1})
    assert texts(got) == ["{question}", "2+2?"]
    assert [sent["role"] for sent in got["llm_kwargs"]["messages"]] == ["user", "assistant", "user"]
    for wrong in ("text", [1], [{"content": "no role"}], {"role": "user"}):
        answer = api.default.post(f"/prompt-templates/{name}", json={"input_variables": {"history": wrong}})
        refused(answer, 422, "invalid", ["body", "input_variables", "history"], "must be a list of messages")


def test_a_text_that_cannot_be_filled_in_stays_and_is_named(api: Api) -> None:
    name = unique()
    publish(
        api,
        name,
        message("system", '{"a": 1}'),
        message("user", "{% if %}", template_format="jinja2"),
        message("user", "{{ ''.__class__.__mro__ }}{{ who.__init__.__globals__ }}", template_format="jinja2"),
        message("user", "{who.__class__} {who!r:>99999}"),
    )
    got = get(api, name, input_variables={"who": "Ada"})
    assert texts(got)[:2] == ['{"a": 1}', "{% if %}"]
    assert texts(got)[3] == "{who.__class__} {who!r:>99999}"
    assert "class" not in texts(got)[2].replace("__class__", "")
    assert got["warning"].startswith("messages[0]: ")
    assert "messages[1]: " in got["warning"]


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ who|center(10 ** 9) }}",
    ],
)
def test_a_template_that_takes_too_much_is_refused_and_harms_no_other(api: Api, name: str, text: str) -> None:
    endless = unique()
    publish(api, endless, message("user", text, template_format="jinja2"))
    with api.nothing_stored():
        answer = api.default.post(f"/prompt-templates/{endless}", json={"input_variables": {"who": "x"}})
        refused(answer, 422, "invalid", ["body", "input_variables"], "more than 1 s or 512 MiB")
    assert texts(get(api, name, input_variables={"people": {"Ada": 36}}))[1] == "ADA is 36. "


def test_f_strings_are_bounded_too(api: Api) -> None:
    name = unique()
    publish(api, name, message("user", "{long}" * 10_000))
    answer = api.default.post(f"/prompt-templates/{name}", json={"input_variables": {"long": "x" * 10_000}})
    refused(answer, 422, "invalid", ["body", "input_variables"], "more than 32 million characters")


MODELS: list[tuple[Json, Json, Json]] = [
    (
        {"model_parameter_overrides": {"temperature": 1, "seed": 7}},
        {"name": "gpt-4o", "parameters": {"temperature": 1, "seed": 7}},
        {"messages": [{"role": "user", "content": "Hi "}], "model": "gpt-4o", "temperature": 1, "seed": 7},
    ),
    (
        {"model": "gpt-4o-mini"},
        {"name": "gpt-4o-mini", "provider": "openai", "parameters": {"temperature": 0.5}},
        {"messages": [{"role": "user", "content": "Hi "}], "model": "gpt-4o-mini", "temperature": 0.5},
    ),
    (
        {"provider": "anthropic", "model": "claude-sonnet-4-5"},
        {"name": "claude-sonnet-4-5", "provider": "anthropic", "parameters": {}, "api_type": None},
        {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi "}]}],
            "model": "claude-sonnet-4-5",
            "max_tokens": 1024,
        },
    ),
]


@pytest.mark.parametrize(("asked", "model", "llm_kwargs"), MODELS)
def test_a_request_may_ask_for_another_model(api: Api, asked: Json, model: Json, llm_kwargs: Json) -> None:
    name = unique()
    publish(api, name, metadata={"model": MODEL})
    got = get(api, name, **asked)
    assert {key: got["metadata"]["model"][key] for key in model} == model
    assert got["llm_kwargs"] == llm_kwargs


def test_what_has_no_form_for_its_provider_is_said_in_a_warning(api: Api) -> None:
    name = unique()
    publish(api, name, metadata={"model": MODEL | {"provider": "odd"}})
    got = get(api, name)
    assert (got["llm_kwargs"], got["metadata"]["model"]["provider"]) == (None, "odd")
    assert got["warning"] == "llm_kwargs: can't be made of a chat for 'gpt-4o' of 'odd'"
    publish(api, name, {"role": "user", "content": [{"type": "mcp_call"}]}, metadata={"model": MODEL})
    assert get(api, name)["warning"] == "llm_kwargs: can't be made of a content block of type 'mcp_call'"
