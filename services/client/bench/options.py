"""What the options of `sluice bench` say, read from text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

CREATE, PATCH, GET = "create", "patch", "get"

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([km]?)b?", re.IGNORECASE)
_SIZE_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?", re.IGNORECASE)
_DURATION_UNITS: Final = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}


def parse_size(text: str) -> int:
    """Bytes: `2200`, `2.2k`, `1M` (decimal units). Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 2.2k")
    return round(float(match[1]) * _SIZE_UNITS[match[2].lower()])


def parse_sizes(text: str) -> list[int]:
    """Sizes separated by commas. Raises ValueError."""
    return [parse_size(part) for part in text.split(",")]


def parse_duration(text: str) -> float:
    """Seconds: `30`, `30s`, `500ms`, `5m`, `1h`. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _DURATION_UNITS[(match[2] or "").lower()] if match else 0
    if seconds <= 0:
        raise ValueError(f"{text!r} is not a duration such as 30s or 5m")
    return seconds


def parse_mix(text: str) -> dict[str, float]:
    """Shares that add up to 1, from weights: `create=90,patch=5,get=5`. Raises ValueError.

    There must be creates: the other two work on the logs of the same run.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        name = name.strip()
        if name not in (CREATE, PATCH, GET) or name in weights:
            raise ValueError(f"{name!r}: a mix has create, patch and get, each once: create=90,patch=5,get=5")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = -1
        if not 0 <= weights[name] < float("inf"):
            raise ValueError(f"{name}: {weight!r} is not a weight")
    if not weights.get(CREATE):
        raise ValueError("a mix needs creates: patches and gets are of the logs that the same run created")
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight}


def parsed(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """The callback of an option that is read by `parse`."""

    def callback(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
