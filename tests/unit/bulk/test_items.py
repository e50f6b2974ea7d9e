from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest_gateway.bulk.items import Item, items, type_of
from shared.errors import BadRequest, Invalid, TooLarge, UnsupportedMediaType
from shared.http.json_bodies import MAX_DEPTH, JsonBody, parse_json_object

NDJSON = "application/x-ndjson"

objects = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def parsed(body: bytes, content_type: str = "", max_items: int = 100) -> list[tuple[int, Any]]:
    """Line and value of each item; the error instead of the value of a wrong one."""
    found: list[tuple[int, Any]] = []
    for item in items(body, content_type, max_items):
        try:
            found.append((item.line, item.parse()[1].value))
        except (BadRequest, Invalid) as error:
            found.append((item.line, type(error)))
    return found


@given(st.lists(objects, max_size=6), st.sampled_from(["\n", "\r\n", " \n", "\n\t"]), st.booleans())
def test_ndjson_and_an_array_of_the_same_items(values: list[Any], separator: str, ascii_only: bool) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    expected = list(enumerate(values, start=1))
    assert parsed(separator.join(texts).encode(), NDJSON) == expected
    assert parsed(f" [{','.join(texts)}]".encode()) == expected


@given(st.lists(st.sampled_from([b"{}", b'{"a":1}', b"", b"  ", b"{", b"[1]", b'"\xff"']), max_size=10))
def test_each_line_stands_for_itself(lines: list[bytes]) -> None:
    outcomes = {b"{}": {}, b'{"a":1}': {"a": 1}, b"{": BadRequest, b"[1]": Invalid, b'"\xff"': BadRequest}
    expected = [(number, outcomes[line]) for number, line in enumerate(lines, start=1) if line.strip()]
    body = b"\n".join(lines)
    assert parsed(body, NDJSON) == expected
    assert parsed(body + b"\n", NDJSON) == expected


@given(objects)
def test_the_text_of_an_item_parses_to_the_item(value: dict[str, Any]) -> None:
    for body in (json.dumps(value), json.dumps([value])):
        (item,) = items(body.encode(), "", 1)
        raw, parsed_body = item.parse()
        assert parse_json_object(raw) == parsed_body == JsonBody(value, False)


def test_a_line_that_is_cut_off_is_an_item_of_its_own() -> None:
    assert parsed(b'{"a":1}\n{"b":') == [(1, {"a": 1}), (2, BadRequest)]


@pytest.mark.parametrize("body", [b"", b"\n\n", b" ", b"[]", b" [ ] ", b"\xef\xbb\xbf", b"\xef\xbb\xbf[]"])
def test_no_items(body: bytes) -> None:
    assert parsed(body) == []


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parsed(b"\xef\xbb\xbf{}\n{}") == [(1, {}), (2, {})]
    assert parsed(b"\xef\xbb\xbf[{}]") == [(1, {})]


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_an_array_is_recognised_by_its_first_character(content_type: str) -> None:
    assert parsed(b"\r\n [{}, 1]", content_type) == [(1, {}), (2, Invalid)]
    assert parsed(b"{}\n{}", content_type) == [(1, {}), (2, {})]


@pytest.mark.parametrize("content_type", [NDJSON, "Application/JSONL; charset=utf-8", "application/x-jsonlines"])
def test_ndjson_by_its_content_type_is_never_an_array(content_type: str) -> None:
    assert parsed(b"[{}]\n{}", content_type) == [(1, Invalid), (2, {})]


def test_other_formats_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedMediaType, match="application/x-protobuf"):
        items(b"\x0a\x00", "application/x-protobuf", 1)


@pytest.mark.parametrize(("body", "error"), [(b"[{}", BadRequest), (b"[{},]", BadRequest), (b"[{}]\n[]", BadRequest)])
def test_an_array_that_is_not_whole_is_refused_as_a_whole(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="not valid JSON"):
        items(body, "", 100)


@pytest.mark.parametrize("body", [b"{}\n" * 4, b"{}\n{}\n{}\n{}", b"\n" * 4, b"[1,2,3,4]"])
def test_more_items_than_allowed_are_refused_before_the_first(body: bytes) -> None:
    assert len(list(items(body, "", 4))) in (0, 4)
    with pytest.raises(TooLarge, match=r"4 items, more than SLUICE_MAX_BULK_ITEMS \(3\); nothing was stored"):
        items(body, "", 3)


def test_half_a_surrogate_pair_marks_its_own_item_only() -> None:
    lines = [b'{"a":"\\ud800"}', b'{"a":"x"}', b'{"\\udc00":["\\ud83d\\ude00"]}']
    expected = [JsonBody({"a": "�"}, True), JsonBody({"a": "x"}, False), JsonBody({"�": ["😀"]}, True)]
    for body in (b"\n".join(lines), b"[" + b",".join(lines) + b"]"):
        assert [item.parse()[1] for item in items(body, "", 3)] == expected


@pytest.mark.parametrize(
    ("levels", "is_taken"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (300, False), (900, False)]
)
def test_each_item_may_be_as_deep_as_a_body_of_its_own(levels: int, is_taken: bool) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    for body in (b"{}\n" + deep + b"\n{}", b"[{}," + deep + b",{}]"):
        first, (_, found), last = parsed(body)
        assert (first, last) == ((1, {}), (3, {}))
        assert (found is not BadRequest) == is_taken


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        ({"type": "promptlayer.request"}, None, "promptlayer.request"),
        ({"type": "humanloop.prompt_log"}, "promptlayer.request", "humanloop.prompt_log"),
        ({"type": None}, "promptlayer.request", "promptlayer.request"),
        ({}, "humanloop.prompt_log", "humanloop.prompt_log"),
        ({}, None, "type: is required"),
        ({"type": "other"}, "promptlayer.request", "not 'other'"),
        ({"type": ["promptlayer.request"]}, None, "type: must be promptlayer.request or humanloop.prompt_log"),
        ({"type": {}}, None, "type: must be"),
    ],
)
def test_the_type_of_an_item(value: dict[str, Any], default: str | None, expected: str) -> None:
    body = JsonBody(value, False)
    if expected in ("promptlayer.request", "humanloop.prompt_log"):
        assert type_of(body, default) == expected
        return
    with pytest.raises(Invalid, match=expected) as raised:
        type_of(body, default)
    assert raised.value.detail is not None
    assert raised.value.detail[0]["loc"] == ["body", "type"]


def test_an_element_is_taken_as_it_is() -> None:
    assert Item(1, None, {"a": 1}).parse() == (b'{"a":1}', JsonBody({"a": 1}, False))
