"""`/v5/prompts`: prompts are upserted, listed, read, moved and deleted; `POST /v5/files/retrieve-by-path`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.registry.entities import Scope
from tests.api.humanloop import create, fetch, patched, post
from tests.support.api import refused, unique

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

PROMPTS = "/v5/prompts"
BY_PATH = "/v5/files/retrieve-by-path"

DETAILS: Json = {
    "model": "gpt-4o",
    "provider": "openai",
    "temperature": 0.5,
    "template": [{"role": "system", "content": "Answer in {{language}} żółć 🙂"}],
    "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}],
    "attributes": {"z": 1, "a": [None]},
}


def url(prompt: Json, *rest: str) -> str:
    return "/".join((PROMPTS, prompt["id"], *rest))


def upsert(client: httpx.Client, **fields: Any) -> Json:
    """Upsert to a path of its own, unless the fields name one; returns the answer."""
    response = client.post(PROMPTS, json={"path": unique("prompt"), "model": "gpt-4o", **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def read(client: httpx.Client, path: str, **query: Any) -> Json:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def names(answer: Json) -> list[str]:
    return [record["name"] for record in answer["records"]]


# Upsert


def test_an_upsert_reads_back_by_id_and_by_path(api: Api) -> None:
    path = f"folder/{unique()}"
    said = {"description": "About", "tags": ["a", "b"], "readme": "# Read", "version_description": "First"}
    name = unique("version")
    made = upsert(api.default, path=f"/{path}/", **DETAILS, **said, version_name=name)
    assert {field: made[field] for field in DETAILS | said} == DETAILS | said
    assert (made["path"], made["name"], made["version_name"]) == (path, path.rpartition("/")[2], name)
    assert (made["type"], made["inputs"], made["environments"]) == ("prompt", [{"name": "language"}], [])
    assert (made["version_logs_count"], made["total_logs_count"]) == (0, 0)
    assert made["created_at"] == made["last_used_at"] <= made["updated_at"]
    assert read(api.default, url(made)) == made
    assert api.default.post(BY_PATH, json={"path": f"{path}/"}).json() == made


def test_the_same_details_are_the_same_version_whether_upserted_or_logged(api: Api) -> None:
    path = unique("prompt")
    logged = create(api, path=path, prompt=DETAILS)
    made = upsert(api.default, path=path, **DETAILS, max_tokens=-1, top_p=None)
    assert (made["id"], made["version_id"]) == (logged["prompt_id"], logged["version_id"])
    assert upsert(api.default, id=made["id"], path=None, **DETAILS)["version_id"] == made["version_id"]
    other = upsert(api.default, id=made["id"], path=unique("elsewhere"), model="other")
    assert (other["id"], other["path"]) == (made["id"], path)
    assert other["version_id"] != made["version_id"]
    with api.nothing_stored():
        upsert(api.default, path=path, model="other")


def test_an_upsert_says_new_things_about_what_is_there(api: Api) -> None:
    made = upsert(api.default, description="one", tags=["a"], readme="r", version_description="v1")
    again = upsert(api.default, id=made["id"], description="two", tags=[], version_name="best", commit_message="v2")
    assert again["version_id"] == made["version_id"]
    said = (again["description"], again["tags"], again["readme"], again["version_name"], again["version_description"])
    assert said == ("two", [], "r", "best", "v2")
    with api.nothing_stored():
        unsaid = upsert(api.default, id=made["id"], description=None, tags=None, version_name=None)
        same = upsert(api.default, id=made["id"], description="two", tags=[], version_name="best")
    assert unsaid == same == read(api.default, url(made)) == again


def test_a_version_name_is_taken_once_per_prompt(api: Api) -> None:
    made = upsert(api.default, version_name="best")
    assert upsert(api.default, id=made["id"], version_name="best")["version_id"] == made["version_id"]
    assert upsert(api.default, version_name="best")["version_id"] == made["version_id"], "of another prompt"
    with api.nothing_stored():
        response = api.default.post(PROMPTS, json={"id": made["id"], "model": "other", "version_name": "best"})
        refused(response, 409, "conflict", says="version_name: ")
    assert len(read(api.default, url(made, "versions"))["records"]) == 1


def test_a_log_shows_what_is_said_about_its_prompt(api: Api) -> None:
    made = upsert(api.default, **DETAILS, description="About", tags=["a"], version_name="best")
    prompt = fetch(api, create(api, path=made["path"], prompt=DETAILS)["id"])["prompt"]
    assert (prompt["description"], prompt["tags"], prompt["version_name"]) == ("About", ["a"], "best")
    counted = read(api.default, url(made))
    assert (counted["version_logs_count"], counted["total_logs_count"]) == (1, 1)
    assert counted["last_used_at"] > counted["created_at"]
    assert prompt == counted


@pytest.mark.parametrize(
    ("wrong", "loc"),
    [
        ({}, ["body", "model"]),
        ({"model": None}, ["body", "model"]),
        ({"model": 1}, ["body", "model"]),
        ({"model": "m", "path": None}, ["body", "path"]),
        ({"model": "m", "path": " / "}, ["body", "path"]),
        ({"model": "m", "path": "x" * 513}, ["body", "path"]),
        ({"model": "m", "temperature": "warm"}, ["body", "temperature"]),
        ({"model": "m", "template": [{"content": "x"}]}, ["body", "template", 0, "role"]),
        ({"model": "m", "tools": [{"name": "f"}]}, ["body", "tools", 0, "description"]),
        ({"model": "m", "version_name": ""}, ["body", "version_name"]),
        ({"model": "m", "version_name": "x" * 513}, ["body", "version_name"]),
        ({"model": "m", "tags": "a"}, ["body", "tags"]),
        ({"model": "m", "tags": [1]}, ["body", "tags", 0]),
        ({"model": "m", "readme": {}}, ["body", "readme"]),
    ],
)
def test_a_wrong_upsert_stores_nothing(api: Api, wrong: Json, loc: list[str | int]) -> None:
    with api.nothing_stored():
        refused(api.default.post(PROMPTS, json={"path": unique(), **wrong}), 422, "invalid", loc)


# Get


def test_the_version_that_is_asked_for(api: Api) -> None:
    old = upsert(api.default, model="old")
    new = upsert(api.default, id=old["id"], model="new")
    assert read(api.default, url(old))["model"] == "new", "the newest, while nothing is deployed"
    api.default.post(url(old, "environments", "production"), params={"version_id": old["version_id"]})
    assert read(api.default, url(old))["model"] == "old"
    assert read(api.default, url(old), version_id=new["version_id"])["model"] == "new"
    assert read(api.default, url(old), environment="production", version_id="")["model"] == "old"
    assert api.default.post(BY_PATH, json={"path": old["path"]}).json()["model"] == "old"
    by_path = api.default.post(BY_PATH, json={"path": old["path"]}, params={"environment": "production"})
    assert by_path.json()["version_id"] == old["version_id"]
    for query, says in (
        ({"version_id": "prv_nobody"}, "version_id: "),
        ({"environment": "staging"}, "nothing deployed in 'staging'"),
        ({"environment": "nowhere"}, "no environment 'nowhere'"),
    ):
        refused(api.default.get(url(old), params=query), 404, "not_found", says=says)
        refused(api.default.post(BY_PATH, json={"path": old["path"]}, params=query), 404, "not_found", says=says)
    both = api.default.get(url(old), params={"version_id": "a", "environment": "b"})
    refused(both, 422, "invalid", ["query", "version_id"])


def test_a_prompt_without_versions(api: Api) -> None:
    path = unique("bare")
    api.in_registry(lambda registry: registry.find_or_create_prompt("default", path))
    assert api.settles(lambda: api.default.post(BY_PATH, json={"path": path}).status_code == 200)
    prompt = api.default.post(BY_PATH, json={"path": path}).json()
    assert (prompt["model"], prompt["version_id"], prompt["environments"]) == ("", "", [])
    assert read(api.default, url(prompt, "versions")) == {"records": []}


@pytest.mark.parametrize("path", ["nobody/has/this", "x" * 600])
def test_a_path_that_is_not_there(api: Api, path: str) -> None:
    status, code = (404, "not_found") if len(path) < 512 else (422, "invalid")
    refused(api.default.post(BY_PATH, json={"path": path}), status, code, says="path: ")


# List


def test_lists_are_filtered_sorted_and_cut_into_pages(api: Api) -> None:
    common = unique("Sort")
    made = [upsert(api.default, path=f"{common}/{common} {name}") for name in ("b", "a", "C")]
    query = {"name": common.upper(), "size": 2}
    listed = read(api.default, PROMPTS, **query)
    assert names(listed) == [f"{common} C", f"{common} a"], "the newest first"
    assert (listed["page"], listed["size"], listed["total"]) == (1, 2, 3)
    assert listed["records"][0] == made[2]
    assert names(read(api.default, PROMPTS, **query, page=2)) == [f"{common} b"]
    assert read(api.default, PROMPTS, **query, page=3)["records"] == []
    assert names(read(api.default, PROMPTS, **query, sort_by="name")) == [f"{common} a", f"{common} b"]
    assert names(read(api.default, PROMPTS, **query, sort_by="name", order="desc")) == [f"{common} C", f"{common} b"]
    assert names(read(api.default, PROMPTS, **query, order="asc")) == [f"{common} b", f"{common} a"]
    upsert(api.default, id=made[1]["id"], description="changed")
    assert names(read(api.default, PROMPTS, **query, sort_by="updated_at")) == [f"{common} a", f"{common} C"]
    assert read(api.default, PROMPTS, name=f"folder/{common}")["total"] == 0, "a name is not a path"
    assert read(api.default, PROMPTS, **query, user_filter="ada")["total"] == 0
    assert read(api.default, PROMPTS, name=common, size=0) == {"records": [], "page": 1, "size": 0, "total": 3}


@pytest.mark.parametrize(
    ("name", "value"), [("page", "0"), ("size", "-1"), ("size", "1001"), ("sort_by", "model"), ("order", "up")]
)
def test_a_wrong_list(api: Api, name: str, value: str) -> None:
    refused(api.default.get(PROMPTS, params={name: value}), 422, "invalid", ["query", name])


# Move


def test_a_prompt_moves_and_its_old_path_is_free(api: Api) -> None:
    old, new = f"old/{unique()}", unique("new")
    logged = create(api, path=old)
    prompt = {"id": logged["prompt_id"]}
    assert fetch(api, logged["id"])["prompt"]["path"] == old
    moved = api.default.patch(url(prompt), json={"path": f"/{new}/"}).json()
    assert (moved["path"], moved["name"], moved["version_id"]) == (new, new, logged["version_id"])
    assert read(api.default, url(prompt)) == moved
    assert fetch(api, logged["id"])["prompt"]["path"] == new
    refused(api.default.post(BY_PATH, json={"path": old}), 404, "not_found")
    assert create(api, path=new)["prompt_id"] == logged["prompt_id"]
    assert create(api, path=old)["prompt_id"] != logged["prompt_id"]


def test_a_new_name_keeps_the_folder(api: Api) -> None:
    made = upsert(api.default, path=f"a/b/{unique()}")
    name = unique("named")
    assert api.default.patch(url(made), json={"name": name}).json()["path"] == f"a/b/{name}"
    with api.nothing_stored():
        assert api.default.patch(url(made)).json()["path"] == f"a/b/{name}"
    top = upsert(api.default)
    assert api.default.patch(url(top), json={"name": unique("top")}).json()["path"].startswith("top-")


def test_a_path_that_is_taken(api: Api) -> None:
    made, other = upsert(api.default), upsert(api.default)
    refused(api.default.patch(url(made), json={"path": other["path"]}), 409, "conflict", says=other["path"])
    assert read(api.default, url(made))["path"] == made["path"]
    assert api.default.patch(url(made), json={"path": made["path"]}).json()["path"] == made["path"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"path": ""}, ["body", "path"]),
        ({"path": 1}, ["body", "path"]),
        ({"path": "x" * 513}, ["body", "path"]),
        ({"name": "a/b"}, ["body", "name"]),
        ({"name": ""}, ["body", "name"]),
        ({"name": "  "}, ["body", "name"]),
        ({"name": "a", "path": "b"}, ["body", "name"]),
        ({"directory_id": "dir_1"}, ["body", "directory_id"]),
    ],
)
def test_a_wrong_move(api: Api, body: Json, loc: list[str]) -> None:
    made = upsert(api.default)
    with api.nothing_stored():
        refused(api.default.patch(url(made), json=body), 422, "invalid", loc)


# Delete


def test_a_deleted_prompt_lives_on_in_its_logs_only(api: Api) -> None:
    path = unique("prompt")
    logged = create(api, path=path, prompt=DETAILS, output="kept")
    before = fetch(api, logged["id"])
    prompt = {"id": logged["prompt_id"]}
    deleted = api.default.delete(url(prompt))
    assert (deleted.status_code, deleted.content) == (204, b"")
    refused(api.default.get(url(prompt)), 404, "not_found", says="id: no prompt")
    refused(api.default.delete(url(prompt)), 404, "not_found")
    refused(api.default.post(BY_PATH, json={"path": path}), 404, "not_found")
    refused(api.default.post("/v5/prompts/log", json={"id": prompt["id"], "prompt": DETAILS}), 404, "not_found")
    assert read(api.default, PROMPTS, name=path)["total"] == 0
    after = fetch(api, logged["id"])
    assert after["prompt"].pop("updated_at") > before["prompt"].pop("updated_at")
    assert after == before
    assert read(api.default, "/v5/logs", file_id=prompt["id"])["total"] == 1
    changed = patched(api, logged, output="changed")
    assert (changed["output"], changed["prompt"]["template"]) == ("changed", DETAILS["template"])

    again = post(api, {"path": path, "output": "new"})
    assert again["prompt_id"] != prompt["id"]
    assert fetch(api, again["id"])["prompt"]["model"] == ""


# Who may


def test_another_workspaces_prompt_is_not_there(api: Api) -> None:
    made = upsert(api.default, **DETAILS)
    with api.nothing_stored():
        for response in (
            api.other.get(url(made)),
            api.other.patch(url(made), json={"name": "mine"}),
            api.other.delete(url(made)),
            api.other.post(PROMPTS, json={"id": made["id"], "model": "m"}),
            api.other.post(BY_PATH, json={"path": made["path"]}),
            api.other.get(url(made, "versions")),
            api.other.patch(url(made, "versions", made["version_id"]), json={"name": "mine"}),
            api.other.delete(url(made, "versions", made["version_id"])),
            api.other.get(url(made, "environments")),
            api.other.post(url(made, "environments", "production"), params={"version_id": made["version_id"]}),
            api.other.delete(url(made, "environments", "production")),
        ):
            refused(response, 404, "not_found")
        assert read(api.other, PROMPTS, name=made["name"])["total"] == 0
    theirs = upsert(api.other, path=made["path"])
    assert theirs["id"] != made["id"]
    assert read(api.default, url(made)) == made


def test_each_route_takes_its_scope(api: Api) -> None:
    made = upsert(api.default)
    version, production = url(made, "versions", made["version_id"]), url(made, "environments", "production")
    scopes: list[tuple[Scope, str, str, Json]] = [
        (Scope.READ, "GET", PROMPTS, {}),
        (Scope.READ, "GET", url(made), {}),
        (Scope.READ, "POST", BY_PATH, {"json": {"path": made["path"]}}),
        (Scope.READ, "GET", url(made, "versions"), {}),
        (Scope.READ, "GET", url(made, "environments"), {}),
        (Scope.INGEST, "POST", PROMPTS, {"json": {"id": made["id"], "model": "m"}}),
        (Scope.INGEST, "PATCH", version, {"json": {"name": "n"}}),
        (Scope.ADMIN, "POST", production, {"params": {"version_id": made["version_id"]}}),
        (Scope.ADMIN, "DELETE", production, {}),
        (Scope.ADMIN, "PATCH", url(made), {"json": {"name": unique("moved")}}),
        (Scope.ADMIN, "DELETE", version, {}),
        (Scope.ADMIN, "DELETE", url(made), {}),
    ]
    clients = {scope: api.client(api.create_key("default", scope)) for scope in Scope}
    with api.client(None) as nobody:
        for scope, method, path, sent in scopes:
            refused(nobody.request(method, path, **sent), 401, "unauthenticated")
            for other in set(Scope) - {scope}:
                refused(clients[other].request(method, path, **sent), 403, "forbidden", says=scope)
            assert clients[scope].request(method, path, **sent).is_success
    for client in clients.values():
        client.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v5/prompts/call"),
        ("POST", "/v5/prompts/deserialize"),
        ("GET", "/v5/prompts/pr_1/serialize"),
        ("POST", "/v5/prompts/pr_1/populate"),
        ("POST", "/v5/prompts/pr_1/evaluators"),
    ],
)
def test_what_is_not_served_says_so(api: Api, method: str, path: str) -> None:
    with api.nothing_stored():
        refused(api.default.request(method, path), 404, "not_found", says=f"{method} {path} is not served")


@pytest.mark.parametrize("prompt_id", ["pr_nobody", "pr_00000000000", "x", "log_00000000000"])
def test_a_prompt_that_is_not_there(api: Api, prompt_id: str) -> None:
    prompt = {"id": prompt_id}
    with api.nothing_stored():
        for response in (
            api.default.get(url(prompt)),
            api.default.patch(url(prompt), json={"name": "x"}),
            api.default.delete(url(prompt)),
            api.default.get(url(prompt, "versions")),
            api.default.get(url(prompt, "environments")),
            api.default.post(PROMPTS, json={"id": prompt_id, "model": "m"}),
        ):
            refused(response, 404, "not_found", says="id: no prompt with the id")
