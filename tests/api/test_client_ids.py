"""Ids that clients choose for their Humanloop logs, and the key that marks a log as sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.humanloop import DETAILS, create, fetch
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api


@pytest.mark.parametrize(
    "name",
    [
        "order-17",
        "a/b",
        "/a//b/",
        "with space",
        "é€😀",
        "100%",
        "%2F",
        "?a=b&c",
        "#x",
        "a\x00b",
        "\n",
        "../x",
        "x" * 900,
    ],
    ids=lambda name: repr(name)[:20],
)
def test_a_log_id_becomes_the_id(api: Api, name: str) -> None:
    log_id = f"{unique()}{name}"
    created = create(api, log_id=log_id, output="x")
    assert created["id"] == log_id
    read = fetch(api, log_id)
    assert (read["id"], read["log_id"], read["output"]) == (log_id, log_id, "x")


def test_logs_with_an_empty_log_id_are_logs_of_their_own(api: Api) -> None:
    path = unique("prompt")
    ids = [create(api, path=path, log_id="", output=text)["id"] for text in ("one", "two")]
    assert len(set(ids)) == 2
    assert [fetch(api, log_id)["output"] for log_id in ids] == ["one", "two"]
    assert create(api, log_id="")["id"].startswith("log_"), "under another prompt too"


def test_a_log_id_used_again_updates_the_log_field_by_field(api: Api) -> None:
    path, log_id = unique("prompt"), unique("order")
    create(api, path=path, log_id=log_id, output="one", metadata={"a": 1}, prompt_tokens=1)
    assert create(api, path=path, log_id=log_id, output="two", inputs={"i": 1}, metadata=None)["id"] == log_id
    read = fetch(api, log_id)
    assert (read["output"], read["inputs"]) == ("two", {"i": 1})
    assert (read["metadata"], read["prompt_tokens"]) == ({"a": 1}, 1)


def test_a_log_id_under_another_prompt_is_a_conflict(api: Api) -> None:
    log_id = unique("order")
    create(api, log_id=log_id, output="one")
    sent = {"path": unique("elsewhere"), "prompt": DETAILS, "log_id": log_id}
    refused(api.default.post("/v5/prompts/log", json=sent), 409, "conflict", says="log_id: ")
    assert fetch(api, log_id)["output"] == "one"
    assert api.other.post("/v5/prompts/log", json=sent).json()["id"] == log_id, "ids are a workspace's own"


def test_a_log_id_that_a_log_was_given_names_that_log(api: Api) -> None:
    path = unique("prompt")
    created = create(api, path=path, output="one", prompt_tokens=1)
    fetch(api, created["id"])
    assert create(api, path=path, log_id=created["id"], output="two")["id"] == created["id"]
    assert api.settles(lambda: fetch(api, created["id"])["output"] == "two")
    assert fetch(api, created["id"])["prompt_tokens"] == 1
    sent = {"path": unique("elsewhere"), "prompt": DETAILS, "log_id": created["id"]}
    refused(api.default.post("/v5/prompts/log", json=sent), 409, "conflict", says="log_id: ")


def test_a_log_id_that_reads_like_one_of_ours_and_is_not(api: Api) -> None:
    log_id = "log_0000000000" + unique()[-1].translate(str.maketrans("ilou", "0000"))
    created = create(api, log_id=log_id, output="x")
    assert created["id"] == log_id
    assert fetch(api, log_id)["output"] == "x"


def test_an_idempotency_key_marks_the_second_of_two_logs(api: Api) -> None:
    sent, key = {"path": unique("prompt"), "prompt": DETAILS}, {"idempotency-key": unique()}
    ids = [api.default.post("/v5/prompts/log", json=sent, headers=key).json()["id"] for _ in range(2)]
    reads = [fetch(api, log_id) for log_id in ids]
    assert [read.get("duplicate_of") for read in reads] == [None, ids[0]]
    assert fetch(api, ids[0])["prompt"]["total_logs_count"] == 1
