"""The schema: numbered migrations, applied in order, each recorded after its last statement.

A migration is a file `migrations/NNNN_name.sql` whose statements may all run again (`IF NOT EXISTS` and the like). So
an interrupted run is repaired by the next one, and two runners at once do no harm. `layout` fills in what is in braces.
What a file that was applied does never changes; what it made is changed by a later file. Its head may say:

* `-- Formerly: <checksum>`: the checksum of a text that did the same.
* `-- Needs: <number>`: programs that don't know the migration of this number can't work with the schema from here on. A
  migration without this line only expands: programs of before go on, and start, with the newer schema. What a column is
  for ends in one release, and the column in a later one, whose migration needs the former.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import orjson

from shared.errors import Misconfigured, StoreRejected
from shared.store.clusters import find_layout
from shared.store.codes import UNKNOWN_TABLE
from shared.store.layout import ONE_SERVER, Layout, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.store.base import LogStore

_TABLE: Final = "schema_migrations"
_CREATE_TABLE: Final = f"""
CREATE TABLE IF NOT EXISTS {{table:{_TABLE}}} {{on_cluster}}
(
    number     UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine_everywhere:ReplacingMergeTree}}
ORDER BY number;
ALTER TABLE {{table:{_TABLE}}} {{on_cluster}} ADD COLUMN IF NOT EXISTS needs UInt32;
"""
_APPLIED: Final = f"SELECT * FROM {_TABLE} FINAL ORDER BY number"
"""With what columns there are: a version of before made fewer."""

_FILE_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_HEAD_LINE: Final = re.compile(r"^-- (Formerly|Needs): (\w+)$", re.MULTILINE)
_SQL_TOKEN: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`)|(?P<end>;)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def checksums(self) -> frozenset[str]:
        """Those of texts that do the same."""
        return frozenset({self.checksum, *self._said("Formerly")})

    @property
    def needs(self) -> int:
        """The last migration that a program must know to work with the schema from here on; 0 when any does."""
        return max(map(int, self._said("Needs")), default=0)

    def _said(self, about: str) -> list[str]:
        return [text for subject, text in _HEAD_LINE.findall(self.sql) if subject == about]


class MigrationState(StrEnum):
    """How a migration of this version compares with what the store says."""

    APPLIED = "applied"
    PENDING = "pending"
    CHANGED = "changed"  # applied with another text
    UNKNOWN = "unknown"  # applied by a newer version, and this one can't work with it
    NEWER = "newer"  # applied by a newer version, and no matter to this one


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One line of `sluice migrate status`. `applied_at` is UTC text, None when it is pending."""

    number: int
    name: str
    state: MigrationState
    applied_at: str | None


def make_migrations(texts: Mapping[str, str]) -> tuple[Migration, ...]:
    """Migrations by file name, in order. Raises ValueError for a name that is none, a gap or a number used twice."""
    migrations = []
    for expected, file_name in enumerate(sorted(texts), start=1):
        parts = _FILE_NAME.fullmatch(file_name)
        if parts is None or int(parts[1]) != expected:
            raise ValueError(f"migration {file_name!r} should be named {expected:04d}_<name>.sql")
        migrations.append(Migration(expected, parts[2], texts[file_name]))
    return tuple(migrations)


@cache
def packaged_migrations() -> tuple[Migration, ...]:
    """The migrations of this version."""
    folder = files("shared.store") / "migrations"
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return make_migrations({script.name: script.read_text("utf-8") for script in scripts})


def split_statements(sql: str) -> list[str]:
    """The statements of a text, without comments. A semicolon in a string or a comment ends nothing."""
    statements = [""]
    position = 0
    for token in _SQL_TOKEN.finditer(sql):
        statements[-1] += sql[position : token.start()]
        position = token.end()
        if token["end"]:
            statements.append("")
        else:
            statements[-1] += token["text"] or " "
    statements[-1] += sql[position:]
    return [statement.strip() for statement in statements if statement.strip()]


async def status(store: LogStore, migrations: Sequence[Migration] | None = None) -> list[MigrationStatus]:
    """Every migration that this version or the store knows, in order. Raises StoreUnavailable."""
    known = packaged_migrations() if migrations is None else migrations
    try:
        applied = {row["number"]: row for row in await store.query(_APPLIED)}
    except StoreRejected as error:
        if error.code != UNKNOWN_TABLE:
            raise
        applied = {}
    statuses = []
    for migration in known:
        row = applied.pop(migration.number, None)
        if row is None:
            state = MigrationState.PENDING
        else:
            state = MigrationState.APPLIED if row["checksum"] in migration.checksums else MigrationState.CHANGED
        statuses.append(MigrationStatus(migration.number, migration.name, state, row["applied_at"] if row else None))
    for row in applied.values():
        state = MigrationState.NEWER if row.get("needs", 0) <= len(known) else MigrationState.UNKNOWN
        statuses.append(MigrationStatus(row["number"], row["name"], state, row["applied_at"]))
    return statuses


async def pending_migrations(store: LogStore, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """What `migrate_up` would apply. Raises as that does."""
    known = packaged_migrations() if migrations is None else migrations
    statuses = await status(store, known)
    _refuse_foreign(statuses)
    waiting = {line.number for line in statuses if line.state is MigrationState.PENDING}
    return [migration for migration in known if migration.number in waiting]


def statements_of(migrations: Sequence[Migration], layout: Layout = ONE_SERVER) -> list[str]:
    """All that is run for these migrations, but the lines that record them. Nothing for none."""
    texts = [_CREATE_TABLE, *(migration.sql for migration in migrations)] if migrations else []
    return [statement for text in texts for statement in split_statements(render(text, layout))]


async def migrate_up(
    store: LogStore, migrations: Sequence[Migration] | None = None, *, cluster: str = ""
) -> list[Migration]:
    """Apply what is pending; the migrations that this call applied. Nothing happens when there is none.

    `cluster` is SLUICE_CLICKHOUSE_CLUSTER. Raises Misconfigured when the store was migrated by a newer version that
    this one can't work with or with other texts, or when the cluster can't serve; StoreUnavailable or StoreRejected
    from a statement; what was done so far stays, and the next call goes on from there.
    """
    pending = await pending_migrations(store, migrations)
    layout = await find_layout(store, cluster)
    if pending:
        await _execute(store, split_statements(render(_CREATE_TABLE, layout)))
    for migration in pending:
        await _execute(store, split_statements(render(migration.sql, layout)))
        record = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
        await store.insert(_TABLE, orjson.dumps(record | {"needs": migration.needs}))
    return pending


async def migrate_here(store: LogStore, cluster: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Make all tables on this one server, which was added to a cluster; the statements. Records nothing.

    Raises as `migrate_up` does.
    """
    known = packaged_migrations() if migrations is None else migrations
    statements = statements_of(known, await find_layout(store, cluster, here_only=True))
    await _execute(store, statements)
    return statements


async def _execute(store: LogStore, statements: Sequence[str]) -> None:
    for statement in statements:
        await store.execute(statement)


async def check_schema(store: LogStore, migrations: Sequence[Migration] | None = None) -> None:
    """Return when the store's schema is this version's, or a newer one that only expanded it.

    Raises Misconfigured (it says what to do), StoreUnavailable.
    """
    statuses = await status(store, migrations)
    _refuse_foreign(statuses)
    pending = [f"{line.number:04d}_{line.name}" for line in statuses if line.state is MigrationState.PENDING]
    if pending:
        raise Misconfigured(f"the store lacks the migrations {', '.join(pending)}: run `sluice migrate up`")


def _refuse_foreign(statuses: Sequence[MigrationStatus]) -> None:
    unknown = [line.number for line in statuses if line.state is MigrationState.UNKNOWN]
    if unknown:
        ours = [line.number for line in statuses if line.state not in (MigrationState.UNKNOWN, MigrationState.NEWER)]
        raise Misconfigured(
            f"this version knows migrations up to {max(ours, default=0)}, the store has {max(unknown)}, "
            "which needs more: upgrade sluice"
        )
    for line in statuses:
        if line.state is MigrationState.CHANGED:
            raise Misconfigured(
                f"migration {line.number:04d}_{line.name} was applied with another text: this is not the version, "
                "or not the database, that the store was made with"
            )
