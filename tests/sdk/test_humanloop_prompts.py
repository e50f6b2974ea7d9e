"""The Humanloop Python clients, unmodified: all methods of its registry that are served, for files of every type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from humanloop.core.api_error import ApiError

from tests.api.test_prompts import BY_PATH, PROMPTS, read, url
from tests.sdk.in_turn import FLAVOURS, humanloop_client
from tests.support.api import unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

DETAILS: Json = {
    "model": "gpt-4o",
    "endpoint": "chat",
    "template": [{"role": "user", "content": "Hi {{name}} é😀"}],
    "template_language": "default",
    "provider": "openai",
    "max_tokens": 5,
    "temperature": 0.5,
    "top_p": 0.25,
    "stop": ["x"],
    "presence_penalty": 0.125,
    "frequency_penalty": 0.375,
    "other": {"a": [1]},
    "seed": 7,
    "response_format": {"type": "json_object"},
    "reasoning_effort": "low",
    "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}],
    "attributes": {"team": "a"},
}
SAID: Json = {
    "version_name": "first",
    "version_description": "The first",
    "description": "About",
    "tags": ["a", "b"],
    "readme": "# Read me",
}


@pytest.fixture(params=FLAVOURS)
def client(api: Api, request: pytest.FixtureRequest) -> Iterator[Any]:
    with humanloop_client(api, request.param) as made:
        yield made


def two_versions(client: Any) -> tuple[Any, Any]:
    """A prompt at its first and at its second version."""
    old = client.prompts.upsert(path=unique("sdk"), model="old")
    return old, client.prompts.upsert(id=old.id, model="new")


def test_every_argument_of_an_upsert(api: Api, client: Any) -> None:
    path = f"folder/{unique('sdk')}"
    made = client.prompts.upsert(path=path, **DETAILS, **SAID)
    stored = api.default.post(BY_PATH, json={"path": path}).json()
    assert {name: stored[name] for name in DETAILS | SAID} == DETAILS | SAID
    assert (made.id, made.version_id, made.path) == (stored["id"], stored["version_id"], path)
    assert (made.template, made.inputs[0].name) == (DETAILS["template"], "name")
    assert client.prompts.log(path=path, prompt=DETAILS).version_id == made.version_id
    with pytest.raises(ApiError) as caught:
        client.prompts.upsert(id=made.id, model="other", version_name="first")
    assert (caught.value.status_code, caught.value.body["error"]) == (409, "conflict")


def test_list_goes_through_all_pages(client: Any) -> None:
    common = unique("sdk")
    for name in "bac":
        client.prompts.upsert(path=f"{common}/{common}-{name}", model=name)
    pager = client.prompts.list(name=common, size=2, sort_by="name", order="asc")
    assert [(prompt.name, prompt.model) for prompt in pager] == [(f"{common}-{name}", name) for name in "abc"]


def test_get(api: Api, client: Any) -> None:
    old, new = two_versions(client)
    assert client.prompts.get(old.id).version_id == new.version_id
    assert client.prompts.get(old.id, version_id=old.version_id).model == "old"
    api.default.post(f"{PROMPTS}/{old.id}/environments/staging", params={"version_id": old.version_id})
    assert client.prompts.get(old.id, environment="staging").model == "old"
    with pytest.raises(ApiError) as caught:
        client.prompts.get("pr_nobody")
    assert (caught.value.status_code, caught.value.body["error"]) == (404, "not_found")


def test_move(api: Api, client: Any) -> None:
    made = client.prompts.upsert(path=f"a/{unique('sdk')}", **DETAILS)
    path = f"b/{unique('sdk')}"
    assert client.prompts.move(made.id, path=path).path == path
    assert api.default.post(BY_PATH, json={"path": path}).json()["id"] == made.id
    assert client.prompts.move(made.id, name=made.name).path == f"b/{made.name}"
    assert read(api.default, url({"id": made.id}))["path"] == f"b/{made.name}"


def test_delete(api: Api, client: Any) -> None:
    log = client.prompts.log(path=unique("sdk"), prompt=DETAILS, output="kept")
    client.prompts.delete(log.prompt_id)
    assert api.default.get(f"{PROMPTS}/{log.prompt_id}").status_code == 404
    kept = client.logs.get(log.id)
    assert (kept["output"], kept["prompt"]["template"]) == ("kept", DETAILS["template"])


def test_versions(api: Api, client: Any) -> None:
    old, new = two_versions(client)
    versions = client.prompts.list_versions(old.id, evaluator_aggregates=False).records
    assert [(version.version_id, version.model) for version in versions] == [
        (new.version_id, "new"),
        (old.version_id, "old"),
    ]
    named = client.prompts.patch_prompt_version(old.id, old.version_id, name="best", description="text")
    stored = read(api.default, url({"id": old.id}), version_id=old.version_id)
    assert (named.version_name, stored["version_name"], stored["version_description"]) == ("best", "best", "text")
    client.prompts.delete_prompt_version(old.id, new.version_id)
    left = read(api.default, url({"id": old.id}, "versions"))["records"]
    assert [version["version_name"] for version in left] == ["best"]


def test_deployments(api: Api, client: Any) -> None:
    old, _ = two_versions(client)
    environments = {environment.name: environment for environment in client.prompts.list_environments(old.id)}
    assert (environments["production"].tag, environments["production"].file) == ("default", None)
    deployed = client.prompts.set_deployment(old.id, environments["production"].id, version_id=old.version_id)
    assert [environment.name for environment in deployed.environments] == ["production"]
    assert read(api.default, url({"id": old.id}))["version_id"] == old.version_id
    assert client.prompts.log(id=old.id, output="x").version_id == old.version_id
    environments = {environment.name: environment for environment in client.prompts.list_environments(old.id)}
    assert environments["production"].file.version_id == old.version_id
    client.prompts.remove_deployment(old.id, environments["production"].id)
    assert read(api.default, url({"id": old.id}))["model"] == "new"


def test_a_file_by_its_path(client: Any) -> None:
    old, new = two_versions(client)
    client.prompts.set_deployment(old.id, "staging", version_id=old.version_id)
    assert client.files.retrieve_by_path(path=old.path, include_raw_file_content=True).version_id == new.version_id
    assert client.files.retrieve_by_path(path=old.path, environment="staging").model == "old"
    with pytest.raises(ApiError) as caught:
        client.files.retrieve_by_path(path=unique("nobody"))
    assert caught.value.status_code == 404


FUNCTION: Json = {"name": "add", "description": "d", "parameters": {"type": "object"}}
SPEC: Json = {"evaluator_type": "human", "arguments_type": "target_free", "return_type": "number"}


@pytest.mark.parametrize(
    ("plural", "old", "new"),
    [
        ("tools", {"function": FUNCTION, "attributes": {"a": 1}}, {"source_code": "pass"}),
        ("flows", {"attributes": {"a": [1]}}, {"attributes": {}}),
        ("evaluators", {"spec": SPEC}, {"spec": SPEC | {"instructions": "Look"}}),
    ],
)
def test_other_files(api: Api, client: Any, plural: str, old: Json, new: Json) -> None:
    """Their clients have the methods of `client.prompts`, but for the names of two."""
    files, kind, path = getattr(client, plural), plural[:-1], unique("sdk")
    made = files.upsert(path=path, **old, version_name="first", version_description="text")
    stored = api.default.post(BY_PATH, json={"path": path}).json()
    assert {name: stored[name] for name in old} == old
    assert (stored["id"], stored["type"], stored["version_name"]) == (made.id, kind, "first")
    newer = files.upsert(id=made.id, **new)
    assert [file.version_id for file in files.list(name=path, size=1)] == [newer.version_id]
    assert files.get(made.id, version_id=made.version_id).version_name == "first"
    assert [version.version_id for version in files.list_versions(made.id).records] == [
        newer.version_id,
        made.version_id,
    ]
    files.set_deployment(made.id, "production", version_id=made.version_id)
    deployed = {each.name: each.file.version_id for each in files.list_environments(made.id) if each.file is not None}
    assert deployed == {"production": made.version_id}
    assert client.files.retrieve_by_path(path=path, environment="production").version_name == "first"
    files.remove_deployment(made.id, "production")
    getattr(files, f"update_{kind}_version")(made.id, made.version_id, name="best")
    getattr(files, f"delete_{kind}_version")(made.id, newer.version_id)
    files.move(made.id, path=f"{path}/moved")
    stored = api.default.post(BY_PATH, json={"path": f"{path}/moved"}).json()
    assert (stored["id"], stored["version_name"]) == (made.id, "best")
    files.delete(made.id)
    assert api.default.get(f"/v5/{plural}/{made.id}").status_code == 404


def test_what_is_not_served_says_so(client: Any) -> None:
    made = client.prompts.upsert(path=unique("sdk"), model="m")
    with pytest.raises(ApiError) as caught:
        client.prompts.populate(made.id, request={"name": "Ada"})
    assert caught.value.status_code == 404
    assert "is not served" in caught.value.body["message"]
