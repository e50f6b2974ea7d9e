"""Store URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.store.factory import open_store


def test_a_chdb_path_is_relative_or_absolute() -> None:
    assert (
        repr(open_store("chdb:///./data/store")) == f"ChdbStore({str(Path.cwd() / 'data/store')!r}, database='sluice')"
    )
    assert repr(open_store("chdb:////var/lib/a%20b")) == "ChdbStore('/var/lib/a b', database='sluice')"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("clickhouse://host", "clickhouse://default@host:8123/sluice"),
        ("clickhouse://me:s%3Acret@host:9000/logs", "clickhouse://me@host:9000/logs"),
        ("clickhouses://me:s3cret@host/", "clickhouses://me@host:8443/sluice"),
    ],
)
def test_a_server_is_shown_without_its_password(url: str, shown: str) -> None:
    assert repr(open_store(url)) == f"ClickHouseStore({shown})"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgres://me:s3cret@host/db",
        "chdb://",
        "chdb:///",
        "chdb://host/path",
        "clickhouse:///db",
        "clickhouse://me:s3cret@host:port/db",
        "clickhouse://me:s3cret@host:99999/db",
        "clickhouse://me:s3cret@host/a-b",
        "clickhouse://me:s3cret@host/a?secure=1",
        "clickhouse://me:s3cret@host/a?ca_file=/etc/hosts",
        "clickhouses://me:s3cret@host/a?verify=0",
        "clickhouses://me:s3cret@host/a?ca_file=/no/such/file",
        "clickhouses://me:s3cret@host/a?ca_file=",
        "clickhouses://me:s3cret@host/a?ca_file=/etc/hosts",
        "clickhouses://me:s3cret@host/a?cert_file=/etc/hosts",
        "clickhouses://me:s3cret@host/a?cert_file=/etc/hosts&key_file=/etc/hosts",
        "clickhouses://me:s3cret@host/a#part",
    ],
)
def test_other_urls_are_refused_without_showing_them(url: str) -> None:
    with pytest.raises(Misconfigured, match="SLUICE_STORE") as refusal:
        open_store(url)
    assert "s3cret" not in f"{refusal.value} {refusal.value.__cause__}"
