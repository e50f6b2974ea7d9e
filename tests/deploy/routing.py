"""Which role a path belongs to: by the roles' own route tables, and by what stands before them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Final

from services.ingest_gateway.routes import routes as gateway_routes
from services.query_api.promptlayer.renderer import Renderer
from services.query_api.routes import routes as query_routes
from shared.backends import Backends
from shared.http.probes import probe_routes
from shared.openapi.routes import description_routes
from shared.settings import Settings
from tests.deploy.objects import Objects, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.routing import Route

_PARAMETER: Final = re.compile(r"\{[a-z_]+(:path)?\}")

UNKNOWN: Final = ("/workflows/1/run", "/v5/datasets", "/v1/log", "/log-request/1", "/rest/track")
"""Paths of no route: the query API says so to clients."""


@cache
def owners() -> dict[str, str]:
    """The role that each path belongs to, with parameters filled in; `closed` for what is not for clients."""
    backends = Backends(Settings.load(), role="tests", needs_store=False)
    return {
        **_paths(gateway_routes(backends), "gateway"),
        **_paths([*query_routes(backends, Renderer()), *description_routes()], "query"),
        **dict.fromkeys(UNKNOWN, "query"),
        **_paths(probe_routes(), "closed"),
    }


def _paths(routes: Iterable[Route], owner: str) -> dict[str, str]:
    return {_PARAMETER.sub("some", route.path): owner for route in routes}


def complaints_of(choose: Callable[[str], str]) -> list[str]:
    """What is wrong with an address whose paths go where `choose` says: gateway, query or closed."""
    return [
        f"{path} goes to {chosen} and belongs to {owner}"
        for path, owner in owners().items()
        if (chosen := choose(path)) != owner
    ]


def ingress_follows_the_routes(objects: Objects) -> list[str]:
    """The Ingress sends each path to the role that has it."""
    (ingress,) = of_kind(objects, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    services = {
        (path["pathType"], path["path"]): path["backend"]["service"]["name"].removeprefix("sluice-")
        for path in rule["http"]["paths"]
    }

    def choose(path: str) -> str:
        # Exact before prefixes, long prefixes before short ones: the Ingress API's own order.
        prefixes = sorted((prefix for kind, prefix in services if kind == "Prefix"), key=len, reverse=True)
        matching = [prefix for prefix in prefixes if f"{path}/".startswith(f"{prefix.rstrip('/')}/")]
        return services.get(("Exact", path)) or (services["Prefix", matching[0]] if matching else "nothing")

    return complaints_of(choose)


def map_of(nginx: str) -> Callable[[str], str]:
    """Where the `map $uri $role` of an nginx configuration sends a path."""
    (body,) = re.findall(r"map \$uri \$role \{(.*?)\}", nginx, re.DOTALL)
    entries: dict[str, str] = dict(re.findall(r"^\s*(\S+) (\w+);$", body, re.MULTILINE))
    default = entries.pop("default")
    expressions = {key[1:]: role for key, role in entries.items() if key.startswith("~")}

    def choose(path: str) -> str:
        # A text that is equal goes before expressions, these in their order.
        matching = (role for expression, role in expressions.items() if re.search(expression, path))
        return entries.get(path) or next(matching, default)

    return choose


def list_of(readme: str) -> Callable[[str], str]:
    """Where the list in deploy/README.md sends a path: to the gateway, to nobody, or else to the query API."""
    (listed,) = re.findall(
        r"route (.*?) to the gateway, (.*?) to nobody, and\s+all else to the query API", readme, re.DOTALL
    )
    gateway, closed = (re.findall(r"`(/[^`]*)`", part) for part in listed)

    def choose(path: str) -> str:
        for role, patterns in (("gateway", gateway), ("closed", closed)):
            if any(fnmatchcase(path, pattern) for pattern in patterns):
                return role
        return "query"

    return choose
