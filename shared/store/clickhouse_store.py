"""The engine on a server: ClickHouse over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from shared.errors import Misconfigured, StoreOverloaded, StoreRejected, StoreUnavailable
from shared.store.base import AnswerLimits, LogStore, QueryLimits, Row
from shared.store.clusters import cluster_settings, find_layout
from shared.store.codes import ACCESS_CODES, ACCESS_DENIED, answer_error, error_code, limit_error, store_error
from shared.store.session import (
    INSERT_SETTINGS,
    LAST_RESORT_SETTINGS,
    SESSION_SETTINGS,
    answer_settings,
    decode_rows,
    is_one_row,
    query_settings,
)
from shared.tls import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from clickhouse_connect.driver.asyncclient import AsyncClient

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 5.0

_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's word for a certificate of an unknown authority or for another host, in what the library says of it."""

_INSERT_SETTINGS: Final[Mapping[str, str | int]] = {**INSERT_SETTINGS, "wait_end_of_query": "1"}
"""An error in the middle of an insert must come as an error, not after a 200."""


class ClickHouseStore(LogStore):
    """A database of a ClickHouse server, made when it is missing and the user may make it, unless `create` is False.

    After an outage requests work again by themselves. `timeout_s` bounds how long the server may be silent.
    With `secure` its certificate is verified. `cluster` is that of its tables, if any (see `shared.store.clusters`).
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secure: bool = False,
        user: str = "default",
        password: str = "",
        database: str = "sluice",
        timeout_s: float = 60.0,
        create: bool = True,
        tls: TlsFiles | None = None,
        cluster: str = "",
    ) -> None:
        self._host, self._port, self._secure = host, port, secure
        self._tls = tls or TlsFiles()
        self._user, self._password, self._database = user, password, database
        self._timeout_s = timeout_s
        self._create = create
        self._cluster = cluster
        self._client: AsyncClient | None = None

    def __repr__(self) -> str:
        scheme = "clickhouses" if self._secure else "clickhouse"
        return f"ClickHouseStore({scheme}://{self._user}@{self._host}:{self._port}/{self._database})"

    async def start(self) -> None:
        if self._client is not None:
            return
        # Settings are sent as they are: the library would leave out those that a server in trouble did not list.
        clickhouse_connect.common.set_setting("invalid_setting_action", "send")
        try:
            client = await clickhouse_connect.get_async_client(
                host=self._host,
                port=self._port,
                interface="https" if self._secure else "http",
                ca_cert=self._tls.ca_file,
                client_cert=self._tls.cert_file,
                client_cert_key=self._tls.key_file,
                # With a certificate and no password the certificate says who we are; with both, the password does.
                tls_mode="strict" if self._tls.cert_file and self._password else None,
                username=self._user,
                password=self._password,
                settings=dict(SESSION_SETTINGS),
                compress=False,
                autogenerate_session_id=False,  # a session runs one request at a time
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=self._timeout_s,
            )
        except ClickHouseError as error:
            raise self._start_error(error) from error
        try:
            await self._use_database(client)
        except BaseException:
            await client.close()
            raise
        self._client = client
        if self._cluster:
            try:
                layout = await find_layout(self, self._cluster)
                for name, value in (await cluster_settings(self, layout, self._timeout_s)).items():
                    client.set_client_setting(name, value)
            except BaseException:
                await self.stop()
                raise

    async def _use_database(self, client: AsyncClient) -> None:
        try:
            found = await client.raw_query(
                "SELECT 1 FROM system.databases WHERE name = {name:String}", {"name": self._database}, fmt="JSONEachRow"
            )
            if not found and not self._create:
                raise Misconfigured(f"{self!r}: there is no database {self._database}: `sluice migrate up` makes it")
            if not found:
                everywhere = f" ON CLUSTER '{self._cluster}'" if self._cluster else ""
                await client.command(f"CREATE DATABASE IF NOT EXISTS `{self._database}`{everywhere}")
        except ClickHouseError as error:
            raise self._start_error(error) from error
        client.database = self._database

    def _start_error(self, error: ClickHouseError) -> Exception:
        code = error_code(str(error))
        if code == ACCESS_DENIED:
            return Misconfigured(f"{self!r}: there is no database {self._database}, or the user may not use or make it")
        if code in ACCESS_CODES:
            return Misconfigured(f"{self!r}: the server refuses this user and password")
        if _UNTRUSTED in str(error):
            return Misconfigured(
                f"{self!r}: the server's certificate is not trusted ({error}); see ca_file in SLUICE_STORE"
            )
        failure = store_error(str(error), inserting=False)
        return Misconfigured(f"{self!r}: {failure}") if isinstance(failure, StoreRejected) else failure

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def insert(self, table: str, rows: bytes) -> None:
        if not rows.strip():
            return
        try:
            await self._insert(table, rows, _INSERT_SETTINGS)
        except StoreOverloaded:
            if not is_one_row(rows):
                raise
            await self._insert(table, rows, {**_INSERT_SETTINGS, **LAST_RESORT_SETTINGS})

    async def _insert(self, table: str, rows: bytes, settings: Mapping[str, Any]) -> None:
        sending = self._connected().raw_insert(table, None, rows, settings=dict(settings), fmt="JSONEachRow")
        await _answer(sending, inserting=True)

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        sending = self._connected().raw_query(
            sql, _named(sql, parameters), settings=dict(query_settings(limits)), fmt="JSONEachRow"
        )
        return decode_rows(await _answer(sending, limits=limits))

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        settings = {**answer_settings(limits), "wait_end_of_query": "1"}
        if self._cluster:
            settings["distributed_product_mode"] = "global"  # users look for more than ids, in logs of any shard
        try:
            return await self._connected().raw_query(sql, _named(sql, parameters), settings=settings, fmt=output_format)
        except ClickHouseError as error:
            raise answer_error(str(error), limits) from error

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        # Not the library's `command`, which puts parameters of any length into the URL.
        await _answer(self._connected().raw_query(sql, _named(sql, parameters)))

    async def ping(self) -> None:
        await self.query("SELECT 1")

    def _connected(self) -> AsyncClient:
        if self._client is None:
            raise StoreUnavailable("the store is not started")
        return self._client


def _named(sql: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters that a text names: into one that has no placeholder the library pastes the values."""
    return {name: value for name, value in (parameters or {}).items() if f"{{{name}:" in sql}


async def _answer(sending: Awaitable[T], *, inserting: bool = False, limits: QueryLimits | None = None) -> T:
    try:
        return await sending
    except ClickHouseError as error:
        exceeded = limit_error(str(error), limits) if limits is not None else None
        if exceeded is not None:
            raise exceeded from error
        raise store_error(str(error), inserting=inserting) from error
