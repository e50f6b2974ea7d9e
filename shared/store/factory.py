"""The store that a URL names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from shared.errors import Misconfigured

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from shared.store.base import LogStore

DEFAULT_DATABASE: Final = "sluice"
DEFAULT_TIMEOUT_S: Final = 60.0

_FORMS: Final = "chdb:///path/of/a/directory or clickhouse://user:password@host:8123/database (clickhouses:// for TLS)"


def open_store(url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, create: bool = True) -> LogStore:
    """The store at `url`, not yet started. `timeout_s` bounds how long a ClickHouse server may be silent.

    Its start makes the database when that is missing, unless `create` is False.

    `chdb:///./data/store` is relative to the working directory, `chdb:////data/store` absolute. Raises Misconfigured;
    the message never has the URL, for that holds a password.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise Misconfigured(f"SLUICE_STORE takes no options after ? or #; it should be {_FORMS}")
    if parts.scheme == "chdb" and not parts.netloc and len(parts.path) > 1:
        from shared.store.chdb_store import ChdbStore

        return ChdbStore(unquote(parts.path[1:]), create=create)
    if parts.scheme in ("clickhouse", "clickhouses") and parts.hostname:
        from shared.store.clickhouse_store import ClickHouseStore

        return ClickHouseStore(
            parts.hostname,
            _port(parts),
            secure=parts.scheme == "clickhouses",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=_database(parts),
            timeout_s=timeout_s,
            create=create,
        )
    raise Misconfigured(f"SLUICE_STORE should be {_FORMS}")


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or (8443 if parts.scheme == "clickhouses" else 8123)
    except ValueError:
        raise Misconfigured("the port in SLUICE_STORE should be a number from 1 to 65535") from None


def _database(parts: SplitResult) -> str:
    name = unquote(parts.path.strip("/")) or DEFAULT_DATABASE
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise Misconfigured("the database in SLUICE_STORE should be letters, digits and underscores")
    return name
