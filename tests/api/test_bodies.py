"""Bodies as they arrive: encodings, odd JSON, broken JSON, sizes. The same for every route that takes one."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from shared.http.inflate import zstd
from tests.api import humanloop
from tests.api.promptlayer import fetch, log
from tests.support.api import DEFAULT_KEY, refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

LIMIT = 32 << 20

CREATES = ["/log-request", "/v5/prompts/log"]


def sent_raw(api: Api, content: bytes, **headers: str) -> Json:
    """Log these bytes and read them back."""
    response = api.default.post("/log-request", content=content, headers=headers)
    assert response.status_code == 201, response.text
    return fetch(api, response.json()["id"])


@pytest.mark.parametrize("content_type", ["", "text/plain;charset=UTF-8", "application/json; charset=utf-8", "x/y"])
def test_the_content_type_does_not_matter(api: Api, content_type: str) -> None:
    model = unique()
    assert sent_raw(api, json.dumps(body(model=model)).encode(), **{"content-type": content_type})["model"] == model


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "zstd", "identity"])
def test_a_body_may_be_compressed(api: Api, encoding: str) -> None:
    content = json.dumps(body(model=unique())).encode()
    if encoding != "identity":
        content = zstd.compress(content) if encoding == "zstd" else gzip.compress(content)
    assert sent_raw(api, content, **{"content-encoding": encoding})["provider"] == "openai"


def test_a_body_may_come_in_chunks(api: Api) -> None:
    content = json.dumps(body(model="chunked")).encode()
    response = api.default.post("/log-request", content=(content[n : n + 7] for n in range(0, len(content), 7)))
    assert fetch(api, response.json()["id"])["model"] == "chunked"


@pytest.mark.parametrize(
    ("content", "encoding", "status", "code"),
    [
        (b"{}", "gzip", 400, "bad_request"),
        (b"{}", "zstd", 400, "bad_request"),
        (gzip.compress(b"{}")[:-4], "gzip", 400, "bad_request"),
        (b"{}", "br", 415, "unsupported_media_type"),
        (b"{}", "deflate, gzip", 415, "unsupported_media_type"),
        (gzip.compress(b" " * (LIMIT + 1)), "gzip", 413, "too_large"),
    ],
)
@pytest.mark.parametrize("path", CREATES)
def test_bodies_that_can_not_be_unpacked(
    api: Api, path: str, content: bytes, encoding: str, status: int, code: str
) -> None:
    with api.nothing_stored():
        response = api.default.post(path, content=content, headers={"content-encoding": encoding})
        refused(response, status, code)


NESTED_TOO_DEEP = b'{"metadata": ' + b"[" * 100 + b"]" * 100 + b"}"

BROKEN: list[tuple[str, bytes, int, str]] = [
    ("cut off", b'{"provider": "openai", ', 400, "not valid JSON"),
    ("not JSON", b"provider=openai&model=gpt-4o", 400, "not valid JSON"),
    ("more after it", b"{} {}", 400, "not valid JSON"),
    ("single quotes", b"{'provider': 'openai'}", 400, "not valid JSON"),
    ("NaN", b'{"price": NaN}', 400, "not valid JSON"),
    ("Infinity", b'{"price": -Infinity}', 400, "not valid JSON"),
    ("too big a number", b'{"price": 1e999}', 400, "not valid JSON"),
    ("NaN and a lone surrogate", b'{"model": "\\ud800", "price": NaN}', 400, "not valid JSON"),
    ("control character", b'{"model": "a\nb"}', 400, "not valid JSON"),
    ("raw NUL", b"\0", 400, "not valid JSON"),
    ("invalid UTF-8", b'{"model": "\xff"}', 400, "not valid UTF-8"),
    ("encoded surrogate", b'{"model": "\xed\xa0\x80"}', 400, "not valid UTF-8"),
    ("UTF-16", "{}".encode("utf-16"), 400, "not valid UTF-8"),
    ("too deep", NESTED_TOO_DEEP, 400, "nested more than 100 levels"),
    ("far too deep", b'{"a":' * 100_000, 400, "nested more than 100 levels"),
    ("far too deep, lone surrogate", b'{"\\ud800":' * 50_000, 400, "nested more than 100 levels"),
    ("array", b"[]", 422, "must be a JSON object, not an array"),
    ("string", b'"{}"', 422, "must be a JSON object, not a string"),
    ("number", b"1", 422, "must be a JSON object, not a number"),
    ("true", b"true", 422, "must be a JSON object, not a boolean"),
    ("null", b"null", 422, "must be a JSON object, not null"),
]


@pytest.mark.parametrize(("content", "status", "says"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize("method", ["POST /log-request", "POST /v5/prompts/log", "PATCH"])
def test_bodies_that_are_no_json_object(api: Api, method: str, content: bytes, status: int, says: str) -> None:
    verb, _, path = method.partition(" ")
    if not path:
        path = humanloop.update_url(humanloop.create(api))
    with api.nothing_stored():
        response = api.default.request(verb, path, content=content)
        message = refused(response, status, "bad_request" if status == 400 else "invalid", says=f"body: {says}")
        assert len(message) < 200


@pytest.mark.parametrize("content", [b"", b"   ", b"\xef\xbb\xbf", b"{}", b"\xef\xbb\xbf{}\n"])
def test_an_empty_body_is_an_empty_object(api: Api, content: bytes) -> None:
    with api.nothing_stored():
        refused(api.default.post("/log-request", content=content), 422, "invalid", ["body", "provider"])
        refused(api.default.post("/v5/prompts/log", content=content), 422, "invalid", ["body", "path"])


def test_a_byte_order_mark_and_white_space(api: Api) -> None:
    content = b"\xef\xbb\xbf\n " + json.dumps(body(model="bom")).encode() + b"\r\n"
    assert sent_raw(api, content)["model"] == "bom"


def test_the_last_of_equal_keys_counts(api: Api) -> None:
    content = json.dumps(body(model="first")).encode()[:-1] + b', "model": "last", "metadata": {"a": "1", "a": "2"}}'
    read = sent_raw(api, content)
    assert (read["model"], read["metadata"]) == ("last", {"a": "2"})


@pytest.mark.parametrize("ascii_only", [True, False])
def test_text_is_kept_whatever_its_characters(api: Api, ascii_only: bool) -> None:
    text = 'é € 😀 \x00 \x1f \x7f \u2028 \ufeff \ud7ff \ue000 \ufffd \U0010ffff " \\ / \\u0041'
    sent = body(
        model=unique(), metadata={text: text, "n": [text]}, tags=[text], input=chat({"role": text, "content": text})
    )
    read = sent_raw(api, json.dumps(sent, ensure_ascii=ascii_only).encode())
    assert {name: read[name] for name in ("metadata", "tags", "input")} == {
        name: sent[name] for name in ("metadata", "tags", "input")
    }
    assert "repaired" not in read


def test_half_a_surrogate_pair_is_replaced_and_the_log_marked(api: Api) -> None:
    sent = body(metadata={"k\ud800": "\udc00 \ud83d\ude00"}, model="cut \ud83d", tags=["\ude00\ud83d"])
    read = sent_raw(api, json.dumps(sent).encode())
    assert read["repaired"] is True
    assert (read["metadata"], read["model"]) == ({"k\ufffd": "\ufffd 😀"}, "cut \ufffd")
    assert read["tags"] == ["\ufffd\ufffd"]
    created = api.default.post("/v5/prompts/log", content=b'{"path": "a\\ud800", "output": "\\ud800"}').json()
    answer = humanloop.fetch(api, created["id"])
    assert (answer["repaired"], answer["output"], answer["prompt"]["path"]) == (True, "\ufffd", "a\ufffd")


def test_numbers(api: Api) -> None:
    exact = {"a": (1 << 64) - 1, "b": -(1 << 63), "c": 0.1, "d": 1e300, "e": -1.5e-300, "f": 9007199254740993}
    big = {"g": 1 << 64, "h": -(1 << 63) - 1, "i": 10**100}
    for name in ("metadata", "parameters", "prompt_input_variables"):
        read = log(api, **{name: exact | big})[name]
        assert {key: read[key] for key in exact} == exact
        assert {key: read[key] for key in big} == {key: float(value) for key, value in big.items()}
    inputs = humanloop.log(api, inputs=exact | big, prompt={"model": "m", "other": exact | big})
    for read in (inputs["inputs"], inputs["prompt"]["other"]):
        assert {key: read[key] for key in exact} == exact
        assert read["i"] == 1e100


def test_as_deep_as_allowed(api: Api) -> None:
    deep: Any = "bottom"
    for _ in range(98):
        deep = [deep]
    assert log(api, metadata={"deep": deep})["metadata"] == {"deep": deep}
    assert humanloop.log(api, inputs={"deep": deep})["inputs"] == {"deep": deep}


def test_a_large_body_reads_back_whole(api: Api) -> None:
    large = chat({"role": "user", "content": 'ünïcode "quoted" \n' * (8 << 15)})
    assert log(api, input=large)["input"] == large


# Over the limit


def megabytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * (1 << 20)


@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("key", "status", "code"), [(DEFAULT_KEY, 413, "too_large"), ("wrong-key", 401, "unauthenticated")]
)
def test_a_client_that_sends_too_much_sees_the_answer(
    api: Api, path: str, chunked: bool, key: str, status: int, code: str
) -> None:
    # With `requests`, which the PromptLayer client uses: it reads no answer before it has sent everything.
    data = megabytes(40) if chunked else b"x" * (40 << 20)
    with api.nothing_stored():
        answer = requests.post(api.url + path, data=data, headers={"x-api-key": key}, timeout=60)
        assert answer.status_code == status
        assert answer.json()["error"] == code
        assert answer.json()["message"]
    if status == 413:
        assert f"over the limit of {LIMIT} bytes" in answer.json()["message"]
