"""`POST /rest/prompt-templates` and `POST /prompt-templates/{identifier}`: versions, labels, names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from shared.registry.entities import Scope
from tests.api.templates import MODEL, get, publication, publish, texts
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import chat, completion, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json


def test_a_published_template_is_got_as_it_was_published(api: Api) -> None:
    name = unique("greeting")
    metadata: Json = {"model": {**MODEL, "display_params": {"a": 1}}, "team": "x"}
    sent = message("user", "Hi {who}") | {"dataset_examples": [{"who": "Ada"}], "odd": 1}
    published = publish(api, name, sent, tags=["a", "b"], commit_message="first", metadata=metadata)
    expected = {
        "prompt_name": name,
        "tags": ["a", "b"],
        "commit_message": "first",
        "metadata": metadata,
        "version_number": 1,
        "release_labels": None,
        "external_ids": [],
        "success": True,
    }
    assert {key: published[key] for key in expected} == expected
    assert isinstance(published["id"], int)
    assert isinstance(published["prompt_version_id"], int)

    got = get(api, name, skip_input_variable_rendering=True)
    assert (got["id"], got["prompt_version_id"], got["version"]) == (published["id"], published["prompt_version_id"], 1)
    for key in ("prompt_name", "tags", "commit_message", "prompt_template"):
        assert got[key] == published[key]
    assert got["metadata"] == {**metadata, "model": {**metadata["model"], "api_type": "chat-completions"}}
    (shown,) = got["prompt_template"]["messages"]
    assert {key: shown[key] for key in sent} == sent
    assert (shown["template_format"], shown["name"]) == ("f-string", None)
    assert got["prompt_template"]["tools"] is None
    assert (got["provider_base_url"], got["custom_provider"], got["snippets"], got["warning"]) == (None, None, [], None)


def test_a_completion(api: Api) -> None:
    name = unique()
    given = {"prompt_name": name, "prompt_template": completion("Say {word}"), "metadata": {"model": MODEL}}
    body = {"prompt_template": given, "prompt_version": given}
    assert api.default.post("/rest/prompt-templates", json=body).status_code == 201
    got = get(api, name, input_variables={"word": "hi"})
    assert got["prompt_template"]["content"] == [{"type": "text", "text": "Say hi"}]
    assert got["llm_kwargs"] == {"prompt": "Say hi", "model": "gpt-4o", "temperature": 0.5}


def test_versions_are_numbered_and_the_newest_is_got(api: Api) -> None:
    name = unique()
    numbers = [publish(api, name, message("user", text))["version_number"] for text in ("a", "a", "b", "a")]
    assert numbers == [1, 1, 2, 3], "the same again is the same version, unless another came between"
    assert [texts(get(api, name, version=number)) for number in (1, 2, 3)] == [["a"], ["b"], ["a"]]
    assert get(api, name)["version"] == 3
    assert get(api, name, version="2")["version"] == 2
    assert publish(api, name, message("user", "a"), commit_message="why")["version_number"] == 4


def test_labels_are_at_one_version_each(api: Api) -> None:
    name = unique()
    first = publish(api, name, message("user", "a"), labels=["prod", "dev", "prod"])
    assert first["release_labels"] == ["prod", "dev", "prod"]
    assert sorted(get(api, name)["release_labels"]) == ["dev", "prod"]
    publish(api, name, message("user", "b"), labels=["dev"])
    assert [get(api, name, label=label)["version"] for label in ("prod", "dev")] == [1, 2]
    assert get(api, name)["release_labels"] == ["dev"]
    publish(api, name, message("user", "b"), labels=["prod"])
    assert sorted(get(api, name, version=2)["release_labels"]) == ["dev", "prod"]
    assert get(api, name, version=1)["release_labels"] == []

    read = api.default.get(f"/prompt-templates/{name}/labels").json()
    dev, prod = read["release_labels"]
    assert (dev["release_label"], prod["release_label"]) == ("dev", "prod")
    assert {label["prompt_version_number"] for label in (dev, prod)} == {2}
    assert {label["prompt_version_id"] for label in (dev, prod)} == {get(api, name)["prompt_version_id"]}
    assert dev["release_label_id"] != prod["release_label_id"]


def test_tags_belong_to_the_template(api: Api) -> None:
    name = unique()
    publish(api, name, tags=["a"])
    publish(api, name, message("user", "b"))
    assert get(api, name)["tags"] == ["a"]
    assert publish(api, name, message("user", "b"), tags=["b", "c"])["version_number"] == 2
    assert get(api, name, version=1)["tags"] == ["b", "c"]


@pytest.mark.parametrize("name", ["a/b c é😀", "100% {a}?#&", "labels", "x/labels", "..", "'\"\\"])
def test_a_name_may_be_any_text(api: Api, name: str) -> None:
    name = unique() + "/" + name
    published = publish(api, name)
    assert get(api, name)["id"] == get(api, published["id"])["id"] == published["id"]


def test_a_name_may_stand_in_the_path_as_it_is(api: Api) -> None:
    """The JavaScript client encodes no slashes."""
    name = unique() + "/a/b c"
    published = publish(api, "/" + name.replace("/", "//"))
    assert published["prompt_name"] == name
    answer = api.default.post(f"/prompt-templates/{name}")
    assert (answer.status_code, answer.json()["id"]) == (200, published["id"])


def test_templates_and_humanloops_prompts_do_not_share_names(api: Api) -> None:
    name = unique()
    assert api.default.post("/v5/prompts/log", json={"path": name, "output": "x"}).status_code == 200
    refused(api.default.post(f"/prompt-templates/{name}", json={}), 404, "not_found", says="identifier: ")
    assert publish(api, name)["version_number"] == 1


def test_what_is_not_there(api: Api) -> None:
    name = unique()
    with api.nothing_stored():
        for path in (f"/prompt-templates/{name}", "/prompt-templates/1234567890123456", "/prompt-templates/%20"):
            refused(api.default.post(path, json={}), 404, "not_found", says="identifier: no prompt template")
            refused(api.default.get(path), 404, "not_found", says="identifier: ")
        refused(api.default.get(f"/prompt-templates/{name}/labels"), 404, "not_found", says="identifier: ")
    published = publish(api, name, labels=["prod"])
    with api.nothing_stored():
        for body, says in (
            ({"version": 2}, "has no version 2"),
            ({"label": "dev"}, "has no release label 'dev'"),
        ):
            refused(api.default.post(f"/prompt-templates/{name}", json=body), 404, "not_found", says=says)
            refused(api.default.get(f"/prompt-templates/{name}", params=body), 404, "not_found", says=says)
        for theirs in (name, published["id"]):
            refused(api.other.post(f"/prompt-templates/{theirs}", json={}), 404, "not_found")


WRONG_PUBLICATIONS: list[tuple[Json, list[str | int], str]] = [
    ({"prompt_name": None}, ["prompt_template", "prompt_name"], "must be a string"),
    ({"prompt_name": ""}, ["prompt_template", "prompt_name"], "at least 1"),
    ({"prompt_name": " / "}, ["prompt_template", "prompt_name"], "must not be empty"),
    ({"prompt_name": "x" * 513}, ["prompt_template", "prompt_name"], "at most 512"),
    ({"tags": "a"}, ["prompt_template", "tags"], "must be a list"),
    ({"tags": ["x" * 513]}, ["prompt_template", "tags", 0], "at most 512"),
    ({"prompt_template": None}, ["prompt_version", "prompt_template"], "must be an object"),
    ({"prompt_template": {"type": "odd"}}, ["prompt_version", "prompt_template", "type"], "must be one of"),
    ({"prompt_template": {"type": "chat"}}, ["prompt_version", "prompt_template", "messages"], "is required"),
    ({"prompt_template": chat({"content": "x"})}, ["prompt_version", "prompt_template", "messages", 0, "role"], ""),
    ({"commit_message": "x" * 73}, ["prompt_version", "commit_message"], "at most 72"),
    ({"metadata": []}, ["prompt_version", "metadata"], "must be an object"),
    ({"metadata": {"model": {"name": "x"}}}, ["prompt_version", "metadata", "model", "provider"], "is required"),
    ({"metadata": {"model": MODEL | {"parameters": 1}}}, ["prompt_version", "metadata", "model", "parameters"], ""),
]


@pytest.mark.parametrize(("changes", "loc", "says"), WRONG_PUBLICATIONS)
def test_a_wrong_publication_is_refused_by_name(api: Api, changes: Json, loc: list[str | int], says: str) -> None:
    given = {"prompt_name": unique(), "prompt_template": chat(message("user", "x")), **changes}
    body = {"prompt_template": given, "prompt_version": given}
    with api.nothing_stored():
        answer = api.default.post("/rest/prompt-templates", json=body)
        refused(answer, 422, "invalid", ["body", *loc], says)


@pytest.mark.parametrize(
    ("body", "loc", "says"),
    [
        ({}, ["body", "prompt_template"], "is required"),
        (publication("x", labels=[""]), ["body", "release_labels", 0], "at least 1"),
        (publication("x", labels=["x" * 256]), ["body", "release_labels", 0], "at most 255"),
        (publication("x", labels=["x"] * 101), ["body", "release_labels"], "at most 100"),
        (publication("x") | {"release_labels": "prod"}, ["body", "release_labels"], "must be a list"),
        (publication("x") | {"prompt_version": "prod"}, ["body", "prompt_version"], "must be an object"),
    ],
)
def test_a_publication_without_what_it_needs_is_refused(api: Api, body: Json, loc: list[str | int], says: str) -> None:
    with api.nothing_stored():
        refused(api.default.post("/rest/prompt-templates", json=body), 422, "invalid", loc, says)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"version": 0}, "version", "must be greater than 0"),
        ({"version": "x"}, "version", "must be an integer"),
        ({"version": True}, "version", "must be an integer"),
        ({"version": 1, "label": "prod"}, "label", "can't be given together with version"),
        ({"label": 1}, "label", "must be a string"),
        ({"input_variables": []}, "input_variables", "must be an object"),
        ({"model_parameter_overrides": "x"}, "model_parameter_overrides", "must be an object"),
        ({"provider": 1}, "provider", "must be a string"),
    ],
)
def test_a_wrong_request_is_refused_by_name(api: Api, body: Json, field: str, says: str) -> None:
    answer = api.default.post("/prompt-templates/any", json=body)
    refused(answer, 422, "invalid", ["body", field], says)


def test_bodies_that_are_no_objects(api: Api) -> None:
    for path in ("/rest/prompt-templates", "/prompt-templates/any"):
        refused(api.default.post(path, content=b"[]"), 422, "invalid", ["body"])
        refused(api.default.post(path, content=b"{"), 400, "bad_request", says="body: ")
    refused(api.default.get("/rest/prompt-templates"), 405, "method_not_allowed")


def test_a_version_that_is_too_large(api: Api) -> None:
    body = publication(unique(), message("user", "x" * (1 << 20)))
    with api.nothing_stored():
        answer = api.default.post("/rest/prompt-templates", json=body)
        refused(answer, 413, "too_large", says="prompt_version: has 1048")
    assert publish(api, unique(), message("user", "é" * (1 << 18)))["version_number"] == 1


def test_publications_at_one_time(api: Api) -> None:
    """Clients send one again when its connection drops; and people publish at the same time."""
    name, same = unique(), unique()
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda n: publish(api, name, message("user", str(n)))["version_number"], range(8)))
        again = [answer["version_number"] for answer in threads.map(lambda _: publish(api, same), range(8))]
    assert sorted(numbers) == list(range(1, 9))
    assert [texts(get(api, name, version=number)) for number in numbers] == [[str(n)] for n in range(8)]
    assert again == [1] * 8


def test_keys_and_their_scopes(api: Api) -> None:
    name = unique()
    publish(api, name)
    writing, reading = api.create_key("default", Scope.INGEST), api.create_key("default", Scope.READ)
    paths = ["/prompt-templates", f"/prompt-templates/{name}", f"/prompt-templates/{name}/labels"]
    with api.client(writing) as client, api.nothing_stored():
        for path in paths:
            refused(client.get(path), 403, "forbidden", says="'read'")
        refused(client.post(f"/prompt-templates/{name}", json={}), 403, "forbidden", says="'read'")
    with api.client(reading) as client, api.nothing_stored():
        refused(client.post("/rest/prompt-templates", json=publication(name)), 403, "forbidden", says="'ingest'")
        assert client.post(f"/prompt-templates/{name}", json={}).status_code == 200
    with api.client(None) as client, api.nothing_stored():
        refused(client.post("/rest/prompt-templates", json=publication(name)), 401, "unauthenticated")
        refused(client.post(f"/prompt-templates/{name}", json={}), 401, "unauthenticated")
        refused(client.get("/prompt-templates"), 401, "unauthenticated")


def test_the_key_in_a_body_is_not_kept(api: Api) -> None:
    """The Python client sends it beside the header."""
    name = unique()
    body: dict[str, Any] = publication(name) | {"api_key": "secret-of-a-client"}
    body["prompt_template"] |= {"api_key": "secret-of-a-client"}
    assert api.default.post("/rest/prompt-templates", json=body).status_code == 201
    answer = api.default.post(f"/prompt-templates/{name}", json={"api_key": "secret-of-a-client"})
    assert answer.status_code == 200
    assert "secret-of-a-client" not in answer.text
