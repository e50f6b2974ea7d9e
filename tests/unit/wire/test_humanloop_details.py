from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.wire.humanloop.details import (
    DEFAULTS,
    DETAIL_FIELDS,
    EMPTY_DETAILS,
    PromptDetails,
    PromptField,
    canonical_details,
    template_inputs,
    version_id,
)
from shared.wire.scalars import WireModel
from shared.wire.validation import validate

FULL: dict[str, Any] = {
    "model": "gpt-4o",
    "endpoint": "chat",
    "template": [{"role": "system", "content": "Hi {{name}}", "x": 1}, {"role": "user", "content": "{{question}}"}],
    "template_language": "default",
    "provider": "openai",
    "max_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.9,
    "stop": ["a", "b"],
    "presence_penalty": 0.1,
    "frequency_penalty": -0.1,
    "other": {"logit_bias": {"50256": -100}},
    "seed": 7,
    "response_format": {"type": "json_schema", "json_schema": {"type": "object"}, "y": 1},
    "reasoning_effort": "high",
    "tools": [{"name": "t", "description": "d", "strict": True, "parameters": {"type": "object"}, "z": 1}],
    "linked_tools": ["tl_1"],
    "attributes": {"team": "a"},
}


class Body(WireModel):
    prompt: PromptField


def details(prompt: Any) -> dict[str, Any]:
    return validate(Body, {"prompt": prompt}).prompt.as_dict()


def test_details_are_kept_as_given() -> None:
    assert list(FULL) == list(DETAIL_FIELDS)
    assert details(FULL) == FULL


def test_unknown_keys_and_nulls_are_left_out() -> None:
    assert details({"model": "m", "new_setting": 1, "temperature": None, "tools": None}) == {"model": "m"}


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ({"max_tokens": "12"}, {"max_tokens": 12}),
        ({"max_tokens": 12.0}, {"max_tokens": 12}),
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"stop": "x"}, {"stop": "x"}),
        ({"template": ""}, {"template": ""}),
        ({"reasoning_effort": 1024}, {"reasoning_effort": 1024}),
        ({"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}),
        ({"provider": "someone-new", "endpoint": "responses"}, {"provider": "someone-new", "endpoint": "responses"}),
    ],
)
def test_lax_and_open_values(given_value: dict[str, Any], kept: dict[str, Any]) -> None:
    assert details({"model": "m", **given_value}) == {"model": "m", **kept}


@pytest.mark.parametrize(
    ("prompt", "loc"),
    [
        ({}, ["model"]),
        ({"provider": "openai"}, ["model"]),
        ({"model": None}, ["model"]),
        ({"model": 5}, ["model"]),
        (5, []),
        (["x"], []),
        ({"model": "m", "template": 5}, ["template"]),
        ({"model": "m", "template": [{"content": "x"}]}, ["template", 0, "role"]),
        ({"model": "m", "max_tokens": 1.5}, ["max_tokens"]),
        ({"model": "m", "temperature": "hot"}, ["temperature"]),
        ({"model": "m", "temperature": True}, ["temperature"]),
        ({"model": "m", "stop": [1]}, ["stop", 0]),
        ({"model": "m", "other": []}, ["other"]),
        ({"model": "m", "seed": "x"}, ["seed"]),
        ({"model": "m", "response_format": {}}, ["response_format", "type"]),
        ({"model": "m", "reasoning_effort": True}, ["reasoning_effort"]),
        ({"model": "m", "tools": [{"name": "t"}]}, ["tools", 0, "description"]),
        ({"model": "m", "tools": [{"description": "t"}]}, ["tools", 0, "name"]),
        ({"model": "m", "linked_tools": [1]}, ["linked_tools", 0]),
        ({"model": "m", "attributes": "a"}, ["attributes"]),
    ],
)
def test_wrong_details_are_refused_by_name(prompt: Any, loc: list[str | int]) -> None:
    with pytest.raises(Invalid) as caught:
        details(prompt)
    assert [problem["loc"] for problem in caught.value.detail or []] == [["body", "prompt", *loc]]


def test_a_prompt_as_text_keeps_the_text_and_has_the_same_version() -> None:
    text = "---\nmodel: m\ntemperature: 1\n---\n<user>Hi {{name}}</user>"
    given_as_text = details(text)
    assert given_as_text == {
        "model": "m",
        "temperature": 1.0,
        "template": [{"role": "user", "content": "Hi {{name}}"}],
        "raw_file_content": text,
    }
    assert version_id(given_as_text) == version_id({"model": "m", "template": given_as_text["template"]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "must be a .prompt text"),
        ("---\ntemperature: 1\n---", "model: is required"),
        ("---\nmodel: m\ntemperature: hot\n---", "temperature: must be a number"),
    ],
)
def test_wrong_prompt_text_is_a_problem_of_the_prompt_field(text: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        details(text)
    assert [problem["loc"] for problem in caught.value.detail or []] == [["body", "prompt"]]
    assert says in caught.value.message


def test_an_upsert_body_is_details_with_more_beside_them() -> None:
    class Upsert(PromptDetails):
        path: str

    assert validate(Upsert, {"model": "m", "path": "a/b"}).as_dict() == {"model": "m"}


@pytest.mark.parametrize(
    "spelling",
    [
        {"model": "m", **DEFAULTS},
        {"model": "m", "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0},
        dict.fromkeys(DETAIL_FIELDS) | {"model": "m"},
        {"other": {}, "model": "m"},
        {
            "model": "m",
            "version_name": "v2",
            "version_description": "d",
            "description": "d",
            "tags": ["a"],
            "readme": "r",
        },
        {"model": "m", "commit_message": "c", "path": "p", "id": "i", "raw_file_content": "---"},
    ],
)
def test_spellings_of_the_same_details(spelling: dict[str, Any]) -> None:
    assert canonical_details(spelling) == canonical_details({"model": "m"})
    assert version_id(spelling) == version_id({"model": "m"})


def test_nulls_of_optional_keys_inside_messages_tools_and_formats_do_not_count() -> None:
    sparse = {
        "model": "m",
        "template": [{"role": "user", "content": "x"}],
        "tools": [{"name": "t", "description": "d"}],
        "response_format": {"type": "json_object"},
    }
    filled = {
        "model": "m",
        "template": [{"role": "user", "content": "x", "name": None, "tool_calls": None}],
        "tools": [{"name": "t", "description": "d", "strict": None, "parameters": None}],
        "response_format": {"type": "json_object", "json_schema": None},
    }
    assert version_id(sparse) == version_id(filled)


@pytest.mark.parametrize("name", DETAIL_FIELDS)
def test_every_detail_makes_another_version(name: str) -> None:
    changed: dict[str, Any] = {
        **dict.fromkeys(DETAIL_FIELDS, "changed"),
        **dict.fromkeys(("max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"), 42),
        **{key: {"type": "changed"} for key in ("other", "response_format", "attributes")},
        "tools": [{"name": "changed", "description": ""}],
    }
    assert version_id(FULL | {name: changed[name]}) != version_id(FULL)


def test_the_order_of_template_messages_counts() -> None:
    assert version_id(FULL | {"template": FULL["template"][::-1]}) != version_id(FULL)


def test_a_version_id_never_changes() -> None:
    """Stored logs carry these ids: a change of the canonical form would part them from their versions."""
    assert version_id(EMPTY_DETAILS) == "prv_4zzgxwrs5cec4e6p5cdferie"
    assert version_id(FULL) == "prv_orgyvn2y6jecv4cqydfqmh3s"


@given(st.permutations(list(FULL.items())))
def test_key_order_does_not_count(items: list[tuple[str, Any]]) -> None:
    shuffled = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in items}
    assert version_id(shuffled) == version_id(FULL)


@given(st.fixed_dictionaries({}, optional={name: st.just(value) for name, value in FULL.items()}))
def test_the_id_is_the_same_after_storage_and_from_the_canonical_form(some: dict[str, Any]) -> None:
    some |= {"model": "m"}
    found = version_id(some)
    assert re.fullmatch("prv_[a-z2-7]{24}", found)
    assert version_id(orjson.loads(orjson.dumps(some))) == found
    assert version_id(canonical_details(some)) == found


@pytest.mark.parametrize(
    ("template", "language", "names"),
    [
        (None, None, []),
        ("", None, []),
        ("no variable, {one} brace, {{}}, {{ }}", None, []),
        ("{{a}} {{ b }} {{a}} {{c_1.d[0]}}", None, ["a", "b", "c_1.d[0]"]),
        ('{{ snippet("key") }} {{x}}', None, ["x"]),
        (
            "{{ user.name }} {{- items[0] -}} {{ title | upper }} {{ range(3) }} {% if x %}",
            "jinja",
            ["user", "items", "title"],
        ),
        (
            [
                {"role": "system", "content": "{{b}}"},
                {"role": "assistant", "content": None},
                {"role": "assistant"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "{{a}}"},
                        {"type": "image_url", "image_url": {"url": "{{image}}"}},
                        {"type": "other", "text": "{{no}}"},
                    ],
                },
            ],
            "default",
            ["b", "a", "image"],
        ),
    ],
)
def test_template_inputs(template: Any, language: str | None, names: list[str]) -> None:
    found = template_inputs({"model": "m", "template": template, "template_language": language})
    assert found == [{"name": name} for name in names]
