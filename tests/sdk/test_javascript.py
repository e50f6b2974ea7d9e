"""The JavaScript clients of PromptLayer and Humanloop, unmodified, in scripts under `js`."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.api import humanloop, promptlayer
from tests.api.templates import texts
from tests.api.tracing import spans_of
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique
from tests.support.javascript import installed_package
from tests.unit.wire.promptlayer_bodies import body, chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json


def run(api: Api, package: str, script: str, **environment: str) -> Json:
    """What a script prints."""
    folder = installed_package(package)
    done = subprocess.run(
        ["node", script],
        cwd=folder,
        env=os.environ | {"SLUICE_URL": api.url, "SLUICE_KEY": DEFAULT_KEY} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: Json = json.loads(done.stdout.splitlines()[-1])
    return printed


# PromptLayer


@pytest.fixture(scope="module")
def logged(api: Api) -> Json:
    """The requests that `log-request.mjs` logged, read back by name; and its `clock`, in milliseconds."""
    printed = run(api, "promptlayer", "log-request.mjs")
    reads = {name: promptlayer.fetch(api, answer["id"]) for name, answer in printed["answers"].items()}
    return {"clock": printed["clock"], **reads}


def test_promptlayer_all_fields(logged: Json) -> None:
    read = logged["all"]
    assert (read["request_start_time"], read["request_end_time"]) == (
        "2023-11-14T22:13:20.500000Z",
        "2023-11-14T22:13:21.250000Z",
    )
    assert read["input"]["messages"][0]["content"][0]["text"] == "2+2? é😀"
    assert (read["parameters"], read["tags"], read["metadata"]) == ({"temperature": 0.5}, ["a", "b"], {"user": "u-1"})
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == ("greeting", 3, 2)
    assert read["prompt_input_variables"] == {"name": "Ada"}
    assert (read["input_tokens"], read["output_tokens"], read["price"]) == (10, 20, 0.25)
    assert (read["function_name"], read["api_type"]) == ("f", "responses")
    assert read["scores"] == [{"name": "quality", "value": 70}]
    assert (read["status"], read["error_type"], read["error_message"]) == ("WARNING", "UNKNOWN_ERROR", "odd")


def test_promptlayer_dates_and_milliseconds(logged: Json) -> None:
    for name in ("required", "dates", "camelCase"):
        assert logged[name]["request_start_time"] == "2023-11-14T22:13:20.500000Z"
        assert logged[name]["latency_ms"] == 750
    started = datetime.fromisoformat(logged["now"]["request_start_time"])
    assert round(started.timestamp() * 1000) == logged["clock"]
    assert logged["now"]["latency_ms"] == 250


def test_promptlayer_nothings_are_defaults(logged: Json) -> None:
    read = logged["nothings"]
    assert (read["price"], read["scores"], read["input_tokens"], read["tags"], read["metadata"]) == (0, [], 0, [], {})


def test_promptlayer_camel_case(logged: Json) -> None:
    assert (logged["camelCase"]["input_tokens"], logged["camelCase"]["function_name"]) == (5, "camel")


def test_promptlayer_mistakes(api: Api) -> None:
    seen = run(api, "promptlayer", "mistakes.mjs")
    assert "X-API-KEY is not known" in seen["wrong key"]["error"]
    assert seen["wrong URL"]["error"] == "no such route: POST /v5/log-request; did you mean /log-request?"
    assert seen["slash at the end"]["answer"]["id"] > 0
    assert seen["missing fields"]["error"] == (
        "model: is required (and 4 more: input, output, request_start_time, request_end_time)"
    )
    assert seen["wrong field"]["error"] == "score: must be at most 100, not 101"
    assert seen["wrong key, no throw"] == {"answer": None}


def test_promptlayer_tracking(api: Api) -> None:
    request_id = promptlayer.create(api, body(metadata={"kept": "1", "plan": "free"}))
    with upstream() as provider:
        seen = run(api, "promptlayer", "tracking.cjs", REQUEST_ID=str(request_id), PROVIDER_URL=provider)
    assert seen["answers"] == [True] * 5
    assert seen["mistake"] == f"request_id: no request with the id {request_id + 1000}"
    api.wait_until_applied()
    read = promptlayer.fetch(api, request_id)
    assert read["metadata"] == {"kept": "1", "plan": "pro"}
    assert {score["name"]: score["value"] for score in read["scores"]} == {"default": 50.5, "quality": 0}
    assert (read["prompt_name"], read["prompt_version_number"], read["prompt_label"]) == ("a/b é", 4, "prod")
    assert (read["prompt_input_variables"], read["group_id"]) == ({"name": "Ada"}, seen["group_id"])

    assert seen["text"] == WORDS
    called = promptlayer.fetch(api, seen["called_id"])
    assert called["function_name"] == "openai.chat.completions.create"
    assert called["input"] == chat(message("user", f"2+2? {request_id}"))
    assert called["output"] == chat(message("assistant", WORDS))
    assert (called["tags"], called["tokens"], called["price"]) == (["js"], 1_300, 0.0055)


def test_promptlayer_tracing(api: Api) -> None:
    with upstream() as provider:
        seen = run(api, "promptlayer", "tracing.cjs", PROVIDER_URL=provider)
    assert seen["text"] == "é 6"
    api.wait_until_applied()
    spans = {span["name"]: span for span in spans_of(api, seen["trace_id"])}
    assert list(spans) == ["outer", "openai.openai.chat.completions.create", "inner"]
    outer = spans["outer"]
    assert outer["parent_id"] is None
    assert {spans[name]["parent_id"] for name in spans if name != "outer"} == {outer["span_id"]}
    assert (outer["attributes"]["plan"], outer["attributes"]["function_input"]) == ("pro", '["é"]')
    assert outer["resource"]["attributes"]["service.name"] == "prompt-layer-js"
    called = spans["openai.openai.chat.completions.create"]
    assert called["request_log_id"] == seen["called_id"]
    assert promptlayer.fetch(api, seen["called_id"])["span_id"] == called["span_id"]


def test_promptlayer_templates(api: Api) -> None:
    with upstream() as provider:
        environment = {"OPENAI_BASE_URL": provider, "OPENAI_API_KEY": "sk-provider"}
        seen = run(api, "promptlayer", "templates.cjs", TEMPLATE_NAME=unique(), **environment)
    name, published, labelled = seen["name"], seen["published"], seen["labelled"]
    filled_in = ["You add, for Ada", "2+2?"]
    assert (published["version_number"], published["release_labels"], published["tags"]) == (1, [name], ["js"])
    assert (seen["newest"]["version"], seen["newest"]["commit_message"]) == (2, "second")
    assert (labelled["id"], labelled["version"], texts(labelled)) == (published["id"], 1, filled_in)
    assert seen["own"]["prompt_template"] == labelled["prompt_template"], "what the client fills in itself is the same"
    assert [(item["id"], item["version"]) for item in seen["all"]] == [(published["id"], 1)]

    read = promptlayer.fetch(api, seen["request_id"])
    assert read["input"] == chat(message("system", filled_in[0]), message("user", filled_in[1]))
    assert (read["output"], seen["answer"]) == (chat(message("assistant", WORDS)), WORDS)
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == (name, published["id"], 1)
    assert (read["prompt_input_variables"], read["tags"]) == ({"who": "Ada", "numbers": [2, 2]}, ["js"])
    assert seen["mistakes"] == [
        "identifier: no prompt template 'nobody/knows'",
        f"version: prompt template {name!r} has no version 9",
        "prompt_version.commit_message: must have at most 72 characters",
    ]


# Humanloop

ONLY_CREATE = {"sourceDatapointId", "traceParentId", "user", "save"}
TIMES = {"startTime": "2026-01-01T12:00:00.000Z", "endTime": "2026-01-01T12:00:01.500Z"}


def test_humanloop_log_update_and_read(api: Api) -> None:
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


def test_humanloop_list_and_delete(api: Api) -> None:
    seen = run(api, "humanloop", "list-and-delete.mjs", PROMPT_PATH=unique("sdk"))
    one, two, three = (created["id"] for created in seen["created"])
    assert (seen["all"], seen["found"], seen["left"]) == ([three, two, one], [two], [two])
    assert seen["status"] == 404


def test_humanloop_prompts(api: Api) -> None:
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
    tool, flow, evaluator = seen["found"]
    assert seen["found"] == seen["others"]
    assert (tool["function"], tool["attributes"]) == ({"name": "f", "description": "d"}, {"a": 1})
    assert (flow["attributes"], evaluator["spec"]["code"]) == ({"a": [1]}, "pass")


def test_humanloop_mistakes(api: Api) -> None:
    seen = run(api, "humanloop", "mistakes.mjs")
    assert "X-API-KEY is not known" in seen["wrong key"]["error"]
    assert "did you mean /v5/prompts/log?" in seen["wrong URL"]["error"]
    assert "path: is required when there is no id" in seen["no path"]["error"]
    assert (seen["no such log"]["status"], seen["no such log"]["body"]["error"]) == (404, "not_found")
    assert seen["no such log to update"]["body"]["message"] == ("log_id: prompt 'pr_1' has no log with the id 'log/1'")
    wrong = seen["wrong field"]
    assert (wrong["kind"], wrong["status"]) == ("UnprocessableEntityError", 422)
    assert wrong["body"]["detail"][0]["loc"] == ["body", "prompt_tokens"]


def test_humanloop_decorators(api: Api) -> None:
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
