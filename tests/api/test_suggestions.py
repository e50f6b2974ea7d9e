"""`GET /api/public/v2/requests/suggestions`: values for filters, from the logs themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api import promptlayer
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

PATH = "/api/public/v2/requests/suggestions"


def suggested(api: Api, field: str, **query: Any) -> list[str]:
    response = api.default.get(PATH, params={"field": field, **query})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    assert answer["success"] is True
    values: list[str] = answer["values"]
    return values


def with_tag(tag: str) -> str:
    return json.dumps({"filters": [{"field": "tags", "operator": "contains", "value": tag}]})


@pytest.fixture(scope="module")
def tag(api: Api) -> str:
    """A tag of three logs, whose other values begin with it or with `other`."""
    tag = unique("Tag")
    ada = {"city": "Rome", "deep": {"n": 1}, "list": [{"k": "v"}]}
    common: Json = {"model": f"{tag}-b", "provider": f"{tag}-p", "prompt_name": f"{tag}-n", "prompt_id": 7}
    sent: list[Json] = [
        {
            "model": f"{tag}-a",
            "metadata": {f"{tag}-k": "Ada", "other": "x"},
            "prompt_input_variables": ada,
            "prompt_name": f"{tag}-m",
            "prompt_id": 8,
        },
        {**common, "metadata": {f"{tag}-k": "ada 2"}, "output": chat(message("assistant", json.dumps(ada)))},
        {
            **common,
            "status": "ERROR",
            "output": chat(
                message(
                    "assistant",
                    "",
                    tool_calls=[
                        {"type": "function", "function": {"name": f"{tag}-f", "arguments": '{"city":"Oslo"}'}},
                    ],
                )
            ),
        },
    ]
    for changes in sent:
        promptlayer.fetch(api, promptlayer.create(api, body(tags=[tag, f"{tag}-2"], **changes)))
    return tag


def test_values_of_columns_the_commonest_first(api: Api, tag: str) -> None:
    assert suggested(api, "engine", prefix=tag) == [f"{tag}-b", f"{tag}-a"]
    assert suggested(api, "provider_type", prefix=tag) == [f"{tag}-p"]
    assert suggested(api, "prompt", prefix=tag) == [f"{tag}-n", f"{tag}-m"]
    assert suggested(api, "prompt", prefix=tag, prompt_id=8) == [f"{tag}-m"]
    assert suggested(api, "tags", prefix=tag) == [tag, f"{tag}-2"]
    assert suggested(api, "metadata_keys", prefix=tag) == [f"{tag}-k"]
    assert suggested(api, "tool_names", prefix=tag) == [f"{tag}-f"]
    assert suggested(api, "metadata_values", metadata_key=f"{tag}-k") == ["Ada", "ada 2"]


def test_a_prefix_is_compared_without_regard_to_case(api: Api, tag: str) -> None:
    assert suggested(api, "engine", prefix=tag.upper()) == suggested(api, "engine", prefix=tag.lower()) != []
    assert suggested(api, "metadata_values", metadata_key=f"{tag}-k", prefix="ADA ") == ["ada 2"]
    assert suggested(api, "engine", prefix=f"x{tag}") == []


def test_a_filter_narrows_the_logs(api: Api, tag: str) -> None:
    of_tag = {"filter_group": with_tag(tag)}
    assert suggested(api, "status", **of_tag) == ["SUCCESS", "ERROR"]
    assert suggested(api, "prompt_id", **of_tag) == ["7", "8"]
    assert suggested(api, "metadata_keys", **of_tag) == [f"{tag}-k", "other"]
    assert suggested(api, "status", filter_group=with_tag(unique())) == []


def test_keys_and_values_inside_bodies(api: Api, tag: str) -> None:
    of_tag = {"filter_group": with_tag(tag)}
    assert suggested(api, "input_variable_keys", **of_tag) == ["city", "deep", "deep.n", "list"]
    assert suggested(api, "output_keys", **of_tag) == ["city", "deep", "deep.n", "list", "tool_calls"]
    assert suggested(api, "input_variable_values", metadata_key="city", **of_tag) == ["Rome"]
    assert suggested(api, "input_variable_values", metadata_key="list.k", **of_tag) == ["v"]
    assert suggested(api, "output_values", metadata_key="deep.n", **of_tag) == ["1"]
    assert suggested(api, "output_values", metadata_key="tool_calls.function.arguments.city", **of_tag) == ["Oslo"]
    assert suggested(api, "output_values", metadata_key="city", prefix="o", **of_tag) == []


def test_keys_of_an_object_that_has_very_many(api: Api) -> None:
    """One such log would else keep the keys of all others from being suggested."""
    tag = unique()
    many = {f"field {number:05}": {"inner": number} for number in range(10_000)} | {"x" * 100_000: many_inside()}
    changes = {"output": chat(message("assistant", json.dumps(many))), "prompt_input_variables": many}
    promptlayer.fetch(api, promptlayer.create(api, body(tags=[tag], **changes)))
    for field in ("output_keys", "input_variable_keys"):
        found = suggested(api, field, filter_group=with_tag(tag))
        assert found[:3] == ["field 00000", "field 00000.inner", "field 00001"]


def many_inside() -> Json:
    return {str(number): number for number in range(10_000)}


def test_no_more_than_fifty(api: Api) -> None:
    tag = unique()
    promptlayer.fetch(api, promptlayer.create(api, body(tags=[f"{tag}{number:02}" for number in range(60)])))
    assert suggested(api, "tags", prefix=tag) == [f"{tag}{number:02}" for number in range(50)]


def test_other_workspaces_see_nothing(api: Api, tag: str) -> None:
    for query in ({"field": "engine", "prefix": tag}, {"field": "output_keys", "filter_group": with_tag(tag)}):
        assert api.other.get(PATH, params=query).json() == {"success": True, "values": []}


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({}, "field", "is required"),
        ({"field": "pl_id"}, "field", "must be one of"),
        ({"field": "output_values"}, "metadata_key", "is required"),
        ({"field": "metadata_values", "metadata_key": ""}, "metadata_key", "at least 1"),
        ({"field": "metadata_values", "metadata_key": "." * 11}, "metadata_key", "at most 10 dots"),
        ({"field": "prompt", "prompt_id": "0"}, "prompt_id", "must be at least 1"),
        ({"field": "tags", "prefix": "x" * 8_001}, "prefix", "at most 8000"),
        ({"field": "tags", "filter_group": "{"}, "filter_group", "must be a JSON object"),
        ({"field": "tags", "filter_group": "[]"}, "filter_group", "must be an object"),
    ],
)
def test_wrong_queries_are_refused_by_name(api: Api, query: dict[str, str], field: str, says: str) -> None:
    refused(api.default.get(PATH, params=query), 422, "invalid", ["query", field], says)


def test_wrong_filters_are_refused_as_in_a_search(api: Api) -> None:
    filters = {"filters": [{"field": "nothing", "operator": "is", "value": 1}]}
    answer = api.default.get(PATH, params={"field": "tags", "filter_group": json.dumps(filters)})
    refused(answer, 422, "invalid", ["query", "filter_group", "filters", 0, "field"])
    filters = {"filters": [{"field": "tags", "operator": "is", "value": "x"}]}
    answer = api.default.get(PATH, params={"field": "tags", "filter_group": json.dumps(filters)})
    refused(answer, 400, "bad_request", says="'is' is not for tags")
