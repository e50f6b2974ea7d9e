"""Functions to decorate with `@tool`. Their types are not postponed: the decorator reads them as they are."""

from typing import Any, Optional


def weather(city: str, days: Optional[int] = None, tags: list[str] = []) -> dict[str, Any]:  # noqa: B006, UP045
    """Tell the weather."""
    return {"city": city, "rain": True}


def failing() -> str:
    raise LookupError("no such word")


def double(number: int) -> int:
    return number * 2
