"""What the rules of expressions and of queries share. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shared.errors import Invalid

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

MAX_CHARACTERS: Final = 20_000
"""Of a query. Here, for who describes the API needs it and not the grammar, which takes 9 MB."""

_IDENTIFIER: Final = re.compile(r"[^_\x00-\x1f\x7f`\"'\\][^\x00-\x1f\x7f`\"'\\]{0,127}")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"})
_INERT: Final = {"copy", "safe", "typed", "nested", "value_constructor", "nullable", "update", "is_integer"}
"""Arguments of nodes that say how sqlglot is to translate them, and nothing to us."""


def invalid(message: str) -> Invalid:
    """The error for what is wrong with a query."""
    return Invalid(f"query: {message}", [{"loc": ["body", "query"], "msg": message, "type": "sql"}])


def refuse(what: str, instead: str = "") -> Invalid:
    """The error for a construct that is not allowed."""
    return invalid(f"{what} is not allowed{f': {instead}' if instead else ''}")


def parts(node: Expr, *names: str) -> None:
    """Raises Invalid when a node has other parts than these."""
    for name, value in node.args.items():
        if value not in (None, False, []) and name not in names and name not in _INERT:
            raise refuse(f"{name.strip('_').replace('_', ' ').upper()} here")


def quoted(name: str) -> str:
    """A name of the user's, as an identifier that can be nothing else. Raises Invalid."""
    if _IDENTIFIER.fullmatch(name) is None:
        raise refuse(
            f"the name {name[:40]!r}", "names have up to 128 characters, no quotes, and don't begin with an underscore"
        )
    return f"`{name}`"


def string(text: str) -> str:
    """A string literal."""
    return f"'{text.translate(_ESCAPES)}'"
