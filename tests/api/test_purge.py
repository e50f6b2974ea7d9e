"""`POST /v1/purge` and `sluice purge`, against a running server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from services.__main__ import main
from shared import ids
from shared.registry.entities import Scope
from tests.api import promptlayer
from tests.api.humanloop import create, fetch, log_url
from tests.support.api import DEFAULT_KEY, OTHER_KEY, refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.api import Api, Json

PATH = "/v1/purge"


def purge(api: Api, **fields: object) -> Json:
    response = api.default.post(PATH, json={"workspace": "default", **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def sluice(api: Api, *arguments: str, key: str = DEFAULT_KEY, typed: str = "") -> Result:
    command = ["purge", api.url, "--api-key", key, "--workspace", "default", *arguments]
    return CliRunner().invoke(main, command, input=typed)


def test_logs_of_both_apis_are_purged_by_any_of_their_ids(api: Api) -> None:
    own = unique("own")
    named, given = create(api, log_id=own), create(api)
    requests = [promptlayer.create(api, body()) for _ in range(2)]
    for log_id in (own, given["id"]):
        fetch(api, log_id)
    for request in requests:
        promptlayer.fetch(api, request)
    names = [own, given["id"], str(requests[0]), ids.to_text(requests[1]), "unknown", "7"]
    assert purge(api, logs=names, dry_run=True)["found"] == 4
    assert fetch(api, own)["id"] == named["id"]
    answer = purge(api, logs=names)
    assert (answer["found"], answer["deleted_before"], answer["more"]) == (4, 0, False)
    assert len(answer["logs"]) == 4
    assert answer["kept"] == {"stream_ms": 86_400_000, "stream_bytes": 1 << 30}
    for log_id in (own, given["id"]):
        refused(api.default.get(log_url(log_id)), 404, "not_found")
    for request in requests:
        refused(api.default.get(f"/api/public/v2/requests/{request}"), 404, "not_found")
    again = purge(api, logs=names)
    assert (again["found"], again["deleted_before"]) == (4, 4), "their tombstones are known"
    assert purge(api, logs=["unknown"])["found"] == 0


def test_the_command_asks_and_tells(api: Api) -> None:
    user = unique("user")
    kept = create(api, metadata={"user": user + "x"}, user=user + "x")
    made = [create(api, metadata={"user": user}, user=user) for _ in range(3)]
    for each in (kept, *made):
        fetch(api, each["id"])
    assert api.default.delete("/v5/logs", params={"id": made[0]["id"]}).status_code == 204

    dry = sluice(api, "--metadata", f"user={user}", "--dry-run")
    assert dry.exit_code == 0, dry.output
    # A merge may have taken what was deleted before already, and with it what it could be found by.
    assert re.search(r"[23] logs of workspace default, [01] of them deleted before:", dry.output)
    assert all(each["id"] in dry.output for each in made[1:])
    assert kept["id"] not in dry.output
    refusal = sluice(api, "--user", user, typed="n\n")
    assert refusal.exit_code == 1
    assert fetch(api, made[1]["id"])["id"] == made[1]["id"]

    done = sluice(api, "--user", user, "--yes")
    assert done.exit_code == 0, done.output
    assert re.search("purged [23] logs", done.output)
    assert "until its retention of 24 hours or 1 GiB" in done.output
    refused(api.default.get(log_url(made[1]["id"])), 404, "not_found")
    assert "0 logs" in sluice(api, "--metadata", f"user={user}", "--yes").output, "nothing of them is left to find"
    assert fetch(api, kept["id"])["id"] == kept["id"]
    assert DEFAULT_KEY not in dry.output + refusal.output + done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "one of --log, --metadata and --user"),
        (["--log", "x", "--user", "y"], "one of --log, --metadata and --user"),
        (["--metadata", "x"], "KEY=VALUE"),
    ],
)
def test_the_command_says_how_it_is_used(api: Api, arguments: list[str], says: str) -> None:
    result = sluice(api, *arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_only_an_admin_of_the_workspace_purges(api: Api) -> None:
    created = create(api)
    fetch(api, created["id"])
    sent = {"workspace": "default", "logs": [created["id"]]}
    refused(api.other.post(PATH, json=sent), 403, "forbidden", says="workspace: is not the workspace of this API key")
    assert "answers 403: workspace: is not" in sluice(api, "--log", created["id"], "--yes", key=OTHER_KEY).output
    assert api.other.post(PATH, json={**sent, "workspace": "other"}).json()["found"] == 0
    with api.client(api.create_key("default", Scope.READ, Scope.INGEST)) as client:
        refused(client.post(PATH, json=sent), 403, "forbidden", says="'admin'")
    assert fetch(api, created["id"])["id"] == created["id"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"logs": []},
        {"logs": [""]},
        {"logs": ["x"], "user": "y"},
        {"metadata": {"a": "b", "c": "d"}},
        {"metadata": {"a": 1}},
        {"user": ""},
        {"user": None},
        {"logs": ["x"] * 1001},
    ],
    ids=lambda sent: str(sent)[:30],
)
def test_what_is_wrong_with_a_purge(api: Api, sent: Json) -> None:
    with api.nothing_stored():
        refused(api.default.post(PATH, json={"workspace": "default", **sent}), 422, "invalid")
