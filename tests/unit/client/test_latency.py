"""Percentiles, against their definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.load.latency import PERCENTILES, percentile, summary_ms


@given(st.lists(st.integers(0, 50), min_size=1, max_size=300), st.sampled_from([*PERCENTILES, 1.0, 100.0]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[int], percent: float) -> None:
    enough = [value for value in values if sum(other <= value for other in values) * 1000 >= percent * 10 * len(values)]
    assert percentile(sorted(values), percent) == min(enough)


@pytest.mark.parametrize(("percent", "expected"), [(50, 500), (90, 900), (99, 990), (99.9, 999), (100, 1000), (0, 1)])
def test_percentiles_of_a_thousand_values(percent: float, expected: int) -> None:
    assert percentile(range(1, 1001), percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)
    assert summary_ms([]) is None


def test_a_summary_is_in_milliseconds_whatever_the_order() -> None:
    summary = summary_ms([0.003, 0.001, 0.002, 1.5])
    assert summary == {"p50": 2.0, "p90": 1500.0, "p99": 1500.0, "p99.9": 1500.0, "max": 1500.0}
