"""The store that a URL names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import Misconfigured
from shared.tls import OPTIONS, TlsFiles

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from shared.store.base import LogStore

DEFAULT_DATABASE: Final = "sluice"
DEFAULT_TIMEOUT_S: Final = 60.0

_FORMS: Final = (
    "chdb:///path/of/a/directory or clickhouse://user:password@host:8123/database"
    " (clickhouses:// for TLS; its options: ca_file, cert_file, key_file)"
)


def open_store(url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, create: bool = True, cluster: str = "") -> LogStore:
    """The store at `url`, not yet started. `timeout_s` bounds how long a ClickHouse server may be silent.

    Its start makes the database when that is missing, unless `create` is False. `cluster` is SLUICE_CLICKHOUSE_CLUSTER.

    `chdb:///./data/store` is relative to the working directory, `chdb:////data/store` absolute. Raises Misconfigured,
    also for TLS files that can't be used; the message never has the URL, for that holds a password.
    """
    parts = urlsplit(url)
    tls = _tls(parts)
    if re.fullmatch(r"[\w.-]*", cluster, re.ASCII) is None:
        raise Misconfigured(
            f"SLUICE_CLICKHOUSE_CLUSTER={cluster!r} should be letters, digits, dots, dashes, underscores"
        )
    if cluster and parts.scheme == "chdb":
        raise Misconfigured("SLUICE_CLICKHOUSE_CLUSTER is set, and SLUICE_STORE is no ClickHouse server")
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
            tls=tls,
            cluster=cluster,
        )
    raise Misconfigured(f"SLUICE_STORE should be {_FORMS}")


def _tls(parts: SplitResult) -> TlsFiles:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(OPTIONS))
    if parts.fragment or unknown or (options and parts.scheme != "clickhouses"):
        raise Misconfigured(f"SLUICE_STORE takes no other options after ? or #; it should be {_FORMS}")
    files = TlsFiles.of(options, "SLUICE_STORE")
    if options:
        files.context("SLUICE_STORE")  # so that a wrong file is told at the start, and by its name
    return files


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
