"""A ledger of what clients sent and what they were told, held against what the service kept.

    entry = ledger.new(PROMPTLAYER)   a log with content of its own, about to be sent
    entry.ids.append(log_id)          it was acknowledged; or `entry.unknown += 1`: no answer, or one that says nothing
    check_answer(entry, answer)       holds the log, as read back through the API, against what was sent
    ledger.check_rows(rows)           holds the whole store against all entries; `rows` is the result of ROWS_SQL

What is held to be true:

* An acknowledged log is stored under the id it was acknowledged with, with the content that was sent.
* A log that was refused is not stored, one of unknown outcome may be, and nothing is that was never sent.
* A log is counted once. A PromptLayer body that is sent again is kept as a duplicate, which `log_records` leaves out; a
  Humanloop log under the client's own id updates itself. A Humanloop log without such an id has nothing to recognise it
  by: sent again after an unknown outcome, it is a second log.
* A field reads as the last acknowledged update left it, or as one of unknown outcome did, which nothing orders.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared import ids
from tests.support import log_bodies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.support.log_bodies import Json

PROMPTLAYER: Final = "promptlayer"
HUMANLOOP: Final = "humanloop"
HUMANLOOP_NAMED: Final = "humanloop, under the client's own id"

ROWS_SQL: Final = "SELECT id, external_id, duplicate_of, metadata['marker'] AS marker FROM logs FINAL"
"""Every log in the store, duplicates included."""

_NOT_READ_BACK: Final = frozenset({"path", "prompt", "log_id", "score"})
"""Fields of a body that are not read back under the same name with the same value."""


@dataclass(slots=True)
class Update:
    """A change of a log. Not acknowledged means that its outcome is unknown: refused ones are not kept here."""

    fields: Json
    acknowledged: bool


@dataclass(slots=True)
class Entry:
    """One log, and what became of it: the id of each acknowledgement, and the number of unknown outcomes."""

    family: str
    number: int
    marker: str
    body: Json
    ids: list[Any] = field(default_factory=list)
    unknown: int = 0
    prompt_id: str = ""
    updates: list[Update] = field(default_factory=list)
    keyed: bool = False
    """Sent under an Idempotency-Key."""

    @property
    def may_be_sent_again(self) -> bool:
        """Whether the service recognises the same log when it is sent twice."""
        return self.keyed or self.family != HUMANLOOP

    @property
    def is_to_be_sent(self) -> bool:
        """Whether it was not acknowledged, and sending it does not risk a second log."""
        return not self.ids and (self.may_be_sent_again or not self.unknown)

    def possible_values(self) -> dict[str, list[Any]]:
        """The values that each field may have by now."""
        settled = {name: value for name, value in self.body.items() if name not in _NOT_READ_BACK}
        unsettled: defaultdict[str, list[Any]] = defaultdict(list)
        for update in self.updates:
            for name, value in update.fields.items():
                if update.acknowledged:
                    settled[name] = value
                else:
                    unsettled[name].append(value)
        return {name: [settled.get(name), *unsettled[name]] for name in {**settled, **unsettled}}

    def counted(self) -> tuple[int, int]:
        """How often it may be counted: at least, at most."""
        if self.may_be_sent_again:
            return min(len(self.ids), 1), min(len(self.ids) + self.unknown, 1)
        return len(self.ids), len(self.ids) + self.unknown


class Ledger:
    """The entries of one client. The name is part of every entry's content, so it must be the client's own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []

    def new(self, family: str) -> Entry:
        """A log to send, with a body like no other."""
        number = len(self.entries)
        marker = f"{self.name} {number}"
        if family == PROMPTLAYER:
            body = log_bodies.promptlayer_body(marker, number)
        else:
            body = log_bodies.humanloop_body(marker, number)
        if family == HUMANLOOP_NAMED:
            body["log_id"] = marker
        entry = Entry(family, number, marker, body)
        self.entries.append(entry)
        return entry

    def save(self, path: Path) -> None:
        """Write all entries to a file."""
        path.write_text(json.dumps([asdict(entry) for entry in self.entries]))

    def merge(self, path: Path) -> list[Entry]:
        """Take over, and return, the entries that another client saved."""
        saved = json.loads(path.read_text())
        entries = [Entry(**{**one, "updates": [Update(**update) for update in one["updates"]]}) for one in saved]
        self.entries += entries
        return entries

    def acknowledged(self) -> list[Entry]:
        """The logs that were acknowledged."""
        return [entry for entry in self.entries if entry.ids]

    def counted(self) -> tuple[int, int]:
        """How many logs `log_records` may count: at least, at most."""
        bounds = [entry.counted() for entry in self.entries]
        return sum(fewest for fewest, _ in bounds), sum(most for _, most in bounds)

    def check_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Hold the rows of a store against what was sent; fails with the logs that are wrong."""
        stored: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            stored[row["marker"]].append(row)
        known = {entry.marker for entry in self.entries}
        wrong = [f"{marker}: stored, but never sent" for marker in stored if marker not in known]
        wrong += [f"{entry.marker}: {problem}" for entry in self.entries for problem in _problems(entry, stored)]
        assert not wrong, f"{len(wrong)} problems in the store, among them {wrong[:20]}"


def check_answer(entry: Entry, answer: Mapping[str, Any]) -> None:
    """Hold a log, as read back through the API, against its entry; fails with the fields that are wrong."""
    possible = entry.possible_values()
    wrong = {name: (answer.get(name), values) for name, values in possible.items() if answer.get(name) not in values}
    assert not wrong, f"{entry.marker}: (what was read, what it may be) of the wrong fields: {wrong}"


def _problems(entry: Entry, stored: Mapping[str, list[Mapping[str, Any]]]) -> list[str]:
    rows = stored.get(entry.marker, [])
    times = Counter(row["external_id"] or row["id"] for row in rows)
    counted = [row["id"] for row in rows if row["duplicate_of"] == 0]
    fewest, most = entry.counted()
    problems = [f"acknowledged as {log_id}, not stored" for log_id in entry.ids if not times[_stored_id(log_id)]]
    problems += [f"{log_id} is stored {count} times" for log_id, count in times.items() if count > 1]
    if len(rows) > len(entry.ids) + entry.unknown:
        problems.append(f"{len(rows)} rows of {len(entry.ids)} acknowledged and {entry.unknown} unknown requests")
    if not fewest <= len(counted) <= most:
        problems.append(f"counted {len(counted)} times instead of {fewest} to {most} times")
    problems += [f"a duplicate of {row['duplicate_of']}" for row in rows if row["duplicate_of"] not in (0, *counted)]
    return problems


def _stored_id(log_id: Any) -> Any:
    """What stands in the store for a public id."""
    own = ids.from_text(log_id) if isinstance(log_id, str) else None
    return log_id if own is None else own
