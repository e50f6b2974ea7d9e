"""`POST /v1/logs`: many logs in one request, over HTTP."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from shared.http.inflate import zstd
from tests.api.humanloop import CONTENTS, DETAILS
from tests.api.humanloop import fetch as fetch_prompt_log
from tests.api.promptlayer import fetch, resend
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api, Json

PROMPTLAYER = "promptlayer.request"
HUMANLOOP = "humanloop.prompt_log"

MAX_ITEMS = 10_000


def request(**changes: Any) -> Json:
    """A PromptLayer item like no other."""
    return {"type": PROMPTLAYER, **body(model=unique(), **changes)}


def prompt_log(**fields: Any) -> Json:
    """A Humanloop item, of a prompt of its own unless the fields name one."""
    return {"type": HUMANLOOP, "path": unique("prompt"), "prompt": DETAILS, "output": unique(), **fields}


def ndjson(*items: Any) -> bytes:
    """Items as lines; bytes are lines already."""
    return b"\n".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in items)


def sent(api: Api, content: bytes, **headers: str) -> Json:
    """The answer to a bulk request whose body can be read."""
    response = api.default.post("/v1/logs", content=content, headers=headers)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    outcomes = ["id" in result for result in answer["results"]]
    assert (answer["stored"], answer["failed"]) == (outcomes.count(True), outcomes.count(False))
    assert answer["success"] == all(outcomes)
    return answer


def stored(api: Api, content: bytes, **headers: str) -> list[Json]:
    """The results of a bulk request, all of them stored."""
    answer = sent(api, content, **headers)
    assert answer["failed"] == 0, answer
    results: list[Json] = answer["results"]
    return results


def is_duplicate(api: Api, result: Json) -> bool:
    return "duplicate_of" in fetch(api, result["request_id"])


@pytest.mark.parametrize("form", ["lines", "array", "gzip", "zstd"])
def test_items_of_both_kinds_are_stored_and_answered_in_order(api: Api, form: str) -> None:
    items = [request(), prompt_log(), request(tags=["é"]), prompt_log(log_id=unique())]
    content = json.dumps(items).encode() if form == "array" else ndjson(*items)
    headers = {}
    if form in ("gzip", "zstd"):
        content = gzip.compress(content) if form == "gzip" else zstd.compress(content)
        headers = {"content-encoding": form}
    results = stored(api, content, **headers)
    for item, result in zip(items, results, strict=True):
        if item["type"] == PROMPTLAYER:
            assert result == {"id": result["id"], "request_id": result["id"]}
            read = fetch(api, result["id"])
            assert (read["model"], read["input"], read["tags"]) == (item["model"], item["input"], item.get("tags", []))
        else:
            assert set(result) == {"id", "request_id", "prompt_id", "version_id"}
            assert result["id"] == (item.get("log_id") or ids.to_text(result["request_id"]))
            assert (result["request_id"] is None) is ("log_id" in item)
            read = fetch_prompt_log(api, result["id"])
            assert (read["output"], read["prompt"]["path"]) == (item["output"], item["path"])
            assert (read["prompt"]["id"], read["prompt"]["version_id"]) == (result["prompt_id"], result["version_id"])


def test_bad_items_are_answered_with_their_line_and_the_good_ones_are_stored(api: Api) -> None:
    answer = sent(
        api,
        ndjson(
            request(),
            b"",
            b"{bad",
            {"type": PROMPTLAYER, "provider": "openai"},
            {"type": "other"},
            body(),
            b'"\xff"',
            b"[]",
            prompt_log(prompt={}),
            prompt_log(id="pr_00000000000"),
            b"  ",
            prompt_log(),
            b'{"type": "promptlayer.request", "provider',
        ),
        **{"content-type": "application/x-ndjson"},
    )
    errors = [result["error"] for result in answer["results"] if "error" in result]
    assert [(error["line"], error["error"]) for error in errors] == [
        (3, "bad_request"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "invalid"),
        (7, "bad_request"),
        (8, "invalid"),
        (9, "invalid"),
        (10, "not_found"),
        (13, "bad_request"),
    ]
    assert not any(error["retryable"] for error in errors)
    assert errors[1]["detail"][0] == {"loc": ["body", "model"], "msg": "is required", "type": "missing"}
    assert errors[6]["detail"][0]["loc"] == ["body", "prompt", "model"]
    assert answer["stored"] == 2
    for position in (0, -2):
        assert fetch(api, answer["results"][position]["request_id"])["request_id"]


def test_an_item_is_refused_with_the_words_of_its_own_route(api: Api) -> None:
    wrong = {"provider": 1, "price": "x", "input": {"type": "chat", "messages": [{}]}}
    (result,) = sent(api, ndjson({"type": PROMPTLAYER, **wrong}))["results"]
    alone = api.default.post("/log-request", json=wrong).json()
    assert {name: result["error"][name] for name in ("error", "message", "detail")} == {
        name: alone[name] for name in ("error", "message", "detail")
    }


def test_items_without_a_type_have_that_of_the_request(api: Api) -> None:
    content = ndjson(body(model=unique()), prompt_log())
    response = api.default.post("/v1/logs", params={"type": PROMPTLAYER}, content=content)
    first, second = response.json()["results"]
    assert isinstance(first["id"], int)
    assert second["id"].startswith("log_")
    with api.nothing_stored():
        response = api.default.post("/v1/logs", params={"type": "other"}, content=content)
        refused(response, 422, "invalid", ["query", "type"], says="not 'other'")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]"])
def test_no_items_are_no_error(api: Api, content: bytes) -> None:
    with api.nothing_stored():
        assert sent(api, content) == {"success": True, "results": [], "stored": 0, "failed": 0}


WHOLE = json.dumps([request()]).encode()


@pytest.mark.parametrize(
    ("content", "headers", "status", "code", "says"),
    [
        (WHOLE[:-1], {}, 400, "bad_request", "not valid JSON"),
        (gzip.compress(WHOLE)[:-9], {"content-encoding": "gzip"}, 400, "bad_request", "ends too early"),
        (zstd.compress(WHOLE)[:-1], {"content-encoding": "zstd"}, 400, "bad_request", "ends too early"),
        (WHOLE, {"content-encoding": "zstd"}, 400, "bad_request", "not zstd"),
        (WHOLE, {"content-encoding": "br"}, 415, "unsupported_media_type", "send gzip, zstd or none"),
        (WHOLE, {"content-type": "application/x-protobuf"}, 415, "unsupported_media_type", "application/x-ndjson"),
        (b"{}\n" * (MAX_ITEMS + 1), {}, 413, "too_large", "SLUICE_MAX_BULK_ITEMS (10000); nothing was stored"),
        (b"[" + b"{}," * MAX_ITEMS + b"{}]", {}, 413, "too_large", "SLUICE_MAX_BULK_ITEMS (10000)"),
        (zstd.compress(b" " * (33 << 20)), {"content-encoding": "zstd"}, 413, "too_large", "when inflated"),
        (WHOLE, {"idempotency-key": "k" * 256}, 422, "invalid", "idempotency-key"),
    ],
)
def test_a_request_that_can_not_be_read_stores_nothing(
    api: Api, content: bytes, headers: dict[str, str], status: int, code: str, says: str
) -> None:
    with api.nothing_stored():
        refused(api.default.post("/v1/logs", content=content, headers=headers), status, code, says=says)


def test_as_many_items_as_allowed(api: Api) -> None:
    answer = sent(api, b"{}\n" * MAX_ITEMS)
    assert answer["failed"] == MAX_ITEMS
    assert answer["results"][-1]["error"]["line"] == MAX_ITEMS


def test_a_request_needs_a_key_and_its_items_carry_none(api: Api) -> None:
    with api.nothing_stored(), api.client(None) as nobody, api.client("wrong-key-1") as stranger:
        for client in (nobody, stranger):
            refused(client.post("/v1/logs", content=ndjson(request())), 401, "unauthenticated")
    (result,) = stored(api, ndjson(request(api_key="a-secret-key", metadata={"a": "b"})))
    assert "a-secret-key" not in json.dumps(fetch(api, result["id"]))


def test_other_workspaces_do_not_see_them(api: Api) -> None:
    first, second = stored(api, ndjson(request(), prompt_log()))
    assert api.other.get(f"/api/public/v2/requests/{first['id']}").status_code == 404
    assert api.other.get(f"/v5/logs/{second['id']}").status_code == 404


# Sent again


def test_the_same_line_sent_again_is_a_duplicate(api: Api) -> None:
    line = ndjson(request())
    first, second = stored(api, line + b"\n" + line)
    (third,) = stored(api, line)
    assert [is_duplicate(api, result) for result in (first, second, third)] == [False, True, True]


def test_a_line_without_a_type_and_a_body_of_its_own_are_the_same_request(api: Api) -> None:
    content = json.dumps(body(model=unique())).encode()
    alone = api.default.post("/log-request", content=content).json()["id"]
    (again,) = api.default.post("/v1/logs", params={"type": PROMPTLAYER}, content=content).json()["results"]
    assert fetch(api, again["id"])["duplicate_of"] == alone


def test_a_request_sent_again_under_its_key_is_recognised_item_by_item(api: Api) -> None:
    items = [request(), prompt_log(), prompt_log(), b"{bad", request()]
    key = {"idempotency-key": unique()}
    first = sent(api, ndjson(*items), **key)["results"]
    again = sent(api, ndjson(*items), **key)["results"]
    for one, two in zip(first, again, strict=True):
        if "error" in one:
            assert one == two
        else:
            assert one["id"] != two["id"]
            assert not is_duplicate(api, one)
            assert fetch(api, two["request_id"])["duplicate_of"] == one["request_id"]


def test_a_key_binds_items_by_place_and_not_by_content(api: Api) -> None:
    line = ndjson(request())
    results = stored(api, line + b"\n" + line, **{"idempotency-key": unique()})
    results += stored(api, line, **{"idempotency-key": unique()})
    assert not any(is_duplicate(api, result) for result in results)


def test_a_request_under_a_key_is_one_append(api: Api) -> None:
    results = stored(api, ndjson(*(request() for _ in range(50))), **{"idempotency-key": unique()})
    places = [ids.split(result["id"]) for result in results]
    assert len({place.partition for place in places}) == 1
    assert [place.offset_low for place in places] == list(
        range(places[0].offset_low, places[0].offset_low + len(places))
    )


# Prompts and client ids


def test_new_prompts_and_versions_are_made_once(api: Api) -> None:
    path = unique("prompt")
    details = [{"model": "a"}, {"model": "b"}, {"model": "a"}]
    results = stored(api, ndjson(*(prompt_log(path=path, prompt=given) for given in details * 40)))
    assert len({result["prompt_id"] for result in results}) == 1
    versions = [result["version_id"] for result in results]
    assert versions[0] == versions[2] != versions[1]
    assert len(set(versions)) == 2


def test_a_log_id_that_comes_again_updates_its_log(api: Api) -> None:
    name, path = unique(), unique("prompt")
    lines = [prompt_log(log_id=name, path=path, output=str(number)) for number in range(5)]
    assert {result["id"] for result in stored(api, ndjson(*lines))} == {name}
    assert fetch_prompt_log(api, name)["output"] == "4"
    stored(api, ndjson(prompt_log(log_id=name, path=path, output="again")))
    assert fetch_prompt_log(api, name)["output"] == "again"


def test_a_log_id_of_another_prompt_is_refused(api: Api) -> None:
    name, path = unique(), unique("prompt")
    answer = sent(
        api, ndjson(prompt_log(log_id=name, path=path), prompt_log(log_id=name), prompt_log(log_id=name, path=path))
    )
    assert ["error" in result for result in answer["results"]] == [False, True, False]
    assert answer["results"][1]["error"]["error"] == "conflict"
    (result,) = sent(api, ndjson(prompt_log(log_id=name)))["results"]
    assert result["error"]["error"] == "conflict"
    assert fetch_prompt_log(api, name)["prompt"]["path"] == path


def test_contents_that_shall_not_be_saved_are_not(api: Api) -> None:
    (result,) = stored(api, ndjson({"type": HUMANLOOP, "path": unique("prompt"), "save": False, **CONTENTS}))
    assert "private" not in json.dumps(fetch_prompt_log(api, result["id"]))


@pytest.mark.parametrize("as_array", [False, True])
def test_half_a_surrogate_pair_is_repaired_in_its_own_item(api: Api, as_array: bool) -> None:
    items = [request(tags=["\ud83d"]), request(), prompt_log(output="\udc00")]
    results = stored(api, json.dumps(items).encode() if as_array else ndjson(*items))
    assert [fetch(api, result["request_id"]).get("repaired", False) for result in results] == [True, False, True]


def test_a_large_item_among_small_ones(api: Api) -> None:
    large = "ünïcode " * (1 << 20)
    results = stored(api, ndjson(request(), prompt_log(output=large), request()))
    assert fetch_prompt_log(api, results[1]["id"])["output"] == large


def test_a_line_is_as_good_as_a_request(api: Api) -> None:
    """What is stored does not depend on how it came."""
    changes: Json = {
        "tags": ["a"],
        "metadata": {"a": {"b": 1}},
        "score": 7,
        "price": 0.5,
        "prompt_name": "p",
        "status": "ERROR",
        "error_type": "UNKNOWN_ERROR",
    }
    single = fetch(api, resend(api, body(model=unique(), **changes)))
    (result,) = stored(api, ndjson(request(**changes)))
    differing = {"request_id", "created_at", "model", "prompt_blueprint"}
    bulk = fetch(api, result["id"])
    assert {name: single[name] for name in single.keys() - differing} == {
        name: bulk[name] for name in bulk.keys() - differing
    }


def test_only_post(api: Api) -> None:
    refused(api.default.get("/v1/logs"), 405, "method_not_allowed", says="takes POST")


def test_items_are_counted(api: Api) -> None:
    def counts() -> list[float]:
        found = re.findall(r'^sluice_gateway_bulk_items_total{outcome="(\w+)"} (\S+)$', metrics(), re.MULTILINE)
        by_outcome = {outcome: float(count) for outcome, count in found}
        return [by_outcome[outcome] for outcome in ("stored", "refused", "unavailable")]

    def metrics() -> str:
        return api.default.get("/metrics").text

    sent(api, ndjson(request()))
    before = counts()
    sent(api, ndjson(request(), b"{bad", prompt_log(), {}, {}))
    assert [after - earlier for after, earlier in zip(counts(), before, strict=True)] == [2, 3, 0]
