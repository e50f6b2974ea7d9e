"""`POST /api/public/v2/requests/search`: what it answers, pages, cursors, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.wire.promptlayer.filters import MAX_DEPTH, MAX_FILTERS
from shared.wire.promptlayer.search import MAX_BODY_FILTERS
from tests.api import humanloop, promptlayer
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat, message

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

PATH = "/api/public/v2/requests/search"


def tagged(tag: str) -> Json:
    return {"logic": "AND", "filters": [{"field": "tags", "operator": "contains", "value": tag}]}


def search(client: httpx.Client, **fields: Any) -> Json:
    """The answer to a search."""
    response = client.post(PATH, json=fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def found(client: httpx.Client, tag: str, *filters: Json, **fields: Any) -> list[int]:
    group = {"filters": [*tagged(tag)["filters"], *filters]}
    return [item["id"] for item in search(client, filter_group=group, per_page=25, **fields)["items"]]


def create(api: Api, tag: str, **changes: Any) -> int:
    """A request with this tag, which is applied when this returns."""
    log_id = promptlayer.create(api, body(tags=[tag], **changes))
    promptlayer.fetch(api, log_id)
    return log_id


@pytest.fixture(scope="module")
def some(api: Api) -> tuple[str, list[int]]:
    """A tag, and seven requests with it, oldest first."""
    tag = unique("tag")
    return tag, [create(api, tag, input_tokens=number, metadata={"n": str(number)}) for number in range(7)]


def test_an_item_has_what_clients_show(api: Api) -> None:
    tag = unique("tag")
    log_id = create(
        api,
        tag,
        input=chat(message("user", "What is 2+2?")),
        metadata={"user": "ada", "deep": {"n": 1}},
        input_tokens=3,
        output_tokens=4,
        price=0.5,
        score=70,
        score_name="quality",
        prompt_name="greeting",
        prompt_id=7,
        prompt_version_number=2,
    )
    answer = search(api.default, filter_group=tagged(tag))
    (item,) = answer.pop("items")
    assert answer == {
        "success": True,
        "page": 1,
        "pages": 1,
        "per_page": 10,
        "total": 1,
        "has_next": False,
        "has_prev": False,
        "next_num": None,
        "prev_num": None,
        "next_cursor": None,
    }
    assert item.pop("created_at")
    assert item == {
        "id": log_id,
        "engine": "gpt-4o",
        "provider_type": "openai",
        "input_tokens": 3,
        "output_tokens": 4,
        "price": 0.5,
        "request_start_time": "2023-11-14T22:13:20.123456Z",
        "request_end_time": "2023-11-14T22:13:21.623456Z",
        "latency": 1.5,
        "status": "SUCCESS",
        "tags_array": [tag],
        "metadata": [{"user": "ada"}, {"deep": {"n": 1}}],
        "scores": [{"name": "quality", "value": 70}],
        "prompt_id": 7,
        "prompt_name": "greeting",
        "prompt_version_number": 2,
        "trace_id": None,
        "input_preview": "What is 2+2?",
        "output_preview": "4",
    }


def test_pages_are_newest_first_and_end(api: Api, some: tuple[str, list[int]]) -> None:
    tag, ids = some
    newest_first = ids[::-1]
    pages = [search(api.default, filter_group=tagged(tag), page=number, per_page=3) for number in (1, 2, 3, 4)]
    assert [[item["id"] for item in page["items"]] for page in pages] == [
        newest_first[:3],
        newest_first[3:6],
        newest_first[6:],
        [],
    ]
    assert [(page["total"], page["pages"]) for page in pages] == [(7, 3)] * 4
    assert [(page["has_prev"], page["prev_num"]) for page in pages] == [(False, None), (True, 1), (True, 2), (True, 3)]
    assert [(page["has_next"], page["next_num"]) for page in pages] == [
        (True, 2),
        (True, 3),
        (False, None),
        (False, None),
    ]


def test_a_cursor_sees_every_log_once_whatever_comes_meanwhile(api: Api) -> None:
    tag = unique("tag")
    ids = [create(api, tag) for _ in range(5)]
    page = search(api.default, filter_group=tagged(tag), per_page=2)
    seen = [item["id"] for item in page["items"]]
    while page["next_cursor"]:
        create(api, tag)
        page = search(api.default, filter_group=tagged(tag), per_page=2, cursor=page["next_cursor"])
        assert (page["total"], page["pages"]) == (None, None), "nothing is counted"
        seen += [item["id"] for item in page["items"]]
    assert seen == ids[::-1]


def test_sorting_by_a_field(api: Api, some: tuple[str, list[int]]) -> None:
    tag, ids = some
    for field in ("request_start_time", "input_tokens", "output_tokens", "cost", "latency_ms", "status"):
        assert sorted(found(api.default, tag, sort_by=field, sort_order="asc")) == sorted(ids)
    assert found(api.default, tag, sort_by="input_tokens", sort_order="asc") == ids
    assert found(api.default, tag, sort_by="input_tokens", sort_order="desc") == ids[::-1]
    assert (
        search(api.default, sort_by="input_tokens", sort_order="asc", filter_group=tagged(tag))["next_cursor"] is None
    )


def test_filters_in_groups_and_words(api: Api) -> None:
    tag = unique("tag")
    word = unique("Word").replace("-", "")
    question = chat(message("user", f"About\n{word} and refunds"))
    cheap = create(api, tag, price=0.01, input=question, metadata={"user": {"id": 7}})
    dear = create(api, tag, price=5, output=chat(message("assistant", f'{{"a": "{word}"}}')), metadata={"user": "x"})
    expensive = {"field": "cost", "operator": "gte", "value": 1}
    same = {"field": "metadata", "operator": "key_equals", "nested_key": "user.id", "value": 7}
    assert found(api.default, tag, {"logic": "OR", "filters": [expensive, same]}) == [dear, cheap]
    assert found(api.default, tag, {"logic": "AND", "filters": [expensive, same]}) == []
    assert found(api.default, tag, expensive) == [dear]
    assert found(api.default, tag, {"field": "output", "operator": "is_not_empty", "nested_key": "a"}) == [dear]
    assert found(api.default, tag, {"field": "pl_id", "operator": "is", "value": str(cheap)}) == [cheap]
    assert found(api.default, tag, q=word[:9].lower()) == [dear, cheap]
    assert found(api.default, tag, q=f"refu {word}") == [cheap]
    assert found(api.default, tag, filters=[expensive]) == [dear], "the older spelling of one flat group"


def test_humanloop_logs_are_found_too(api: Api) -> None:
    user = unique("user")
    created = humanloop.create(
        api, metadata={"user": user}, output="Hello", messages=[{"role": "user", "content": "Hi"}]
    )
    humanloop.fetch(api, created["id"])
    item = {"field": "metadata", "operator": "key_equals", "nested_key": "user", "value": user}
    (found,) = search(api.default, filter_group={"filters": [item]})["items"]
    assert (found["prompt_id"], found["status"], found["output_preview"]) == (created["prompt_id"], "SUCCESS", "Hello")


def test_resent_logs_and_other_workspaces_logs_are_not_found(api: Api) -> None:
    tag = unique("tag")
    sent = body(tags=[tag], function_name=tag)
    first = promptlayer.resend(api, sent)
    promptlayer.fetch(api, promptlayer.resend(api, sent))
    assert found(api.default, tag) == [first]
    assert found(api.other, tag) == []
    assert found(api.other, tag, {"field": "pl_id", "operator": "is", "value": first}) == []
    assert (
        search(api.other, filter_group={"filters": [{"field": "pl_id", "operator": "in", "value": [first]}]})["total"]
        == 0
    )


INJECTIONS = [
    "' OR 1=1 --",
    "') OR 1 OR id IN ('",
    "{workspace:String}",
    "?",
    "\\",
    "\\'",
    "%",
    "') UNION ALL SELECT * FROM logs --",
    "\0",
    "`",
    "$$",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_that_looks_like_sql_finds_nothing_and_breaks_nothing(api: Api, text: str) -> None:
    tag = unique("tag")
    create(api, tag)
    fields = [
        ("engine", "is"),
        ("prompt_id", "is"),
        ("status", "is"),
        ("tags", "contains"),
        ("metadata_keys", "contains"),
    ]
    fields += [("output_keys", "contains"), ("output_text", "ends_with"), ("tool_names", "contains")]
    items: list[Json] = [{"field": field, "operator": operator, "value": text} for field, operator in fields]
    for field in ("metadata", "output", "input_variables"):
        for operator, value in (("key_equals", text), ("key_contains", text), ("in", [text]), ("is_not_empty", None)):
            items.append({"field": field, "operator": operator, "value": value, "nested_key": text})
    assert found(api.default, tag, {"logic": "OR", "filters": items}) == []
    assert found(api.default, tag, {"logic": "AND", "filters": [{**items[0], "operator": "is_not"}]}) != []
    assert search(api.other, filter_group=tagged(text), q=text)["items"] == []


def nested(levels: int) -> Json:
    group: Json = {"filters": []}
    for _ in range(levels - 1):
        group = {"filters": [group]}
    return group


ONE: Json = {"field": "tags", "operator": "contains", "value": "x"}
DEEP: Json = {"field": "output", "operator": "key_equals", "nested_key": ".".join("abcdefghijk"), "value": "x"}


@pytest.mark.parametrize(
    ("sent", "loc", "says"),
    [
        ({"page": 0}, ["page"], "at least 1"),
        ({"per_page": 26}, ["per_page"], "at most 25"),
        ({"sort_by": "cost"}, [], "must come together"),
        ({"sort_order": "asc"}, [], "must come together"),
        ({"sort_by": "price", "sort_order": "asc"}, ["sort_by"], "must be one of"),
        ({"cursor": "x"}, ["cursor"], "next_cursor of an earlier answer"),
        ({"cursor": "MSAy", "sort_by": "cost", "sort_order": "asc"}, [], "takes no sort_by"),
        ({"q": "x" * 1001}, ["q"], "at most 1000"),
        ({"q": "a b c d e f g h i j k l m n o p q r s t u"}, ["q"], "at most 20 words"),
        ({"filter_group": []}, ["filter_group"], "must be an object"),
        ({"filter_group": {"logic": "XOR"}}, ["filter_group", "logic"], "'AND' or 'OR'"),
        ({"filter_group": {"filters": {}}}, ["filter_group", "filters"], "must be a list"),
        ({"filter_group": {"filters": [1]}}, ["filter_group", "filters", 0], "a filter or a group"),
        ({"filters": [{}]}, ["filters", 0, "field"], "is required"),
        ({"filters": [{"field": "id; DROP"}]}, ["filters", 0, "operator"], "is required"),
        ({"filters": [{"field": "id'", "operator": "is"}]}, ["filters", 0, "field"], "must be one of pl_id"),
        ({"filters": [{**ONE, "value": None}]}, ["filters", 0, "value"], "must be a string"),
        ({"filters": [{**ONE, "value": "x" * 8001}]}, ["filters", 0, "value"], "at most 8000 characters"),
        ({"filters": [{**ONE, "operator": "in"}]}, ["filters", 0, "value"], "a list of 1 to 1000"),
        ({"filters": [{"field": "cost", "operator": "eq", "value": True}]}, ["filters", 0, "value"], "a number"),
        (
            {"filters": [{"field": "request_end_time", "operator": "is", "value": "soon"}]},
            ["filters", 0, "value"],
            "must be a time",
        ),
        (
            {"filters": [{"field": "metadata", "operator": "is_empty"}]},
            ["filters", 0, "nested_key"],
            "is required for this field",
        ),
        ({"filters": [DEEP] * (MAX_BODY_FILTERS + 1)}, ["filter_group"], f"{MAX_BODY_FILTERS} times"),
        ({"filters": [{**DEEP, "nested_key": "." * 11}]}, ["filters", 0, "nested_key"], "at most 10 dots"),
        ({"filters": [ONE] * (MAX_FILTERS + 1)}, ["filters"], f"{MAX_FILTERS} filters"),
        ({"filter_group": nested(MAX_DEPTH + 1)}, None, f"nested {MAX_DEPTH} deep"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_search(api: Api, sent: Json, loc: list[str | int] | None, says: str) -> None:
    response = api.default.post(PATH, json=sent)
    refused(response, 422, "invalid", None if loc is None else ["body", *loc] if loc else None, says)


def test_an_operator_of_another_kind_is_a_bad_request(api: Api) -> None:
    sent = {"filters": [{"field": "engine", "operator": "gte", "value": 1}]}
    says = "filters[0].operator: 'gte' is not for engine, which takes is, is_not, in, not_in"
    refused(api.default.post(PATH, json=sent), 400, "bad_request", says=says)
    sent = {"filters": [{"field": "user_intent", "operator": "is", "value": "x"}]}
    refused(api.default.post(PATH, json=sent), 400, "bad_request", says="not kept")


def test_the_largest_search_that_is_taken(api: Api) -> None:
    search(api.default, filters=[{**ONE, "operator": "in", "value": ["é'" * 5 + str(n) for n in range(1000)]}])
    search(api.default, filters=[{"field": "input_text", "operator": "contains", "value": "\\'é" * 2666}])
    search(api.default, filter_group=nested(MAX_DEPTH), q=" ".join("abcdefghijklmnopqrst"))
    search(api.default, filter_group={"logic": "OR", "filters": [DEEP] * MAX_BODY_FILTERS + [ONE] * 80})


def test_nobody_searches_without_a_key(api: Api) -> None:
    with api.client(None) as client:
        refused(client.post(PATH, json={}), 401, "unauthenticated")
