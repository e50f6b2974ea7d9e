"""Every filter against the same filter in Python, over logs of all shapes, on each adapter."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared import ids
from shared.records import HUMANLOOP_PROMPT_LOG, PROMPTLAYER_REQUEST, SPAN, metadata_columns
from shared.store import search
from shared.store.base import QueryLimits
from shared.store.search import Selection
from shared.wire.promptlayer.filter_fields import FIELDS, KINDS
from shared.wire.promptlayer.search import Search
from tests.support.search_reference import has_words, matches

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.store.base import LogStore
    from shared.store.chdb_store import ChdbStore

    Json = dict[str, Any]

NOON_MS = 1_767_268_800_000
LIMITS = QueryLimits(60, 1_000_000)

WORDS = [
    "refund", "Refunds", "policy", "POLICY", "é", "Émile", "naïve", "ab", "a", "x1y2", "user", "text", "漢字", "🙂",
    '"quoted"', "it's", "back\\slash", "100%", "under_score",
    "new\nLine", "tab\tbed", "{p0:String}", "?", "' OR 1=1 --",
    "*/", ";", "\0", "%", "_", "(?i)", "$1",
]  # fmt: skip
VALUES = ["a", "b", "pro", "", "x.y", "it's", "1", "true", "é"]
KEYS = ["user", "plan", "a.b", "it's", "é", "?"]
TIMES = ["2026-01-01T12:00:00Z", "2026-01-01T12:00:00.5Z", "2025-12-31T23:59:59.999999Z"]
NUMBERS = [0, 1, 2.5, 100, -1]
NESTED = [
    {},
    {"a": "pro"},
    {"a": {"b": "x", "c": [1, 2, {"d": "deep"}]}, "user": 1},
    {"a.b": "x", "a": None, "é": True, "it's": "'"},
    {"a": [{"b": "x"}, {"b": "y"}], "user": ""},
]
PATHS = ["a", "a.b", "a.c", "a.c.d", "user", "é", "it's", "tool_calls.function.name", "tool_calls.function.arguments.a"]


def phrase(random: Random) -> str:
    return random.choice([" ", "\n", ", ", ""]).join(random.choices(WORDS, k=random.randrange(5)))


def content(random: Random) -> Any:
    blocks = [{"type": "text", "text": phrase(random)}, {"type": "image_url", "image_url": {"url": "x"}}]
    return random.choice([phrase(random), random.choices(blocks, k=random.randrange(3)), None])


def message(random: Random, role: str) -> Json:
    return {"role": role, "content": content(random)}


def calls(random: Random) -> list[Json]:
    return [
        {"id": "1", "type": "function", "function": {"name": name, "arguments": orjson.dumps(arguments).decode()}}
        for name, arguments in [(random.choice(["find", "it's"]), random.choice(NESTED))] * random.randrange(1, 3)
    ]


def said(random: Random) -> str:
    return orjson.dumps(random.choice(NESTED)).decode() if random.random() < 0.3 else phrase(random)


def request(random: Random) -> Columns:
    output: Json = {"type": "chat", "messages": [{"role": "assistant", "content": said(random)}]}
    columns: Columns = {"type": PROMPTLAYER_REQUEST, "status": random.choice(["SUCCESS", "WARNING", "ERROR"])}
    if random.random() < 0.3:
        output["messages"][0] |= {"content": random.choice([None, phrase(random)]), "tool_calls": calls(random)}
        columns["tool_names"] = [call["function"]["name"] for call in output["messages"][0]["tool_calls"]]
    chat = {"type": "chat", "messages": [message(random, role) for role in ("system", "user")[: random.randrange(3)]]}
    completion = {"type": "completion", "content": [{"type": "text", "text": phrase(random)}]}
    return columns | {"input": random.choice([chat, completion]), "output": random.choice([output, completion])}


def prompt_log(random: Random) -> Columns:
    columns: Columns = {"type": HUMANLOOP_PROMPT_LOG, "input": [message(random, "user")] * random.randrange(3)}
    answer = {"role": "assistant", "content": said(random)}
    given: list[Columns] = [{"output": answer}, {"output_text": said(random)}, {"output": answer, "output_text": "ab"}]
    return columns | random.choice([*given, {}])


def log(number: int, random: Random) -> Columns:
    at_ms = NOON_MS + number * 7_000
    columns: Columns = {
        "workspace_id": "acme",
        "id": ids.mint(at_ms, number % 4, number),
        "version": number + 10,
        "received_at": at_ms / 1000,
        "model": random.choice(VALUES),
        "provider": random.choice(VALUES),
        "tags": random.sample(VALUES, random.randrange(3)),
        **metadata_columns(
            {random.choice(KEYS): random.choice([*VALUES, 1, True]) for _ in range(random.randrange(4))}
        ),
        **random.choice([request, prompt_log])(random),
    }
    optional = {
        "variables": random.choice(NESTED) or None,
        "prompt_id": random.choice(["7", "pr_1", "it's", None]),
        "prompt_version_number": random.choice([1, 2, None]),
        "started_at": random.choice([*TIMES, None]),
        "ended_at": random.choice([*TIMES, None]),
        "input_tokens": random.choice([0, 1, 100, None]),
        "output_tokens": random.choice([0, 1, 100, None]),
        "price": random.choice([0.0, 2.5, None]),
        "input_cost": random.choice([1.0, None]),
        "output_cost": random.choice([1.5, None]),
        "error": random.choice(["e", None, None]),
    }
    return columns | {name: value for name, value in optional.items() if value is not None}


LOGS = [log(number, Random(number)) for number in range(120)]
QUERIES = ["refund", "ref pol", "REF é", "émi", "line", "nline", "us", "漢", "'; DROP", "find", "(?i)", " "]
TEXTS = st.one_of(
    st.sampled_from([word for word in WORDS if word]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join).filter(str.strip),
    st.sampled_from([word[1:] for word in WORDS if len(word) > 2] + ["[user]: ", "find(", "efund pol", "\nLine a"]),
)


def value_of(kind: str, operator: str) -> st.SearchStrategy[Any]:
    values = st.sampled_from(VALUES)
    single: st.SearchStrategy[Any] = {
        "id": st.sampled_from([each["id"] for each in LOGS] + [1]),
        "prompt id": st.sampled_from([7, "7", "pr_1", "it's", ""]),
        "status": st.sampled_from(["success", "WARNING", "Error", "x"]),
        "text": TEXTS,
        "number": st.sampled_from([*NUMBERS, 500]),
        "time": st.sampled_from([*TIMES, 1767268800, "2026-01-01T13:00:00+01:00"]),
        "map": st.sampled_from([*VALUES, 1, True]),
        "json": st.sampled_from(["x", "y", "pro", "deep", "find", "'", "", 1, 2, True]),
        "json keys": st.sampled_from(PATHS),
    }.get(kind, values)
    if operator == "key_contains":
        return st.sampled_from(["x", "P", "ro", "'", "é", "1", "."])
    if operator in ("in", "not_in"):
        return st.lists(single, min_size=1, max_size=3)
    return st.tuples(single, single).map(list) if operator == "between" else single


def filter_of(field: str, operator: str) -> st.SearchStrategy[Json]:
    kind = FIELDS[field].kind
    keys = st.sampled_from([*KEYS, "none"] if kind == "map" else [*PATHS, "none"])
    nested = {"nested_key": keys} if kind in ("map", "json") else {}
    fixed: dict[str, st.SearchStrategy[Any]] = {"field": st.just(field), "operator": st.just(operator)}
    return st.fixed_dictionaries({**fixed, "value": value_of(kind, operator), **nested})


FILTERS = st.sampled_from([(name, each) for name, field in FIELDS.items() for each in KINDS[field.kind]]).flatmap(
    lambda pair: filter_of(*pair)
)
GROUPS = st.recursive(
    FILTERS,
    lambda parts: st.fixed_dictionaries(
        {"logic": st.sampled_from(["AND", "OR"]), "filters": st.lists(parts, max_size=3)}
    ),
    max_leaves=5,
)


async def fill(store: LogStore) -> None:
    """LOGS, and with them much that a search must not find: old versions, deleted logs, duplicates, spans."""
    old = [{**each, "version": 1, "model": "a", "tags": VALUES, "metadata": {"user": "pro"}} for each in LOGS[::5]]
    hidden = [{**each, "id": each["id"] + (1 << 19), "duplicate_of": each["id"]} for each in LOGS[::7]]
    spans = [{**each, "id": each["id"] + (1 << 18), "type": SPAN} for each in LOGS[::7]]
    others = [{**each, "workspace_id": "other"} for each in LOGS[::2]]
    deleted = [{**each, "id": each["id"] + (1 << 17)} for each in LOGS[::6]]
    ended = [{**each, "version": 9_999, "is_deleted": 1} for each in deleted]
    for batch in (old, [*LOGS, *hidden], [*spans, *others, *deleted], ended):
        await store.insert("logs_in", b"\n".join(map(orjson.dumps, batch)))


@pytest.fixture
async def filled(chdb_store: ChdbStore) -> ChdbStore:
    """One filled store for all the searches of a test."""
    await fill(chdb_store)
    return chdb_store


async def found(store: LogStore, body: Json) -> list[int]:
    selection = Selection("acme", Search(body).condition)
    rows = await search.newest(store, selection, limit=1_000, columns=("id",), limits=LIMITS)
    assert await search.count(store, selection, limits=LIMITS) == len(rows)
    return [row["id"] for row in rows]


def newest_first(logs: list[Columns]) -> list[int]:
    return [each["id"] for each in sorted(logs, key=lambda each: (each["received_at"], each["id"]), reverse=True)]


@given(group=GROUPS)
@example(group={"field": "output_text", "operator": "contains", "value": "ab\nfind("})
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_search_finds_what_the_filter_says(filled: ChdbStore, group: Json) -> None:
    group = group if "filters" in group else {"filters": [group]}
    assert await found(filled, {"filter_group": group}) == newest_first([each for each in LOGS if matches(each, group)])


async def test_every_operator_of_every_field_and_words(store: LogStore) -> None:
    """One filter of each, so that none is left to chance, on each adapter."""
    await fill(store)
    telling = 0
    for name, field in FIELDS.items():
        for operator in KINDS[field.kind]:
            item = example_of(name, field.kind, operator)
            expected = newest_first([each for each in LOGS if matches(each, item)])
            assert await found(store, {"filter_group": {"filters": [item]}}) == expected, item
            telling += 0 < len(expected) < len(LOGS)
    assert telling > 60, "most of them tell logs apart"
    for query in QUERIES:
        expected = newest_first([each for each in LOGS if has_words(each, query)])
        assert await found(store, {"q": query}) == expected, query


def example_of(field: str, kind: str, operator: str) -> Json:
    value: Any = {
        "id": LOGS[3]["id"],
        "prompt id": "pr_1",
        "status": "error",
        "text": "a",
        "number": 1,
        "time": TIMES[0],
        "map": "a",
        "json": "x",
        "json keys": "a.b",
    }.get(kind, "find" if field == "tool_names" else "user" if field == "metadata_keys" else "a")
    if operator in ("in", "not_in"):
        value = [value]
    elif operator == "between":
        value = [0, 2.5] if kind == "number" else TIMES[:2]
    return {"field": field, "operator": operator, "value": value, "nested_key": "user" if kind == "map" else "a.b"}
