"""SQL of users on each adapter: nobody sees another workspace, whatever is tried, and the tables are as described.

The workspace `acme` lies between two others in every part and granule. In theirs each text is a canary, on which
functions fail that read numbers or base64 out of a text; in acme's none does. So a query that evaluates such a function
on one row too many fails, and one that tells of it has the canary in its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from services.query_api.sql import run
from shared import ids
from shared.errors import Invalid, SluiceError, TooExpensive
from shared.sql.functions import AGGREGATE, SCALAR, WINDOW
from shared.sql.query import compile_query
from shared.sql.tables import TABLES
from shared.store.base import AnswerLimits, QueryLimits
from shared.wire.sql import Format, SqlRequest
from tests.support.sql_attempts import REFUSED

if TYPE_CHECKING:
    from shared.store.base import LogStore, Row

NOON_MS: Final = 1_767_268_800_000
CANARY: Final = "CANARY!"
LOGS: Final = 200
LIMITS: Final = AnswerLimits(QueryLimits(20, 100_000_000), 1_000, 20_000_000)

TEXTS: Final = {
    **dict.fromkeys(("provider", "error", "external_id", "user_id", "prompt_name", "source", "output_text"), "12"),
    **dict.fromkeys(("model", "function_name", "error_type", "environment", "prompt_label"), "YWJj"),
}
"""Texts that are numbers, and texts that are base64."""

CONTAINED: Final = (
    # Functions that fail for what only other workspaces have: as values, as conditions, in joins and in aggregates.
    *(f"SELECT any(toInt32(assumeNotNull({name}))) = 12 AS ok FROM log_records" for name in list(TEXTS)[:7]),
    *(f"SELECT any(base64Decode(assumeNotNull({name}))) = 'abc' AS ok FROM log_records" for name in list(TEXTS)[7:]),
    *(f"SELECT count() = 198 AS ok FROM log_records WHERE toInt32({name}) = 12" for name in list(TEXTS)[:7]),
    *(f"SELECT count() = 198 AS ok FROM log_records WHERE base64Decode({name}) = 'abc'" for name in list(TEXTS)[7:]),
    "SELECT min(base64Decode(tags[1])) = 'abc' AS ok FROM log_records",
    "SELECT count() = 198 AS ok FROM log_records WHERE arrayAll(x -> base64Decode(x) = 'abc', tags)",
    "SELECT count() = 198 AS ok FROM log_records ARRAY JOIN tags AS tag WHERE base64Decode(tag) = 'abc'",
    "SELECT count() = 198 AS ok FROM log_records WHERE toInt32(metadata['YWJj']) = 12",
    "SELECT any(base64Decode(mapKeys(metadata)[1])) = 'abc' AS ok FROM log_records",
    "SELECT any(base64Decode(mapKeys(scores)[1])) = 'abc' AS ok FROM log_records",
    "SELECT count() = 198 AS ok FROM log_records WHERE intDiv(12, toInt32(provider)) = 1 AND received_at > 0",
    "SELECT count() = 198 AS ok FROM log_records WHERE match('YWJj', concat('^', model))",
    "SELECT count() = 198 AS ok FROM log_records WHERE intDiv(1, model = 'YWJj') = 1",
    "SELECT count() = 198 AS ok FROM log_records WHERE intDiv(1, cost < 1) = 1",
    "SELECT count() = 198 AS ok FROM log_records WHERE toDecimal32(cost, 2) < 1",
    "SELECT count() = 198 AS ok FROM log_records WHERE intDiv(1, received_at < toDateTime('2026-01-02 00:00:00')) = 1",
    "SELECT count() = 198 AS ok FROM log_records WHERE intDiv(1, id % 7 >= 0) = 1 AND toInt32(user_id) = 12",
    "SELECT count() = 198 AS ok FROM log_records WHERE JSONExtractInt(input, 'a') = 5 AND input NOT LIKE '%CAN%'",
    "SELECT count() = 198 AS ok FROM log_records WHERE toInt32(JSONExtractString(output, 'n')) = 7",
    "SELECT count() = 198 AS ok FROM log_records WHERE toInt32(output_text) = 12 AND base64Decode(model) = 'abc'",
    "SELECT count() = 198 AS ok FROM log_records AS a JOIN log_records AS b ON a.id = b.id"
    " AND toInt32(a.user_id) = toInt32(b.provider)",
    "SELECT count() = 198 AS ok FROM log_records AS a JOIN log_records AS b ON a.id = b.id"
    " WHERE base64Decode(b.model) = 'abc'",
    "SELECT count() = 198 AS ok FROM log_records WHERE id IN (SELECT id FROM log_records WHERE toInt32(error) = 12)",
    "SELECT count() = 198 AS ok FROM log_records"
    " WHERE toUInt64(external_id) IN (SELECT toUInt64(source) FROM log_records)",
    "SELECT count() = 20 AS ok FROM spans WHERE base64Decode(name) = 'abc'",
    "SELECT count() = 20 AS ok FROM spans WHERE base64Decode(JSONExtractString(span, 'n')) = 'abc'",
    "SELECT count() = 2 AS ok FROM log_duplicates WHERE base64Decode(model) = 'abc' AND toInt32(output_text) = 12",
    "SELECT max(n) = 198 AS ok FROM (SELECT toInt32(provider) AS k, count() AS n FROM log_records GROUP BY k)",
    "SELECT max(x) = 12 AS ok FROM (SELECT sum(toInt32(source)) OVER (PARTITION BY id) AS x FROM log_records)",
    # Names that are those of something else.
    "WITH logs AS (SELECT 1 AS id) SELECT count() = 198 AS ok FROM log_records",
    "WITH 'x' AS workspace_id, 5 AS duplicate_of, 'span' AS type SELECT count() = 198 AS ok FROM log_records",
    "WITH log_records AS (SELECT * FROM log_records WHERE model = 'YWJj') SELECT count() = 198 AS ok FROM log_records",
    "WITH a AS (SELECT * FROM log_records), b AS (SELECT * FROM a) SELECT count() = 198 AS ok FROM b AS log_payloads",
    "SELECT count() = 198 AS ok FROM log_records AS logs WHERE logs.model != 'workspace_id'",
    "SELECT count() = 198 AS ok FROM (SELECT 'x' AS workspace_id, * FROM log_records) WHERE workspace_id = 'x'",
    "SELECT count() = 1 AS ok FROM (SELECT '{_workspace:String}' AS a) WHERE a LIKE '{%:String}'",
    "SELECT '%(x)s %s %% \\' ; -- {a:String}' = concat('%(x)s %s %% ', char(39), ' ; -- {a:String}') AS ok",
    "SELECT count() = 594 AS ok FROM (SELECT * FROM log_records UNION ALL SELECT * FROM log_records UNION ALL"
    " SELECT * FROM log_records)",
    "SELECT max(r) = 198 AS ok FROM (SELECT row_number() OVER (ORDER BY id) AS r FROM log_records)",
    "SELECT uniqExact(toTypeName(model)) = 1 AND any(toTypeName(model)) = 'String' AS ok FROM log_records",
)
"""Queries of one value, which must be 1."""


def row(workspace: str, number: int, *, version: int = 1, **more: Any) -> Row:
    """What the writer inserts for a log; the canary is in every text but acme's."""
    own = workspace == "acme"
    at_ms = NOON_MS + number * 1_000 + (0 if own else 10 * 86_400_000 * (number % 2))
    texts = {name: text if own else CANARY for name, text in TEXTS.items()}
    key = "YWJj" if own else CANARY
    return {
        "workspace_id": workspace,
        "type": "promptlayer.request",
        "id": ids.mint(at_ms, number % 4, number + 100_000 * ("abz".index(workspace[0]))),
        "version": version,
        "received_at": at_ms / 1000,
        "started_at": at_ms / 1000,
        "price": 0.25 if own else 1e300,
        "tags": [key],
        "metadata": {key: texts["provider"]},
        "scores": {key: 1.0},
        "input": {"a": 5} if own else [CANARY],
        "output": {"n": "7" if own else CANARY},
        **texts,
        **more,
    }


async def fill(store: LogStore) -> None:
    """Three workspaces, in parts that overlap; of each log there is an older version, and two of each are re-sends."""
    rows = [row(name, number) for name in ("aaa", "acme", "zzz") for number in range(LOGS)]
    for each in rows[LOGS - 2 :: LOGS] + rows[LOGS - 1 :: LOGS]:
        each["duplicate_of"] = 5
    spans = [{**each, "type": "span", "id": each["id"] + 10_000, "span": {"n": each["model"]}} for each in rows[::10]]
    older = [{**each, "version": 0, "model": CANARY, "input": [CANARY]} for each in rows]
    for batch in (older, rows + spans):
        await store.insert("logs_in", b"\n".join(map(orjson.dumps, batch)))


@pytest.fixture
async def filled(store: LogStore) -> LogStore:
    await fill(store)
    return store


async def ask(store: LogStore, query: str, output: Format = Format.NDJSON, limits: AnswerLimits = LIMITS) -> bytes:
    return await run(store, "acme", SqlRequest(query=query), limits, output)


async def test_no_attempt_gets_out_of_its_workspace(filled: LogStore) -> None:
    wrong = []
    for group, attempts in REFUSED.items():
        for attempt in attempts.strip().splitlines():
            try:
                wrong.append((group, attempt, await ask(filled, attempt)))
            except SluiceError as error:
                if not isinstance(error, Invalid) or CANARY in error.message or "_l." in error.message:
                    wrong.append((group, attempt, str(error).encode()))
    assert wrong == []


async def test_no_function_is_evaluated_on_rows_of_other_workspaces(filled: LogStore) -> None:
    wrong = []
    for query in CONTAINED:
        try:
            answer = await ask(filled, query)
        except SluiceError as error:
            answer = str(error).encode()
        if answer != b'{"ok":1}\n':
            wrong.append((query, answer))
    assert wrong == []


async def test_without_our_two_rules_the_canary_gets_out(filled: LogStore) -> None:
    """The tests above can fail: the engine does apply a function to a dictionary with others' values in it."""
    text = "SELECT count() FROM logs FINAL PREWHERE workspace_id = 'acme' WHERE base64Decode(model) = 'abc' AND version"
    with pytest.raises(SluiceError, match=CANARY):
        await filled.query(text)


@pytest.mark.parametrize("condition", ["id > 5 AND received_at > '2026-01-01'", "input LIKE '%x%' AND id > 7", "1"])
async def test_what_is_read_first_is_the_workspace_and_nothing_else(chdb_store: LogStore, condition: str) -> None:
    """Conditions of the query are pushed down to the read of the table, and evaluated after this."""
    await fill(chdb_store)
    compiled = compile_query(f"SELECT count() FROM log_records WHERE {condition}", {}, "acme")
    plan = [row["explain"] for row in await chdb_store.query(f"EXPLAIN actions = 1 {compiled.sql}", *compiled[1:])]
    reads = [line for line in plan if "ReadFromMergeTree" in line]
    filters = [line.partition("column:")[2].strip() for line in plan if "Prewhere filter column:" in line]
    assert filters == ["workspace_id = 'acme'"] * len(reads)
    assert len(reads) == 1 + ("input" in condition)


async def test_tables_are_as_they_are_described(filled: LogStore) -> None:
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        compiled = compile_query(f"SELECT {', '.join(names)} FROM {table.name} LIMIT 0", {}, "acme")
        described = orjson.loads(await filled.answer(*compiled, LIMITS, "JSONCompact"))["meta"]
        assert [(each["name"], each["type"]) for each in described] == [each[:2] for each in table.columns]
        narrow = compile_query(f"SELECT * FROM {table.name} LIMIT 0", {}, "acme")
        shown = [each["name"] for each in orjson.loads(await filled.answer(*narrow, LIMITS, "JSONCompact"))["meta"]]
        assert shown == [column.name for column in table.columns if not column.is_body]


TEXTS_OF_ALL_KINDS: Final = (
    *(
        "",
        "'",
        "''",
        "\\",
        "\\'",
        "\\\\'",
        "a\nb\r\t\0c",
        "\x1b[2J",
        '"`',
        "{x:String}",
        "%(x)s %s %%",
        "; -- /*",
        "$$",
    ),
    *("é漢🎉", "\\x41", "\\n", "%_\\%\\_", "\\N", "NULL", "[1]", "ʼ", "\u2019", "\ufeff"),
)


async def test_texts_are_the_same_as_literals_and_as_parameters(store: LogStore) -> None:
    """What a user writes between quotes comes to the engine as the text that ClickHouse's own rules make of it."""
    escapes = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"})
    literals = [f"'{text.translate(escapes)}'" for text in TEXTS_OF_ALL_KINDS]
    query = (
        f"SELECT arrayEnumerate({{all:Array(String)}}) AS n, [{', '.join(literals)}] = {{all:Array(String)}} AS same"
    )
    for number, literal in enumerate(literals):
        query += f", {literal} = {{one{number}:String}} AS one{number}"
    parameters: dict[str, Any] = {"all": list(TEXTS_OF_ALL_KINDS)}
    parameters |= {f"one{number}": text for number, text in enumerate(TEXTS_OF_ALL_KINDS)}
    answer = orjson.loads(
        await run(store, "acme", SqlRequest(query=query, parameters=parameters), LIMITS, Format.NDJSON)
    )
    assert answer.pop("n") == list(range(1, len(literals) + 1))
    assert answer == {"same": 1} | {f"one{number}": 1 for number in range(len(literals))}


async def test_every_allowed_function_is_one_of_the_engine(chdb_store: LogStore) -> None:
    rows = await chdb_store.query("SELECT name, is_aggregate FROM system.functions")
    known = {(each["name"], bool(each["is_aggregate"])) for each in rows}
    missing = {name for name in SCALAR if (name, False) not in known}
    missing |= {name for name in AGGREGATE | WINDOW if (name, True) not in known}
    assert missing == {"grouping"}, "which is not a function to the engine"


@pytest.mark.parametrize(
    ("query", "limits", "says"),
    [
        ("SELECT number FROM numbers(1001)", LIMITS, "SLUICE_SQL_MAX_ROWS"),
        (
            "SELECT repeat(toString(number), 1000) FROM numbers(100)",
            LIMITS._replace(size=50_000),
            "SLUICE_SQL_MAX_BYTES",
        ),
        ("SELECT repeat('a', 1000) FROM numbers(100)", LIMITS._replace(size=50_000), "SLUICE_SQL_MAX_BYTES"),
        ("SELECT count() FROM numbers(200000000)", LIMITS, "SLUICE_QUERY_MAX_ROWS"),
        (
            "SELECT sum(sipHash64(number)) FROM numbers(90000000)",
            LIMITS._replace(query=QueryLimits(0.2, 10**9)),
            "_TIMEOUT_S",
        ),
        ("SELECT groupArray(repeat('a', 900000)) FROM numbers(1000)", LIMITS, "memory"),
    ],
    ids=["rows", "bytes", "bytes of constants", "read", "time", "memory"],
)
async def test_a_query_that_meets_a_limit_says_which(
    store: LogStore, query: str, limits: AnswerLimits, says: str
) -> None:
    with pytest.raises(TooExpensive, match=says):
        await ask(store, query, limits=limits)
