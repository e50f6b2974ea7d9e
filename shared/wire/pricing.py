"""What a call cost by its provider's public prices, for logs whose senders did not say. Pure: nothing is ever fetched.

The prices are those that come with the installed `genai-prices`. Of a log only the numbers of input and output tokens
are known here, so discounts (cached input, batches) and charges for other things (searches, audio) do not show.

The library's own calculation takes half a millisecond, and what it looks up it keeps for ever, under names that clients
choose. Here the rates of a model are taken from its tables once, a bounded number of them is kept, and the sum takes
microseconds; a test holds every model's price against the library's own.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider, StartDateConstraint, TimeOfDateConstraint

    from shared.records import Columns

_MAX_NAME_CHARACTERS: Final = 200
"""Of a provider or model that is looked up: each is held against thousands of patterns."""

_MAX_MODELS: Final = 4096
"""Kept rates, and names that are known to be unknown; about 1 MB."""

_PRICED_BY: Final = frozenset({"input_tokens", "output_tokens", "input_cost", "output_cost"})
_MILLION: Final = 1_000_000
_PROVIDERS: Final = get_snapshot().providers


class _Rate(NamedTuple):
    """USD for a million tokens; beyond the start of a tier (in input tokens) all tokens cost its price instead."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()
    """(start, price), the highest start first."""

    def at(self, input_tokens: int) -> Decimal:
        for start, price in self.tiers:
            if input_tokens > start:
                return price
        return self.base


class _Rates(NamedTuple):
    """The prices of a model from a date or at a time of day; always, without a constraint."""

    constraint: StartDateConstraint | TimeOfDateConstraint | None
    input: _Rate
    output: _Rate
    request: Decimal

    def price(self, input_tokens: int, output_tokens: int) -> float:
        tokens = self.input.at(input_tokens) * input_tokens + self.output.at(input_tokens) * output_tokens
        return float(tokens / _MILLION + self.request)


def price(provider: str | None, model: str, input_tokens: int, output_tokens: int, at: datetime) -> float | None:
    """USD for a call at a moment (UTC when naive). None without tokens, or when the model's have no known price.

    Without a provider the model's name decides. Takes a few microseconds, and a millisecond for a model's first call.
    """
    if min(input_tokens, output_tokens) < 0 or not (input_tokens or output_tokens):
        return None
    for rates in _rates(provider or "", model):
        if rates.constraint is None or rates.constraint.active(at):
            return rates.price(input_tokens, output_tokens)
    return None


def add_price(columns: Columns, now: datetime, *, by_model: bool = False) -> None:
    """Give a new log an estimated price when its sender gave none: no price, or 0 although there are tokens.

    `now` is when a log without a start counts as made. A log with a price or costs of its own is left as it is.
    `by_model`: the model's name decides whose prices count, whatever the provider is called.
    """
    if columns.get("price"):
        return
    if "input_cost" in columns or "output_cost" in columns:
        if "external_id" in columns:  # it may update a log whose price was estimated
            columns.update(price=None, price_estimated=0)
        return
    model = columns.get("model")
    input_tokens, output_tokens = columns.get("input_tokens") or 0, columns.get("output_tokens") or 0
    if not model or not (input_tokens or output_tokens):
        return
    started_at = columns.get("started_at")
    at = datetime.fromisoformat(started_at) if started_at is not None else now
    estimate = price("" if by_model else columns.get("provider"), model, input_tokens, output_tokens, at)
    if estimate is not None:
        columns.update(price=estimate, price_estimated=1)


def update_price(columns: Columns, log: Columns, now: datetime) -> None:
    """Let an update of a log's tokens or costs change its price too, which was estimated or is missing.

    `log` is the log as it is stored.
    """
    if _PRICED_BY.isdisjoint(columns) or (log["price"] is not None and not log["price_estimated"]):
        return
    updated = {name: columns.get(name, log[name]) for name in ("provider", "model", "started_at", *_PRICED_BY)}
    known = {name: value for name, value in updated.items() if value is not None}
    add_price(known, now)
    columns.update(price=known.get("price"), price_estimated=known.get("price_estimated"))


@lru_cache(maxsize=_MAX_MODELS)
def _rates(provider: str, model: str) -> tuple[_Rates, ...]:
    """The rates of a model, in the order in which they are tried; none for one that is not priced by tokens."""
    found = _find(provider.lower(), model.lower())
    if found is None:
        return ()
    if isinstance(found.prices, ModelPrice):
        return _of(None, found.prices)
    conditional = [rates for each in reversed(found.prices) for rates in _of(each.constraint, each.prices)]
    return (*conditional, *_of(None, found.prices[0].prices))


def _find(provider: str, model: str) -> ModelInfo | None:
    if len(provider) > _MAX_NAME_CHARACTERS or len(model) > _MAX_NAME_CHARACTERS:
        return None
    if provider == "litellm":
        provider, _, model = model.rpartition("/")
    sold_by = find_provider_by_id(_PROVIDERS, provider) if provider else _maker(model)
    return sold_by.find_model(model, all_providers=_PROVIDERS) if sold_by is not None else None


def _maker(model: str) -> Provider | None:
    for provider in _PROVIDERS:
        if provider.model_match is not None and provider.model_match.is_match(model):
            return provider
    return None


def _of(constraint: StartDateConstraint | TimeOfDateConstraint | None, prices: ModelPrice) -> tuple[_Rates, ...]:
    input, output = prices.input_mtok, prices.output_mtok
    if input is None and output is None:
        return ()
    requests = prices.requests_kcount
    per_request = requests / 1000 if isinstance(requests, Decimal) else Decimal(0)
    return (_Rates(constraint, _rate(input), _rate(output), per_request),)


def _rate(price: Decimal | TieredPrices | None) -> _Rate:
    if isinstance(price, TieredPrices):
        return _Rate(price.base, tuple((tier.start, tier.price) for tier in reversed(price.tiers)))
    return _Rate(price if price is not None else Decimal(0))
