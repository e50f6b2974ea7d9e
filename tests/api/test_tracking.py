"""`/library-track-*`, `/track-group`, `/create-group` and their twins under `/rest`: what they change, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.api import humanloop
from tests.api.promptlayer import create, fetch
from tests.support.api import DEFAULT_KEY, OTHER_KEY, refused
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

METADATA = ["/library-track-metadata", "/rest/track-metadata"]
SCORE = ["/library-track-score", "/rest/track-score"]
PROMPT = ["/library-track-prompt", "/rest/track-prompt"]
GROUP = ["/track-group", "/rest/track-group"]

RIGHT: list[tuple[str, Json]] = [
    *((path, {"metadata": {"a": "b"}}) for path in METADATA),
    *((path, {"score": 1}) for path in SCORE),
    *((path, {"prompt_name": "p", "prompt_input_variables": {}}) for path in PROMPT),
    *((path, {"group_id": 1}) for path in GROUP),
]
"""Every path, with a body that lacks the request id alone."""


def track(api: Api, path: str, **sent: Any) -> None:
    """Send what the SDKs send: the key in the body, no header."""
    with api.client(None) as client:
        check(client.post(path, json={**sent, "api_key": DEFAULT_KEY}))
    api.wait_until_applied()


def check(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True


@pytest.mark.parametrize("path", METADATA)
def test_metadata_is_added_key_by_key(api: Api, path: str) -> None:
    request_id = create(api, body(metadata={"kept": "1", "replaced": "old", "nested": {"a": [1]}}))
    track(api, path, request_id=request_id, metadata={"replaced": "new", "added": "é😀"})
    track(api, path, request_id=str(request_id), metadata={"number": 5, "kept": None})
    assert fetch(api, request_id)["metadata"] == {"replaced": "new", "nested": {"a": [1]}, "added": "é😀", "number": 5}


@pytest.mark.parametrize("path", SCORE)
def test_scores_by_name(api: Api, path: str) -> None:
    request_id = create(api, body(score=7, score_name="first"))
    for sent in (
        {"score": 70},
        {"score": 50.5, "name": "quality"},
        {"score": 0, "score_name": "js"},
        {"score": 1, "name": "again"},
        {"score": "99", "name": "again", "score_name": "never"},
        {"score": 100, "name": ""},
    ):
        track(api, path, request_id=request_id, **sent)
    assert {score["name"]: score["value"] for score in fetch(api, request_id)["scores"]} == {
        "first": 7,
        "default": 100,
        "quality": 50.5,
        "js": 0,
        "again": 99,
    }


@pytest.mark.parametrize("path", PROMPT)
def test_a_prompt(api: Api, path: str) -> None:
    request_id = create(api, body(prompt_name="before", prompt_id=3, prompt_version_number=9))
    variables = {"name": "Ada", "nested": {"a": [1, None]}}
    track(
        api, path, request_id=request_id, prompt_name="a/b é", prompt_input_variables=variables, version="4", label=None
    )
    assert prompt_of(api, request_id) == ("a/b é", None, 4, None, variables)
    track(api, path, request_id=request_id, prompt_name="c", prompt_input_variables={}, label="prod")
    assert prompt_of(api, request_id) == ("c", None, None, "prod", variables)


def prompt_of(api: Api, request_id: int) -> tuple[Any, ...]:
    read = fetch(api, request_id)
    names = ("prompt_name", "prompt_id", "prompt_version_number", "prompt_label", "prompt_input_variables")
    return tuple(read[name] for name in names)


def test_the_shifted_arguments_of_the_asynchronous_client(api: Api) -> None:
    request_id = create(api, body())
    sent = {"request_id": True, "prompt_name": request_id, "prompt_input_variables": "p", "version": {"a": 1}}
    track(api, PROMPT[0], **sent, label=6)
    assert prompt_of(api, request_id) == ("p", None, 6, None, {"a": 1})
    track(api, PROMPT[0], **sent | {"request_id": False, "version": {"b": 2}}, label=None)
    assert prompt_of(api, request_id) == ("p", None, None, None, {"b": 2})


@pytest.mark.parametrize("path", GROUP)
def test_groups(api: Api, path: str) -> None:
    with api.client(None) as client:
        first, second = (client.post("/create-group", json={"api_key": DEFAULT_KEY}).json()["id"] for _ in range(2))
    assert first != second
    assert 0 < first < 1 << 53
    requests = [create(api, body()) for _ in range(2)]
    for request_id in requests:
        track(api, path, request_id=request_id, group_id=first)
    assert [fetch(api, request_id)["group_id"] for request_id in requests] == [first, first]
    track(api, path, request_id=requests[0], group_id=str(second))
    assert fetch(api, requests[0])["group_id"] == second


def test_a_group_is_no_request(api: Api) -> None:
    group_id = api.default.post("/create-group", json={}).json()["id"]
    refused(api.default.get(f"/api/public/v2/requests/{group_id}"), 404, "not_found")


def test_everything_right_after_the_create_is_in_effect(api: Api) -> None:
    """All go to the partition of the request, where the writer finds them in order."""
    before = applied(api)
    created: list[int] = []
    for number in range(20):
        request_id = create(api, body())
        for path, sent in (
            (METADATA[0], {"metadata": {"n": str(number)}}),
            (SCORE[0], {"score": number}),
            (GROUP[0], {"group_id": number + 1}),
            (PROMPT[0], {"prompt_name": "p", "prompt_input_variables": {"n": number}, "version": 1}),
        ):
            check(api.default.post(path, json={"request_id": request_id, **sent}))
        created.append(request_id)
    api.wait_until_applied()
    for number, request_id in enumerate(created):
        read = fetch(api, request_id)
        assert (read["metadata"], read["group_id"]) == ({"n": str(number)}, number + 1)
        assert read["scores"] == [{"name": "default", "value": number}]
        assert (read["prompt_name"], read["prompt_input_variables"]) == ("p", {"n": number})
    after = applied(api)
    assert after["updated"] - before["updated"] == 80
    assert after["created"] - before["created"] == 20


def applied(api: Api) -> dict[str, int]:
    """What became of records, by the writer's own count, once it has applied all of them."""
    api.wait_until_applied()
    counts: dict[str, int] = dict.fromkeys(("created", "updated", "unknown_log", "group"), 0)
    for line in api.default.get("/metrics").text.splitlines():
        if line.startswith("sluice_writer_records_total{"):
            outcome = line.partition('outcome="')[2].partition('"')[0]
            counts[outcome] = counts.get(outcome, 0) + int(float(line.rpartition(" ")[2]))
    return counts


def test_another_workspace_can_change_nothing_and_is_counted(api: Api) -> None:
    request_id = create(api, body(metadata={"mine": "1"}))
    read, before = fetch(api, request_id), applied(api)
    for path, sent in RIGHT:
        check(api.other.post(path, json={**sent, "request_id": request_id, "api_key": DEFAULT_KEY}))
    after = applied(api)
    assert fetch(api, request_id) == read
    assert after["unknown_log"] - before["unknown_log"] == len(RIGHT)
    assert after["updated"] == before["updated"]


@pytest.mark.parametrize(("path", "sent"), RIGHT)
def test_ids_that_can_not_exist(api: Api, path: str, sent: Json) -> None:
    newest = create(api, body())
    with api.nothing_stored():
        for request_id in (newest + 1000, newest + (1 << 28) * 60 * 24, newest ^ (255 << 20), 1 << 53, 1 << 62):
            answer = api.default.post(path, json={**sent, "request_id": request_id})
            refused(answer, 404, "not_found", says=f"request_id: no request with the id {request_id}")


@pytest.mark.parametrize(("path", "sent"), RIGHT)
@pytest.mark.parametrize("request_id", [None, 0, -1, "abc", "", 1.5, True, [], {}])
def test_a_request_id_that_is_none(api: Api, path: str, sent: Json, request_id: Any) -> None:
    with api.nothing_stored():
        answer = api.default.post(path, json={**sent, "request_id": request_id})
        refused(answer, 422, "invalid", ["body", "request_id"], says="request_id: ")


WRONG: list[tuple[str, Json, str]] = [
    (METADATA[0], {}, "metadata: is required"),
    (METADATA[0], {"metadata": None}, "metadata: must be an object, not null"),
    (METADATA[0], {"metadata": ["a"]}, "metadata: must be an object, not a list"),
    (METADATA[0], {"metadata": {"k" * 1025: "v"}}, "must have at most 1024 characters"),
    (SCORE[0], {}, "score: is required"),
    (SCORE[0], {"score": 100.5}, "score: must be at most 100, not 100.5"),
    (SCORE[0], {"score": -1}, "score: must be at least 0, not -1"),
    (SCORE[0], {"score": True}, "score: must be a number, not true"),
    (SCORE[0], {"score": 1, "name": 5}, "name: must be a string, not 5"),
    (PROMPT[0], {}, "prompt_name: is required"),
    (PROMPT[0], {"prompt_name": ""}, "prompt_name: must have at least 1 characters"),
    (PROMPT[0], {"prompt_name": "p", "version": "latest"}, "version: must be an integer"),
    (PROMPT[0], {"prompt_name": "p", "prompt_input_variables": "x"}, "prompt_input_variables: must be an object"),
    (GROUP[0], {}, "group_id: is required"),
    (GROUP[0], {"group_id": 0}, "group_id: must be at least 1, not 0"),
]


@pytest.mark.parametrize(("path", "sent", "says"), WRONG)
def test_what_is_wrong_is_told(api: Api, path: str, sent: Json, says: str) -> None:
    request_id = create(api, body())
    with api.nothing_stored():
        refused(api.default.post(path, json={**sent, "request_id": request_id}), 422, "invalid", says=says)


@pytest.mark.parametrize("path", [*(path for path, _ in RIGHT), "/create-group"])
def test_keys(api: Api, path: str) -> None:
    with api.nothing_stored(), api.client(None) as client:
        keys: tuple[Any, ...] = (None, "", 5, {}, "wrong-key-1")
        for key in keys:
            message = refused(client.post(path, json={"api_key": key}), 401, "unauthenticated")
            assert "in the body" in message or "the body's api_key is not known" in message
            assert "wrong-key" not in message
        with api.client("wrong-key-1") as wrong:
            answer = wrong.post(path, json={"api_key": DEFAULT_KEY})
            refused(answer, 401, "unauthenticated", says="the header X-API-KEY is not known")


def test_the_key_in_the_header_counts(api: Api) -> None:
    mine, theirs = create(api, body()), api.other.post("/log-request", json=body()).json()["id"]
    check(api.default.post(SCORE[0], json={"request_id": mine, "score": 5, "api_key": OTHER_KEY}))
    check(api.default.post(SCORE[0], json={"request_id": theirs, "score": 5, "api_key": OTHER_KEY}))
    api.wait_until_applied()
    assert fetch(api, mine)["scores"] == [{"name": "default", "value": 5}]
    assert api.other.get(f"/api/public/v2/requests/{theirs}").json()["scores"] == []


def test_half_a_surrogate_pair_is_repaired_and_told(api: Api) -> None:
    request_id = create(api, body())
    text = f'{{"request_id": {request_id}, "metadata": {{"cut": "\\ud83d"}}}}'
    check(api.default.post(METADATA[0], content=text))
    api.wait_until_applied()
    read = fetch(api, request_id)
    assert (read["metadata"], read["repaired"]) == ({"cut": "�"}, True)


def test_a_humanloop_log_can_be_tracked_too(api: Api) -> None:
    """Under the number that its id stands for."""
    created = humanloop.create(api, metadata={"a": {"b": 1}})
    request_id = ids.from_text(created["id"])
    track(api, METADATA[0], request_id=request_id, metadata={"c": "d"})
    assert humanloop.fetch(api, created["id"])["metadata"] == {"a": {"b": 1}, "c": "d"}
