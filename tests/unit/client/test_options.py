"""Sizes, durations and mixes as people write them."""

from __future__ import annotations

import pytest

from services.client.bench.options import parse_duration, parse_mix, parse_size, parse_sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2200", 2200), ("2.2k", 2200), ("20K", 20_000), ("200 kb", 200_000), ("1.5M", 1_500_000), (" 7b ", 7)],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


def test_several_sizes() -> None:
    assert parse_sizes("2.2k, 20k,200k") == [2_200, 20_000, 200_000]


@pytest.mark.parametrize("text", ["", "k", "-1", "2.2.2k", "2g", "2k,", "nan"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_sizes(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("30", 30), ("30s", 30), ("1.5m", 90), ("2h", 7200), ("250ms", 0.25), (" 5 S ", 5)]
)
def test_durations(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0s", "s", "-3s", "3d", "1m30s", "inf"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_a_mix_is_scaled_to_one_and_what_has_no_weight_is_left_out() -> None:
    assert parse_mix("create=90,patch=5,get=5") == {"create": 0.9, "patch": 0.05, "get": 0.05}
    assert parse_mix(" get=1, create=3") == {"get": 0.25, "create": 0.75}
    assert parse_mix("create=2,patch=0") == {"create": 1.0}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'': a mix has create, patch and get"),
        ("create=1,delete=1", "'delete'"),
        ("create=1,create=1", "'create'"),
        ("create=x", "create: 'x' is not a weight"),
        ("create", "create: '' is not a weight"),
        ("create=-1", "create: '-1' is not a weight"),
        ("create=nan", "create: 'nan' is not a weight"),
        ("create=inf", "create: 'inf' is not a weight"),
        ("get=1", "needs creates"),
        ("create=0,get=1", "needs creates"),
    ],
)
def test_no_mixes(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_mix(text)
