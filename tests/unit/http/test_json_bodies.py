from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest, Invalid
from shared.http.json_bodies import MAX_DEPTH, parse_json_object

SECRET = "sk_sluice_never_shown"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_what_the_strict_parser_reads_is_read_as_it_reads_it(value: dict[str, Any]) -> None:
    body = orjson.dumps(value)
    parsed = parse_json_object(body)
    assert parsed.value == orjson.loads(body)
    assert parsed.repaired is False


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_with_a_lone_surrogate_everything_else_is_read_the_same(value: dict[str, Any]) -> None:
    body = json.dumps(value | {"cut": "emoji \ud83d"}).encode()
    parsed = parse_json_object(body)
    assert parsed.repaired is True
    assert parsed.value == orjson.loads(orjson.dumps(value)) | {"cut": "emoji \ufffd"}


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"{}", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b" {} \n"])
def test_an_empty_body_is_an_empty_object(body: bytes) -> None:
    assert parse_json_object(body) == ({}, False)


def test_lone_surrogates_are_replaced_in_keys_and_depths_and_pairs_are_kept() -> None:
    body = rb'{"\udc00": [{"a": "\ud83d\u0041"}, "\ud83d\ude00", "\ud83d\ud83d"], "b": 18446744073709551615}'
    parsed = parse_json_object(body)
    assert parsed.repaired is True
    assert parsed.value == {"\ufffd": [{"a": "\ufffdA"}, "\U0001f600", "\ufffd\ufffd"], "b": 2**64 - 1}
    orjson.dumps(parsed.value)


def test_the_last_of_two_equal_keys_wins() -> None:
    assert parse_json_object(b'{"a": 1, "a": 2}').value == {"a": 2}
    assert parse_json_object(rb'{"a": 1, "a": 2, "b": "\ud800"}').value["a"] == 2


@pytest.mark.parametrize("other", ["", r', "cut": "\ud800"'])
def test_integers_beyond_64_bits_become_floats(other: str) -> None:
    parsed = parse_json_object(('{"a": 1' + "0" * 30 + ', "b": -' + "9" * 19 + other + "}").encode())
    assert parsed.value["a"] == 1e30
    assert parsed.value["b"] == float(-(10**19 - 1))
    orjson.dumps(parsed.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "9" * 5000])
@pytest.mark.parametrize("other", ["", r', "cut": "\ud800"'])
def test_numbers_that_json_does_not_have_are_refused(number: str, other: str) -> None:
    with pytest.raises(BadRequest, match="line 1, column"):
        parse_json_object(f'{{"a": {number}{other}}}'.encode())


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"key": "' + SECRET.encode() + b'",\n  "a": }', "line 2, column 8"),
        (b'{"key": ' + SECRET.encode() + b"}", "line 1, column 9"),
        (SECRET.encode(), "line 1, column 1"),
        (b'{"a": 1} ' + SECRET.encode(), "line 1"),
        (b'{"key": "' + SECRET.encode() + rb'", "a": "\ud800", }', "line 1, column"),
        (b'{"key": "' + SECRET.encode() + b'", "b": "\xff"}', "at byte 39"),
        (b'{"a": "\xed\xa0\x80"}', "at byte 7"),
        (b'{"a": "line\nbreak"}', "line 1"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place_and_without_its_text(body: bytes, place: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_json_object(body)
    assert place in refused.value.message
    assert SECRET not in refused.value.message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[1]", "an array"), (b'"x"', "a string"), (b"1", "a number"), (b"true", "a boolean"), (b"null", "null")],
)
def test_json_that_is_no_object_is_refused_by_name(body: bytes, kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_json_object(body)
    assert kind in refused.value.message
    assert refused.value.detail == [{"loc": ["body"], "msg": "must be a JSON object", "type": "object_type"}]


@pytest.mark.parametrize("suffix", ["", r', "cut": "\ud800"'])
def test_nesting_is_limited_exactly(suffix: str) -> None:
    def nested(levels: int) -> bytes:
        inner = levels - 1
        return ('{"a": ' + "[" * inner + "]" * inner + suffix + "}").encode()

    assert parse_json_object(nested(MAX_DEPTH)).value["a"] is not None
    for levels in (MAX_DEPTH + 1, 1000, 1500, 200_000):
        with pytest.raises(BadRequest, match=f"more than {MAX_DEPTH} levels"):
            parse_json_object(nested(levels))


def test_many_brackets_side_by_side_and_in_text_are_not_nesting() -> None:
    value = {"messages": [{"content": [{"text": "[[[{{{" * 100}]} for _ in range(500)]}
    assert parse_json_object(orjson.dumps(value)).value == value


@given(st.binary(max_size=60))
def test_no_bytes_cause_anything_but_a_refusal(body: bytes) -> None:
    with contextlib.suppress(BadRequest, Invalid):
        parse_json_object(body)
