"""What a figure says of its rounds, and what targets say of figures."""

from __future__ import annotations

import pytest

from tests.bench.figures import (
    Figure,
    LedgerCheck,
    Target,
    at_least,
    at_most,
    extra_at_most,
    percentile,
    ratio_at_least,
    ratio_at_most,
)


def figure(*rounds: float, references: tuple[float, ...] = (), target: Target | None = None) -> Figure:
    return Figure(name="a-figure", unit="ms", rounds=rounds, references=references, target=target)


def test_the_value_is_the_median_of_the_rounds() -> None:
    assert figure(1, 100, 3).value == 3
    assert figure(1, 100, 3, references=(4, 5, 90)).reference == 5


def test_the_ratio_compares_rounds_and_not_medians() -> None:
    """A machine that is half as fast from the second round on changes both medians, and no ratio."""
    slower = figure(100, 50, 25, references=(200, 100, 50))
    assert slower.ratio == 0.5
    assert figure(100, 50, 25, 10, references=(200, 10, 50, 20)).ratio == 0.5


def test_a_reference_of_its_own_number_of_rounds_is_compared_by_its_median() -> None:
    assert figure(10, 30, 20, references=(5, 5)).ratio == 4


def test_without_a_reference_there_is_no_ratio() -> None:
    alone = figure(1)
    assert (alone.reference, alone.ratio, alone.extra, alone.verdict) == (None, None, None, "-")


@pytest.mark.parametrize(
    ("target", "value", "reference", "verdict"),
    [
        (ratio_at_least(0.55), 55, 100, "ok"),
        (ratio_at_least(0.55), 54.9, 100, "short"),
        (ratio_at_most(1.3), 130, 100, "ok"),
        (ratio_at_most(1.3), 131, 100, "short"),
        (at_most(40), 40, 1, "ok"),
        (at_most(40), 41, 1, "short"),
        (at_least(1000), 1000, 1, "ok"),
        (at_least(1000), 999, 1, "short"),
        (extra_at_most(60), 160, 100, "ok"),
        (extra_at_most(60), 161, 100, "short"),
    ],
)
def test_a_target_holds_up_to_its_bound(target: Target, value: float, reference: float, verdict: str) -> None:
    assert figure(value, references=(reference,), target=target).verdict == verdict


def test_a_target_about_a_reference_needs_one() -> None:
    with pytest.raises(ValueError, match="a-figure has no reference"):
        assert figure(1, target=ratio_at_least(1)).verdict


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (ratio_at_least(0.55), "ratio >= 0.55"),
        (ratio_at_most(1.2), "ratio <= 1.20"),
        (at_most(40), "<= 40 ms"),
        (at_least(1000), ">= 1,000 ms"),
        (extra_at_most(60), "<= +60 ms"),
    ],
)
def test_a_target_is_described(target: Target, text: str) -> None:
    assert target.describe("ms") == text


def test_the_spread_is_half_the_range_of_the_rounds() -> None:
    assert figure(90, 100, 120).spread == pytest.approx(0.15)
    assert figure(100).spread == 0


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0, 0.01, 0.5, 0.99, 1)] == [1, 1, 50, 99, 100]
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(("lost", "strangers", "holds"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_ledger_holds_when_nothing_is_lost_and_nothing_is_strange(lost: int, strangers: int, holds: bool) -> None:
    assert LedgerCheck("a", 10, 10, lost, strangers).holds is holds
