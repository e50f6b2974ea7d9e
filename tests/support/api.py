"""One `sluice up` for the tests that talk HTTP: started for the first of them, stopped (cleanly) after the last.

    def test_something(api: Api) -> None:
        answer = api.default.post("/log-request", json=...)      # workspace `default`; `api.other` is another one
        with api.nothing_stored():                               # nothing may be appended, and it must stay ready
            refused(api.default.post("/log-request", json={}), 422, "invalid", ["body", "provider"])

Tests share the process, so each uses prompt paths and ids of its own (`unique`).
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import httpx
import pytest

from shared.auth import key_hash
from shared.registry.registry import Registry
from shared.stream.base import LOGS_TOPIC, REGISTRY_TOPIC, WRITER_GROUP
from shared.stream.factory import StreamOptions, open_stream
from shared.stream.sqlite.file import committed, end_offsets
from tests.support.processes import Processes, Up, wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from shared.registry.entities import Scope

Json = dict[str, Any]
T = TypeVar("T")

DEFAULT_KEY: Final = "default-key-1"
OTHER_KEY: Final = "other-key-1"
TIMEOUT_S: Final = 30.0
SETTLE_S: Final = 10.0
"""Longest time in which a running process must have noticed what another one appended to the registry."""

_INSIDE = re.compile(
    r"pydantic|starlette|orjson|traceback|\.py\b|LogRequest|PromptLog|PromptDetails|ChatMessage|ContentItem|_Chat|_Block"
    r"|union|tagged|function-|constrained|Input should",
    re.IGNORECASE,
)
"""What an error must never show: names of libraries, classes and schema nodes."""


class Api:
    """A running `sluice up` and clients of two workspaces, which keep their connections."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.url = up.url
        self.default = self.client(DEFAULT_KEY)
        self.other = self.client(OTHER_KEY)
        self._stream_file = up.directory / "data" / "stream.db"

    def client(self, key: str | None) -> httpx.Client:
        """A client with this key; without the header for None."""
        return httpx.Client(base_url=self.url, headers={"x-api-key": key} if key else {}, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the clients."""
        self.default.close()
        self.other.close()

    def appended(self) -> tuple[dict[int, int], dict[int, int]]:
        """Where the log stream and the registry stream end."""
        with closing(sqlite3.connect(f"file:{self._stream_file}?mode=ro", uri=True)) as connection:
            return end_offsets(connection, LOGS_TOPIC), end_offsets(connection, REGISTRY_TOPIC)

    def wait_until_applied(self) -> None:
        """Return when the writer has applied everything that was appended to the log stream before this call."""
        ends, _ = self.appended()
        uri = f"file:{self._stream_file}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:

            def is_applied() -> bool:
                applied = committed(connection, LOGS_TOPIC, WRITER_GROUP)
                return all(applied.get(partition, 0) >= end for partition, end in ends.items())

            wait_until(is_applied, "the writer to apply everything", SETTLE_S)

    @contextmanager
    def nothing_stored(self) -> Iterator[None]:
        """Inside, nothing is appended to any stream; after it the process is ready."""
        before = self.appended()
        yield
        assert self.appended() == before
        assert self.default.get("/readyz").status_code == 200

    def settles(self, condition: Callable[[], bool]) -> bool:
        """Wait until the process has noticed what was appended beside it; fails after SETTLE_S."""
        wait_until(condition, "the process to notice", SETTLE_S)
        return True

    def in_registry(self, action: Callable[[Registry], Awaitable[T]]) -> T:
        """Do something with the registry from this process, as the command line does beside a running `sluice up`."""

        async def run() -> T:
            stream = open_stream(f"sqlite:///{self._stream_file}", StreamOptions("tests"))
            await stream.start()
            registry = Registry(stream)
            try:
                await registry.start()
                return await action(registry)
            finally:
                await registry.stop()
                await stream.stop()

        return asyncio.run(run())

    def create_key(self, workspace: str, *scopes: Scope) -> str:
        """A new key, from the moment it works."""
        _, key = self.in_registry(lambda registry: registry.create_key(workspace, scopes, "test"))
        with self.client(key) as client:
            self.settles(lambda: client.get("/api/public/v2/requests/1").status_code != 401)
        return key

    def revoke_key(self, key: str) -> None:
        """Revoke a key by its text."""

        async def action(registry: Registry) -> None:
            found = registry.state.key_by_hash(key_hash(key))
            assert found is not None
            await registry.revoke_key(found.id)

        self.in_registry(action)

    def create_environment(self, workspace: str, name: str) -> str:
        """A new environment of a workspace; returns its id. Like `deploy`, not known everywhere at once."""
        return self.in_registry(lambda registry: registry.create_environment(workspace, name)).id

    def deploy(self, workspace: str, prompt_id: str, version_id: str, environment: str) -> None:
        """Deploy a version. The running process may not know it yet when this returns: see `settles`."""

        async def action(registry: Registry) -> None:
            prompt = await registry.find_prompt(workspace, prompt_id)
            found = await registry.find_environment(workspace, environment)
            version = await registry.find_version(workspace, prompt_id, version_id)
            assert prompt is not None
            assert found is not None
            assert version is not None
            await registry.changes.deploy(prompt, found, version)

        self.in_registry(action)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The process that all tests share."""
    processes = Processes(tmp_path_factory.mktemp("api"))
    try:
        up = Up(processes, api_keys=f"default:{DEFAULT_KEY},other:{OTHER_KEY}").start()
        running = Api(up)
        yield running
        running.close()
        up.stop()
    finally:
        processes.end()


def unique(prefix: str = "test") -> str:
    """A name like no other."""
    return f"{prefix}-{uuid4().hex[:12]}"


def refused(
    response: httpx.Response, status: int, code: str, loc: Sequence[str | int] | None = None, says: str = ""
) -> str:
    """Check that an answer is the one error envelope, in the client's own terms; returns its message.

    `loc` is where the first problem of a 422 is. `says` must be part of the message.
    """
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/json"
    envelope = response.json()
    assert envelope["success"] is False
    assert envelope["error"] == code
    message: str = envelope["message"]
    assert message
    assert says in message
    assert not _INSIDE.search(response.text), response.text[:500]
    if status == 422:
        for problem in envelope["detail"]:
            assert set(problem) == {"loc", "msg", "type"}
            assert problem["msg"]
            assert problem["type"]
            assert problem["loc"][0] in {"body", "query", "path", "header"}
        if loc is not None:
            assert envelope["detail"][0]["loc"] == list(loc)
            assert str(next((part for part in reversed(loc) if isinstance(part, str)), "")) in message
    elif response.request.url.path.startswith("/v5/"):
        assert envelope["detail"] == {"type": code, "message": message, "code": status, "origin": "sluice"}
    else:
        assert "detail" not in envelope
    return message
