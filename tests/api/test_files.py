"""Tools, flows and evaluators have the routes that prompts have; here is what is different between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.api.humanloop import fetch, post
from tests.api.test_prompts import BY_PATH, DETAILS, names, read
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

SPEC: Final[Json] = {"evaluator_type": "python", "arguments_type": "target_free", "return_type": "boolean", "code": "é"}


class FileCase(NamedTuple):
    """A type of files: its routes, what its ids start with, details of two versions."""

    plural: str
    file_prefix: str
    version_prefix: str
    details: Json
    other: Json

    @property
    def kind(self) -> str:
        return self.plural[:-1]


CASES: Final = (
    FileCase("prompts", "pr_", "prv_", DETAILS, {"model": "other"}),
    FileCase(
        "tools",
        "tl_",
        "tlv_",
        {
            "function": {"name": "add", "description": "d", "strict": True, "parameters": {"type": "object"}},
            "source_code": "def add(): ...",
            "setup_values": {"a": [1, None]},
            "attributes": {"z": 1, "a": "żółć"},
            "tool_type": "python",
        },
        {"source_code": "pass"},
    ),
    FileCase("flows", "fl_", "flv_", {"attributes": {"z": {"a": None}, "a": [1]}}, {"attributes": {}}),
    FileCase("evaluators", "ev_", "evv_", {"spec": SPEC}, {"spec": SPEC | {"code": "other"}}),
)

of_every_type = pytest.mark.parametrize("case", CASES, ids=lambda case: case.plural)


def upsert(api: Api, case: FileCase, **fields: object) -> Json:
    """Upsert to a path of its own, unless the fields name one; returns the answer."""
    response = api.default.post(f"/v5/{case.plural}", json={"path": unique(case.kind), **case.details, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


@of_every_type
def test_an_upsert_reads_back(api: Api, case: FileCase) -> None:
    made = upsert(api, case, version_name="first", version_description="text", description="About", tags=["a"])
    assert {field: made[field] for field in case.details} == case.details
    assert (made["type"], made["id"][:3], made["version_id"][:4]) == (case.kind, case.file_prefix, case.version_prefix)
    said = (made["version_name"], made["version_description"], made["description"], made["tags"])
    assert said == ("first", "text", "About", ["a"])
    assert read(api.default, f"/v5/{case.plural}/{made['id']}") == made
    assert api.default.post(BY_PATH, json={"path": made["path"]}).json() == made
    backwards = dict(reversed(case.details.items()))
    assert upsert(api, case, path=made["path"], **backwards, readme=None)["version_id"] == made["version_id"]
    other = api.default.post(f"/v5/{case.plural}", json={"id": made["id"], **case.other}).json()
    assert other["version_id"] != made["version_id"]
    taken = {"id": made["id"], "version_name": "first", **case.other}
    refused(api.default.post(f"/v5/{case.plural}", json=taken), 409, "conflict", says="version_name: ")


@of_every_type
def test_versions_and_deployments(api: Api, case: FileCase) -> None:
    made = upsert(api, case)
    file = f"/v5/{case.plural}/{made['id']}"
    other = api.default.post(f"/v5/{case.plural}", json={"id": made["id"], **case.other}).json()
    versions = read(api.default, f"{file}/versions")["records"]
    assert [version["version_id"] for version in versions] == [other["version_id"], made["version_id"]]
    production = f"{file}/environments/production"
    deployed = api.default.post(production, params={"version_id": made["version_id"]}).json()
    assert read(api.default, file) == deployed
    assert {field: deployed[field] for field in case.details} == case.details
    files = {each["name"]: each["file"] for each in api.default.get(f"{file}/environments").json()}
    assert (files["production"], files["staging"]) == (deployed, None)
    assert api.default.delete(production).status_code == 204
    named = api.default.patch(f"{file}/versions/{made['version_id']}", json={"name": "best"}).json()
    assert named["version_name"] == "best"
    assert api.default.delete(f"{file}/versions/{other['version_id']}").status_code == 204
    assert read(api.default, file)["version_name"] == "best"


@of_every_type
def test_a_file_is_listed_among_its_type_moves_and_is_deleted(api: Api, case: FileCase) -> None:
    made = upsert(api, case)
    for each in CASES:
        listed = read(api.default, f"/v5/{each.plural}", name=made["name"])
        assert names(listed) == ([made["name"]] if each is case else [])
        response = api.default.get(f"/v5/{each.plural}/{made['id']}")
        if each is case:
            assert response.json() == made == listed["records"][0]
        else:
            refused(response, 404, "not_found", says=f"no {each.kind} with the id")
    moved = api.default.patch(f"/v5/{case.plural}/{made['id']}", json={"name": unique("moved")}).json()
    assert api.default.post(BY_PATH, json={"path": moved["path"]}).json() == moved
    assert api.default.delete(f"/v5/{case.plural}/{made['id']}").status_code == 204
    refused(api.default.get(f"/v5/{case.plural}/{made['id']}"), 404, "not_found")
    assert upsert(api, case, path=made["path"])["id"] != made["id"]


@pytest.mark.parametrize("case", CASES[:3], ids=lambda case: case.plural)
def test_a_log_finds_the_version_that_was_upserted_and_outlives_the_file(api: Api, case: FileCase) -> None:
    made = upsert(api, case, version_name="first")
    logged = api.default.post(f"/v5/{case.plural}/log", json={"path": made["path"], case.kind: case.details}).json()
    assert (logged[f"{case.kind}_id"], logged["version_id"]) == (made["id"], made["version_id"])
    before = fetch(api, logged["id"])[case.kind]
    assert before["version_name"] == "first"
    assert api.default.delete(f"/v5/{case.plural}/{made['id']}").status_code == 204
    after = fetch(api, logged["id"])[case.kind]
    assert {field: after[field] for field in case.details} == case.details
    assert (after["path"], after["version_name"]) == (made["path"], "first")


@of_every_type
def test_a_path_is_that_of_one_file(api: Api, case: FileCase) -> None:
    made = upsert(api, case)
    with api.nothing_stored():
        for each in CASES:
            if each is not case:
                body = {"path": made["path"], **each.details}
                response = api.default.post(f"/v5/{each.plural}", json=body)
                refused(response, 409, "conflict", says=f"of type {case.kind}, not of type {each.kind}")
        if case.kind != "prompt":
            log = api.default.post("/v5/prompts/log", json={"path": made["path"], "prompt": DETAILS})
            refused(log, 409, "conflict", says=f"of type {case.kind}, not of type prompt")
    if case.kind == "prompt":
        assert post(api, {"path": made["path"]})["prompt_id"] == made["id"]


@of_every_type
def test_a_file_without_versions(api: Api, case: FileCase) -> None:
    made = upsert(api, case)
    file = f"/v5/{case.plural}/{made['id']}"
    assert api.default.delete(f"{file}/versions/{made['version_id']}").status_code == 204
    bare = read(api.default, file)
    assert (bare["version_id"], bare["path"]) == ("", made["path"])
    again = upsert(api, case, path=made["path"])
    assert (again["id"], again["version_id"]) == (made["id"], made["version_id"])


@pytest.mark.parametrize(
    ("plural", "wrong", "loc"),
    [
        ("tools", {"function": {"name": "f"}}, ["body", "function", "description"]),
        ("tools", {"source_code": 1}, ["body", "source_code"]),
        ("tools", {"setup_values": []}, ["body", "setup_values"]),
        ("tools", {"tool_type": {}}, ["body", "tool_type"]),
        ("flows", {}, ["body", "attributes"]),
        ("flows", {"attributes": None}, ["body", "attributes"]),
        ("flows", {"attributes": "x"}, ["body", "attributes"]),
        ("evaluators", {}, ["body", "spec"]),
        ("evaluators", {"spec": []}, ["body", "spec"]),
        ("evaluators", {"spec": {"evaluator_type": "llm"}}, ["body", "spec", "arguments_type"]),
        ("evaluators", {"spec": SPEC | {"code": None}}, ["body", "spec"]),
        ("evaluators", {"spec": SPEC | {"prompt": {}}}, ["body", "spec", "prompt", "model"]),
        ("evaluators", {"spec": SPEC | {"options": [{}]}}, ["body", "spec", "options", 0, "name"]),
        ("evaluators", {"spec": SPEC, "path": None}, ["body", "path"]),
    ],
)
def test_a_wrong_upsert_stores_nothing(api: Api, plural: str, wrong: Json, loc: list[str | int]) -> None:
    with api.nothing_stored():
        refused(api.default.post(f"/v5/{plural}", json={"path": unique(), **wrong}), 422, "invalid", loc)
