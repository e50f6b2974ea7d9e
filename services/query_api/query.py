"""What the query API's routes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import StoreUnavailable
from shared.registry.entities import Scope
from shared.store.base import QueryLimits

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.query_api.log_reader import LogReader
    from shared.auth import Principal
    from shared.backends import Backends
    from shared.store.logs import Judgment, VersionUsage
    from shared.together import Together
    from shared.updates import Updates


@dataclass(frozen=True, slots=True)
class Query:
    """The dependencies of every read and update route."""

    backends: Backends
    reader: LogReader
    updates: Updates
    usage: Together[tuple[str, str], dict[str, VersionUsage]]
    """By (workspace, prompt id): how the versions of a prompt are used."""

    judgments: Together[tuple[str, str], list[Judgment]]
    """By (workspace, public id): the newest logs of evaluators that judged a log."""

    @property
    def limits(self) -> QueryLimits:
        """What one search or list may take of the store."""
        settings = self.backends.settings
        return QueryLimits(settings.query_timeout_s, settings.query_max_rows)

    def authenticate(self, request: Request, scope: Scope = Scope.READ) -> Principal:
        """Who asks. Raises Unauthenticated, Forbidden, and Unavailable while a part is not there yet."""
        principal = self.authenticate_registry(request, scope)
        missing = self.backends.missing().get("store")
        if missing is not None:
            raise StoreUnavailable(f"not ready: {missing}")
        return principal

    def authenticate_registry(self, request: Request, scope: Scope = Scope.READ) -> Principal:
        """Who asks for what is in the registry, which can be told without the store."""
        return self.backends.authenticate(request.headers.get("x-api-key"), scope)
