"""A ClickHouse server behind TLS."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from shared.errors import Misconfigured, StoreUnavailable
from shared.store.factory import open_store
from tests.support.certificates import Authority, Certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Tls(NamedTuple):
    """A port where TLS ends before the server, whom to trust there, and a certificate that it takes."""

    port: int
    authority: Authority
    client: Certificate

    def url(self, original: str, options: str) -> str:
        """The URL of a plain connection, for here."""
        parts = urlsplit(original)
        credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return f"clickhouses://{credentials}127.0.0.1:{self.port}{parts.path}?{options}"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@asynccontextmanager
async def tls_before(url: str, authority: Authority, *, wants_certificate: bool) -> AsyncIterator[Tls]:
    parts = urlsplit(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file))
    context.load_cert_chain(*authority.issue("127.0.0.1"))
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(forward(reader, server_writer), forward(server_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield Tls(server.sockets[0].getsockname()[1], authority, authority.issue("client"))
    finally:
        server.close()


async def test_rows_go_through_tls_with_an_authority_of_ones_own(clickhouse_url: str, authority: Authority) -> None:
    async with tls_before(clickhouse_url, authority, wants_certificate=False) as tls:
        store = open_store(tls.url(clickhouse_url, f"ca_file={authority.ca_file}"))
        await store.start()
        await store.execute("CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x")
        await store.insert("t", b'{"x":1}')
        assert await store.query("SELECT x FROM t") == [{"x": 1}]
        await store.stop()


async def test_a_server_of_another_authority_is_not_believed(clickhouse_url: str, authority: Authority) -> None:
    async with tls_before(clickhouse_url, authority, wants_certificate=False) as tls:
        with pytest.raises(Misconfigured, match=r"certificate is not trusted .*ca_file in SLUICE_STORE"):
            await open_store(tls.url(clickhouse_url, "")).start()


async def test_a_client_shows_its_certificate(clickhouse_url: str, authority: Authority) -> None:
    async with tls_before(clickhouse_url, authority, wants_certificate=True) as tls:
        certificate = f"cert_file={tls.client.cert_file}&key_file={tls.client.key_file}"
        store = open_store(tls.url(clickhouse_url, f"ca_file={authority.ca_file}&{certificate}"))
        await store.start()
        assert await store.query("SELECT 1 AS x") == [{"x": 1}]
        await store.stop()
        with pytest.raises(StoreUnavailable):
            await open_store(tls.url(clickhouse_url, f"ca_file={authority.ca_file}")).start()
