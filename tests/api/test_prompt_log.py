"""`POST /v5/prompts/log`: every field, which prompt and version a log belongs to, and client-chosen ids."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.humanloop import DETAILS, create, fetch, log, post
from tests.support.api import refused, unique
from tests.support.processes import Up

if TYPE_CHECKING:
    from tests.support.api import Api, Json
    from tests.support.processes import Processes

NESTED = {"a": [1, None, True, {"b": 1.5}], "é": {"": "x"}}

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "high"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

READS_BACK: list[tuple[str, Any]] = [
    ("messages", []),
    ("messages", [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "r", "tool_call_id": "c1"}]),
    ("messages", [{"role": "developer", "content": [{"type": "text", "text": "t"}, IMAGE], "name": "n"}]),
    ("messages", [{"role": "alien", "content": None, "zz": 1}, {"role": "user", "content": [{"type": "audio"}]}]),
    ("output_message", {"role": "assistant", "content": "Hello", "tool_calls": [CALL]}),
    ("output_message", {"role": "assistant", "thinking": [{"type": "thinking", "thinking": "t", "signature": "s"}]}),
    ("output", "text"),
    ("output", ""),
    ("inputs", {"question": "What?", "none": None, "nested": NESTED}),
    ("inputs", {}),
    ("prompt_tokens", 12),
    ("output_tokens", 0),
    ("reasoning_tokens", 1 << 53),
    ("prompt_cost", 0.25),
    ("output_cost", 3),
    ("finish_reason", "stop"),
    ("tool_choice", "none"),
    ("tool_choice", "auto"),
    ("tool_choice", "required"),
    ("tool_choice", {"type": "function", "function": {"name": "f"}}),
    ("error", "boom"),
    ("provider_latency", 1.5),
    ("stdout", "printed\n"),
    ("provider_request", NESTED),
    ("provider_response", NESTED),
    ("source", "sdk"),
    ("metadata", {"plan": "pro"}),
    ("metadata", {"n": 5, "nested": NESTED, "none": None}),
    ("metadata", {}),
    ("source_datapoint_id", "dp_1"),
    ("trace_parent_id", "log_of_somebody"),
    ("user", "user-1"),
    ("environment", "staging"),
    ("save", True),
    ("log_status", "complete"),
    ("log_status", "incomplete"),
    ("run_id", "evr_1"),
]

NULL_WHEN_ABSENT = sorted({field for field, _ in READS_BACK} - {"save"})


def test_the_answer_names_log_prompt_and_version(api: Api) -> None:
    created = create(api, output="x")
    assert set(created) == {"id", "prompt_id", "version_id", "session_id"}
    assert created["id"].startswith("log_")
    assert created["prompt_id"].startswith("pr_")
    assert created["version_id"].startswith("prv_")
    assert created["session_id"] is None


@pytest.mark.parametrize(("field", "value"), READS_BACK)
def test_a_field_reads_back_as_it_was_sent(api: Api, field: str, value: Any) -> None:
    assert log(api, **{field: value})[field] == value


def test_null_is_as_good_as_absent(api: Api) -> None:
    sent = dict.fromkeys(
        [*NULL_WHEN_ABSENT, "save", "log_id", "created_at", "start_time", "end_time", "batch_id", "id"]
    )
    for read in (log(api), log(api, **sent)):
        assert {field: read[field] for field in NULL_WHEN_ABSENT} == dict.fromkeys(NULL_WHEN_ABSENT)
        assert (read["save"], read["batches"], read["log_id"]) == (True, [], None)
        assert (read["start_time"], read["end_time"]) == (None, None)
        assert read["created_at"].endswith("Z")


@pytest.mark.parametrize("field", ["start_time", "end_time", "created_at"])
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2024-07-19T00:29:35.178992", "2024-07-19T00:29:35.178992Z"),
        ("2024-07-19T00:29:35Z", "2024-07-19T00:29:35.000000Z"),
        ("2024-07-19T00:29:35.5-02:00", "2024-07-19T02:29:35.500000Z"),
        (1700000000, "2023-11-14T22:13:20.000000Z"),
        (1700000000123, "2023-11-14T22:13:20.123000Z"),
    ],
)
def test_times(api: Api, field: str, sent: Any, read: str) -> None:
    assert log(api, **{field: sent})[field] == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"evaluation_id": "evr_1"}, {"run_id": "evr_1"}),
        ({"evaluation_id": "old", "run_id": "new"}, {"run_id": "new"}),
        ({"batch_id": "b"}, {"batches": ["b"]}),
        ({"batches": ["a", "b"], "batch_id": "b"}, {"batches": ["a", "b"]}),
        ({"trace_parent_log_id": "p"}, {"trace_parent_id": "p"}),
        ({"trace_parent_log_id": "old", "trace_parent_id": "new"}, {"trace_parent_id": "new"}),
        ({"no_such_field": 1}, {}),
    ],
)
def test_fields_of_older_clients_and_unknown_ones(api: Api, sent: Json, read: Json) -> None:
    answer = log(api, **sent)
    assert {name: answer[name] for name in read} == read


WRONG: list[tuple[str, Any, list[str | int]]] = [
    ("messages", {}, ["messages"]),
    ("messages", ["x"], ["messages", 0]),
    ("messages", [{"content": "x"}], ["messages", 0, "role"]),
    ("messages", [{"role": "user", "content": 1}], ["messages", 0, "content"]),
    ("messages", [{"role": "user", "content": [{}]}], ["messages", 0, "content", 0, "type"]),
    ("messages", [{"role": "user", "content": [{"type": "text"}]}], ["messages", 0, "content", 0, "text"]),
    ("output_message", "x", ["output_message"]),
    (
        "output_message",
        {"role": "a", "tool_calls": [{"id": "1", "type": "function"}]},
        ["output_message", "tool_calls", 0, "function"],
    ),
    ("output", {}, ["output"]),
    ("inputs", [], ["inputs"]),
    ("prompt_tokens", "x", ["prompt_tokens"]),
    ("prompt_tokens", 1.5, ["prompt_tokens"]),
    ("output_tokens", True, ["output_tokens"]),
    ("reasoning_tokens", 1e300, ["reasoning_tokens"]),
    ("prompt_cost", "x", ["prompt_cost"]),
    ("output_cost", [], ["output_cost"]),
    ("finish_reason", 1, ["finish_reason"]),
    ("tool_choice", "any", ["tool_choice"]),
    ("tool_choice", {"type": "function"}, ["tool_choice", "function"]),
    ("start_time", "soon", ["start_time"]),
    ("created_at", True, ["created_at"]),
    ("error", {}, ["error"]),
    ("provider_latency", "x", ["provider_latency"]),
    ("stdout", 1, ["stdout"]),
    ("provider_request", "x", ["provider_request"]),
    ("provider_response", [], ["provider_response"]),
    ("source", 1, ["source"]),
    ("metadata", [], ["metadata"]),
    ("log_status", "done", ["log_status"]),
    ("path", 1, ["path"]),
    ("path", " / / ", ["path"]),
    ("path", "x" * 513, ["path"]),
    ("id", 1, ["id"]),
    ("prompt", [], ["prompt"]),
    ("prompt", "not a prompt file", ["prompt"]),
    ("prompt", {}, ["prompt", "model"]),
    ("prompt", {"model": None}, ["prompt", "model"]),
    ("prompt", {"model": "m", "temperature": "hot"}, ["prompt", "temperature"]),
    ("prompt", {"model": "m", "tools": [{"name": "f"}]}, ["prompt", "tools", 0, "description"]),
    ("save", "maybe", ["save"]),
    ("log_id", 1, ["log_id"]),
    ("user", {}, ["user"]),
    ("environment", 1, ["environment"]),
    ("trace_parent_id", 1, ["trace_parent_id"]),
    ("batches", "b", ["batches"]),
    ("run_id", 1, ["run_id"]),
    ("source_datapoint_id", 1, ["source_datapoint_id"]),
]


@pytest.mark.parametrize(("field", "value", "loc"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_field_is_refused_by_name(api: Api, field: str, value: Any, loc: list[str | int]) -> None:
    sent = {"path": unique("refused"), "prompt": DETAILS, field: value}
    with api.nothing_stored():
        refused(api.default.post("/v5/prompts/log", json=sent), 422, "invalid", ["body", *loc])


@pytest.mark.parametrize("sent", [{}, {"path": None, "id": None}, {"path": "", "id": ""}, {"output": "x"}])
def test_a_log_without_id_and_path_is_refused(api: Api, sent: Json) -> None:
    with api.nothing_stored():
        refused(api.default.post("/v5/prompts/log", json=sent), 422, "invalid", ["body", "path"])


# Which prompt


def test_the_path_makes_the_prompt_and_finds_it_in_every_spelling(api: Api) -> None:
    path = f"folder/{unique()}"
    prompts = {create(api, path=spelling)["prompt_id"] for spelling in (path, f"/{path}/", path.replace("/", "//"))}
    assert len(prompts) == 1
    prompt = log(api, path=path)["prompt"]
    assert (prompt["path"], prompt["name"]) == (path, path.rpartition("/")[2])


def test_an_id_finds_the_prompt_and_wins_over_a_path(api: Api) -> None:
    created = create(api)
    for path in (unique("elsewhere"), None, ""):
        assert create(api, id=created["prompt_id"], path=path)["prompt_id"] == created["prompt_id"]


def test_an_empty_id_is_none_so_the_path_counts(api: Api) -> None:
    path = unique("prompt")
    assert create(api, path=path, id="")["prompt_id"] == create(api, path=path)["prompt_id"]


@pytest.mark.parametrize("prompt_id", ["pr_nobody", "pr_00000000000", "x", "pr_" + "z" * 500])
def test_an_unknown_id(api: Api, prompt_id: str) -> None:
    with api.nothing_stored():
        response = api.default.post("/v5/prompts/log", json={"id": prompt_id, "prompt": DETAILS})
        refused(response, 404, "not_found", says="id: ")


def test_paths_of_two_workspaces_are_two_prompts(api: Api) -> None:
    created = create(api)
    theirs = api.other.post("/v5/prompts/log", json={"id": created["prompt_id"], "prompt": DETAILS})
    refused(theirs, 404, "not_found")
    path = unique("prompt")
    ours = create(api, path=path)
    answer = api.other.post("/v5/prompts/log", json={"path": path, "prompt": DETAILS}).json()
    assert answer["prompt_id"] != ours["prompt_id"]


def test_the_first_use_of_a_path_by_many_clients_at_once_is_one_prompt(api: Api) -> None:
    path = unique("race")

    def first_use(number: int) -> Json:
        with api.client("default-key-1") as client:
            sent = {"path": path, "prompt": {"model": f"m{number % 3}"}, "output": str(number)}
            answer: Json = client.post("/v5/prompts/log", json=sent).json()
            return answer

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(first_use, range(32)))
    assert len({answer["prompt_id"] for answer in answers}) == 1
    assert len({answer["version_id"] for answer in answers}) == 3
    assert len({answer["id"] for answer in answers}) == 32


# Which version


@pytest.mark.parametrize(
    "details",
    [
        {"temperature": 1, "top_p": 1.0, "max_tokens": -1, "presence_penalty": 0, "frequency_penalty": 0, "other": {}},
        {"provider": None, "template": None, "tools": None, "seed": None},
        {"unknown_key": 1},
        {"max_tokens": "-1", "temperature": "1"},
    ],
)
def test_details_that_mean_the_same_are_one_version(api: Api, details: Json) -> None:
    path = unique("prompt")
    first = create(api, path=path, prompt={"model": "m"})
    assert create(api, path=path, prompt={**details, "model": "m"})["version_id"] == first["version_id"]


def test_the_order_of_keys_does_not_matter_and_that_of_messages_does(api: Api) -> None:
    path = unique("prompt")
    a, b = {"role": "system", "content": "a"}, {"content": "b", "role": "user"}
    versions = [
        create(api, path=path, prompt=details)["version_id"]
        for details in (
            {"model": "m", "template": [a, b], "attributes": {"x": 1, "y": 2}},
            {"attributes": {"y": 2, "x": 1}, "template": [dict(reversed(a.items())), b], "model": "m"},
            {"model": "m", "template": [b, a], "attributes": {"x": 1, "y": 2}},
        )
    ]
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    "details",
    [
        {"model": "n"},
        {"model": "m", "temperature": 0.5},
        {"model": "m", "provider": "openai"},
        {"model": "m", "seed": 1},
    ],
)
def test_other_details_are_another_version(api: Api, details: Json) -> None:
    path = unique("prompt")
    versions = {create(api, path=path, prompt=prompt)["version_id"] for prompt in ({"model": "m"}, details)}
    assert len(versions) == 2


def test_a_prompt_may_be_prompt_file_text(api: Api) -> None:
    text = "---\nmodel: gpt-4o\ntemperature: 0.5\n---\n<system>\nAnswer in {{language}}.\n</system>\n"
    created = create(api, prompt=text)
    prompt = fetch(api, created["id"])["prompt"]
    assert (prompt["model"], prompt["temperature"], prompt["inputs"]) == ("gpt-4o", 0.5, [{"name": "language"}])
    same = {"model": "gpt-4o", "temperature": 0.5, "template": prompt["template"]}
    assert create(api, id=created["prompt_id"], path=None, prompt=same)["version_id"] == created["version_id"]


def test_details_read_back_with_their_defaults(api: Api) -> None:
    details = {
        "model": "m",
        "provider": "anthropic",
        "template": "Hi {{name}}",
        "tools": [{"name": "f", "description": "d"}],
        "stop": ["x"],
        "reasoning_effort": "high",
        "attributes": NESTED,
    }
    prompt = log(api, prompt=details)["prompt"]
    assert {name: prompt[name] for name in details} == details
    assert (prompt["temperature"], prompt["max_tokens"], prompt["other"]) == (1, -1, {})


def test_a_version_id_in_the_query_wins_over_details(api: Api) -> None:
    first = create(api, prompt={"model": "one"})
    sent = {"id": first["prompt_id"], "prompt": {"model": "two"}}
    second = post(api, sent)
    assert second["version_id"] != first["version_id"]
    assert post(api, sent, version_id=first["version_id"])["version_id"] == first["version_id"]
    assert post(api, sent, version_id="")["version_id"] == second["version_id"]


def test_queries_that_select_nothing(api: Api) -> None:
    path, elsewhere = unique("prompt"), create(api, prompt={"model": "other"})
    sent = {"path": path, "prompt": DETAILS}
    with api.nothing_stored():
        for query in ({"version_id": "prv_nobody"}, {"environment": "production"}):
            refused(api.default.post("/v5/prompts/log", json=sent, params=query), 404, "not_found", says=path)
    create(api, path=path)
    with api.nothing_stored():
        for query, says in (
            ({"version_id": "prv_nobody"}, "version_id: "),
            ({"version_id": elsewhere["version_id"]}, "version_id: "),
            ({"environment": "production"}, "nothing deployed in 'production'"),
            ({"environment": "nowhere"}, "no environment 'nowhere'"),
        ):
            refused(api.default.post("/v5/prompts/log", json=sent, params=query), 404, "not_found", says=says)
        both = {"version_id": "a", "environment": "b"}
        response = api.default.post("/v5/prompts/log", json=sent, params=both)
        refused(response, 422, "invalid", ["query", "version_id"], says="environment")


def test_what_is_deployed_is_used_when_nothing_else_is_said(api: Api) -> None:
    path = unique("prompt")
    old, new = (create(api, path=path, prompt={"model": name}) for name in ("old", "new"))
    sent = {"path": path, "output": "x"}
    assert post(api, sent)["version_id"] == new["version_id"], "the newest, while nothing is deployed"
    api.deploy("default", old["prompt_id"], old["version_id"], "production")
    assert api.settles(lambda: post(api, sent)["version_id"] == old["version_id"])
    assert post(api, {"id": old["prompt_id"]})["version_id"] == old["version_id"]
    assert post(api, sent | {"prompt": {"model": "new"}})["version_id"] == new["version_id"]
    assert post(api, sent, environment="production")["version_id"] == old["version_id"]

    name = unique("canary")
    environment_id = api.create_environment("default", name)
    api.deploy("default", old["prompt_id"], new["version_id"], name)
    assert api.settles(
        lambda: api.default.post("/v5/prompts/log", json=sent, params={"environment": name}).status_code == 200
    )
    assert post(api, sent, environment=name)["version_id"] == new["version_id"]
    assert post(api, sent, environment=environment_id)["version_id"] == new["version_id"]
    assert post(api, sent)["version_id"] == old["version_id"], "only the default environment counts unasked"
    assert post(api, sent | {"environment": name})["version_id"] == old["version_id"], "the body's is only a label"

    read = fetch(api, post(api, sent)["id"])["prompt"]["environments"]
    assert [(found["name"], found["tag"]) for found in read] == [("production", "default")]


def test_a_new_path_without_details_gets_an_empty_version(api: Api) -> None:
    path = unique("bare")
    created = post(api, {"path": path, "output": "x"})
    prompt = fetch(api, created["id"])["prompt"]
    assert (prompt["path"], prompt["model"], prompt["version_id"]) == (path, "", created["version_id"])
    assert post(api, {"path": path})["version_id"] == created["version_id"]


def test_more_versions_than_the_registry_keeps(processes: Processes, api: Api) -> None:
    small = Up(processes, api_keys="default:small-key-1", versions_per_prompt="2").start()
    with api.client("small-key-1") as client:
        client.base_url = small.url
        for number in range(4):
            sent = {"path": "many", "prompt": {"model": f"m{number}", "temperature": 0.5}, "output": str(number)}
            created = client.post("/v5/prompts/log", json=sent).json()
            read = client.get(f"/v5/logs/{created['id']}").json()
            prompt = read["prompt"]
            assert (prompt["model"], prompt["temperature"], prompt["path"]) == (f"m{number}", 0.5, "many")
            assert prompt["version_id"] == created["version_id"]
            assert read["output"] == str(number)
    small.stop()


# save


CONTENTS: Json = {
    "messages": [{"role": "user", "content": "private"}],
    "output": "private",
    "output_message": {"role": "assistant", "content": "private"},
    "inputs": {"a": "private"},
    "provider_request": {"a": "private"},
    "provider_response": {"a": "private"},
    "stdout": "private",
}


def test_save_false_keeps_contents_out(api: Api) -> None:
    kept = {
        "metadata": {"a": 1},
        "prompt_tokens": 3,
        "prompt_cost": 0.5,
        "provider_latency": 2,
        "error": "e",
        "user": "u",
    }
    created = create(api, save=False, **CONTENTS, **kept)
    read = fetch(api, created["id"])
    assert read["save"] is False
    assert {name: read[name] for name in CONTENTS} == dict.fromkeys(CONTENTS)
    assert {name: read[name] for name in kept} == kept
    assert "private" not in api.default.get(f"/v5/logs/{created['id']}").text


# Client-chosen ids


@pytest.mark.parametrize(
    "name",
    [
        "order-17",
        "a/b",
        "/a//b/",
        "with space",
        "é€😀",
        "100%",
        "%2F",
        "?a=b&c",
        "#x",
        "a\x00b",
        "\n",
        "../x",
        "x" * 2000,
    ],
    ids=lambda name: repr(name)[:20],
)
def test_a_log_id_becomes_the_id(api: Api, name: str) -> None:
    log_id = f"{unique()}{name}"
    created = create(api, log_id=log_id, output="x")
    assert created["id"] == log_id
    read = fetch(api, log_id)
    assert (read["id"], read["log_id"], read["output"]) == (log_id, log_id, "x")


def test_logs_with_an_empty_log_id_are_logs_of_their_own(api: Api) -> None:
    path = unique("prompt")
    ids = [create(api, path=path, log_id="", output=text)["id"] for text in ("one", "two")]
    assert len(set(ids)) == 2
    assert [fetch(api, log_id)["output"] for log_id in ids] == ["one", "two"]
    assert create(api, log_id="")["id"].startswith("log_"), "under another prompt too"


def test_a_log_id_used_again_updates_the_log_field_by_field(api: Api) -> None:
    path, log_id = unique("prompt"), unique("order")
    create(api, path=path, log_id=log_id, output="one", metadata={"a": 1}, prompt_tokens=1)
    assert create(api, path=path, log_id=log_id, output="two", inputs={"i": 1}, metadata=None)["id"] == log_id
    read = fetch(api, log_id)
    assert (read["output"], read["inputs"]) == ("two", {"i": 1})
    assert (read["metadata"], read["prompt_tokens"]) == ({"a": 1}, 1)


def test_a_log_id_under_another_prompt_is_a_conflict(api: Api) -> None:
    log_id = unique("order")
    create(api, log_id=log_id, output="one")
    sent = {"path": unique("elsewhere"), "prompt": DETAILS, "log_id": log_id}
    refused(api.default.post("/v5/prompts/log", json=sent), 409, "conflict", says="log_id: ")
    assert fetch(api, log_id)["output"] == "one"
    assert api.other.post("/v5/prompts/log", json=sent).json()["id"] == log_id, "ids are a workspace's own"


def test_a_log_id_that_a_log_was_given_names_that_log(api: Api) -> None:
    path = unique("prompt")
    created = create(api, path=path, output="one", prompt_tokens=1)
    fetch(api, created["id"])
    assert create(api, path=path, log_id=created["id"], output="two")["id"] == created["id"]
    assert api.settles(lambda: fetch(api, created["id"])["output"] == "two")
    assert fetch(api, created["id"])["prompt_tokens"] == 1
    sent = {"path": unique("elsewhere"), "prompt": DETAILS, "log_id": created["id"]}
    refused(api.default.post("/v5/prompts/log", json=sent), 409, "conflict", says="log_id: ")


def test_a_log_id_that_reads_like_one_of_ours_and_is_not(api: Api) -> None:
    log_id = "log_0000000000" + unique()[-1].translate(str.maketrans("ilou", "0000"))
    created = create(api, log_id=log_id, output="x")
    assert created["id"] == log_id
    assert fetch(api, log_id)["output"] == "x"


def test_an_idempotency_key_marks_the_second_of_two_logs(api: Api) -> None:
    sent, key = {"path": unique("prompt"), "prompt": DETAILS}, {"idempotency-key": unique()}
    ids = [api.default.post("/v5/prompts/log", json=sent, headers=key).json()["id"] for _ in range(2)]
    reads = [fetch(api, log_id) for log_id in ids]
    assert [read.get("duplicate_of") for read in reads] == [None, ids[0]]
    assert fetch(api, ids[0])["prompt"]["total_logs_count"] == 1
