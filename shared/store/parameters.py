"""Values of `{name:Type}` placeholders as the engine reads them: escaped text, and SQL literals inside containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def encode_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The text of each value. Takes None, bool, int, float, str, and lists and tuples of them.

    Raises TypeError for any other type (pass times as text).
    """
    return {name: _encode(value, top_level=True) for name, value in parameters.items()}


def _encode(value: Any, *, top_level: bool = False) -> str:
    match value:
        case None:
            return "\\N" if top_level else "NULL"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            text = value.translate(_ESCAPES)
            return text if top_level else f"'{text}'"
        case list():
            return f"[{','.join(map(_encode, value))}]"
        case tuple():
            return f"({','.join(map(_encode, value))})"
        case _:
            raise TypeError(f"a query parameter can't be a {type(value).__name__}")
