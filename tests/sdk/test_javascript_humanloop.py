"""The JavaScript client of Humanloop, unmodified, in scripts under `js`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api import humanloop
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import unique
from tests.support.javascript import run

if TYPE_CHECKING:
    from tests.support.api import Api

ONLY_CREATE = {"sourceDatapointId", "traceParentId", "user", "save"}
TIMES = {"startTime": "2026-01-01T12:00:00.000Z", "endTime": "2026-01-01T12:00:01.500Z"}


def test_log_update_and_read(api: Api) -> None:
    path = unique("sdk")
    seen = run(api, "humanloop", "log-and-update.mjs", PROMPT_PATH=path)
    sent, read, updated = seen["sent"], seen["read"], seen["updated"]
    assert {name: read[name] for name in sent} == sent
    assert {name: read[name] for name in TIMES} == TIMES
    prompt = read["prompt"]
    assert (prompt["path"], prompt["id"], prompt["versionId"]) == (
        path,
        seen["created"]["promptId"],
        seen["created"]["versionId"],
    )
    assert {name: prompt[name] for name in seen["prompt"]} == seen["prompt"]

    assert (seen["unchanged"]["output"], seen["unchanged"]["metadata"]) == ("one", {"a": 1})
    assert {name: updated[name] for name in sent.keys() - ONLY_CREATE} == {
        name: sent[name] for name in sent.keys() - ONLY_CREATE
    }
    cleared = seen["cleared"]
    assert cleared.get("output") is None
    assert cleared.get("error") is None, "this client sends undefined as null"
    assert cleared["metadata"] == sent["metadata"]
    assert humanloop.fetch(api, seen["bare"]["id"])["output"] is None

    assert seen["named"]["id"] == seen["namedRead"]["id"] == f"{path}/a log?"
    assert seen["named"]["output"] == seen["namedRead"]["output"] == "two"


def test_list_and_delete(api: Api) -> None:
    seen = run(api, "humanloop", "list-and-delete.mjs", PROMPT_PATH=unique("sdk"))
    one, two, three = (created["id"] for created in seen["created"])
    assert (seen["all"], seen["found"], seen["left"]) == ([three, two, one], [two], [two])
    assert seen["status"] == 404


def test_prompts(api: Api) -> None:
    path = unique("sdk")
    seen = run(api, "humanloop", "prompts.mjs", PROMPT_PATH=path)
    made, newer = seen["made"], seen["newer"]
    expected = seen["details"] | seen["said"] | {"path": path}
    for name in ("made", "selected", "deployed", "byPath"):
        assert {field: seen[name][field] for field in expected} == expected, name
    assert (newer["id"], newer["model"], newer["description"]) == (made["id"], "newer", "About")
    assert (seen["listed"], seen["latest"]["versionId"]) == ([made["id"]], newer["versionId"])
    assert (seen["named"]["versionName"], seen["versions"]) == ("second", ["second", "first"])
    assert "file" not in seen["production"]
    assert [environment["name"] for environment in seen["deployed"]["environments"]] == ["production"]
    assert {each["name"]: each["file"]["versionId"] for each in seen["after"] if "file" in each} == {
        "production": made["versionId"]
    }
    assert (seen["undeployed"]["versionId"], seen["status"]) == (newer["versionId"], 404)
    stored = api.default.get(f"/v5/prompts/{made['id']}").json()
    assert (stored["path"], stored["version_name"]) == (f"{path}-moved", "first")
    assert seen["moved"]["path"] == stored["path"]


def test_logs_of_tools_flows_and_evaluators(api: Api) -> None:
    path = unique("sdk")
    seen = run(api, "humanloop", "file-logs.mjs", FILE_PATH=path)
    fields, flow, reads = seen["fields"], seen["flow"], seen["reads"]
    for name in ("toolLog", "updated", "judged"):
        assert {field: reads[name][field] for field in fields} == fields, name
    assert {field: seen["updated"][field] for field in fields} == fields
    tool = reads["toolLog"]
    assert (tool["tool"]["id"], tool["tool"]["path"]) == (seen["toolLog"]["toolId"], f"{path}/tool")
    assert {name: tool["tool"][name] for name in seen["tool"]} == seen["tool"]
    assert (tool["traceFlowId"], tool["user"]) == (flow["id"], "ada")
    for ended in (seen["ended"], reads["flow"]):
        assert (ended["output"], ended["logStatus"], ended["flow"]["attributes"]) == ("done", "complete", {"v": "1"})
        assert ended["messages"] == [{"role": "user", "content": "Hi"}]
    assert (flow["logStatus"], seen["judged"]["parentId"]) == ("incomplete", tool["id"])
    judged = reads["judged"]
    assert (judged["judgment"], judged["parentId"], judged["evaluator"]["spec"]) == (0.5, tool["id"], seen["spec"])
    assert reads["feedback"]["judgment"] == ["good", "short"]
    assert seen["ofTool"] == [reads["feedback"], judged]
    assert humanloop.fetch(api, judged["id"])["evaluator"]["path"] == f"{path}/evaluator"


def test_tools_flows_and_evaluators(api: Api) -> None:
    path = unique("sdk")
    for kind, seen in run(api, "humanloop", "files.mjs", FILE_PATH=path).items():
        made, newer, old = seen["made"], seen["newer"], seen["old"]
        for name in ("made", "selected", "byPath", "moved"):
            assert {field: seen[name][field] for field in old} == old, (kind, name)
        assert (newer["id"], seen["listed"]) == (made["id"], [newer["versionId"]])
        assert (seen["named"]["versionName"], seen["versions"]) == ("second", ["second", "first"])
        assert seen["deployed"] == [made["versionId"]]
        assert (seen["byPath"]["versionName"], seen["latest"]["versionId"]) == ("first", newer["versionId"])
        stored = api.default.post("/v5/files/retrieve-by-path", json={"path": f"{path}/{kind}-moved"}).json()
        assert (stored["id"], stored["version_id"], stored["type"]) == (made["id"], made["versionId"], kind.lower())
        gone = api.default.post("/v5/files/retrieve-by-path", json={"path": seen["gone"]["path"]})
        assert gone.status_code == 404


def test_mistakes(api: Api) -> None:
    seen = run(api, "humanloop", "mistakes.mjs")
    assert "X-API-KEY is not known" in seen["wrong key"]["error"]
    assert "did you mean /v5/prompts/log?" in seen["wrong URL"]["error"]
    assert "path: is required when there is no id" in seen["no path"]["error"]
    assert (seen["no such log"]["status"], seen["no such log"]["body"]["error"]) == (404, "not_found")
    assert seen["no such log to update"]["body"]["message"] == ("log_id: prompt 'pr_1' has no log with the id 'log/1'")
    wrong = seen["wrong field"]
    assert (wrong["kind"], wrong["status"]) == ("UnprocessableEntityError", 422)
    assert wrong["body"]["detail"][0]["loc"] == ["body", "prompt_tokens"]


def test_decorators(api: Api) -> None:
    path = unique("flow")
    seen = run(api, "humanloop", "decorators.mjs", FLOW_PATH=path)
    assert seen["answer"] == {"role": "assistant", "content": "é 6"}
    assert set(seen["statuses"]) == {200}
    api.wait_until_applied()
    read = run(api, "humanloop", "read-flow.mjs", FLOW_PATH=path)
    (log,) = read["logs"]
    assert (log["logStatus"], log["outputMessage"]["content"], log["inputs"]) == ("complete", "é 6", {"word": "é"})
    assert (log["flow"]["path"], log["flow"]["attributes"]) == (path, {"version": "v1"})
    assert read["whole"]["id"] == log["id"]
    children = {(child.get("tool") or child["prompt"])["path"]: child for child in log["traceChildren"]}
    assert set(children) == {f"{path}/tool", f"{path}/prompt"}
    assert {child["traceFlowId"] for child in children.values()} == {log["id"]}
    tool = children[f"{path}/tool"]
    assert (tool["output"], tool["inputs"]) == ("6", {"a": "2", "b": "3"})
    assert tool["tool"]["function"] == {
        "name": "multiply",
        "description": "Multiply.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": ["integer", "null"]}},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    }


def test_a_decorated_prompt_makes_a_version_for_each_way_of_calling(api: Api) -> None:
    path = unique("prompt")
    with upstream() as url:
        seen = run(api, "humanloop", "prompt-decorator.mjs", PROMPT_PATH=path, UPSTREAM_URL=url)
    assert seen == {"answers": [WORDS] * 3, "statuses": [200] * 3}
    api.wait_until_applied()
    prompt = api.default.post("/v5/files/retrieve-by-path", json={"path": path}).json()
    logs = api.default.get("/v5/logs", params={"file_id": prompt["id"]}).json()["records"]
    assert [log["prompt"]["temperature"] for log in logs] == [0.9, 0.5, 0.5]
    assert len({log["prompt"]["version_id"] for log in logs}) == 2
    for log in logs:
        assert (log["output"], log["messages"]) == (WORDS, [{"role": "user", "content": "2+2? é"}])
        assert (log["prompt"]["model"], log["prompt"]["provider"]) == ("gpt-4o", "openai")
        assert (log["prompt_tokens"], log["output_tokens"], log["finish_reason"]) == (1_000, 300, "stop")
