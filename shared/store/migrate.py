"""The schema: numbered migrations, applied in order, each recorded after its last statement.

A migration is a file `migrations/NNNN_name.sql` whose statements may all run again (`IF NOT EXISTS` and the like). So
an interrupted run is repaired by the next one, and two runners at once do no harm. A file that was applied never
changes; what it made is changed by a later file.
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
from shared.store.codes import UNKNOWN_TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.store.base import LogStore

SINGLE_SERVER: Final[Mapping[str, str]] = {"on_cluster": "", "engine": "{}"}
"""What `{on_cluster}` and `{engine:X}` in a migration stand for; `{}` is replaced by X."""

_TABLE: Final = "schema_migrations"
_CREATE_TABLE: Final = f"""
CREATE TABLE IF NOT EXISTS {_TABLE} {{on_cluster}}
(
    number     UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY number
"""
_APPLIED: Final = f"SELECT number, name, checksum, applied_at FROM {_TABLE} FINAL ORDER BY number"

_FILE_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
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


class MigrationState(StrEnum):
    """How a migration of this version compares with what the store says."""

    APPLIED = "applied"
    PENDING = "pending"
    CHANGED = "changed"  # applied with another text
    UNKNOWN = "unknown"  # applied by a newer version


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


def render(sql: str, replacements: Mapping[str, str] = SINGLE_SERVER) -> str:
    """A migration's text with its placeholders filled in. Raises ValueError for one that has no replacement."""

    def fill(placeholder: re.Match[str]) -> str:
        name, argument = placeholder.groups()
        if name not in replacements:
            raise ValueError(f"a migration has the unknown placeholder {placeholder[0]}")
        return replacements[name].replace("{}", argument or "")

    return _PLACEHOLDER.sub(fill, sql)


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
            state = MigrationState.APPLIED if row["checksum"] == migration.checksum else MigrationState.CHANGED
        statuses.append(MigrationStatus(migration.number, migration.name, state, row["applied_at"] if row else None))
    statuses += [
        MigrationStatus(row["number"], row["name"], MigrationState.UNKNOWN, row["applied_at"])
        for row in applied.values()
    ]
    return statuses


async def migrate_up(store: LogStore, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is pending; the migrations that this call applied. Nothing happens when there is none.

    Raises Misconfigured when the store was migrated by a newer version or with other texts, StoreUnavailable or
    StoreRejected from a statement; what was done so far stays, and the next call goes on from there.
    """
    known = packaged_migrations() if migrations is None else migrations
    statuses = await status(store, known)
    _refuse_foreign(statuses)
    waiting = {line.number for line in statuses if line.state is MigrationState.PENDING}
    pending = [migration for migration in known if migration.number in waiting]
    if pending:
        await store.execute(render(_CREATE_TABLE))
    for migration in pending:
        for statement in split_statements(render(migration.sql)):
            await store.execute(statement)
        record = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
        await store.insert(_TABLE, orjson.dumps(record))
    return pending


async def check_schema(store: LogStore, migrations: Sequence[Migration] | None = None) -> None:
    """Return when the store's schema is this version's. Raises Misconfigured (it says what to do), StoreUnavailable."""
    statuses = await status(store, migrations)
    _refuse_foreign(statuses)
    pending = [f"{line.number:04d}_{line.name}" for line in statuses if line.state is MigrationState.PENDING]
    if pending:
        raise Misconfigured(f"the store lacks the migrations {', '.join(pending)}: run `sluice migrate up`")


def _refuse_foreign(statuses: Sequence[MigrationStatus]) -> None:
    unknown = [line.number for line in statuses if line.state is MigrationState.UNKNOWN]
    if unknown:
        ours = max((line.number for line in statuses if line.state is not MigrationState.UNKNOWN), default=0)
        raise Misconfigured(f"this version knows migrations up to {ours}, the store has {max(unknown)}: upgrade sluice")
    for line in statuses:
        if line.state is MigrationState.CHANGED:
            raise Misconfigured(
                f"migration {line.number:04d}_{line.name} was applied with another text: this is not the version, "
                "or not the database, that the store was made with"
            )
