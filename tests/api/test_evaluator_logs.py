"""`POST /v5/evaluators/log`: judgments of other logs, read back. What all logs of files share is tested with those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api import humanloop
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

SPEC: Json = {
    "evaluator_type": "human",
    "arguments_type": "target_free",
    "return_type": "select",
    "options": [{"name": "good", "valence": "positive"}],
}


def judge(api: Api, parent_id: str, **fields: Any) -> Json:
    """Log to an evaluator of its own, unless the fields name one; returns the answer."""
    response = api.default.post("/v5/evaluators/log", json={"path": unique("ev"), "parent_id": parent_id, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def test_a_judgment_reads_back(api: Api) -> None:
    judged, path = humanloop.create(api, output="six"), unique("rating")
    fields: Json = {"judgment": ["good"], "marked_completed": True, "output": "fine", "metadata": {"by": "ada"}}
    created = judge(api, judged["id"], path=path, spec=SPEC, trace_parent_id="log_above", **fields)
    assert created.keys() == {"id", "evaluator_id", "parent_id", "version_id", "session_id"}
    assert created["parent_id"] == judged["id"]
    read = humanloop.fetch(api, created["id"])
    assert {name: read[name] for name in fields} == fields
    assert (read["parent_id"], read["trace_parent_id"]) == (judged["id"], "log_above")
    evaluator = read["evaluator"]
    assert (evaluator["path"], evaluator["id"], evaluator["spec"]) == (path, created["evaluator_id"], SPEC)
    assert evaluator["version_id"] == created["version_id"]
    assert judge(api, judged["id"], path=path)["version_id"] == created["version_id"]
    api.wait_until_applied()
    listed = api.default.get("/v5/logs", params={"file_id": created["evaluator_id"]}).json()["records"]
    assert [record["judgment"] for record in listed] == [None, ["good"]]


@pytest.mark.parametrize("judgment", [True, False, 0, 0.5, -3, "good", "", ["a", "b"], [], None])
def test_judgments_of_every_type(api: Api, judgment: Any) -> None:
    """Of an evaluator that nobody described, and of a log that nobody knows."""
    read = humanloop.fetch(api, judge(api, "log_of_nobody", judgment=judgment)["id"])
    assert (read["judgment"], type(read["judgment"])) == (judgment, type(judgment))
    assert read["evaluator"]["spec"]["evaluator_type"] == "external"


def test_a_judgment_is_no_part_of_the_trace(api: Api) -> None:
    flow = api.default.post("/v5/flows/log", json={"path": unique("flow")}).json()
    below = humanloop.create(api, trace_parent_id=flow["id"])
    judge(api, flow["id"], judgment=1)
    api.wait_until_applied()
    query = {"file_id": flow["flow_id"], "include_trace_children": "true"}
    (record,) = api.default.get("/v5/logs", params=query).json()["records"]
    assert [child["id"] for child in record["trace_children"]] == [below["id"]]


def test_without_contents_the_judgment_stays(api: Api) -> None:
    created = judge(api, "log_1", judgment=0.5, output="private", inputs={"a": "private"}, save=False)
    read = humanloop.fetch(api, created["id"])
    assert (read["save"], read["judgment"], read["output"], read["inputs"]) == (False, 0.5, None, None)


@pytest.mark.parametrize(
    ("changed", "loc"),
    [
        ({"parent_id": None}, ["parent_id"]),
        ({"parent_id": ""}, ["parent_id"]),
        ({"judgment": {"a": 1}}, ["judgment"]),
        ({"judgment": ["a", 1]}, ["judgment"]),
        ({"marked_completed": "perhaps"}, ["marked_completed"]),
        ({"spec": {"evaluator_type": "human"}}, ["spec", "arguments_type"]),
        ({"path": None}, ["path"]),
    ],
)
def test_wrong_fields(api: Api, changed: Json, loc: list[str]) -> None:
    body = {"path": unique("ev"), "parent_id": "log_1", **changed}
    with api.nothing_stored():
        refused(api.default.post("/v5/evaluators/log", json=body), 422, "invalid", ["body", *loc])
