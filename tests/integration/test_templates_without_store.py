"""Prompt templates are answered while the store, or the stream, is down: programs that run them go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from services.ingest_gateway import routes as gateway
from services.query_api import routes as query
from services.query_api.promptlayer.renderer import Renderer
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings
from tests.api.templates import MODEL, publication

if TYPE_CHECKING:
    from pathlib import Path

KEY = "some-key-12345"


async def test_templates_are_answered_while_the_store_and_then_the_stream_is_down(tmp_path: Path) -> None:
    stream = f"sqlite:///{tmp_path / 'stream.db'}"
    down: dict[str, Any] = {"stream": stream, "store": "clickhouse://127.0.0.1:9", "api_keys": f"default:{KEY}"}
    down["versions_per_prompt"] = 2
    backends = Backends(Settings.load(down), role="query", needs_store=True)
    renderer = Renderer()
    app = build_role("query", backends, [*gateway.routes(backends), *query.routes(backends, renderer)])
    await backends.start()
    transport, headers = httpx.ASGITransport(app), {"x-api-key": KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://sluice", headers=headers) as client:
        body = publication("a/b", labels=["prod"], metadata={"model": MODEL})
        assert (await client.post("/rest/prompt-templates", json=body)).status_code == 201
        wanted = {"label": "prod", "input_variables": {"who": "Ada"}}
        read = await client.post("/prompt-templates/a/b", json=wanted)
        assert read.json()["llm_kwargs"]["messages"] == [{"role": "user", "content": "Hi Ada"}]
        second = publication("a/b", commit_message="second")
        answers = [await client.post("/rest/prompt-templates", json=body) for body in (second, second, body)]
        assert [answer.status_code for answer in answers] == [201, 201, 409]
        assert "has 2 versions, as many as SLUICE_VERSIONS_PER_PROMPT allows" in answers[2].json()["message"]
        listed = (await client.get("/prompt-templates")).json()
        assert listed["total"] == 1

        await backends.stream.stop()
        assert (await client.post("/prompt-templates/a/b", json=wanted)).json() == read.json()
        assert (await client.get("/prompt-templates")).json() == listed
        for refused in (
            await client.post("/prompt-templates/unknown", json={}),
            await client.post("/rest/prompt-templates", json=publication("new")),
        ):
            assert (refused.status_code, refused.json()["error"]) == (503, "stream_unavailable")
    await backends.stop()
