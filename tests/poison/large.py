"""The bodies that are too large to be files, by name."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MIB: Final = 1 << 20


def body(**fields: Any) -> bytes:
    """A body that every create route takes, with these fields."""
    return json.dumps({**_LOG, **fields}).encode()


def _text(text: str) -> dict[str, Any]:
    """The text where each route has the longest one."""
    messages = [{"role": "user", "content": text}]
    return {"input": {"type": "chat", "messages": messages}, "messages": messages}


_LOG: Final[dict[str, Any]] = {
    "provider": "openai",
    "model": "gpt-4o",
    "output": None,
    "request_start_time": 1,
    "request_end_time": 2,
    "path": "poison",
    **_text("Hello"),
}

LARGE: Final[dict[str, Callable[[], bytes]]] = {
    "over_the_limit": lambda: body(**_text("a" * (17 * MIB))),
    "long_text": lambda: body(**_text("a" * (12 * MIB))),
    "long_word_everywhere": lambda: body(**dict.fromkeys(("provider", "model", "user", "source"), "a" * (2 * MIB))),
    "million_different_words": lambda: body(**_text(" ".join(f"{number:x}" for number in range(1_900_000)))),
    "100000_tiny_fields": lambda: body(metadata={str(number): number for number in range(100_000)}),
    "100000_tiny_texts": lambda: body(metadata={str(number): "" for number in range(100_000)}),
    "100000_unknown_fields": lambda: body(**{str(number): number for number in range(100_000)}),
    "100000_wrong_items": lambda: body(tags=[1] * 100_000, messages=[1] * 100_000),
    "100000_wrong_parts": lambda: body(**_text([{}] * 100_000)),  # type: ignore[arg-type]
    "10001_tags": lambda: body(tags=["a"] * 10_001),
    "nested_100000_levels": lambda: b"[" * 100_000,
    "yaml_of_65537_characters": lambda: body(prompt="---\nmodel: " + "x" * 65_536 + "\n---\n"),
    "zip_bomb.gz": lambda: gzip.compress(b" " * (256 * MIB), compresslevel=1),
    "zip_bomb_in_pieces.gz": lambda: gzip.compress(b" " * MIB) * 64,
}
"""The last part of a name says how the body is encoded, as in the names of the files."""
