"""Calls of functions, and windows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from shared.sql.expressions import Expressions
from shared.sql.functions import resolve, similar
from shared.sql.nodes import parts, quoted, refuse

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_FRAME_SIDES: Final = frozenset({"PRECEDING", "FOLLOWING"})
_FRAME_ENDS: Final = frozenset({"CURRENT ROW", "UNBOUNDED"})


class Calls(Expressions):
    """Writes expressions with calls in them."""

    def __init__(self) -> None:
        super().__init__()
        self.rules |= {
            exp.Lambda: self.function_of_lambda,
            exp.Anonymous: self.call,
            exp.AnonymousAggFunc: self.call,
            exp.CombinedAggFunc: self.call,
            exp.ParameterizedAgg: self.parametric,
            exp.CombinedParameterizedAgg: self.parametric,
            exp.Distinct: self.distinct,
            exp.Filter: self.filtered,
            exp.Window: self.window,
            exp.IgnoreNulls: self.around("{} IGNORE NULLS"),
            exp.RespectNulls: self.around("{} RESPECT NULLS"),
        }

    def function_name(self, node: Expr) -> str:
        name = node.this.name if isinstance(node.this, exp.Expr) else str(node.this)
        known = resolve(name)
        if known is None:
            close = similar(name)
            raise refuse(f"the function {name[:64]}", f"is {' or '.join(close)} meant?" if close else "")
        return known

    def call(self, node: Expr) -> str:
        parts(node, "this", "expressions")
        name = self.function_name(node)
        if name == "count" and [type(each) for each in node.expressions] == [exp.Star]:
            return "count()"
        return f"{name}({self.list(node.expressions)})"

    def parametric(self, node: Expr) -> str:
        """`quantile(0.9)(x)`: sqlglot calls the first list expressions, the second params."""
        parts(node, "this", "expressions", "params")
        return f"{self.function_name(node)}({self.list(node.expressions)})({self.list(node.args['params'])})"

    def distinct(self, node: Expr) -> str:
        parts(node, "expressions")
        return f"DISTINCT {self.list(node.expressions)}"

    def filtered(self, node: Expr) -> str:
        parts(node, "this", "expression")
        return f"{self.expression(node.this)} FILTER (WHERE {self.expression(node.args['expression'].this)})"

    def function_of_lambda(self, node: Expr) -> str:
        parts(node, "this", "expressions")
        names = ", ".join(quoted(each.name) for each in node.expressions)
        return f"(({names}) -> {self.expression(node.this)})"

    def window(self, node: Expr) -> str:
        parts(node, "this", "partition_by", "order", "spec", "over", "alias")
        return f"{self.expression(node.this)} OVER {self._window_of(node)}"

    def _window_of(self, node: Expr) -> str:
        alias = node.args.get("alias")
        name = quoted(alias.name) if alias is not None else ""
        inside = self.window_body(node)
        return f"({' '.join(filter(None, (name, inside)))})" if inside or not name else name

    def window_body(self, node: Expr) -> str:
        """What is between the parentheses of a window."""
        texts = []
        if node.args.get("partition_by"):
            texts.append(f"PARTITION BY {self.list(node.args['partition_by'])}")
        if node.args.get("order") is not None:
            texts.append(f"ORDER BY {self.ordering(node.args['order'])}")
        spec = node.args.get("spec")
        if spec is not None:
            parts(spec, "kind", "start", "start_side", "end", "end_side")
            if spec.args.get("kind") not in ("ROWS", "RANGE"):
                raise refuse("this frame of a window", "it is ROWS or RANGE BETWEEN ... AND ...")
            start, end = self._frame(spec, "start"), self._frame(spec, "end")
            texts.append(f"{spec.args['kind']} BETWEEN {start} AND {end}")
        return " ".join(texts)

    def _frame(self, spec: Expr, which: str) -> str:
        bound, side = spec.args.get(which), spec.args.get(f"{which}_side") or ""
        if bound is None:
            return "CURRENT ROW"
        text = bound if isinstance(bound, str) and bound in _FRAME_ENDS else self.expression(bound)
        if side and side not in _FRAME_SIDES:
            raise refuse("this frame of a window")
        return f"{text} {side}".strip()

    def ordering(self, node: Expr) -> str:
        """What comes after ORDER BY."""
        parts(node, "expressions")
        return ", ".join(self._ordered(each) for each in node.expressions)

    def _ordered(self, node: Expr) -> str:
        if not isinstance(node, exp.Ordered):
            return self.expression(node)
        parts(node, "this", "desc", "nulls_first", "nulls_last")
        nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
        return f"{self.expression(node.this)} {'DESC' if node.args.get('desc') else 'ASC'} NULLS {nulls}"
