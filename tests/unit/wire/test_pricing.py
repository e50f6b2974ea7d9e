"""Estimated prices: the library's own for every model that it knows, and left alone where somebody gave one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.wire.pricing import _rates, add_price, price, update_price

if TYPE_CHECKING:
    from shared.records import Columns

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)

MODELS = [
    (provider, model)
    for provider in get_snapshot().providers
    for model in provider.models
    if (prices := model.get_prices(NOW)).input_mtok is not None or prices.output_mtok is not None
]


def test_every_model_costs_what_the_library_says() -> None:
    """Asked by its own id, where that finds the model: some ids are matched by another model first."""
    checked = 0
    for provider, model in MODELS:
        if provider.find_model(model.id) is not model:
            continue
        for at in (NOW, datetime(2024, 1, 1, 18, 30, tzinfo=UTC)):
            prices = model.get_prices(at)
            if prices.input_mtok is None and prices.output_mtok is None:
                continue
            for input_tokens, output_tokens in ((1_000, 300), (300_000, 5), (7, 0)):
                usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
                expected = float(prices.calc_price(usage)["total_price"])
                assert price(provider.id, model.id, input_tokens, output_tokens, at) == expected, (
                    provider.id,
                    model.id,
                )
                checked += 1
    assert checked > 5 * len(MODELS)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o", 0.0055),
        ("OpenAI", "GPT-4o-2024-08-06", 0.0055),
        ("openai.azure", "gpt-4o", 0.0055),
        ("", "gpt-4o", 0.0055),
        (None, "gpt-4o", 0.0055),
        ("litellm", "openai/gpt-4o", 0.0055),
        ("anthropic", "claude-3-5-sonnet-20241022", 0.0075),
        ("openai", "never-heard-of", None),
        ("my-own-proxy", "gpt-4o", None),
        (None, "never-heard-of", None),
        ("", "", None),
        ("openai", "gpt-4o" + "x" * 1000, None),
        ("openai" * 100, "gpt-4o", None),
        ("openai", "whisper-1", None),
    ],
)
def test_names_as_clients_write_them(provider: str | None, model: str, expected: float | None) -> None:
    assert price(provider, model, 1_000, 300, NOW) == expected


def test_a_tier_counts_for_all_tokens() -> None:
    below, above = (price("google", "gemini-2.5-pro", tokens, 0, NOW) for tokens in (200_000, 200_001))
    assert below == 0.25
    assert above == pytest.approx(0.5000025)


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    by_day, by_night = (datetime(2025, 3, 1, hour, tzinfo=UTC) for hour in (12, 20))
    assert price("deepseek", "deepseek-chat", 1000, 0, by_day) != price("deepseek", "deepseek-chat", 1000, 0, by_night)


def test_names_that_clients_choose_do_not_pile_up() -> None:
    snapshot = get_snapshot()
    kept = len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses)
    for number in range(100):
        assert price("openai", f"model-{number}", 1, 1, NOW) is None
        assert price(f"provider-{number}", "gpt-4o", 1, 1, NOW) is None
    assert (len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses)) == kept
    assert _rates.cache_info().maxsize == 4096


CALL: Columns = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1_000, "output_tokens": 300}
ESTIMATED = {"price": 0.0055, "price_estimated": 1}


def priced(**changes: Any) -> Columns:
    columns = {name: value for name, value in {**CALL, **changes}.items() if value is not None}
    add_price(columns, NOW)
    return {name: columns[name] for name in ("price", "price_estimated") if name in columns}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ESTIMATED),
        ({"price": 0.0}, ESTIMATED),
        ({"price": 0.25}, {"price": 0.25}),
        ({"price": 0.0, "model": "never-heard-of"}, {"price": 0.0}),
        ({"price": 0.0, "input_tokens": 0, "output_tokens": 0}, {"price": 0.0}),
        ({"input_tokens": None, "output_tokens": None}, {}),
        ({"output_tokens": None}, {"price": 0.0025, "price_estimated": 1}),
        ({"input_tokens": -1}, {}),
        ({"input_cost": 0.0}, {}),
        ({"output_cost": 0.5}, {}),
        ({"output_cost": 0.5, "external_id": "mine"}, {"price": None, "price_estimated": 0}),
        ({"provider": None}, ESTIMATED),
        ({"model": None}, {}),
        ({"started_at": "2026-01-01 00:00:00.123456"}, ESTIMATED),
    ],
)
def test_a_new_log_without_a_price_gets_one(changes: Columns, expected: Columns) -> None:
    assert priced(**changes) == expected


LOG: Columns = {
    **CALL,
    **ESTIMATED,
    "started_at": "2026-01-01 00:00:00.123456",
    "input_cost": None,
    "output_cost": None,
}


@pytest.mark.parametrize(
    ("update", "log", "expected"),
    [
        ({"output_tokens": 600}, {}, {"price": 0.0085, "price_estimated": 1}),
        ({"output_tokens": None, "input_tokens": None}, {}, {"price": None, "price_estimated": None}),
        ({"output_cost": 0.5}, {}, {"price": None, "price_estimated": None}),
        ({"output_cost": None}, {"price": None, "price_estimated": 0, "output_cost": 0.5}, ESTIMATED),
        ({"output_tokens": 300}, {"price": None, "price_estimated": 0, "output_tokens": None}, ESTIMATED),
        ({"output_tokens": 300}, {"output_cost": 0.5}, {"price": None, "price_estimated": None}),
        ({"output_tokens": 5}, {"price": 0.25, "price_estimated": 0}, {}),
        ({"finish_reason": "stop"}, {}, {}),
    ],
)
def test_an_update_of_tokens_or_costs_changes_an_estimate(update: Columns, log: Columns, expected: Columns) -> None:
    columns = dict(update)
    update_price(columns, {**LOG, **log}, NOW)
    assert columns == {**update, **expected}


@settings(deadline=None)
@given(st.text(), st.text(), st.integers(-5, 1 << 53), st.integers(-5, 1 << 53), st.datetimes())
@example("openai", "gpt-4o", 1 << 53, 1 << 53, datetime(1900, 1, 1))
@example("deepseek", "deepseek-chat", 1, 1, datetime(2261, 12, 31))
def test_any_call_has_a_price_or_none(provider: str, model: str, input: int, output: int, at: datetime) -> None:
    found = price(provider, model, input, output, at)
    assert found is None or found >= 0
