"""Whose `X-Forwarded-...` headers are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from services.__main__ import server_options
from shared.http.server import uvicorn_config
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.http.app import Application

PROXY = "10.1.2.3"


@pytest.mark.parametrize(
    ("given", "client", "scheme"),
    [
        ({}, PROXY, "http"),
        ({"proxy_headers": True}, PROXY, "http"),
        ({"proxy_headers": True, "forwarded_allow_ips": "10.0.0.0/8"}, "203.0.113.9", "https"),
        ({"proxy_headers": True, "forwarded_allow_ips": "192.168.0.1, 10.1.2.3"}, "203.0.113.9", "https"),
        ({"proxy_headers": True, "forwarded_allow_ips": "192.168.0.1"}, PROXY, "http"),
        ({"proxy_headers": True, "forwarded_allow_ips": "*"}, "203.0.113.9", "https"),
        ({"proxy_headers": False, "forwarded_allow_ips": "*"}, PROXY, "http"),
    ],
)
async def test_only_a_trusted_proxy_says_who_the_client_is(given: dict[str, Any], client: str, scheme: str) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], _receive: object, _send: object) -> None:
        seen.append(scope)

    config = uvicorn_config(cast("Application", app), server_options(Settings.load(given), workers=1))
    config.load()
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (PROXY, 4711), "scheme": "http", "headers": headers}
    await config.loaded_app(cast("Any", scope), cast("Any", None), cast("Any", None))
    assert (seen[0]["client"][0], seen[0]["scheme"]) == (client, scheme)
