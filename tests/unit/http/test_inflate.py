from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest, TooLarge
from shared.http.inflate import inflate, zstd

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1000
COMPRESS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"zstd": zstd.compress,
}

every_coding = pytest.mark.parametrize("coding", COMPRESS)


@every_coding
@given(members=st.lists(st.binary(max_size=200), max_size=5))
def test_members_are_inflated_and_joined(coding: bytes, members: list[bytes]) -> None:
    assert inflate(b"".join(COMPRESS[coding](member) for member in members), coding, LIMIT) == b"".join(members)


@every_coding
def test_a_body_of_many_steps(coding: bytes) -> None:
    body = random.Random(1).randbytes(100_000)
    assert inflate(COMPRESS[coding](body), coding, 100_000) == body
    with pytest.raises(TooLarge):
        inflate(COMPRESS[coding](body), coding, 99_999)


@every_coding
def test_inflating_stops_at_the_limit(coding: bytes) -> None:
    bomb = COMPRESS[coding](b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(TooLarge, match="when inflated"):
        inflate(bomb, coding, LIMIT)
    with pytest.raises(TooLarge):
        inflate(COMPRESS[coding](b"a" * 600) * 2, coding, LIMIT)


@every_coding
@pytest.mark.parametrize("spoil", [lambda body: body[:-1], lambda _: b"something", lambda body: body + b"junk"])
def test_what_is_not_whole_is_refused(coding: bytes, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadRequest, match=coding.decode().removeprefix("x-")):
        inflate(spoil(COMPRESS[coding](b"abc")), coding, LIMIT)


def test_a_zstd_body_may_not_ask_for_more_than_eight_megabytes() -> None:
    body = bytes(64 << 20)
    wide = zstd.compress(body, options={zstd.CompressionParameter.window_log: 26})
    with pytest.raises(BadRequest):
        inflate(wide, b"zstd", len(body))
    assert zlib.crc32(inflate(zstd.compress(body[: 9 << 20], 19), b"zstd", len(body))) == zlib.crc32(body[: 9 << 20])
