"""`POST /v5/prompts/log`: which prompt, and which version of it, a log belongs to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.api.humanloop import DETAILS, NESTED, create, fetch, log, post
from tests.support.api import refused, unique
from tests.support.processes import Up

if TYPE_CHECKING:
    from tests.support.api import Api, Json
    from tests.support.processes import Processes


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
        upserted = client.post("/v5/prompts", json={"path": "many", "model": "m3", "temperature": 0.5})
        refused(upserted, 409, "conflict", says="SLUICE_VERSIONS_PER_PROMPT")
        assert client.post("/v5/prompts", json={"path": "many", "model": "m0", "temperature": 0.5}).status_code == 200
    small.stop()
