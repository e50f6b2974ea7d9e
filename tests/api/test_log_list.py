"""`GET /v5/logs`: filters, pages, cursors, traces; `DELETE /v5/logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from shared.registry.entities import Scope
from tests.api import promptlayer
from tests.api.humanloop import create, fetch, log_url
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

LOGS = "/v5/logs"


def listed(client: httpx.Client, file_id: str, **query: Any) -> Json:
    """The answer to a list of a prompt's logs."""
    response = client.get(LOGS, params={"file_id": file_id, **query})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def found(api: Api, file_id: str, **query: Any) -> list[str]:
    return [record["id"] for record in listed(api.default, file_id, **{"size": 100, **query})["records"]]


def make(api: Api, path: str, **fields: Any) -> Json:
    """A log of this prompt, which is applied when this returns."""
    created = create(api, path=path, **fields)
    fetch(api, created["id"])
    return created


class Some:
    """Seven logs of one prompt, oldest first."""

    def __init__(self, api: Api) -> None:
        path = unique("list")
        texts = ["one", "Zwei é", 'say "three"', "line\nfour", "%", "six", "seven"]
        self.created = [
            make(
                api,
                path,
                prompt={"model": "b" if number > 4 else "a"},
                output=text,
                inputs={"name": f'in {text[:4]}"'},
                messages=[{"role": "user", "content": f"Question {number}"}],
                metadata={"Plan": f"pro{number}", "nested": {"a": number}},
                created_at=f"2026-01-0{number + 1}T00:00:00Z",
                log_id=f"{path}/own {number}" if number % 2 else None,
            )
            for number, text in enumerate(texts)
        ]
        self.ids = [created["id"] for created in self.created]
        self.file_id = self.created[0]["prompt_id"]

    def of(self, *numbers: int) -> list[str]:
        """The ids of these logs, as a list has them: newest first."""
        return [self.ids[number] for number in sorted(numbers, reverse=True)]


@pytest.fixture(scope="module")
def some(api: Api) -> Some:
    return Some(api)


def test_records_are_what_reading_them_one_by_one_gives(api: Api, some: Some) -> None:
    answer = listed(api.default, some.file_id)
    assert answer["records"] == [fetch(api, log_id) for log_id in some.of(*range(7))]
    assert {name: answer[name] for name in ("page", "size", "total", "next_cursor")} == {
        "page": 1,
        "size": 10,
        "total": 7,
        "next_cursor": None,
    }


def test_pages_end_with_an_empty_one(api: Api, some: Some) -> None:
    pages = [listed(api.default, some.file_id, page=number, size=3) for number in (1, 2, 3, 4, 1000)]
    assert [[record["id"] for record in page["records"]] for page in pages] == [
        some.of(6, 5, 4),
        some.of(3, 2, 1),
        some.of(0),
        [],
        [],
    ]
    assert [page["total"] for page in pages] == [7] * 5
    assert (listed(api.default, some.file_id, size=0)["records"], found(api, unique("pr"))) == ([], [])


def test_a_cursor_sees_every_log_once_while_more_come(api: Api) -> None:
    path = unique("list")
    made = [make(api, path) for _ in range(5)]
    file_id = made[0]["prompt_id"]
    page = listed(api.default, file_id, size=2)
    seen = [record["id"] for record in page["records"]]
    while page["next_cursor"]:
        make(api, path)
        page = listed(api.default, file_id, size=2, cursor=page["next_cursor"])
        seen += [record["id"] for record in page["records"]]
    assert seen == [created["id"] for created in made[::-1]]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"search": "ZWEI É"}, [1]),
        ({"search": 'say "three"'}, [2]),
        ({"search": "line\nf"}, [3]),
        ({"search": "question 5"}, [5]),
        ({"search": 'in six"'}, [5]),
        ({"search": "%"}, [4]),
        ({"search": "nothing like it"}, []),
        ({"search": "' OR 1=1 --"}, []),
        ({"metadata_search": "PRO3"}, [3]),
        ({"metadata_search": "nested.A"}, [0, 1, 2, 3, 4, 5, 6]),
        ({"metadata_search": "' OR ''='"}, []),
        ({"start_date": "2026-01-03T00:00:00Z"}, [2, 3, 4, 5, 6]),
        ({"start_date": "2026-01-03T01:00:00+01:00", "end_date": "2026-01-04"}, [2, 3]),
        ({"end_date": "2025-01-01T00:00:00Z"}, []),
        ({"id": "/own 3"}, [3]),
        ({"id": ["/own 3", "own 5"]}, [3, 5]),
        ({"id": "log_"}, [0, 2, 4, 6]),
        ({"id": "%"}, []),
        ({"id": "') OR 1 --"}, []),
        ({"in_trace_filter": "true"}, []),
        ({"in_trace_filter": "false"}, [0, 1, 2, 3, 4, 5, 6]),
        ({"in_trace_filter": ["true", "false"]}, [0, 1, 2, 3, 4, 5, 6]),
        ({"version_id": "prv_none'"}, []),
        ({"include_parent": "true", "unknown": "x", "version_status": "committed"}, [0, 1, 2, 3, 4, 5, 6]),
    ],
    ids=str,
)
def test_filters(api: Api, some: Some, query: Json, numbers: list[int]) -> None:
    assert found(api, some.file_id, **query) == some.of(*numbers)
    assert listed(api.default, some.file_id, size=1, **query)["total"] == len(numbers)


def test_logs_of_a_version_or_of_an_id(api: Api, some: Some) -> None:
    assert found(api, some.file_id, version_id=some.created[6]["version_id"]) == some.of(5, 6)
    assert found(api, some.file_id, id=some.ids[0]) == some.of(0)
    assert some.ids[0] in found(api, some.file_id, id=some.ids[0][4:])
    assert found(api, some.file_id, id=[some.ids[0], some.ids[1]]) == some.of(0, 1)
    assert found(api, f"{some.file_id}' OR 1=1 --") == []


def test_a_sample_is_the_same_on_every_page(api: Api, some: Some) -> None:
    assert found(api, some.file_id, sample=100) == some.of(*range(7))
    sample = listed(api.default, some.file_id, sample=3, size=100)
    assert sample["total"] == len(sample["records"]) < 7
    pages = [found(api, some.file_id, sample=3, size=1, page=number) for number in range(1, sample["total"] + 1)]
    assert [log_id for page in pages for log_id in page] == [record["id"] for record in sample["records"]]


def test_traces(api: Api) -> None:
    path = unique("trace")
    root = make(api, path)
    child = make(api, path, trace_parent_id=root["id"], log_id=unique("child"))
    leaf = make(api, path, trace_parent_id=child["id"])
    circle = make(api, path, trace_parent_id=unique("gone"))
    file_id = root["prompt_id"]
    assert found(api, file_id, in_trace_filter="false") == [root["id"]]
    assert found(api, file_id, in_trace_filter="true") == [circle["id"], leaf["id"], child["id"]]
    (read,) = listed(api.default, file_id, in_trace_filter="false", include_trace_children="true")["records"]
    (below,) = read["trace_children"]
    assert (below["id"], below["trace_parent_id"], below["trace_id"]) == (child["id"], root["id"], root["id"])
    assert [entry["id"] for entry in below["trace_children"]] == [leaf["id"]]


def test_logs_that_are_each_others_parent(api: Api) -> None:
    path, one, two = unique("circle"), unique(), unique()
    made = make(api, path, log_id=one, trace_parent_id=two)
    make(api, path, log_id=two, trace_parent_id=one)
    records = listed(api.default, made["prompt_id"], include_trace_children="true")["records"]
    assert [[child["id"] for child in record["trace_children"]] for record in records] == [[one], [two]]


def test_another_workspace_lists_nothing(api: Api, some: Some) -> None:
    assert listed(api.other, some.file_id)["records"] == []
    assert listed(api.other, some.file_id, id=some.ids[0])["total"] == 0


@pytest.mark.parametrize(
    ("query", "loc", "says"),
    [
        ({}, ["query", "file_id"], "is required"),
        ({"page": "0"}, ["query", "page"], "at least 1"),
        ({"page": "x"}, ["query", "page"], "must be an integer"),
        ({"size": "-1"}, ["query", "size"], "at least 0"),
        ({"size": "1001"}, ["query", "size"], "at most 1000"),
        ({"start_date": "soon"}, ["query", "start_date"], "must be a time"),
        ({"in_trace_filter": ["true", "maybe"]}, ["query", "in_trace_filter", 1], "true or false"),
        ({"sample": "0"}, ["query", "sample"], "at least 1"),
        ({"cursor": "MSAyIA"}, ["query", "cursor"], "next_cursor of an earlier answer"),
        ({"search": "x" * 8001}, ["query", "search"], "at most 8000"),
        ({"id": ["x"] * 101}, ["query", "id"], "at most 100"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_parameters(api: Api, query: Json, loc: list[str | int], says: str) -> None:
    sent = query if loc[1] == "file_id" else {"file_id": "pr_1", **query}
    refused(api.default.get(LOGS, params=sent), 422, "invalid", loc, says)


# Deletion


def delete(client: httpx.Client, *log_ids: str) -> httpx.Response:
    return client.delete(LOGS, params={"id": list(log_ids)})


def test_deleted_logs_are_gone_everywhere(api: Api) -> None:
    path, own = unique("delete"), unique("own")
    user = unique("user")
    kept = make(api, path, metadata={"user": user})
    given = create(api, path=path, metadata={"user": user})["id"]
    create(api, path=path, log_id=own, metadata={"user": user})
    answer = delete(api.default, given, own, "log_00000000000", "nobody", given)
    assert (answer.status_code, answer.content) == (204, b"")
    for log_id in (given, own):
        refused(api.default.get(log_url(log_id)), 404, "not_found")
    request_id = ids.from_text(given)
    refused(api.default.get(f"/api/public/v2/requests/{request_id}"), 404, "not_found")
    assert listed(api.default, kept["prompt_id"])["total"] == 1
    same_user = {"field": "metadata", "operator": "key_equals", "nested_key": "user", "value": user}
    searched = api.default.post("/api/public/v2/requests/search", json={"filters": [same_user]}).json()
    assert (searched["total"], [item["id"] for item in searched["items"]]) == (1, [ids.from_text(kept["id"])])
    assert api.default.patch(f"/v5/prompts/{kept['prompt_id']}/log/{own}", json={"output": "x"}).status_code == 404
    assert delete(api.default, given, own).status_code == 204


def test_a_deleted_logs_own_id_is_free_again(api: Api) -> None:
    own = unique("own")
    make(api, unique("delete"), log_id=own, output="first")
    assert delete(api.default, own).status_code == 204
    make(api, unique("delete"), log_id=own, output="second")
    assert fetch(api, own)["output"] == "second"


def test_only_ones_own_logs_are_deleted(api: Api) -> None:
    created = make(api, unique("delete"))
    request_id = promptlayer.create(api, body())
    assert delete(api.other, created["id"]).status_code == 204
    assert delete(api.default, ids.to_text(request_id)).status_code == 204, "no Humanloop log"
    assert fetch(api, created["id"])["id"] == created["id"]
    assert promptlayer.fetch(api, request_id)["request_id"] == request_id
    refused(api.default.delete(LOGS), 422, "invalid", ["query", "id"], "is required")
    with api.client(api.create_key("default", Scope.READ)) as reader:
        refused(delete(reader, created["id"]), 403, "forbidden")
