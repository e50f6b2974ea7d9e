"""Prompts are answered while the store, or the stream, is down: programs that fetch them go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from services.query_api.humanloop import file_records
from services.query_api.promptlayer.renderer import Renderer
from services.query_api.routes import routes
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

KEY = "some-key-12345"


async def test_prompts_are_answered_while_the_store_and_then_the_stream_is_down(tmp_path: Path) -> None:
    stream = f"sqlite:///{tmp_path / 'stream.db'}"
    down = {"stream": stream, "store": "clickhouse://127.0.0.1:9", "api_keys": f"default:{KEY}"}
    backends = Backends(Settings.load(down), role="query", needs_store=True)
    app = build_role("query", backends, routes(backends, Renderer()))
    await backends.start()
    transport, headers = httpx.ASGITransport(app), {"x-api-key": KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://sluice", headers=headers) as client:
        made = (await client.post("/v5/prompts", json={"path": "a/b", "model": "gpt-4o"})).json()
        prompt = f"/v5/prompts/{made['id']}"
        deployed = await client.post(f"{prompt}/environments/production", params={"version_id": made["version_id"]})
        assert deployed.status_code == 200
        read = (await client.get(prompt, params={"environment": "production"})).json()
        assert (read["model"], read["version_id"], read["version_logs_count"]) == ("gpt-4o", made["version_id"], 0)
        assert read["last_used_at"] == read["created_at"]
        listed = (await client.get("/v5/prompts")).json()
        assert [record["path"] for record in listed["records"]] == ["a/b"]
        assert (await client.get("/v5/logs", params={"file_id": made["id"]})).status_code == 503

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(file_records, "MAX_LIST_BYTES", 100)
            for path in ("/v5/prompts", f"{prompt}/versions", f"{prompt}/environments"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["error"]) == (400, "query_limit")

        await backends.stream.stop()
        assert (await client.get(prompt)).json() == read
        assert (await client.get("/v5/prompts")).json() == listed
        assert (await client.post("/v5/files/retrieve-by-path", json={"path": "a/b"})).json() == read
        for refused in (
            await client.get("/v5/prompts/pr_00000000000"),
            await client.post("/v5/prompts", json={"path": "a/b", "model": "other"}),
            await client.delete(prompt),
        ):
            assert (refused.status_code, refused.json()["error"]) == (503, "stream_unavailable")
    await backends.stop()
