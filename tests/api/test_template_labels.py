"""Release labels of prompt templates, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.registry.entities import Scope
from tests.api.templates import get, publish
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import message

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json


@pytest.fixture
def name(api: Api) -> str:
    """A template with two versions, the second of them at the label `dev`."""
    name = unique("labels")
    publish(api, name)
    publish(api, name, message("user", "b"), labels=["dev"])
    return name


def label(api: Api, template: str | int, **body: Any) -> httpx.Response:
    return api.default.post(f"/prompts/{template}/label", json=body)


def labels(api: Api, name: str) -> dict[str, Json]:
    read = api.default.get(f"/prompt-templates/{name}/labels").json()
    return {item["release_label"]: item for item in read["release_labels"]}


def test_a_label_is_made_moved_and_ended(api: Api, name: str) -> None:
    template_id = get(api, name)["id"]
    made = label(api, template_id, name="prod", prompt_version_number=1)
    assert made.status_code == 200, made.text
    prod = made.json()
    first, second = (get(api, name, version=number)["prompt_version_id"] for number in (1, 2))
    assert (prod["name"], prod["prompt_id"], prod["prompt_version_id"]) == ("prod", template_id, first)
    assert prod["created_at"].endswith("Z")
    assert get(api, name, label="prod")["version"] == 1

    moved = api.default.patch(f"/prompt-labels/{prod['id']}", json={"prompt_version_number": 2})
    assert (moved.status_code, moved.json()) == (200, prod | {"prompt_version_id": second})
    assert labels(api, name)["prod"]["release_label_id"] == prod["id"]
    again = label(api, name, name="prod", prompt_version_number=1)
    assert (again.status_code, again.json()) == (200, prod)

    ended = api.default.delete(f"/prompt-labels/{prod['id']}")
    assert (ended.status_code, ended.content) == (204, b"")
    assert list(labels(api, name)) == ["dev"]
    gone = api.default.delete(f"/prompt-labels/{prod['id']}")
    refused(gone, 404, "not_found", says=f"label_id: no release label with the id '{prod['id']}'")


def test_what_is_not_there(api: Api, name: str) -> None:
    dev = labels(api, name)["dev"]["release_label_id"]
    with api.nothing_stored():
        refused(label(api, "nobody/knows", name="x", prompt_version_number=1), 404, "not_found", says="identifier: ")
        refused(label(api, name, name="x", prompt_version_number=3), 404, "not_found", says="has no version 3")
        answer = api.default.patch(f"/prompt-labels/{dev}", json={"prompt_version_number": 3})
        refused(answer, 404, "not_found", says="has no version 3")
        for unknown in ("1", "x", "9" * 5_000):
            answer = api.default.patch(f"/prompt-labels/{unknown}", json={"prompt_version_number": 1})
            refused(answer, 404, "not_found", says="label_id: ")
        refused(api.other.delete(f"/prompt-labels/{dev}"), 404, "not_found", says="label_id: ")
        answer = api.other.post(f"/prompts/{name}/label", json={"name": "x", "prompt_version_number": 1})
        refused(answer, 404, "not_found", says="identifier: ")


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"name": "x"}, "prompt_version_number", "is required"),
        ({"name": "x", "prompt_version_number": 0}, "prompt_version_number", "greater than 0"),
        ({"prompt_version_number": 1}, "name", "is required"),
        ({"name": "", "prompt_version_number": 1}, "name", "at least 1"),
        ({"name": "x" * 256, "prompt_version_number": 1}, "name", "at most 255"),
    ],
)
def test_wrong_bodies_are_refused_by_name(api: Api, name: str, body: Json, field: str, says: str) -> None:
    refused(label(api, name, **body), 422, "invalid", ["body", field], says)


def test_they_need_the_scope_admin(api: Api, name: str) -> None:
    """They decide what programs use, as Humanloop's deployments do."""
    dev = labels(api, name)["dev"]["release_label_id"]
    key = api.create_key("default", Scope.INGEST, Scope.READ)
    with api.client(key) as client, api.nothing_stored():
        body = {"name": "x", "prompt_version_number": 1}
        for answer in (
            client.post(f"/prompts/{name}/label", json=body),
            client.patch(f"/prompt-labels/{dev}", json=body),
            client.delete(f"/prompt-labels/{dev}"),
        ):
            refused(answer, 403, "forbidden", says="'admin'")
