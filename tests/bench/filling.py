"""Stores with millions of logs, filled inside the engine: copies of some thousand real rows, at other times.

A copy has the minute of another hour, in `received_at` and in its id. The parts that a filling makes are left out of
later merges: what is measured on top of them is new rows and the merges of new rows, as between the rare big merges of
a store that has grown by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import ids
from tests.bench import logs
from tests.bench.rows import lines_of

if TYPE_CHECKING:
    from tests.bench.engine import Engine

BASE: Final = 20_000
"""Different rows: all copies have their texts."""

COPIES_AT_ONCE: Final = 5
"""One insert, and so one part, has as many copies of all rows."""

_HOURS: Final = 60
_ID_OF_A_MINUTE: Final = ids.MAX_PARTITIONS * ids.MAX_RECORDS_PER_MINUTE
_MERGED_BYTES: Final = {"logs": 8 << 20, "log_payloads": 24 << 20}
"""Parts that would be bigger than this stay apart. Below what an insert of a filling makes."""


class Filling:
    """Fills one store. `short_bodies` makes it quicker: texts of a hundred characters, and everything else as it is."""

    def __init__(self, engine: Engine, *, short_bodies: bool = False) -> None:
        self._engine = engine
        self._short = short_bodies
        self._copies = 0
        found = engine.query(
            "SELECT name FROM system.columns"
            " WHERE database = 'sluice' AND table = 'logs_in' AND default_kind != 'ALIAS'"
        )
        self._columns = [row["name"] for row in found]
        for table, limit in _MERGED_BYTES.items():
            engine.execute(f"ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = {limit}")
        engine.execute("CREATE TABLE base AS logs_in ENGINE = Memory")
        engine.hold(lines_of(list(logs.messages(BASE, "base")), 0))
        engine.insert_held("base")

    def up_to(self, count: int) -> int:
        """Fill the store up to so many logs, or a few more; how many there are then."""
        statements = []
        while self._copies * BASE < count:
            statements.append(self._insert(self._copies, min(COPIES_AT_ONCE, -(-count // BASE) - self._copies)))
            self._copies += COPIES_AT_ONCE
        self._copies = -(-count // BASE)
        self._engine.execute_all(statements)
        return self._copies * BASE

    def _insert(self, start: int, copies: int) -> str:
        changed = {
            "id": f"toUInt64(base.id - copy * {_HOURS * _ID_OF_A_MINUTE})",
            "received_at": f"base.received_at - toIntervalMinute(copy * {_HOURS})",
        }
        if self._short:
            changed |= {name: f"substring(base.{name}, 1, 100)" for name in ("input", "output")}
        values = [changed.get(name, f"base.{name}") for name in self._columns]
        return (
            f"INSERT INTO logs_in ({', '.join(self._columns)}) SELECT {', '.join(values)}"
            f" FROM base ARRAY JOIN range({start + 1}, {start + copies + 1}) AS copy"
            " SETTINGS max_memory_usage = 0, max_threads = 1, max_block_size = 10000,"
            f" min_insert_block_size_rows = {BASE * COPIES_AT_ONCE}, min_insert_block_size_bytes = 0"
        )

    def finish(self) -> None:
        """Drop what only the filling needed."""
        self._engine.execute("DROP TABLE base")
