"""Estimated prices, on every route that takes logs, and in what reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.api import humanloop, promptlayer
from tests.support.api import unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api, Json

CALL: Json = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1_000, "output_tokens": 300}
PRICE = 0.0055

PROMPT: Json = {"prompt": {"provider": "openai", "model": "gpt-4o"}}
TOKENS: Json = {"prompt_tokens": 1_000, "output_tokens": 300}


def shown(read: Json) -> tuple[Any, Any]:
    return read.get("price"), read.get("price_estimated")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (PRICE, True)),
        ({"price": 0}, (PRICE, True)),
        ({"price": None}, (PRICE, True)),
        ({"price": 0.25}, (0.25, None)),
        ({"model": "never-heard-of"}, (0, None)),
        ({"input_tokens": 0, "output_tokens": 0}, (0, None)),
    ],
)
def test_a_request(api: Api, changes: Json, expected: tuple[Any, Any]) -> None:
    assert shown(promptlayer.log(api, **CALL | changes)) == expected


def test_a_prompt_log_and_its_updates(api: Api) -> None:
    created = humanloop.create(api, **PROMPT)
    request_id = ids.from_text(created["id"])
    assert request_id is not None
    assert shown(humanloop.fetch(api, created["id"])) == (None, None)
    assert shown(humanloop.patched(api, created, **TOKENS)) == (PRICE, True)
    assert shown(promptlayer.fetch(api, request_id)) == (PRICE, True)
    assert shown(humanloop.patched(api, created, output_tokens=600)) == (0.0085, True)
    assert shown(humanloop.patched(api, created, prompt_cost=0.5, output_cost=0.25)) == (None, None)
    assert shown(promptlayer.fetch(api, request_id)) == (0.75, None)


@pytest.mark.parametrize("costs", [{"prompt_cost": 0.5}, {"output_cost": 0.5}])
def test_a_prompt_log_with_costs_keeps_them(api: Api, costs: Json) -> None:
    created = humanloop.create(api, **PROMPT, **TOKENS, **costs)
    request_id = ids.from_text(created["id"])
    assert request_id is not None
    assert shown(promptlayer.fetch(api, request_id)) == (0.5, None)


def test_a_second_create_under_the_same_log_id_brings_the_costs(api: Api) -> None:
    path, log_id = unique(), unique()
    humanloop.create(api, path=path, log_id=log_id, **PROMPT, **TOKENS)
    assert shown(humanloop.fetch(api, log_id)) == (PRICE, True)
    humanloop.create(api, path=path, log_id=log_id, **PROMPT, prompt_cost=0.5)
    read = humanloop.fetch(api, log_id)
    assert (*shown(read), read["prompt_cost"], read["prompt_tokens"]) == (None, None, 0.5, 1_000)


def test_many_logs_at_once(api: Api) -> None:
    items = [
        {"type": "promptlayer.request", **body(**CALL)},
        {"type": "humanloop.prompt_log", "path": unique(), **PROMPT, **TOKENS},
    ]
    answer = api.default.post("/v1/logs", json=items)
    assert answer.status_code == 200, answer.text
    for result in answer.json()["results"]:
        assert shown(promptlayer.fetch(api, result["request_id"])) == (PRICE, True)
