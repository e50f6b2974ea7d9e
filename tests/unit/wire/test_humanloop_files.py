"""Bodies and answers of the registry's routes; version ids of tools, flows and evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from humanloop.types import EvaluatorResponse, FlowResponse, ToolResponse

from shared.errors import Invalid
from shared.wire.humanloop.details import version_id
from shared.wire.humanloop.file_details import evaluator_version_id, flow_version_id, tool_version_id
from shared.wire.humanloop.file_requests import (
    EvaluatorUpsert,
    FileUpsert,
    FlowUpsert,
    PromptUpsert,
    ToolUpsert,
    VersionUpdate,
    parse_list_query,
    parse_move,
)
from shared.wire.humanloop.file_responses import FileInfo, evaluator_response, flow_response, tool_response
from shared.wire.validation import validate
from tests.unit.wire.test_humanloop_details import FULL as FULL_PROMPT

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

NOW = "2025-01-02T03:04:05.678901Z"
TOOL: Json = {
    "function": {"name": "f", "description": "d", "strict": True, "parameters": {"type": "object"}},
    "source_code": "pass",
    "setup_values": {"a": None},
    "attributes": {"b": [1]},
    "tool_type": "python",
}
FLOW: Json = {"attributes": {"a": None, "b": "żółć"}}
SPEC: Json = {"evaluator_type": "llm", "arguments_type": "target_free", "return_type": "text", "prompt": {"model": "m"}}
SAID: Json = {"path": "a/b", "version_name": "v", "version_description": "d", "tags": ["t"], "readme": "r"}


@pytest.mark.parametrize(
    ("model", "details"),
    [(PromptUpsert, FULL_PROMPT), (ToolUpsert, TOOL), (FlowUpsert, FLOW), (EvaluatorUpsert, {"spec": SPEC})],
)
def test_details_are_what_was_given_of_them(model: type[FileUpsert], details: Json) -> None:
    body = validate(model, {**SAID, **details, "seed": details.get("seed"), "unknown": 1})
    assert body.details() == details
    assert body.version_fields() == {"name": "v", "description": "d"}
    assert body.file_fields() == {"tags": ("t",), "readme": "r"}
    bare = validate(model, {**dict.fromkeys(SAID), **details})
    assert (bare.version_fields(), bare.file_fields(), bare.path, bare.id) == ({}, {}, None, None)


@pytest.mark.parametrize(
    ("sent", "description"),
    [
        ({"commit_message": "old"}, "old"),
        ({"commit_message": "old", "version_description": "new"}, "new"),
        ({"commit_message": "old", "version_description": ""}, ""),
    ],
)
def test_a_commit_message_describes_the_version(sent: Json, description: str) -> None:
    assert validate(PromptUpsert, {"model": "m", **sent}).version_fields() == {"description": description}


def test_version_ids_are_fixed_for_ever() -> None:
    """Logs and deployments in the stream refer to them."""
    assert tool_version_id(TOOL) == "tlv_fozt4vljxv5oimrjy66rzmy3"
    assert flow_version_id(FLOW) == "flv_57geujjptexwzfy2i6sxmfzj"
    assert evaluator_version_id({"spec": SPEC}) == "evv_7zt2imjgji3gwzdcciecn44i"
    assert version_id(validate(PromptUpsert, FULL_PROMPT).details()) == version_id(FULL_PROMPT)


@pytest.mark.parametrize(
    ("version_id_of", "details", "same", "other"),
    [
        (
            tool_version_id,
            {"function": {"name": "f", "description": "d"}},
            {"source_code": None, "function": {"description": "d", "strict": None, "name": "f"}},
            {"function": {"name": "f", "description": "e"}},
        ),
        (flow_version_id, {"attributes": {"a": 1, "b": 2}}, {"attributes": {"b": 2, "a": 1}}, {"attributes": {"a": 1}}),
        (flow_version_id, {"attributes": {}}, {"attributes": {}, "x": None}, {"attributes": {"a": None}}),
        (evaluator_version_id, {"spec": SPEC}, {"spec": SPEC | {"code": None}}, {"spec": SPEC | {"code": ""}}),
    ],
)
def test_equal_details_are_one_version(
    version_id_of: Callable[[Json], str], details: Json, same: Json, other: Json
) -> None:
    assert version_id_of(details) == version_id_of(same) != version_id_of(other)


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        ({}, "a/b", None),
        ({"path": "c/d"}, "a/b", "c/d"),
        ({"name": "c"}, "a/b", "a/c"),
        ({"name": "c", "path": None, "directory_id": None}, "b", "c"),
    ],
)
def test_where_a_file_moves(body: Json, old: str, new: str | None) -> None:
    assert parse_move(body).new_path(old) == new


def test_a_change_of_a_version_is_what_was_sent_of_it() -> None:
    changes = [validate(VersionUpdate, body).changes() for body in ({}, {"name": None}, {"description": "", "x": 1})]
    assert changes == [{}, {"name": None}, {"description": ""}]


def test_lists_go_from_the_newest_on_and_names_from_a_to_z() -> None:
    query = parse_list_query([("page", "1"), ("page", "2"), ("size", ""), ("name", "x"), ("unknown", "y")])
    assert (query.page, query.size, query.name, query.sort_by, query.descending) == (2, 10, "x", "created_at", True)
    assert not parse_list_query([("sort_by", "name")]).descending
    assert parse_list_query([("sort_by", "name"), ("order", "desc")]).descending
    assert not parse_list_query([("order", "asc")]).descending
    with pytest.raises(Invalid, match="sort_by"):
        parse_list_query([("sort_by", "model")])


def info(details: Json) -> FileInfo:
    return FileInfo("id_1", "a/b", "v_1", details, NOW, NOW, NOW, version_logs_count=2, total_logs_count=3)


def test_answers_are_what_the_client_takes() -> None:
    tool = ToolResponse.model_validate(tool_response(info(TOOL)))
    assert (tool.name, tool.function.parameters, tool.setup_values) == ("b", {"type": "object"}, {"a": None})
    assert (tool.source_code, tool.tool_type, tool.total_logs_count, tool.inputs) == ("pass", "python", 3, [])
    assert ToolResponse.model_validate(tool_response(info({}))).function is None
    flow = FlowResponse.model_validate(flow_response(info(FLOW)))
    assert (flow.attributes, flow.version_logs_count, flow.type) == (FLOW["attributes"], 2, "flow")
    evaluator = EvaluatorResponse.model_validate(evaluator_response(info({"spec": SPEC | {"attributes": {"a": 1}}})))
    assert (evaluator.spec.prompt.model, evaluator.attributes, evaluator.type) == ("m", {"a": 1}, "evaluator")
