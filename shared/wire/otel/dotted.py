"""Attributes that say in a flat way what is not: `message.0.content` = "Hello", or `finish_reasons` = "('stop',)"."""

from __future__ import annotations

import re
from typing import Any, Final

_MAX_KEYS: Final = 30
"""Of a path; a longer one has its rest as the last key."""

_QUOTED: Final = re.compile(r"""'([^']*)'|"([^"]*)\"""")

Json = dict[str, Any]


def put(tree: Json, path: str, value: Any) -> None:
    """Put a value at a path of keys with dots between them; one whose path is taken is left out."""
    *keys, last = path.split(".", _MAX_KEYS)
    node: Any = tree
    for key in keys:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            return
    node.setdefault(last, value)


def lists_of(tree: Any) -> Any:
    """The tree with every object whose keys are all numbers made a list, in the order of the numbers."""
    if not isinstance(tree, dict):
        return tree
    made = {key: lists_of(value) for key, value in tree.items()}
    if made and all(key.isascii() and key.isdigit() for key in made):
        return [made[key] for key in sorted(made, key=lambda key: (len(key), key))]
    return made


def texts_of(value: Any) -> list[str]:
    """The texts in a list, or in the text of a list or a tuple as Python writes it; other text is the only one."""
    if isinstance(value, str):
        if value[:1] not in {"(", "["}:
            return [value] if value else []
        return [single or double for single, double in _QUOTED.findall(value)]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
