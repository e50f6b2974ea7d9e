"""From the tree of a SELECT to the engine's SQL. Pure.

The one way to data is a table's name after FROM or JOIN. Such a name is a WITH query of the user's, which is written
under another name that nothing in the store has, or one of `tables`, in whose place its subquery is put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from shared.sql.calls import Calls
from shared.sql.nodes import invalid, parts, quoted, refuse
from shared.sql.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.expressions import Expr

_SET_OPERATORS: Final[dict[type[Expr], str]] = {
    exp.Union: "UNION",
    exp.Except: "EXCEPT",
    exp.Intersect: "INTERSECT",
}
_SIDES: Final = frozenset({"", "LEFT", "RIGHT", "FULL"})
_KINDS: Final = frozenset({"", "INNER", "OUTER", "CROSS", "ANY", "ASOF", "SEMI", "ANTI"})
_NUMBERS: Final = "numbers"

MAX_TABLES: Final = 40
"""In one query, those of a WITH query counted wherever it is named: the engine puts it in there."""

_CLAUSES: Final = (
    *("expressions", "distinct", "from_", "joins", "where", "group", "having", "windows", "qualify", "order"),
    *("limit_by", "limit", "offset", "with_"),
)
_INSTEAD: Final = {
    "prewhere": "use WHERE",
    "settings": "limits are set by the server",
    "format": "the format is a part of the request: ?format=csv",
    "into": "answers are sent to the client",
    "sample": "use a condition such as cityHash64(id) % 10 = 0",
    "locks": "a query only reads",
}
"""What to use for clauses that are not among `_CLAUSES`."""

_KEYWORDS: Final = {"locks": "FOR UPDATE", "laterals": "LATERAL", "pivots": "PIVOT", "connect": "CONNECT BY"}
"""Clauses that sqlglot calls otherwise."""


class Selects(Calls):
    """Writes queries. `names` are the columns that the query names, as far as that is known before it is written."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.rules |= {
            exp.Exists: self.exists,
            exp.Subquery: self.subquery,
            exp.Select: self.subquery,
            exp.Union: self.subquery,
            exp.Except: self.subquery,
            exp.Intersect: self.subquery,
        }
        self._wanted = names
        self._scopes: list[dict[str, str]] = []  # by nesting: WITH queries, and what they are called in the text
        self._queries = 0
        self._tables = 0
        self._weights: dict[str, int] = {}  # tables in a WITH query, by what it is called in the text

    def subquery(self, node: Expr) -> str:
        """A SELECT in parentheses, or a set of them. Raises Invalid."""
        if isinstance(node, exp.Subquery):
            parts(node, "this", "with_")
            if node.args.get("with_") is not None:
                raise refuse("WITH before parentheses", "put it inside of them")
            return self.subquery(node.this)
        return f"({self.query(node)})"

    def exists(self, node: Expr) -> str:
        parts(node, "this")
        return f"EXISTS {self.subquery(node.this)}"

    def query(self, node: Expr) -> str:
        """A SELECT, or a set of them. Raises Invalid."""
        if isinstance(node, exp.Subquery):
            return f"SELECT * FROM {self.subquery(node)}"
        if not isinstance(node, (exp.Select, exp.SetOperation)):
            raise refuse(type(node).__name__.upper(), "only SELECT is")
        self._scopes.append({})
        try:
            before = self._with(node.args.get("with_"))
            return before + (self._select(node) if isinstance(node, exp.Select) else self._set(node))
        finally:
            self._scopes.pop()

    def _with(self, node: Expr | None) -> str:
        if node is None:
            return ""
        parts(node, "expressions")
        return f"WITH {', '.join(self._with_query(each) for each in node.expressions)} "

    def _with_query(self, node: Expr) -> str:
        parts(node, "this", "alias", "scalar")
        alias = node.args.get("alias")
        if not isinstance(node, exp.CTE) or alias is None or alias.args.get("columns"):
            raise refuse("this WITH", "it is WITH name AS (SELECT ...) or WITH expression AS name")
        shown = quoted(alias.name)
        if node.args.get("scalar") or not isinstance(node.this, (exp.Select, exp.Subquery, exp.SetOperation)):
            return f"{self.expression(node.this)} AS {shown}"
        before = self._tables
        body = self.subquery(node.this)
        self._queries += 1
        name = f"`_cte{self._queries}_{alias.name}`"
        self._weights[name] = max(1, self._tables - before)
        self._scopes[-1][alias.name] = name
        return f"{name} AS {body}"

    def _set(self, node: Expr) -> str:
        parts(node, "this", "expression", "distinct", "with_", "order", "limit", "offset")
        kind = "DISTINCT" if node.args.get("distinct") else "ALL"
        left, right = self.subquery(node.this), self.subquery(node.args["expression"])
        text = f"SELECT * FROM ({left} {_SET_OPERATORS[type(node)]} {kind} {right})"
        return text + self._end(node)

    def _select(self, node: Expr) -> str:
        for name, value in node.args.items():
            if value not in (None, False, []) and name not in _CLAUSES:
                raise refuse(_KEYWORDS.get(name, name.strip("_").upper()), _INSTEAD.get(name, ""))
        if not node.expressions:
            raise invalid("a SELECT has no columns")
        # FROM comes first, for what it names is seen by all else.
        source = self._from(node)
        text = f"SELECT {self._distinct(node)}{self.list(node.expressions)}{source}"
        for name, keyword in (("where", "WHERE"), ("group", "GROUP BY"), ("having", "HAVING")):
            clause = node.args.get(name)
            if clause is not None:
                text += f" {keyword} {self._group(clause) if name == 'group' else self.expression(clause.this)}"
        if node.args.get("windows"):
            text += f" WINDOW {', '.join(map(self._named_window, node.args['windows']))}"
        if node.args.get("qualify") is not None:
            text += f" QUALIFY {self.expression(node.args['qualify'].this)}"
        return text + self._end(node)

    def _distinct(self, node: Expr) -> str:
        distinct = node.args.get("distinct")
        if distinct is None:
            return ""
        parts(distinct, "on")
        on = distinct.args.get("on")
        if on is None:
            return "DISTINCT "
        return f"DISTINCT ON ({self.list(on.expressions if isinstance(on, exp.Tuple) else [on])}) "

    def _named_window(self, node: Expr) -> str:
        parts(node, "this", "partition_by", "order", "spec")
        return f"{quoted(node.this.name)} AS ({self.window_body(node)})"

    def _group(self, node: Expr) -> str:
        if node.args.get("totals"):
            raise refuse("WITH TOTALS", "use WITH ROLLUP")
        parts(node, "expressions", "all", "rollup", "cube")
        if node.args.get("all"):
            return "ALL"
        text = ", ".join(map(self._grouping, node.expressions))
        for name in ("rollup", "cube"):
            if node.args.get(name):
                text += f" WITH {name.upper()}"
        return text

    def _grouping(self, node: Expr) -> str:
        if isinstance(node, exp.GroupingSets):
            parts(node, "expressions")
            return f"GROUPING SETS ({', '.join(map(self._grouping_set, node.expressions))})"
        if isinstance(node, exp.Rollup | exp.Cube):
            parts(node, "expressions")
            return f"{type(node).__name__.upper()}({self.list(node.expressions)})"
        return self.expression(node)

    def _grouping_set(self, node: Expr) -> str:
        if isinstance(node, exp.Tuple):
            return f"({self.list(node.expressions)})"
        return f"({self.expression(node.this if isinstance(node, exp.Paren) else node)})"

    def _end(self, node: Expr) -> str:
        text = ""
        if node.args.get("order") is not None:
            text += f" ORDER BY {self.ordering(node.args['order'])}"
        limit_by = node.args.get("limit_by")
        if limit_by is not None:
            parts(limit_by, "expression", "expressions")
            text += f" LIMIT {self.expression(limit_by.args['expression'])} BY {self.list(limit_by.expressions)}"
        limit = node.args.get("limit")
        if limit is not None:
            if not isinstance(limit, exp.Limit):
                raise refuse("FETCH", "use LIMIT")
            parts(limit, "expression", "limit_options")
            options = limit.args.get("limit_options")
            text += f" LIMIT {self.expression(limit.args['expression'])}"
            if options is not None:
                parts(options, "with_ties")
                text += " WITH TIES" if options.args.get("with_ties") else ""
        offset = node.args.get("offset")
        if offset is not None:
            parts(offset, "expression")
            text += f" OFFSET {self.expression(offset.args['expression'])}"
        return text

    def _from(self, node: Expr) -> str:
        first = node.args.get("from_")
        if first is None:
            if node.args.get("joins"):
                raise invalid("JOIN without FROM")
            return ""
        parts(first, "this")
        return f" FROM {self._source(first.this)}{''.join(map(self._join, node.args.get('joins') or ()))}"

    def _join(self, node: Expr) -> str:
        if node.args.get("global_"):
            raise refuse("GLOBAL", "leave it out")
        parts(node, "this", "expressions", "side", "kind", "on", "using")
        side, kind = str(node.args.get("side") or ""), str(node.args.get("kind") or "")
        keywords = " ".join(filter(None, (side, kind, "JOIN")))
        if kind == "ARRAY":
            if side not in ("", "LEFT") or node.args.get("on") or node.args.get("using"):
                raise refuse("this ARRAY JOIN")
            return f" {keywords} {self.list([node.this, *node.expressions])}"
        if side not in _SIDES or kind not in _KINDS or node.expressions:
            raise refuse(keywords)
        text = f" {keywords} {self._source(node.this)}"
        if node.args.get("on") is not None:
            text += f" ON {self.expression(node.args['on'])}"
        elif node.args.get("using"):
            text += f" USING ({self.list(node.args['using'])})"
        return text

    def _source(self, node: Expr) -> str:
        if isinstance(node, exp.Final):
            raise refuse("FINAL", "leave it out: every table has logs as they are now")
        alias = node.args.get("alias")
        if alias is not None:
            parts(alias, "this")
        shown = alias.name if alias is not None else ""
        joins: Sequence[Expr] = node.args.get("joins") or ()
        if joins:
            raise refuse("a join in parentheses", "use (SELECT ... FROM ... JOIN ...)")
        if isinstance(node, exp.Subquery):
            parts(node, "this", "alias")
            return self.subquery(node.this) + (f" AS {quoted(shown)}" if shown else "")
        if not isinstance(node, exp.Table):
            raise refuse(type(node).__name__.upper() + " after FROM", _tables())
        if node.args.get("sample") is not None:
            raise refuse("SAMPLE", _INSTEAD["sample"])
        parts(node, "this", "alias", "db", "catalog")
        path = [part.name for part in (node.args.get("catalog"), node.args.get("db")) if part is not None]
        if isinstance(node.this, exp.Anonymous):
            return self._table_function(node.this, path, shown)
        if not isinstance(node.this, exp.Identifier):
            raise refuse("this after FROM", _tables())
        name = node.this.name
        return f"{self._table(name, path)} AS {quoted(shown or name)}"

    def _table(self, name: str, path: list[str]) -> str:
        if not path:
            for scope in reversed(self._scopes):
                if name in scope:
                    self._count(self._weights[scope[name]])
                    return scope[name]
            if name in TABLES:
                self._count(1)
                return TABLES[name].subquery(self._wanted)
        raise invalid(f"there is no table {'.'.join([*path, name])[:80]!r}; {_tables()}")

    def _count(self, tables: int) -> None:
        self._tables += tables
        if self._tables > MAX_TABLES:
            raise invalid(f"reads more than {MAX_TABLES} tables, WITH queries counted wherever they are named")

    def _table_function(self, node: Expr, path: list[str], shown: str) -> str:
        parts(node, "this", "expressions")
        if str(node.this) != _NUMBERS or path:
            raise refuse(f"the table function {str(node.this)[:64]}", _tables())
        self._count(1)
        return f"{_NUMBERS}({self.list(node.expressions)}) AS {quoted(shown or _NUMBERS)}"


def _tables() -> str:
    return f"tables are {', '.join(TABLES)}, WITH queries and numbers(n)"
