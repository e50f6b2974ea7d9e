"""Bodies for load: of the size that was asked for, unlike each other, and like what clients send."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import cramjam
import orjson
import pytest
from promptlayer import PromptLayer

from services.client.load.bodies import HUMANLOOP, PROMPTLAYER, Bodies
from services.client.load.text import text
from shared.wire.humanloop.prompt_log import parse_prompt_log
from shared.wire.promptlayer.log_request import parse_log_request

FAMILIES = (PROMPTLAYER, HUMANLOOP)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [1_200, 2_200, 2_201, 20_000, 200_000])
def test_bodies_have_their_size_and_their_number(family: str, size: int) -> None:
    bodies = Bodies(family, size, "0123abcd", STARTED)
    made = [bodies.body(number) for number in (0, 1, 999_999_999_999)]
    assert {len(body) for body in made} == {size}
    assert len({orjson.dumps(orjson.loads(body)["metadata"]) for body in made}) == 3
    assert bodies.body(1) == made[1], "the same number is another body the second time"
    assert made[1].count(bodies.marker(1).encode()) == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_smallest_size_is_named_and_works(family: str) -> None:
    with pytest.raises(ValueError, match=f"{family}: a body has at least") as refusal:
        Bodies(family, 100, "0123abcd", STARTED)
    smallest = int(str(refusal.value).split()[-2])
    assert len(Bodies(family, smallest, "0123abcd", STARTED).body(7)) == smallest
    with pytest.raises(ValueError, match=str(smallest)):
        Bodies(family, smallest - 1, "0123abcd", STARTED)


def test_extra_keys_count_into_the_size() -> None:
    body = Bodies(PROMPTLAYER, 2_200, "0123abcd", STARTED, extra={"type": "x"}).body(1)
    assert len(body) == 2_200
    assert body.startswith(b'{"type":"x",')


def test_promptlayer_bodies_have_all_keys_that_the_python_client_sends() -> None:
    body = orjson.loads(Bodies(PROMPTLAYER, 2_200, "0123abcd", STARTED).body(1))
    assert set(body) == set(inspect.signature(PromptLayer.log_request).parameters) - {"self"}
    log = parse_log_request(body)
    assert log.metadata["marker"] == "0123abcd-000000000001"


def test_humanloop_bodies_are_valid() -> None:
    body = orjson.loads(Bodies(HUMANLOOP, 2_200, "0123abcd", STARTED).body(1))
    assert parse_prompt_log(body).path == "sluice-bench"


@pytest.mark.parametrize(("size", "count"), [(2_200, 1_000), (20_000, 100)])
def test_many_bodies_compress_as_prompts_do(size: int, count: int) -> None:
    """English documents come down to between a half and a third under zstd; fields that all logs share, to less."""
    words = b"\n".join(text(number, size) for number in range(count))
    bodies = Bodies(PROMPTLAYER, size, "0123abcd", STARTED)
    logs = b"\n".join(bodies.body(number) for number in range(count))
    assert 2.2 < len(words) / len(bytes(cramjam.zstd.compress(words, level=3))) < 3.3
    assert 2.2 < len(logs) / len(bytes(cramjam.zstd.compress(logs, level=3))) < 8
