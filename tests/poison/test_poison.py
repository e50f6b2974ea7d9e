"""Bodies that have broken other services, sent to each create route of a running `sluice up`.

`answers.txt` says what each is answered. What is accepted can be read back, nothing becomes a dead letter, and the
process stays as ready as it was. `test_every_route.py` has all other routes.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from starlette.routing import Route

from services.ingest_gateway.routes import routes
from shared.backends import Backends
from shared.settings import Settings
from shared.stream.base import DEAD_LETTERS_TOPIC
from shared.stream.sqlite.file import end_offsets
from tests.poison.large import LARGE
from tests.support.api import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api

FOLDER: Final = Path(__file__).parent
READ: Final = {
    "/log-request": "/api/public/v2/requests/",
    "/track-request": "/api/public/v2/requests/",
    "/v5/prompts/log": "/v5/logs/",
}
"""Where a log of each create route is read back."""

OTHER_ROUTES: Final = (
    *("/rest/track-", "/library-track-", "/track-group", "/create-group", "/rest/prompt-templates"),
    *("/v5/tools/", "/v5/flows/", "/v5/evaluators/", "/spans-bulk", "/v1/traces", "/v5/import/"),
)
"""How the gateway's routes begin that update logs, make no log, are another name of a route above, or read and check
their bodies as those do.
"""

BULK_ROUTE: Final = "/v1/logs"
BULK_TYPES: Final = {"promptlayer.request": "/log-request", "humanloop.prompt_log": "/v5/prompts/log"}
"""Types of items, and the route of each alone."""

READ_TIMEOUT_S: Final = 60.0


def table() -> tuple[list[str], dict[str, list[int]]]:
    """The create routes, and by body what each of them answers."""
    lines = [line for line in (FOLDER / "answers.txt").read_text().splitlines() if line]
    create_routes = lines[1].split()[2:-1]
    rows = [line.split(maxsplit=1 + len(create_routes)) for line in lines[2:]]
    return create_routes, {name: [int(status) for status in rest[: len(create_routes)]] for name, *rest in rows}


ROUTES, ANSWERS = table()


def content(name: str) -> bytes:
    """The body of this name."""
    return LARGE[name]() if name in LARGE else (FOLDER / name).read_bytes()


def dead_letters(api: Api) -> int:
    """How many there are."""
    path = api.up.directory / "data" / "stream.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return sum(end_offsets(connection, DEAD_LETTERS_TOPIC).values())


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[httpx.Client]:
    """A client with the patience that big bodies need."""
    headers = {"x-api-key": DEFAULT_KEY, "content-type": "application/json"}
    with httpx.Client(base_url=api.url, headers=headers, timeout=READ_TIMEOUT_S) as client:
        yield client


def readable(client: httpx.Client, path: str) -> bool:
    """Whether a log can be read, as soon as that is known: 503 says that it is not known yet."""
    deadline = time.monotonic() + READ_TIMEOUT_S
    while (answer := client.get(path)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(float(answer.headers["retry-after"]))
    return answer.status_code == 200


@pytest.mark.parametrize("name", ANSWERS)
def test_a_body_is_answered_as_documented_and_harms_nobody(api: Api, client: httpx.Client, name: str) -> None:
    body = content(name)
    headers = {"content-encoding": "gzip"} if name.endswith(".gz") else {}
    letters = dead_letters(api)
    for route, status in zip(ROUTES, ANSWERS[name], strict=True):
        answer = client.post(route, content=body, headers=headers)
        assert answer.status_code == status, answer.text[:500]
        assert len(answer.content) < 10_000 + 2 * len(body)
        if status < 300:
            said = answer.json()
            log_id = quote(str(said["id"] if "id" in said else said["request_id"]), safe="")
            assert readable(client, READ[route] + log_id)
        else:
            assert answer.json()["success"] is False
    assert dead_letters(api) == letters
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("kind", BULK_TYPES)
def test_a_bulk_request_stores_the_good_ones_among_them(client: httpx.Client, kind: str) -> None:
    lines = {name: content(name) for name in sorted(ANSWERS.keys() - LARGE.keys()) if not name.endswith(".gz")}
    lines = {name: line for name, line in lines.items() if line.strip() and b"\n" not in line}
    answer = client.post(
        BULK_ROUTE,
        params={"type": kind},
        content=b"\n".join(lines.values()),
        headers={"content-type": "application/x-ndjson", "idempotency-key": uuid4().hex},
    )
    assert answer.status_code == 200
    stored = {name: "id" in result for name, result in zip(lines, answer.json()["results"], strict=True)}
    assert stored == {name: ANSWERS[name][ROUTES.index(BULK_TYPES[kind])] < 300 for name in lines}
    assert sum(stored.values()) > 15
    for result in answer.json()["results"]:
        if "error" not in result:
            url = READ[BULK_TYPES[kind]] + quote(str(result["id"]), safe="")
            assert readable(client, url)


def test_every_body_has_an_answer() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in {".json", ".bin", ".gz"}}
    assert files | LARGE.keys() == ANSWERS.keys()


def test_every_create_route_is_sent_them(tmp_path: Path) -> None:
    backends = Backends(Settings.load({"data": str(tmp_path)}), role="gateway", needs_store=False)
    found = [route.path for route in routes(backends) if isinstance(route, Route)]
    found = [path for path in found if not path.startswith(OTHER_ROUTES)]
    assert found == [*ROUTES, BULK_ROUTE]
    assert READ.keys() == set(ROUTES)
