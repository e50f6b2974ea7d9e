"""The ledger itself: it must fail for every kind of loss, doubling and change that it is there to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, Entry, Ledger, Update, check_answer

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = 1001, 1002


def entry_of(family: str, *acknowledged: Any, unknown: int = 0) -> tuple[Ledger, Entry]:
    ledger = Ledger("client")
    entry = ledger.new(family)
    entry.ids += acknowledged
    entry.unknown = unknown
    return ledger, entry


def row(log_id: int, *, duplicate_of: int = 0, external_id: str = "", marker: str = "client 0") -> dict[str, Any]:
    return {"id": log_id, "duplicate_of": duplicate_of, "external_id": external_id, "marker": marker}


@pytest.mark.parametrize(
    ("family", "acknowledged", "unknown", "rows"),
    [
        (PROMPTLAYER, [FIRST], 0, [row(FIRST)]),
        (PROMPTLAYER, [], 0, []),
        (PROMPTLAYER, [], 1, []),
        (PROMPTLAYER, [], 1, [row(FIRST)]),
        (PROMPTLAYER, [SECOND], 1, [row(SECOND)]),
        (PROMPTLAYER, [SECOND], 1, [row(FIRST), row(SECOND, duplicate_of=FIRST)]),
        (PROMPTLAYER, [FIRST, SECOND], 0, [row(FIRST), row(SECOND, duplicate_of=FIRST)]),
        (HUMANLOOP, [ids.to_text(FIRST)], 0, [row(FIRST)]),
        (HUMANLOOP, [ids.to_text(FIRST)], 1, [row(FIRST), row(SECOND)]),
        (HUMANLOOP_NAMED, ["client 0"], 1, [row(FIRST, external_id="client 0")]),
    ],
)
def test_what_was_promised_passes(family: str, acknowledged: list[Any], unknown: int, rows: list[Any]) -> None:
    ledger, _ = entry_of(family, *acknowledged, unknown=unknown)
    ledger.check_rows(rows)


def test_a_log_that_was_sent_again_under_its_key_counts_once() -> None:
    ledger, entry = entry_of(HUMANLOOP, ids.to_text(FIRST), ids.to_text(SECOND))
    entry.keyed = True
    ledger.check_rows([row(FIRST), row(SECOND, duplicate_of=FIRST)])
    with pytest.raises(AssertionError, match="counted 2 times instead of 1 to 1"):
        ledger.check_rows([row(FIRST), row(SECOND)])


@pytest.mark.parametrize(
    ("family", "acknowledged", "unknown", "rows", "says"),
    [
        (PROMPTLAYER, [FIRST], 0, [], "acknowledged as 1001, not stored"),
        (PROMPTLAYER, [FIRST], 0, [row(SECOND)], "acknowledged as 1001, not stored"),
        (PROMPTLAYER, [FIRST], 0, [row(FIRST), row(FIRST)], "1001 is stored 2 times"),
        (PROMPTLAYER, [FIRST], 1, [row(FIRST), row(SECOND)], "counted 2 times instead of 1 to 1"),
        (PROMPTLAYER, [SECOND], 1, [row(SECOND, duplicate_of=FIRST)], "counted 0 times"),
        (PROMPTLAYER, [FIRST, SECOND], 0, [row(FIRST), row(SECOND, duplicate_of=7)], "a duplicate of 7"),
        (PROMPTLAYER, [], 0, [row(FIRST)], "1 rows of 0 acknowledged and 0 unknown requests"),
        (PROMPTLAYER, [FIRST], 0, [row(FIRST), row(SECOND, marker="other 0")], "other 0: stored, but never sent"),
        (HUMANLOOP, [ids.to_text(FIRST)], 0, [row(FIRST), row(SECOND)], "counted 2 times instead of 1 to 1"),
        (HUMANLOOP_NAMED, ["client 0"], 0, [row(FIRST)], "acknowledged as client 0, not stored"),
        (HUMANLOOP_NAMED, ["client 0"], 1, [row(FIRST, external_id="client 0"), row(SECOND)], "counted 2 times"),
    ],
)
def test_what_breaks_a_promise_fails(
    family: str, acknowledged: list[Any], unknown: int, rows: list[Any], says: str
) -> None:
    ledger, _ = entry_of(family, *acknowledged, unknown=unknown)
    with pytest.raises(AssertionError, match=says):
        ledger.check_rows(rows)


def test_every_field_of_an_answer_counts() -> None:
    for family in (PROMPTLAYER, HUMANLOOP):
        _, entry = entry_of(family)
        answer = {name: values[0] for name, values in entry.possible_values().items()}
        assert {"metadata", "output_tokens"} < answer.keys()
        check_answer(entry, answer)
        for name in answer:
            with pytest.raises(AssertionError, match=name):
                check_answer(entry, answer | {name: "spoiled"})


def test_the_last_acknowledged_update_counts_and_unknown_ones_may() -> None:
    _, entry = entry_of(HUMANLOOP)
    sent = {name: values[0] for name, values in entry.possible_values().items()}
    entry.updates = [
        Update({"output": "first"}, acknowledged=True),
        Update({"output": "maybe"}, acknowledged=False),
        Update({"output": None, "error": "late"}, acknowledged=True),
    ]
    for output in (None, "maybe"):
        check_answer(entry, sent | {"output": output, "error": "late"})
    for output in ("first", sent["output"]):
        with pytest.raises(AssertionError, match="output"):
            check_answer(entry, sent | {"output": output, "error": "late"})
    with pytest.raises(AssertionError, match="error"):
        check_answer(entry, sent | {"output": None})


def test_bounds_of_the_count_add_up() -> None:
    ledger = Ledger("client")
    ledger.new(PROMPTLAYER).ids += [FIRST, SECOND]
    ledger.new(PROMPTLAYER).unknown = 2
    ledger.new(HUMANLOOP).unknown = 1
    ledger.new(HUMANLOOP).ids.append(ids.to_text(7))
    assert ledger.counted() == (2, 4)
    assert len(ledger.acknowledged()) == 2


def test_a_saved_ledger_is_merged_whole(tmp_path: Path) -> None:
    ledger, entry = entry_of(HUMANLOOP, ids.to_text(FIRST), unknown=1)
    entry.updates.append(Update({"output": "new"}, acknowledged=False))
    ledger.save(tmp_path / "ledger.json")
    other = Ledger("other")
    assert other.merge(tmp_path / "ledger.json") == [entry]
    assert other.entries == [entry]


def test_bodies_are_unlike_each_other_and_the_same_for_the_same_name() -> None:
    first, again = Ledger("client"), Ledger("client")
    bodies = [first.new(family).body for family in (PROMPTLAYER, HUMANLOOP, HUMANLOOP_NAMED)]
    assert [again.new(family).body for family in (PROMPTLAYER, HUMANLOOP, HUMANLOOP_NAMED)] == bodies
    assert first.new(PROMPTLAYER).body["input"] != bodies[0]["input"]
