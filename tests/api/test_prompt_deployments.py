"""The versions of a prompt (`/v5/prompts/{id}/versions`) and where they are deployed (`.../environments`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.humanloop import create, fetch, post
from tests.api.test_prompts import DETAILS, read, upsert, url
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

# Versions


def test_all_versions_are_listed_the_newest_first(api: Api) -> None:
    old = upsert(api.default, **DETAILS, version_name="first")
    fetch(api, create(api, id=old["id"], path=None, prompt={"model": "new"})["id"])
    versions = read(api.default, url(old, "versions"), evaluator_aggregates=True, status="committed")["records"]
    assert [(version["model"], version["version_name"]) for version in versions] == [("new", None), ("gpt-4o", "first")]
    assert [version["version_logs_count"] for version in versions] == [1, 0]
    assert {version["total_logs_count"] for version in versions} == {1}
    assert versions[1]["template"] == DETAILS["template"]
    for version in versions:
        assert read(api.default, url(old), version_id=version["version_id"]) == version


def test_a_version_gets_and_loses_its_name_and_its_description(api: Api) -> None:
    made = upsert(api.default, version_name="one", version_description="text")
    version = url(made, "versions", made["version_id"])

    def patched(body: Json) -> tuple[str | None, str | None]:
        answer = api.default.patch(version, json=body).json()
        assert read(api.default, url(made), version_id=made["version_id"]) == answer
        return answer["version_name"], answer["version_description"]

    assert patched({"name": "two"}) == ("two", "text")
    assert patched({"description": "other", "unknown": 1}) == ("two", "other")
    assert patched({"name": None}) == (None, "other")
    with api.nothing_stored():
        assert patched({}) == (None, "other")
    assert patched({"name": "one", "description": None}) == ("one", None)
    logged = create(api, id=made["id"], path=None, prompt={"model": "gpt-4o"})
    assert fetch(api, logged["id"])["prompt"]["version_name"] == "one"


def test_two_versions_have_two_names(api: Api) -> None:
    one = upsert(api.default, version_name="best")
    two = upsert(api.default, id=one["id"], model="other")
    response = api.default.patch(url(two, "versions", two["version_id"]), json={"name": "best", "description": "x"})
    refused(response, 409, "conflict", says="name: another version")
    assert read(api.default, url(one), version_id=two["version_id"])["version_description"] is None
    assert api.default.patch(url(one, "versions", one["version_id"]), json={"name": "best"}).status_code == 200
    api.default.patch(url(one, "versions", one["version_id"]), json={"name": None})
    again = api.default.patch(url(two, "versions", two["version_id"]), json={"name": "best"})
    assert again.json()["version_name"] == "best"


@pytest.mark.parametrize("body", [{"name": ""}, {"name": 1}, {"name": "x" * 513}, {"description": ["x"]}])
def test_a_wrong_change_of_a_version(api: Api, body: Json) -> None:
    made = upsert(api.default)
    with api.nothing_stored():
        response = api.default.patch(url(made, "versions", made["version_id"]), json=body)
        refused(response, 422, "invalid", ["body", *body])


def test_a_deleted_version_lives_on_in_its_logs_and_is_made_again_by_new_ones(api: Api) -> None:
    logged = create(api, prompt=DETAILS, output="kept")
    prompt = {"id": logged["prompt_id"]}
    upsert(api.default, id=prompt["id"], model="other")
    version = url(prompt, "versions", logged["version_id"])
    deleted = api.default.delete(version)
    assert (deleted.status_code, deleted.content) == (204, b"")
    refused(api.default.delete(version), 404, "not_found", says="version_id: ")
    refused(api.default.patch(version, json={"name": "x"}), 404, "not_found", says="version_id: ")
    refused(api.default.get(url(prompt), params={"version_id": logged["version_id"]}), 404, "not_found")
    sent = {"id": prompt["id"], "output": "x"}
    selected = api.default.post("/v5/prompts/log", json=sent, params={"version_id": logged["version_id"]})
    refused(selected, 404, "not_found", says="version_id: ")
    assert [each["model"] for each in read(api.default, url(prompt, "versions"))["records"]] == ["other"]
    kept = fetch(api, logged["id"])
    assert (kept["output"], kept["prompt"]["version_id"]) == ("kept", logged["version_id"])
    assert kept["prompt"]["template"] == DETAILS["template"]
    assert post(api, sent | {"prompt": DETAILS})["version_id"] == logged["version_id"]
    assert read(api.default, url(prompt))["template"] == DETAILS["template"], "it is the newest now"


def test_what_is_deployed_is_not_deleted(api: Api) -> None:
    made = upsert(api.default)
    version, staging = url(made, "versions", made["version_id"]), url(made, "environments", "staging")
    api.default.post(staging, params={"version_id": made["version_id"]})
    refused(api.default.delete(version), 409, "conflict", says="is deployed")
    assert api.default.delete(staging).status_code == 204
    assert api.default.delete(version).status_code == 204


@pytest.mark.parametrize("version_id", ["prv_unknown", "x" * 600, "pr_00000000000"])
def test_a_version_that_is_not_there(api: Api, version_id: str) -> None:
    prompt = upsert(api.default)
    version = url(prompt, "versions", version_id)
    with api.nothing_stored():
        refused(api.default.patch(version, json={"name": "x"}), 404, "not_found", says="version_id: ")
        refused(api.default.delete(version), 404, "not_found", says="version_id: ")


# Deployments


def environments(api: Api, prompt: Json) -> dict[str, Json]:
    response = api.default.get(url(prompt, "environments"))
    assert response.status_code == 200
    answer = response.json()
    assert isinstance(answer, list)
    return {environment["name"]: environment for environment in answer}


def test_a_deployment_is_seen_and_used_everywhere(api: Api) -> None:
    old = upsert(api.default, model="old")
    new = upsert(api.default, id=old["id"], model="new")
    before = environments(api, old)
    assert {"production", "staging", "development"} <= before.keys()
    assert [before["production"]["tag"], before["staging"]["tag"]] == ["default", "other"]
    assert {environment["file"] for environment in before.values()} == {None}

    production = before["production"]["id"]
    deployed = api.default.post(url(old, "environments", production), params={"version_id": old["version_id"]}).json()
    (where,) = deployed["environments"]
    assert where == {key: before["production"][key] for key in ("id", "name", "tag", "created_at")}
    assert deployed["version_id"] == old["version_id"]
    after = environments(api, old)
    assert after["production"]["file"] == deployed == read(api.default, url(old), environment="production")
    assert after["staging"]["file"] is None
    logged = post(api, {"id": old["id"], "output": "x"})
    assert logged["version_id"] == old["version_id"]
    assert fetch(api, logged["id"])["prompt"]["environments"] == [where]

    replaced = api.default.post(url(old, "environments", "production"), params={"version_id": new["version_id"]})
    assert environments(api, old)["production"]["file"]["version_id"] == new["version_id"]
    assert replaced.json()["environments"] == [where]
    assert read(api.default, url(old), version_id=old["version_id"])["environments"] == []

    for _ in range(2):
        assert api.default.delete(url(old, "environments", "production")).status_code == 204
    assert environments(api, old)["production"]["file"] is None
    refused(api.default.get(url(old), params={"environment": "production"}), 404, "not_found")


def test_what_another_process_deployed_is_seen_at_once(api: Api) -> None:
    old = upsert(api.default, model="old")
    upsert(api.default, id=old["id"], model="new")
    api.deploy("default", old["id"], old["version_id"], "production")
    assert read(api.default, url(old))["model"] == "old"


def test_wrong_deployments(api: Api) -> None:
    made, other = upsert(api.default), upsert(api.default, model="other")
    version = {"version_id": made["version_id"]}
    with api.nothing_stored():
        production = url(made, "environments", "production")
        for query in ({}, {"version_id": ""}):
            refused(api.default.post(production, params=query), 422, "invalid", ["query", "version_id"])
        for unknown in ("prv_nobody", other["version_id"]):
            response = api.default.post(production, params={"version_id": unknown})
            refused(response, 404, "not_found", says="version_id: ")
        for path in (url(made, "environments", "nowhere"), url(made, "environments", "env_nowhere")):
            refused(api.default.post(path, params=version), 404, "not_found", says="environment_id: ")
            refused(api.default.delete(path), 404, "not_found", says="environment_id: ")


def test_an_environment_of_ones_own(api: Api) -> None:
    made, name = upsert(api.default), unique("canary")
    own = api.up.run("environments", "create", name, "--workspace", "default").split()[0]
    theirs = api.create_environment("other", unique("theirs"))
    deploy = url(made, "environments", own)
    assert api.default.post(deploy, params={"version_id": made["version_id"]}).status_code == 200
    assert environments(api, made)[name]["file"]["version_id"] == made["version_id"]
    response = api.default.post(url(made, "environments", theirs), params={"version_id": made["version_id"]})
    refused(response, 404, "not_found", says="environment_id: ")
    listed = [line.split() for line in api.up.run("environments", "list").splitlines()]
    assert [own, "other", "1", name] in listed
    assert ["default", "production"] in [[tag, each] for _, tag, _, each in listed]
