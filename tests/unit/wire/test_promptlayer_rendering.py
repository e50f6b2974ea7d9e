"""Templates filled in with variables; messages and tools that come from variables."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.wire.promptlayer import rendering
from shared.wire.promptlayer.placeholders import expanded
from shared.wire.promptlayer.rendering import render, uses_jinja2
from tests.unit.wire.promptlayer_bodies import chat, completion, message, text_block

JINJA2 = {"template_format": "jinja2"}


def filled(text: str, template_format: str | None = None, **variables: Any) -> str:
    """One text filled in."""
    rendered = render(chat(message("user", text, template_format=template_format)), variables)
    result: str = rendered.template["messages"][0]["content"][0]["text"]
    return result


F_STRINGS = [
    ("no variable", "no variable"),
    ("{name} and {name}", "Ada and Ada"),
    ("{a name} {é}", "1 2"),
    ("{{name}} {missing}{null}", "{name} "),
    ("{price:.2f} {price:>6} {name!r}", "1.50    1.5 'Ada'"),
    ("{list} {object}", "[1, 'a'] {'k': None}"),
    ("{braces}", "{name} {{name}}"),
    ("{name:{width}}|", "Ada  |"),
]
VARIABLES: dict[str, Any] = {
    "name": "Ada",
    "a name": 1,
    "é": 2,
    "null": None,
    "price": 1.5,
    "list": [1, "a"],
    "object": {"k": None},
    "braces": "{name} {{name}}",
    "width": 5,
}


@pytest.mark.parametrize(("text", "expected"), F_STRINGS)
def test_f_strings(text: str, expected: str) -> None:
    assert filled(text, **VARIABLES) == filled(text, "f-string", **VARIABLES) == expected


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', "{", "}", "{}", "{0}", "{name.__class__}", "{list[0]}", "{name:99999}", "{name:.2f}", "{name!x}"],
)
def test_an_f_string_that_cannot_be_filled_in_stays(text: str) -> None:
    template = chat(message("system", "{name}"), message("user", text), message("user", "{name}"))
    rendered = render(template, {"name": "Ada", "list": [1], "": "x", "0": "x", "list[0]": "x"})
    assert [shown["content"][0]["text"] for shown in rendered.template["messages"]] == ["Ada", text, "Ada"]
    (problem,) = rendered.problems
    assert problem.startswith("messages[1]: ")


JINJA2_TEXTS = [
    ("{{ name }} {name} {{ missing }}{{ missing.at.all }}", "Ada {name} "),
    ("{% for x in list %}{{ x }};{% endfor %}", "1;a;"),
    ("{{ name|upper }} {{ price|round|int }}", "ADA 2"),
    ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('a') }}", "<a>"),
    ("{{ braces }}<&>", "{name} {{name}}<&>"),
]


@pytest.mark.parametrize(("text", "expected"), JINJA2_TEXTS)
def test_jinja2(text: str, expected: str) -> None:
    assert filled(text, "jinja2", **VARIABLES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{% if %}",
        "{{ list.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ name.format.__globals__ }}",
        "{% include 'x' %}",
        "{{ 1 / 0 }}",
        "{{ range(1000000) }}",
    ],
)
def test_jinja2_is_kept_from_all_but_its_variables(text: str) -> None:
    rendered = render(chat(message("user", text, **JINJA2)), {"list": [1], "name": "Ada"})
    shown = rendered.template["messages"][0]["content"][0]["text"]
    assert (shown == text and len(rendered.problems) == 1) or shown == ""


def test_what_is_no_text_of_a_message_stays_as_it_is() -> None:
    template = chat(
        {"role": "user", "content": "{name}"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": "{name}"}}]},
        {"role": "user", "content": [{"type": "image_url", "text": "{name}"}, {"type": "text"}, text_block("{name}")]},
        tools=[{"description": "{name}"}],
        input_variables=["name"],
    )
    rendered = render(template, {"name": "Ada"})
    assert rendered.template["messages"][0]["content"] == "Ada"
    assert rendered.template["messages"][1] == template["messages"][1]
    assert rendered.template["messages"][2]["content"] == [*template["messages"][2]["content"][:2], text_block("Ada")]
    assert {name: rendered.template[name] for name in ("tools", "input_variables")} == {
        name: template[name] for name in ("tools", "input_variables")
    }
    assert template["messages"][0]["content"] == "{name}", "the argument is not changed"


def test_a_completion() -> None:
    assert render(completion("{a}", "{{ a }}"), {"a": 1}).template == completion("1", "{ a }")
    rendered = render(completion("{a}", "{{ a }}", template_format="jinja2"), {"a": 1})
    assert rendered.template == completion("{a}", "1", template_format="jinja2")


def test_which_templates_are_jinja2() -> None:
    assert not uses_jinja2(chat(message("user", "x"), message("user", "x", template_format="f-string")))
    assert uses_jinja2(chat(message("user", "x"), message("user", "x", **JINJA2)))
    assert uses_jinja2(completion("x", **JINJA2))
    assert not uses_jinja2(completion("x", messages=5))


@pytest.mark.parametrize("template_format", ["f-string", "jinja2"])
def test_what_is_filled_in_is_bounded(monkeypatch: pytest.MonkeyPatch, template_format: str) -> None:
    monkeypatch.setattr(rendering, "MAX_CHARACTERS", 100)
    text = "{{ a }}" if template_format == "jinja2" else "{a}"
    one = message("user", text, template_format=template_format)
    assert render(chat(one, one), {"a": "x" * 50}).problems == []
    with pytest.raises(ValueError, match="characters"):
        render(chat(one, one), {"a": "x" * 51})


# Placeholders

HISTORY = [message("user", "{a}"), message("assistant", "b")]
TOOL = {"type": "function", "function": {"name": "note"}}


def test_messages_and_tools_stand_in_their_places() -> None:
    place = {"role": "placeholder", "name": "history"}
    template = chat(
        message("system", "s"), place, message("user", "u"), tools=[TOOL, {"type": "variable", "name": "more"}]
    )
    shown = expanded(template, {"history": HISTORY, "more": [TOOL, TOOL]})
    assert shown["messages"] == [message("system", "s"), *HISTORY, message("user", "u")]
    assert shown["tools"] == [TOOL] * 3
    assert expanded(template, {"history": [], "more": []})["messages"] == [message("system", "s"), message("user", "u")]
    assert expanded(template, {"other": 1}) == template


def test_odd_places_stay() -> None:
    places: list[dict[str, Any]] = [{"role": "placeholder"}, {"role": "placeholder", "name": [1]}]
    template = chat(*places, tools=["x", {"type": "variable"}, {"type": "variable", "name": {}}])
    assert expanded(template, {"history": HISTORY}) == template
    assert expanded(chat(tools=None), {}) == chat(tools=None)
    assert expanded(completion("x"), {"x": 1}) == completion("x")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (chat({"role": "placeholder", "name": "it"}), "text"),
        (chat({"role": "placeholder", "name": "it"}), [{"content": "x"}]),
        (chat({"role": "placeholder", "name": "it"}), None),
        (chat(tools=[{"type": "variable", "name": "it"}]), {"type": "function"}),
        (chat(tools=[{"type": "variable", "name": "it"}]), ["x"]),
    ],
)
def test_a_variable_must_hold_what_its_place_asks_for(place: dict[str, Any], value: Any) -> None:
    with pytest.raises(Invalid, match=r"input_variables\.it: must be a list of") as caught:
        expanded(place, {"it": value})
    assert caught.value.detail is not None
    assert caught.value.detail[0]["loc"] == ["body", "input_variables", "it"]
