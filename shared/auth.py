"""Who is asking: from the text of an API key to a workspace and scopes.

Keys come from the registry and from SLUICE_API_KEYS. Both are looked up by SHA-256, so no key text is kept here, none
can show in a repr or a log line, and the time a lookup takes says nothing about it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import Forbidden, Misconfigured, Unauthenticated
from shared.registry.entities import Scope, check_workspace

if TYPE_CHECKING:
    from shared.registry.state import RegistryState

SETTING: Final = "SLUICE_API_KEYS"

HEADER: Final = "the header X-API-KEY"
"""Where requests have their key, in the words of an error."""

_KEY_TEXT: Final = re.compile(r"[\x21-\x7e]{8,}")
"""What fits in a header: printable ASCII. A comma ends a key, for it separates the entries of the setting."""


class Principal(NamedTuple):
    """On whose behalf a request acts."""

    workspace: str
    key_id: str
    scopes: frozenset[str]


class StaticKeys:
    """The keys of SLUICE_API_KEYS. They have all scopes and last as long as the process."""

    def __init__(self, by_hash: dict[str, Principal]) -> None:
        self._by_hash = by_hash

    @classmethod
    def parse(cls, text: str) -> StaticKeys:
        """Keys from `workspace:key,workspace:key`; none from an empty text. A key has at least 8 characters.

        Raises Misconfigured; the message says which entry is wrong, never what is in it.
        """
        by_hash: dict[str, Principal] = {}
        for position, entry in enumerate(text.split(",") if text.strip() else (), start=1):
            workspace, separator, key = entry.strip().partition(":")
            if not separator:
                raise Misconfigured(f"{SETTING}: entry {position} is not of the form workspace:key")
            try:
                check_workspace(workspace)
            except ValueError as error:
                raise Misconfigured(f"{SETTING}: entry {position}: {error}") from None
            if not _KEY_TEXT.fullmatch(key):
                raise Misconfigured(
                    f"{SETTING}: the key of entry {position} must be at least 8 ASCII characters, none a space"
                )
            digest = key_hash(key)
            if digest in by_hash:
                raise Misconfigured(f"{SETTING}: entry {position} repeats the key of an earlier entry")
            by_hash[digest] = Principal(workspace, f"static-{position}", frozenset(Scope))
        return cls(by_hash)

    def by_hash(self, sha256: str) -> Principal | None:
        """Whom the key with this SHA-256 stands for."""
        return self._by_hash.get(sha256)

    def __len__(self) -> int:
        return len(self._by_hash)


class Authenticator:
    """Checks keys against the static ones and the registry as it is at the moment of the call. No I/O, no cache."""

    def __init__(self, state: RegistryState, static_keys: StaticKeys) -> None:
        self._state = state
        self._static_keys = static_keys

    def authenticate(self, key: str | None, scope: Scope, place: str = HEADER) -> Principal:
        """Whom the key stands for; `place` is where the request has it, for the message of an error.

        Raises Unauthenticated for no key or an unknown one, Forbidden without the scope.
        """
        if not key:
            raise Unauthenticated(f"an API key is needed: send it in {place}")
        digest = key_hash(key)
        principal = self._static_keys.by_hash(digest)
        if principal is None:
            registered = self._state.key_by_hash(digest)
            if registered is None:
                raise Unauthenticated(f"the API key in {place} is not known, or was revoked")
            principal = Principal(registered.workspace, registered.id, registered.scopes)
        if scope not in principal.scopes:
            raise Forbidden(f"this API key lacks the scope '{scope}'")
        return principal


def key_hash(key: str) -> str:
    """The SHA-256 of a key's text, hexadecimal. Takes any text a client may send, lone surrogates included."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
