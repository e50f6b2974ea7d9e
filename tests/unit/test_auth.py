"""Keys: how the static ones are parsed, who is let in, and that no key text ever shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.auth import Authenticator, Principal, StaticKeys, key_hash
from shared.errors import Forbidden, Misconfigured, Unauthenticated
from shared.registry import events
from shared.registry.entities import Scope
from shared.registry.state import RegistryState
from shared.stream.base import Record

STATIC = "default:static-secret-1,team-a:static:secret-2"


def append(state: RegistryState, offset: int, event: events.RegistryEvent) -> None:
    message = events.encode(event)
    state.apply(Record(0, offset, ids.ID_EPOCH_MS, message.key, message.value))


@pytest.fixture
def state() -> RegistryState:
    """Holds one key of workspace team-b that may only ingest."""
    state = RegistryState()
    append(state, 0, events.KeyCreated("team-b", key_hash("sk_sluice_registered"), ("ingest",), "service"))
    return state


@pytest.fixture
def authenticator(state: RegistryState) -> Authenticator:
    return Authenticator(state, StaticKeys.parse(STATIC))


@pytest.mark.parametrize("scope", list(Scope))
def test_static_keys_have_all_scopes(authenticator: Authenticator, scope: Scope) -> None:
    assert authenticator.authenticate("static-secret-1", scope).workspace == "default"
    assert authenticator.authenticate("static:secret-2", scope).workspace == "team-a"


def test_a_registered_key_has_its_workspace_and_scopes(authenticator: Authenticator) -> None:
    principal = authenticator.authenticate("sk_sluice_registered", Scope.INGEST)
    assert principal == Principal("team-b", ids.to_text(0, "key_"), frozenset({"ingest"}))
    with pytest.raises(Forbidden, match="'read'"):
        authenticator.authenticate("sk_sluice_registered", Scope.READ)


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_the_answer_says_where_it_goes(authenticator: Authenticator, key: str | None) -> None:
    with pytest.raises(Unauthenticated, match="X-API-KEY"):
        authenticator.authenticate(key, Scope.READ)


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_other_text_is_an_unknown_key(text: str) -> None:
    with pytest.raises(Unauthenticated, match="X-API-KEY"):
        Authenticator(RegistryState(), StaticKeys.parse(STATIC)).authenticate(text, Scope.READ)


def test_a_revoked_key_stops_working(authenticator: Authenticator, state: RegistryState) -> None:
    append(state, 1, events.KeyRevoked("team-b", ids.to_text(0, "key_")))
    with pytest.raises(Unauthenticated, match="revoked"):
        authenticator.authenticate("sk_sluice_registered", Scope.INGEST)


@pytest.mark.parametrize(("text", "count"), [("", 0), ("  ", 0), ("default:12345678", 1), (f" {STATIC} ", 2)])
def test_static_keys_are_parsed(text: str, count: int) -> None:
    assert len(StaticKeys.parse(text)) == count


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hunter2hunter2", "entry 1 is not of the form"),
        ("default:hunter2hunter2,", "entry 2 is not of the form"),
        ("Default:hunter2hunter2", "entry 1: a workspace name"),
        (":hunter2hunter2", "entry 1: a workspace name"),
        (f"{'x' * 64}:hunter2hunter2", "entry 1: a workspace name"),
        ("default:hunter2", "key of entry 1 must be"),
        ("default:hunter2 hunter2", "key of entry 1 must be"),
        ("default:hunter2hünter2", "key of entry 1 must be"),
        ("a:hunter2hunter2,b:hunter2hunter2", "entry 2 repeats"),
    ],
)
def test_bad_static_keys_are_refused_without_showing_them(text: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint) as refused:
        StaticKeys.parse(text)
    assert "SLUICE_API_KEYS" in str(refused.value)
    assert "hunter" not in str(refused.value)


def test_no_key_shows_in_a_repr(authenticator: Authenticator, state: RegistryState) -> None:
    principal = authenticator.authenticate("static-secret-1", Scope.READ)
    shown = repr((authenticator, StaticKeys.parse(STATIC), principal, state.keys()))
    for secret in ("static-secret-1", "static:secret-2", key_hash("static-secret-1"), key_hash("sk_sluice_registered")):
        assert secret not in shown
