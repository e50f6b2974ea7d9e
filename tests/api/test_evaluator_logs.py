"""`POST /v5/evaluators/log`: judgments of other logs, read back. What all logs of files share is tested with those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
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


def shown(api: Api, log_id: str) -> list[Any]:
    """The judgments that a log shows at once."""
    return [log["judgment"] for log in humanloop.fetch(api, log_id)["evaluator_logs"]]


def test_a_log_shows_at_once_what_judged_it(api: Api) -> None:
    judged = humanloop.create(api, output="six")
    assert shown(api, judged["id"]) == []
    first = judge(api, judged["id"], judgment="good", metadata={"by": "ada"}, log_id=unique("log"))
    (read,) = humanloop.fetch(api, judged["id"])["evaluator_logs"]
    assert read == humanloop.fetch(api, first["id"])
    judge(api, judged["id"], judgment=0.5, spec=SPEC)
    judge(api, first["id"], judgment=False)  # a judgment of a judgment
    assert shown(api, judged["id"]) == [0.5, "good"]
    assert shown(api, first["id"]) == [False]
    assert humanloop.fetch(api, judged["id"])["evaluator_logs"][1]["evaluator_logs"] == []


def test_lists_traces_and_updates_show_judgments_too(api: Api) -> None:
    flow = api.default.post("/v5/flows/log", json={"path": unique("flow")}).json()
    below = humanloop.create(api, trace_parent_id=flow["id"])
    judge(api, flow["id"], judgment="fine")
    for number in range(12):
        judge(api, below["id"], judgment=number)
    api.wait_until_applied()
    answer = humanloop.patched(api, below, output="six")
    assert [log["judgment"] for log in answer["evaluator_logs"]] == [*range(11, -1, -1)]
    query = {"file_id": flow["flow_id"], "include_trace_children": "true"}
    (record,) = api.default.get("/v5/logs", params=query).json()["records"]
    assert [log["judgment"] for log in record["evaluator_logs"]] == ["fine"]
    (child,) = record["trace_children"]
    assert [log["judgment"] for log in child["evaluator_logs"]] == [*range(11, 1, -1)]
    for log in (record["evaluator_logs"][0], *child["evaluator_logs"][:2]):
        assert log == humanloop.fetch(api, log["id"])


def test_a_log_shows_no_more_judgments_than_fit_in_memory(api: Api) -> None:
    judged, path = humanloop.create(api)["id"], unique("ev")
    for number in range(27):
        judge(api, judged, path=path, judgment=number, output="x" * 700_000)
    assert shown(api, judged) == [*range(26, 1, -1)]


def test_a_log_that_its_client_named_shows_judgments_of_either_name(api: Api) -> None:
    judged = humanloop.create(api, log_id=unique("log"))
    judge(api, judged["id"], judgment="by its name")
    api.wait_until_applied()
    (row,) = api.default.post(
        "/v1/sql",
        json={
            "query": "SELECT id FROM log_records WHERE external_id = {name:String}",
            "parameters": {"name": judged["id"]},
        },
    ).json()["rows"]
    judge(api, ids.to_text(row["id"]), judgment="by its id")
    assert shown(api, judged["id"]) == ["by its id", "by its name"]


def test_a_judgment_of_null_takes_back_what_was_said_before(api: Api) -> None:
    judged, rating, other = humanloop.create(api)["id"], unique("rating"), unique("other")
    for path, fields in (
        (rating, {"judgment": "good"}),
        (other, {"judgment": "fine"}),
        (rating, {"judgment": "bad", "user": "ada"}),
        (other, {"judgment": None, "error": "no answer"}),  # which says something
        (rating, {"judgment": None}),
    ):
        taken = judge(api, judged, path=path, **fields)
    assert shown(api, judged) == [None, "bad", "fine"]
    assert humanloop.fetch(api, taken["id"])["judgment"] is None
    judge(api, judged, path=rating, judgment="good after all")
    assert shown(api, judged) == ["good after all", None, "bad", "fine"]


def test_deleted_and_foreign_judgments_do_not_show(api: Api) -> None:
    judged = humanloop.create(api)["id"]
    deleted = judge(api, judged, judgment="deleted")["id"]
    body = {"path": unique("ev"), "parent_id": judged, "judgment": "foreign"}
    foreign = api.other.post("/v5/evaluators/log", json=body).json()
    assert api.other.get(humanloop.log_url(foreign["id"])).json()["judgment"] == "foreign"
    assert shown(api, judged) == ["deleted"]
    assert api.default.delete("/v5/logs", params={"id": deleted}).status_code == 204
    assert shown(api, judged) == []


def test_a_client_s_re_send_of_a_judgment_shows_once(api: Api) -> None:
    judged = humanloop.create(api)["id"]
    body = {"path": unique("ev"), "parent_id": judged, "judgment": "good"}
    for _ in range(2):
        headers = {"Idempotency-Key": judged}
        assert api.default.post("/v5/evaluators/log", json=body, headers=headers).status_code == 200
    assert shown(api, judged) == ["good"]


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
