"""Finding the route of a request: a dictionary for fixed paths, Starlette's patterns for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from starlette.routing import Match, Route

from shared.errors import MethodNotAllowed, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

_SEGMENT_CHARACTERS: Final = "-._~!$&'()*+,;=:@"
"""What a path segment holds unescaped (RFC 3986, section 3.3), letters and digits aside."""

_SHOWN_CHARACTERS: Final = 80
"""Of a path, in an error."""


class RouteTable:
    """The routes of an application. Raises ValueError when two of them take the same method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: list[Route] = []
        taken: set[tuple[str, str]] = set()
        for route in routes:
            for method in route.methods or ():
                if (method, route.path) in taken:
                    raise ValueError(f"two routes take {method} {route.path}")
                taken.add((method, route.path))
                if not route.param_convertors:
                    self._fixed.setdefault(route.path, {})[method] = route
            if route.param_convertors:
                self._patterns.append(route)

    def find(self, scope: Scope) -> Route:
        """The route for a request; puts `path_params` into the scope. Raises NotFound or MethodNotAllowed."""
        path = _normalise(scope)
        by_method = self._fixed.get(path)
        if by_method is not None:
            route = by_method.get(scope["method"])
            if route is not None:
                scope["path_params"] = {}
                return route
        path_exists = by_method is not None
        for route in self._patterns:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                parameters = child_scope["path_params"]
                if "%" in path:
                    parameters = {
                        name: unquote(value) if isinstance(value, str) else value for name, value in parameters.items()
                    }
                scope["path_params"] = parameters
                return route
            path_exists = path_exists or match is Match.PARTIAL
        shown = f"{scope['method']} {path[:_SHOWN_CHARACTERS]}"
        if path_exists:
            raise MethodNotAllowed(f"no such route: {shown}; this path takes {', '.join(self.methods(scope))}")
        raise NotFound(f"no such route: {shown}{self._hint(path)}")

    def _hint(self, path: str) -> str:
        """The route that was probably meant: the usual mistake is a base URL with a part too few or too many."""
        path = path.rstrip("/") or "/"
        meant = next((known for known in self._fixed if known.endswith(path) or path.endswith(known)), None)
        return f"; did you mean {meant}?" if meant is not None else ""

    def methods(self, scope: Scope) -> list[str]:
        """The methods that the path of a request takes, after `find` has seen the request."""
        methods = set(self._fixed.get(scope["path"], ()))
        for route in self._patterns:
            if route.matches(scope)[0] is not Match.NONE:
                methods.update(route.methods or ())
        return sorted(methods)


def _normalise(scope: Scope) -> str:
    """Set the scope's path to one with a single leading slash, percent-encoding kept in segments, and return it.

    Servers decode a path as a whole, after which an encoded slash and a real one look the same.
    """
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw:
        segments = raw.decode("ascii").split("/")
        path = "/".join(quote(unquote(segment), safe=_SEGMENT_CHARACTERS) for segment in segments)
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    scope["path"] = path
    return path
