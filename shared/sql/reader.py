"""From the text of a query to its tree. Pure.

The grammar is sqlglot's for ClickHouse, with every call kept as it is written: sqlglot would translate those it knows
into functions of its own. Length, nesting and size are bounded before it parses, so that no text takes long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parsers.clickhouse import ClickHouseParser
from sqlglot.tokenizer_core import TokenType

from shared.sql.nodes import MAX_CHARACTERS, invalid

if TYPE_CHECKING:
    from sqlglot.expressions import Expr
    from sqlglot.tokenizer_core import Token

MAX_TOKENS: Final = 4_000
MAX_DEPTH: Final = 24
"""Of parentheses, brackets and braces. sqlglot takes some 20 stack frames for each level, of Python's 1,000."""

MAX_STEPS: Final = 30_000
"""Tokens that the grammar may look at; a query of `MAX_TOKENS` takes some 6,000."""

_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_BEGINNINGS: Final = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN})


class _Parser(ClickHouseParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": lambda self: self._parse_cast(True)}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": lambda self: self._parse_case()}
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, Any]] = {}
    QUERY_MODIFIER_PARSERS: ClassVar[dict[TokenType, Any]] = {
        **ClickHouseParser.QUERY_MODIFIER_PARSERS,
        TokenType.LIMIT: lambda self: self.limit(),
    }

    steps = 0

    def _advance(self, times: int = 1) -> None:
        """Go to another token, and count it: some texts make the grammar try twice at each level of nesting."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise invalid("takes too long to read: write it in a simpler way")
        super()._advance(times)

    def _warn_unsupported(self) -> None:
        """Instead of a line in the log that has the text in it."""
        raise invalid("has a part that is no SELECT")

    def limit(self) -> tuple[str, Expr | None]:
        """`LIMIT n BY ...` is a clause of its own, beside which another LIMIT may stand."""
        limit = self._parse_limit()
        return ("limit_by" if limit is not None and limit.expressions else "limit"), limit


class _Dialect(ClickHouse):
    INDEX_OFFSET = 0  # a[1] stays a[1]
    Parser = _Parser

    def to_json_path(self, path: Expr | None) -> Expr | None:
        """What is right of `->` is not looked into: sqlglot would log what it does not understand."""
        return path


_DIALECT: Final = _Dialect()


def read(text: str) -> Expr:
    """The tree of one SELECT. Raises Invalid, which says where the text goes wrong, or which bound it is over."""
    if len(text) > MAX_CHARACTERS:
        raise invalid(f"has {len(text)} characters, at most {MAX_CHARACTERS} are taken: use parameters for values")
    try:
        text.encode()
        tokens = _DIALECT.tokenize(text)
    except UnicodeEncodeError:
        raise invalid("is not valid Unicode") from None
    except TokenError:
        raise invalid("a quote or a comment is not closed") from None
    _check_tokens(tokens)
    try:
        statements = _DIALECT.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except ParseError as error:
        raise invalid(f"{_described(error)}") from None
    except RecursionError:
        raise invalid("is nested too deeply") from None
    if len(statements) != 1 or statements[0] is None:
        raise invalid("must be one SELECT")
    return statements[0]


def _check_tokens(tokens: list[Token]) -> None:
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise invalid("is empty")
    if len(tokens) > MAX_TOKENS:
        raise invalid(f"has {len(tokens)} words and signs, at most {MAX_TOKENS} are taken")
    if tokens[0].token_type not in _BEGINNINGS:
        raise invalid(f"{tokens[0].text[:40]!r}: only SELECT is allowed, also after WITH")
    depth = 0
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            raise invalid("is more than one statement; only one SELECT is allowed")
        if token.token_type is TokenType.INTO:
            raise invalid("INTO is not allowed: answers are sent to the client")
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > MAX_DEPTH:
            raise invalid(f"is nested more than {MAX_DEPTH} deep")


def _described(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    reason = str(first.get("description") or "").rstrip(".")
    if "<class" in reason or not reason:
        reason = "something is missing"
    near = str(first.get("highlight") or "")[:40]
    place = f"line {first.get('line')}, column {first.get('col')}"
    return f"syntax error at {place}{f', near {near!r}' if near else ''}: {reason}"
