"""From the tree of an expression to the engine's SQL. Pure.

Each kind of node has a rule. A node without one is refused, and so is one with a part that its rule does
not read: nothing comes through because nobody thought of it. Parentheses go around everything, so that no precedence
is relied on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isinf
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from shared.sql.nodes import invalid, parts, quoted, refuse, string
from shared.sql.types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlglot.expressions import Expr

_PARAMETER: Final = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{1,16}")

_BINARY: Final[dict[type[Expr], str]] = {
    exp.And: "AND",
    exp.Or: "OR",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.DPipe: "||",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_UNITS: Final = frozenset({"MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})


Rule = Callable[["Expr"], str]


class Expressions:
    """Writes expressions. What it has met so far: the names of columns, and of parameters with their types."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.parameters: dict[str, str] = {}
        self.rules: dict[type[Expr], Rule] = {
            exp.Column: self.column,
            exp.Identifier: self.identifier,
            exp.Dot: self.dot,
            exp.Star: self.star,
            exp.Alias: self.alias,
            exp.Literal: self.literal,
            exp.RawString: lambda node: string(node.name),
            exp.HexString: self.hexadecimal,
            exp.Boolean: lambda node: "true" if node.this else "false",
            exp.Null: lambda _: "NULL",
            exp.Placeholder: self.placeholder,
            exp.Paren: self.around("({})"),
            exp.Not: self.around("(NOT {})"),
            exp.Neg: self.around("(-{})"),
            exp.Tuple: self.around_list("tuple({})"),
            exp.Array: self.around_list("[{}]"),
            exp.IntDiv: lambda node: f"intDiv({self.list([node.this, node.args['expression']])})",
            exp.RegexpLike: lambda node: f"match({self.list([node.this, node.args['expression']])})",
            exp.Is: self.is_null,
            exp.In: self.is_in,
            exp.Between: self.between,
            exp.Like: self.like,
            exp.ILike: self.like,
            exp.Case: self.case,
            exp.If: self.choice,
            exp.Cast: self.cast,
            exp.CastToStrType: self.cast,
            exp.Interval: self.interval,
            exp.Bracket: self.bracket,
            exp.VarMap: self.mapping,
        }

    def expression(self, node: Expr | str | None) -> str:
        """Any expression. Raises Invalid."""
        if node is None or isinstance(node, str):
            raise invalid("an expression is missing")
        operator = _BINARY.get(type(node))
        if operator is not None:
            parts(node, "this", "expression")
            return f"({self.expression(node.this)} {operator} {self.expression(node.args.get('expression'))})"
        rule = self.rules.get(type(node))
        if rule is None:
            raise refuse(type(node).__name__.upper())
        return rule(node)

    def list(self, nodes: Iterable[Expr]) -> str:
        """Expressions with commas between them."""
        return ", ".join(self.expression(node) for node in nodes)

    def around(self, text: str) -> Rule:
        """The rule of a node that has one part: a text with `{}` where it goes."""

        def rule(node: Expr) -> str:
            parts(node, "this")
            return text.replace("{}", self.expression(node.this))

        return rule

    def around_list(self, text: str) -> Rule:
        """The same for a node that is a list."""

        def rule(node: Expr) -> str:
            parts(node, "expressions")
            return text.replace("{}", self.list(node.expressions))

        return rule

    def identifier(self, node: Expr) -> str:
        """A name, noted as one of a column that may be meant."""
        parts(node, "this", "quoted")
        self.names.add(node.name)
        return quoted(node.name)

    def literal(self, node: Expr) -> str:
        parts(node, "this", "is_string")
        if node.args.get("is_string"):
            return string(node.name)
        if _NUMBER.fullmatch(node.name) is None or isinf(float(node.name)):
            raise refuse(f"the number {node.name[:40]!r}")
        return node.name

    def hexadecimal(self, node: Expr) -> str:
        if _HEXADECIMAL.fullmatch(node.name) is None:
            raise refuse(f"the number {node.name[:40]!r}")
        return str(int(node.name, 16))

    def column(self, node: Expr) -> str:
        parts(node, "this", "table", "db", "catalog")
        path = [node.args.get(name) for name in ("catalog", "db", "table", "this")]
        return ".".join(self._step(step) for step in path if step is not None)

    def _step(self, node: Expr) -> str:
        match node:
            case exp.Star():
                return self.star(node)
            case exp.Literal():
                return self.literal(node)
            case _:
                return self.identifier(node)

    def dot(self, node: Expr) -> str:
        parts(node, "this", "expression")
        return f"{self.expression(node.this)}.{self._step(node.args['expression'])}"

    def star(self, node: Expr) -> str:
        parts(node, "except_", "replace")
        text = "*"
        if node.args.get("except_"):
            text += f" EXCEPT ({self.list(node.args['except_'])})"
        if node.args.get("replace"):
            changed = ", ".join(
                f"{self.expression(each.this)} AS {quoted(each.args['alias'].name)}" for each in node.args["replace"]
            )
            text += f" REPLACE ({changed})"
        return text

    def alias(self, node: Expr) -> str:
        parts(node, "this", "alias")
        return f"({self.expression(node.this)} AS {quoted(node.alias)})"

    def cast(self, node: Expr) -> str:
        parts(node, "this", "to")
        return f"CAST({self.expression(node.this)}, {string(type_text(node.args['to']))})"

    def interval(self, node: Expr) -> str:
        parts(node, "this", "unit")
        unit = str(node.args["unit"].name).upper().removesuffix("S") if node.args.get("unit") else ""
        if unit not in _UNITS or node.this is None:
            raise refuse("this INTERVAL", f"it is a number and one of {', '.join(sorted(_UNITS))}")
        amount = node.this
        if isinstance(amount, exp.Literal) and re.fullmatch(r"-?\d{1,9}", amount.name):
            return f"toInterval{unit.title()}({amount.name})"
        return f"toInterval{unit.title()}({self.expression(amount)})"

    def case(self, node: Expr) -> str:
        parts(node, "this", "ifs", "default")
        text = "CASE" + (f" {self.expression(node.this)}" if node.this is not None else "")
        for branch in node.args["ifs"]:
            parts(branch, "this", "true")
            text += f" WHEN {self.expression(branch.this)} THEN {self.expression(branch.args['true'])}"
        default = node.args.get("default")
        return f"({text}{f' ELSE {self.expression(default)}' if default is not None else ''} END)"

    def choice(self, node: Expr) -> str:
        """`a ? b : c`."""
        parts(node, "this", "true", "false")
        return f"if({self.list([node.this, node.args['true'], node.args['false'] or exp.Null()])})"

    def bracket(self, node: Expr) -> str:
        parts(node, "this", "expressions", "offset")
        if len(node.expressions) != 1 or node.args.get("offset"):
            raise refuse("more than one index in brackets")
        return f"arrayElement({self.list([node.this, node.expressions[0]])})"

    def mapping(self, node: Expr) -> str:
        """`{'a': 1}`."""
        parts(node, "keys", "values")
        pairs = zip(node.args["keys"].expressions, node.args["values"].expressions, strict=True)
        return f"map({self.list(part for pair in pairs for part in pair)})"

    def between(self, node: Expr) -> str:
        parts(node, "this", "low", "high")
        low, high = self.expression(node.args["low"]), self.expression(node.args["high"])
        return f"({self.expression(node.this)} BETWEEN {low} AND {high})"

    def like(self, node: Expr) -> str:
        parts(node, "this", "expression", "negate")
        operator = ("NOT " if node.args.get("negate") else "") + ("ILIKE" if isinstance(node, exp.ILike) else "LIKE")
        return f"({self.expression(node.this)} {operator} {self.expression(node.args['expression'])})"

    def is_null(self, node: Expr) -> str:
        parts(node, "this", "expression")
        if not isinstance(node.args["expression"], exp.Null):
            raise refuse("IS with anything but NULL")
        return f"({self.expression(node.this)} IS NULL)"

    def is_in(self, node: Expr) -> str:
        """The engine takes a lone name on the right for a table, in parentheses too, so names never get there."""
        parts(node, "this", "expressions", "query", "field")
        left = self.expression(node.this)
        if node.args.get("query") is not None:
            return f"({left} IN {self.expression(node.args['query'])})"
        field = node.args.get("field")
        if isinstance(field, exp.Placeholder):
            return f"({left} IN {self.placeholder(field)})"
        if field is not None or not node.expressions:
            raise refuse(
                "a name after IN", "use IN (SELECT ...), IN (1, 2), IN {ids:Array(UInt64)} or has(array, value)"
            )
        if all(map(_is_constant, node.expressions)):
            return f"({left} IN ({self.list(node.expressions)}))"
        return f"({' OR '.join(f'{left} = {self.expression(each)}' for each in node.expressions)})"

    def placeholder(self, node: Expr) -> str:
        parts(node, "this", "kind")
        name = node.this.name if isinstance(node.this, exp.Expr) else ""
        if _PARAMETER.fullmatch(name) is None:
            raise refuse("this parameter", "it is {name:Type}, with a name of letters and digits")
        kind = type_text(node.args.get("kind"))
        if self.parameters.setdefault(name, kind) != kind:
            raise refuse(f"the parameter {name!r} with two types")
        return f"{{{name}:{kind}}}"


def _is_constant(node: Expr) -> bool:
    match node:
        case exp.Literal() | exp.Null() | exp.Boolean() | exp.Placeholder():
            return True
        case exp.Neg() | exp.Paren():
            return _is_constant(node.this)
        case exp.Tuple() | exp.Array():
            return bool(node.expressions) and all(map(_is_constant, node.expressions))
        case _:
            return False
