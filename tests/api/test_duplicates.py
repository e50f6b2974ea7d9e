"""Requests that clients send again: recognised by their body, or by an `Idempotency-Key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api.promptlayer import fetch, resend
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api


def test_the_same_body_sent_again_is_a_duplicate_and_readable_by_its_own_id(api: Api) -> None:
    sent = body(model=unique())
    ids = [resend(api, sent) for _ in range(3)]
    assert len(set(ids)) == 3
    reads = [fetch(api, log_id) for log_id in ids]
    assert "duplicate_of" not in reads[0]
    assert [read["duplicate_of"] for read in reads[1:]] == [ids[0], ids[0]]
    assert all(read["model"] == sent["model"] for read in reads)


def test_equal_bodies_of_two_workspaces_are_two_logs(api: Api) -> None:
    sent = body(model=unique())
    assert "duplicate_of" not in fetch(api, resend(api, sent))
    theirs = api.other.post("/log-request", json=sent).json()["id"]
    assert "duplicate_of" not in api.other.get(f"/api/public/v2/requests/{theirs}").json()


def test_an_idempotency_key_decides_instead_of_the_body(api: Api) -> None:
    key = {"idempotency-key": unique()}
    first, second = (resend(api, body(model=name), key) for name in ("one", "two"))
    assert fetch(api, second)["duplicate_of"] == first
    assert (fetch(api, first)["model"], fetch(api, second)["model"]) == ("one", "two")
    sent = body(model=unique())
    ids = [resend(api, sent, {"idempotency-key": unique()}) for _ in range(2)]
    assert ["duplicate_of" in fetch(api, log_id) for log_id in ids] == [False, False]


def test_an_idempotency_key_that_is_too_long(api: Api) -> None:
    with api.nothing_stored():
        response = api.default.post("/log-request", json=body(), headers={"idempotency-key": "k" * 256})
        refused(response, 422, "invalid", ["header", "idempotency-key"])
