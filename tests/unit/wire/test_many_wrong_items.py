"""A body with very many wrong items is refused with few errors: all of them would be half a gigabyte (measured)."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Invalid
from shared.wire.humanloop.prompt_log import parse_prompt_log, parse_update
from shared.wire.promptlayer.log_request import parse_log_request
from shared.wire.purge import MAX_NAMED, PurgeRequest
from shared.wire.validation import validate
from tests.unit.wire.promptlayer_bodies import body, completion

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 10_000
parse_purge = partial(validate, PurgeRequest)

HUMANLOOP: dict[str, Any] = {"path": "a"}
CONTENT = {"role": "user", "content": [{}] * MANY}
DETAILS = {"model": "m"}


@pytest.mark.parametrize(
    ("parse", "sent"),
    [
        (parse_log_request, body(tags=[1] * MANY)),
        (parse_log_request, body(metadata={f"{number:01100}": "" for number in range(MANY // 10)})),
        (parse_log_request, body(input={"type": "chat", "messages": [1] * MANY})),
        (parse_log_request, body(input={"type": "chat", "messages": [{}] * MANY})),
        (parse_log_request, body(input={"type": "chat", "messages": [CONTENT]})),
        (parse_log_request, body(output={**completion("a"), "content": [{}] * MANY})),
        (parse_prompt_log, HUMANLOOP | {"messages": [1] * MANY}),
        (parse_prompt_log, HUMANLOOP | {"messages": [CONTENT]}),
        (parse_prompt_log, HUMANLOOP | {"messages": [{"role": "user", "tool_calls": [{}] * MANY}]}),
        (parse_prompt_log, HUMANLOOP | {"output_message": {"role": "user", "thinking": [{}] * MANY}}),
        (parse_prompt_log, HUMANLOOP | {"batches": [1] * MANY}),
        (parse_prompt_log, HUMANLOOP | {"prompt": DETAILS | {"template": [1] * MANY}}),
        (parse_prompt_log, HUMANLOOP | {"prompt": DETAILS | {"stop": [1] * MANY}}),
        (parse_prompt_log, HUMANLOOP | {"prompt": DETAILS | {"tools": [{}] * MANY}}),
        (parse_prompt_log, HUMANLOOP | {"prompt": DETAILS | {"linked_tools": [1] * MANY}}),
        (parse_update, {"messages": [CONTENT]}),
        (parse_purge, {"workspace": "a", "metadata": {str(number): number for number in range(MANY)}}),
        (parse_purge, {"workspace": "a", "logs": [1] * MAX_NAMED}),
    ],
)
def test_a_list_is_checked_up_to_its_first_wrong_item(parse: Callable[[Any], Any], sent: dict[str, Any]) -> None:
    before = copy.deepcopy(sent)
    with pytest.raises(Invalid) as raised:
        parse(sent)
    assert raised.value.detail is not None
    assert 1 <= len(raised.value.detail) <= 3
    assert sent == before


def test_every_wrong_field_beside_it_is_still_named() -> None:
    with pytest.raises(Invalid) as raised:
        parse_log_request(body(tags=["a", 1, 2], provider=3, price=-1))
    assert raised.value.detail is not None
    assert [problem["loc"] for problem in raised.value.detail] == [
        ["body", "provider"],
        ["body", "tags", 1],
        ["body", "price"],
    ]
