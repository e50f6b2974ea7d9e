"""Publications of templates: what makes a version, and its id."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.wire.promptlayer.template_responses import model_of
from shared.wire.promptlayer.templates import (
    parse_list_query,
    parse_publication,
    parse_raw_query,
    parse_template_request,
    same,
    version_id,
)
from tests.unit.wire.promptlayer_bodies import chat, message

Json = dict[str, Any]

TEMPLATE = chat(message("user", "Hi {who}"), odd={"kept": [1]})
MODEL: Json = {"provider": "openai", "name": "gpt-4o", "parameters": {"temperature": 0.5, "model": "own"}}


def publication(**given: Any) -> Json:
    both = {"prompt_name": "a", "prompt_template": TEMPLATE, **given}
    return {"prompt_template": both, "prompt_version": both, "release_labels": None}


def test_a_version_is_its_template_message_and_metadata() -> None:
    assert parse_publication(publication()).details() == {"prompt_template": TEMPLATE}
    given = {"commit_message": "m", "metadata": {"model": MODEL, "more": 1}}
    more = {"tags": ["a"], "id": 7, "parent_version_id": 3, "folder_id": 1}
    assert parse_publication(publication(**given, **more)).details() == {"prompt_template": TEMPLATE, **given}
    nothing = dict.fromkeys(given)
    assert parse_publication(publication(**nothing)).details() == {"prompt_template": TEMPLATE}


def test_details_are_the_same_whatever_their_order_and_only_then() -> None:
    one: Json = {"prompt_template": TEMPLATE, "metadata": {"a": 1, "b": 2}}
    assert same(one, {"metadata": {"b": 2, "a": 1}, "prompt_template": TEMPLATE})
    for other in ({"b": 2, "a": True}, {"b": 2, "a": 1.0}, {"a": 1}):
        assert not same(one, one | {"metadata": other})


def test_a_version_id_depends_on_what_came_before() -> None:
    details: Json = {"prompt_template": TEMPLATE}
    first = version_id(details, None)
    assert first == version_id({"prompt_template": dict(reversed(TEMPLATE.items()))}, None)
    ids = {first, version_id(details, first), version_id({**details, "commit_message": "m"}, None)}
    assert len(ids) == 3
    assert all(len(found) == len("tplv_") + 24 for found in ids)


def test_version_ids_are_stable() -> None:
    """They are in the registry for ever."""
    assert version_id({"prompt_template": {"type": "chat", "messages": []}}, None) == "tplv_toyrfoygoly3suoopofgflzg"


@pytest.mark.parametrize("label", [None, ""])
def test_no_label_is_no_label(label: str | None) -> None:
    assert parse_template_request({"version": 1, "label": label}).label is None


def test_nulls_are_defaults() -> None:
    names = ("version", "label", "provider", "model", "input_variables", "model_parameter_overrides", "workspace_id")
    wanted = parse_template_request(dict.fromkeys((*names, "skip_input_variable_rendering", "metadata_filters")))
    assert wanted == parse_template_request({})
    assert (wanted.input_variables, wanted.skip_input_variable_rendering) == ({}, False)


def test_queries() -> None:
    assert parse_raw_query([("version", "2"), ("include_llm_kwargs", "true")]).include_llm_kwargs
    assert parse_list_query([("page", "2"), ("other", "x"), ("page", "3")]).page == 3
    with pytest.raises(Invalid, match="label: can't be given together with version"):
        parse_raw_query([("version", "2"), ("label", "x")])


MODELS: list[tuple[Json | None, Json, Json | None]] = [
    (None, {}, None),
    ({}, {}, None),
    ({"model": None}, {"provider": "openai"}, None),
    (None, {"model": "m"}, None),
    (None, {"provider": "odd", "model": "m"}, {"provider": "odd", "name": "m", "parameters": {}, "api_type": None}),
    ({"model": MODEL}, {}, MODEL | {"api_type": "chat-completions"}),
    (
        {"model": MODEL | {"api_type": "responses", "display_params": {}}},
        {"model": "m", "model_parameter_overrides": {"seed": 1}},
        {
            "provider": "openai",
            "name": "m",
            "parameters": {"temperature": 0.5, "seed": 1},
            "api_type": "responses",
            "display_params": {},
        },
    ),
    (
        {"model": MODEL | {"api_type": "responses"}},
        {"provider": "mistral"},
        {"provider": "mistral", "name": "gpt-4o", "parameters": {}, "api_type": None},
    ),
    ({"model": MODEL | {"parameters": None}}, {}, MODEL | {"parameters": {}, "api_type": "chat-completions"}),
]


@pytest.mark.parametrize(("metadata", "request_body", "expected"), MODELS)
def test_the_model_of_a_request(metadata: Json | None, request_body: Json, expected: Json | None) -> None:
    details: Json = {"prompt_template": TEMPLATE, "metadata": metadata}
    assert model_of(details, parse_template_request(request_body)) == expected
