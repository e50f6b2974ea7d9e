"""What becomes of users' SQL, without an engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid, StoreRejected
from shared.sql.failures import explain
from shared.sql.functions import ALIASES, resolve, similar
from shared.sql.nodes import MAX_CHARACTERS
from shared.sql.query import compile_query
from shared.sql.reader import MAX_DEPTH, MAX_TOKENS
from shared.sql.selects import MAX_TABLES
from shared.sql.tables import TABLES
from tests.support.sql_attempts import REFUSED

NARROW = {name: table.subquery(frozenset()) for name, table in TABLES.items()}
WIDE = {name: table.subquery(frozenset(column.name for column in table.columns)) for name, table in TABLES.items()}


def compiled(text: str, **parameters: Any) -> str:
    """The query that is run, with each table's subquery as its name in angle brackets, << >> when it reads bodies."""
    sql = compile_query(text, parameters, "acme").sql
    for name in TABLES:
        sql = sql.replace(WIDE[name], f"<<{name}>>").replace(NARROW[name], f"<{name}>")
    return sql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select model from log_records", "SELECT `model` FROM <log_records> AS `log_records`"),
        ("SELECT l.* FROM log_records l;", "SELECT `l`.* FROM <log_records> AS `l`"),
        ("SELECT count(*) FROM spans", "SELECT count() FROM <spans> AS `spans`"),
        ("SELECT input FROM log_records", "SELECT `input` FROM <<log_records>> AS `log_records`"),
        ("SELECT 1 WHERE a AND NOT b OR c", "SELECT 1 WHERE ((`a` AND (NOT `b`)) OR `c`)"),
        ("SELECT COUNT(x), date_diff('day', a, b)", "SELECT count(`x`), dateDiff('day', `a`, `b`)"),
        ("SELECT quantile(0.9)(x) AS q", "SELECT (quantile(0.9)(`x`) AS `q`)"),
        ("SELECT a[1], m['k'], t.1", "SELECT arrayElement(`a`, 1), arrayElement(`m`, 'k'), `t`.1"),
        ("SELECT arrayMap(x -> x + 1, a)", "SELECT arrayMap(((`x`) -> (`x` + 1)), `a`)"),
        ("SELECT a IN (1, -2), b IN ('x')", "SELECT (`a` IN (1, (-2))), (`b` IN ('x'))"),
        ("SELECT a IN (b, c)", "SELECT (`a` = `b` OR `a` = `c`)"),
        ("SELECT a NOT IN (SELECT 1)", "SELECT (NOT (`a` IN (SELECT 1)))"),
        ("SELECT 'it''s \\'\\\\ \\n'", "SELECT 'it\\'s \\'\\\\ \\n'"),
        ("SELECT INTERVAL 5 MINUTE, INTERVAL '1' day", "SELECT toIntervalMinute(5), toIntervalDay(1)"),
        ("SELECT CAST(a AS Nullable(DateTime64(3, 'UTC')))", "SELECT CAST(`a`, 'Nullable(DateTime64(3, \\'UTC\\'))')"),
        ("SELECT 1 UNION ALL SELECT 2", "SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2))"),
        (
            "WITH x AS (SELECT 1) SELECT * FROM x AS y JOIN x USING (a)",
            "WITH `_cte1_x` AS (SELECT 1) SELECT * FROM `_cte1_x` AS `y` JOIN `_cte1_x` AS `x` USING (`a`)",
        ),
        (
            "WITH log_records AS (SELECT * FROM log_records) SELECT * FROM log_records",
            "WITH `_cte1_log_records` AS (SELECT * FROM <log_records> AS `log_records`)"
            " SELECT * FROM `_cte1_log_records` AS `log_records`",
        ),
        (
            "SELECT a FROM numbers(3) ARRAY JOIN b ORDER BY a DESC LIMIT 1 BY a LIMIT 2 OFFSET 3",
            "SELECT `a` FROM numbers(3) AS `numbers` ARRAY JOIN `b` ORDER BY `a` DESC NULLS LAST LIMIT 1 BY `a`"
            " LIMIT 2 OFFSET 3",
        ),
    ],
)
def test_what_is_run(text: str, expected: str) -> None:
    assert compiled(text) == expected


def test_a_table_tells_the_workspace_in_every_part() -> None:
    for subqueries in (NARROW, WIDE):
        for subquery in subqueries.values():
            reads = re.findall(r"FROM (\w+) AS (\w+) FINAL PREWHERE (\S+) = (\S+)", subquery)
            assert len(reads) == subquery.count("FINAL") == len(re.findall(r"FROM \w", subquery))
            assert all(
                (column, value.rstrip(")")) == (f"{row}.workspace_id", "{_workspace:String}")
                for _, row, column, value in reads
            )
            assert compile_query("SELECT 1 FROM log_records", {}, "acme").parameters == {"_workspace": "acme"}


def test_no_column_is_low_cardinality() -> None:
    """What the migrations have as LowCardinality is cast, see `tables`; the contract tests hold the types."""
    for table in TABLES.values():
        assert not any("LowCardinality" in column.type for column in table.columns)


@pytest.mark.parametrize("group", ["table functions", "functions", "statements", "subqueries", "types"])
def test_what_must_not_run_does_not_reach_the_engine(group: str) -> None:
    for attempt in REFUSED[group].strip().splitlines():
        with pytest.raises(Invalid) as refusal:
            compile_query(attempt.strip(), {}, "acme")
        assert refusal.value.message.startswith("query: "), attempt
        assert "sqlglot" not in refusal.value.message, attempt


HOSTILE = {
    "too long": "SELECT '" + "x" * MAX_CHARACTERS + "'",
    "too many words": "SELECT " + "1," * MAX_TOKENS + "1",
    "too deep": "SELECT " + "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
    "types that are tried twice": "SELECT " + "Tuple(" * 23 + "x",
    "signs": "SELECT " + "- " * 1_900 + "1",
    "negations": "SELECT " + "NOT " * 1_900 + "1",
    "sum": "SELECT " + "+".join(["1"] * 1_900),
    "casts": "SELECT 1" + "::Int8" * 1_500,
    "unions": " UNION ALL ".join(["SELECT 1"] * 900),
    "tables": "SELECT 1 FROM " + ", ".join(["log_records"] * (MAX_TABLES + 1)),
    "doubling": "WITH a0 AS (SELECT 1 AS x), "
    + ", ".join(f"a{n} AS (SELECT l.x FROM a{n - 1} AS l, a{n - 1} AS r)" for n in range(1, 30))
    + " SELECT * FROM a29",
    "open quote": "SELECT 'x",
    "open comment": "SELECT 1 /* x",
    "surrogate": "SELECT '\ud800'",
    "null character": "SELECT 1\0",
    "dollars": "SELECT " + "$" * 3_000,
    "nothing": " ; ",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"^query: "):
        compile_query(text, {}, "acme")


VOCABULARY = (
    "SELECT FROM WHERE AND OR NOT IN JOIN ON USING WITH AS GROUP BY ORDER LIMIT UNION ALL ARRAY LEFT ANY CASE WHEN THEN"
    " ELSE END DISTINCT HAVING OVER PARTITION BETWEEN LIKE IS NULL INTERVAL DAY CAST EXISTS ( ) ( ) [ ] { } , , . * + -"
    " = -> :: ? : ; 1 2.5 'a' 'it''s' `logs` \"x\" x y log_records spans logs log_payloads system.tables numbers(3)"
    " count() sum(x) file('x') id model input {p:String} FINAL PREWHERE SETTINGS FORMAT INTO OUTFILE $$ -- /* */"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
SELECTS = st.lists(WORDS, max_size=25).map(lambda words: "SELECT " + " ".join(words))
QUERIES = st.one_of(
    SELECTS,
    st.tuples(SELECTS, SELECTS).map(lambda pair: f"{pair[0]} FROM log_records WHERE id IN ({pair[1]})"),
    st.tuples(SELECTS, SELECTS).map(lambda pair: f"WITH logs AS ({pair[0]}) {pair[1]} FROM logs"),
    st.text(max_size=60).map(lambda text: f"SELECT {text} FROM log_records"),
    st.text(max_size=60).map(lambda text: f"SELECT '{text}' AS \"{text}\""),
)
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`\\]*`", re.DOTALL)


@given(QUERIES)
@settings(max_examples=400, deadline=None)
def test_whatever_is_sent_only_our_subqueries_name_what_is_in_the_store(text: str) -> None:
    try:
        sql = compiled(text, **({"p": "x"} if "{p:String}" in text else {}))
    except Invalid:
        return
    bare = QUOTED.sub(" ", sql)
    assert not re.search(r"[;`'\"\\$]|--|/\*|#", bare), sql
    assert not re.search(
        r"\b(?:logs|log_\w+|system|file|FINAL|PREWHERE|SETTINGS|FORMAT|OUTFILE|_\w+)\b", re.sub(r"<\w+>", "", bare)
    )
    sources = re.findall(r"(?:FROM|JOIN) +(\S+)", QUOTED.sub(lambda found: found[0].replace(" ", ""), sql))
    assert all(source.startswith(("(", "<", "`_cte", "numbers(")) for source in sources), sql


def test_parameters_must_be_those_of_the_query() -> None:
    assert compile_query("SELECT {a:String}", {"a": "x"}, "acme").parameters == {"a": "x", "_workspace": "acme"}
    for text, parameters, says in (
        ("SELECT {a:String}", {}, "a is missing"),
        ("SELECT 1", {"a": 1}, "a is not in the query"),
        ("SELECT 1", {"_workspace": "other"}, "_workspace is not in the query"),
        ("SELECT {a:Array(String)}", {"a": [{}]}, "must be a text"),
        ("SELECT {a:String}, {a:Int8}", {"a": "1"}, "with two types"),
    ):
        with pytest.raises(Invalid, match=says):
            compile_query(text, parameters, "acme")


def test_names_of_functions() -> None:
    assert [resolve(name) for name in ("count", "COUNT", "sumif", "sumIf", "uniqExactIfOrNull", "tolowercase")] == [
        "count",
        "count",
        None,
        "sumIf",
        "uniqExactIfOrNull",
        None,
    ]
    assert [resolve(name) for name in ("sleep", "dictGet", "sumState", "lowerIf", "If", "")] == [None] * 4 + [
        "if",
        None,
    ]
    assert similar("lenght") == ["length"]
    assert all(resolve(name) is not None for name in ALIASES.values())


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (
            "Unknown expression identifier `x`. In scope SELECT x FROM (SELECT _l.id FROM logs). (UNKNOWN) (code 47)",
            47,
            "`x`",
        ),
        ("Missing `__table1.a` in _cte3_b (code 47)", 47, "Missing `a` in b"),
        ("Cannot parse 'secret' as Int8 (code 6)", 6, "a value can't be read"),
        ("PREWHERE _l.workspace_id = 'acme' (code 36)", 36, "the engine can't run it (its error 36)"),
        ("anything with 'secret' in it (code 9999)", 9999, "the engine can't run it (its error 9999)"),
    ],
)
def test_what_the_engine_says_is_told_without_its_insides(text: str, code: int, says: str) -> None:
    message = explain(StoreRejected(text, code)).message
    assert says in message
    assert not re.search("secret|_l|acme|logs|__", message)


def test_nothing_of_a_query_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        for text in ("SELECT a -> 'it''s', b -> 2.5", "SHOW TABLES", "WITH x AS (SHOW TABLES) SELECT 1", "SELECT '"):
            with pytest.raises(Invalid):
                compile_query(text, {}, "acme")
    assert caplog.records == []
