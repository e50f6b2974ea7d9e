"""`sluice purge` as its users run it: what is on the disk afterwards, and after a crash that reads the stream again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.support.log_bodies import promptlayer_body
from tests.support.processes import Up
from tests.support.store_rows import store_rows

if TYPE_CHECKING:
    from tests.support.processes import Processes

KEY = "some-key-12345"
VERSIONS = "SELECT id, is_deleted FROM {} ORDER BY id, is_deleted"


def test_a_purged_log_is_off_the_disk_and_a_crash_does_not_bring_it_back(processes: Processes) -> None:
    sluice = Up(processes, api_keys=f"default:{KEY}").start()
    with httpx.Client(base_url=sluice.url, headers={"x-api-key": KEY}, timeout=60) as client:
        kept, purged = (create(client, who) for who in ("ada", "bob"))
        said = sluice.run(
            "purge", sluice.url, "--api-key", KEY, "--workspace", "default", "--metadata", "who=bob", "--yes"
        )
        assert "purged 1 log:" in said
        sluice.stop()
        for table in ("logs", "log_payloads"):
            rows = store_rows(store_url(sluice), VERSIONS.format(table))
            assert [(row["id"], row["is_deleted"]) for row in rows] == sorted([(kept, 0), (purged, 1)])

        sluice.start()
        late = create(client, "late")
        sluice.kill()
        sluice.start()
        statuses = [client.get(f"/api/public/v2/requests/{log_id}").status_code for log_id in (kept, purged, late)]
        assert statuses == [200, 404, 200]
        found = client.post("/api/public/v2/requests/search", json={"q": "bob"}).json()
        assert (found["success"], found["items"]) == (True, [])
    sluice.stop()


def create(client: httpx.Client, who: str) -> int:
    """A log with this in its metadata, which is applied when this returns."""
    sent: dict[str, Any] = {**promptlayer_body(who, len(who)), "metadata": {"who": who}}
    log_id: int = client.post("/log-request", json=sent).json()["id"]
    assert client.get(f"/api/public/v2/requests/{log_id}").status_code == 200
    return log_id


def store_url(sluice: Up) -> str:
    return f"chdb:///{sluice.directory / 'data' / 'store'}"
