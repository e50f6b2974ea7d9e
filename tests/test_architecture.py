"""The rules of the layout, checked on the import statements of every module.

* `shared` never imports `services`, and neither imports `tests`. No service imports another; only the composition root
  (modules directly in `services`) sees all of them.
* A client library of a stream or store is imported inside its adapter only.
* Inside `shared`, imports point from later layers to earlier ones.
* Protocol families don't know each other.
* Pure modules do no I/O, take the clock as an argument, and import only pure modules of ours.
* A module has at most `MAX_LINES` lines.

Each rule is a function from modules to complaints, and is shown to complain about a bad example.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT: Final = Path(__file__).parents[1]

ADAPTERS: Final = {
    "aiokafka": "shared.stream.kafka*",
    "sqlite3": "shared.stream.sqlite*",
    "clickhouse_connect": "shared.store.clickhouse_store",
    "chdb": "shared.store.chdb_store",
}

LAYERS: Final = (
    {"errors", "ids"},
    {"events", "records", "together", "deadlines"},
    {"observability", "settings_rules", "tls"},
    {"settings_secrets"},
    {"settings"},
    {"stream", "store", "http"},
    {"sql"},
    {"wire", "registry", "visibility", "updates"},
    {"auth", "openapi"},
    {"backends"},
    {"role", "doctor"},
)
"""What is in `shared`: a module imports from earlier layers and from its own package."""

FAMILIES: Final = {"promptlayer", "humanloop", "otlp"}

PURE: Final = (
    "shared.errors",
    "shared.ids",
    "shared.events",
    "shared.records",
    "shared.settings_rules",
    "shared.doctor.advice",
    "shared.doctor.findings",
    "shared.store.names",
    "shared.http.json_bodies",
    "shared.http.responses",
    "shared.http.routing",
    "shared.registry.entities",
    "shared.registry.events",
    "shared.registry.files",
    "shared.registry.state",
    "shared.store.base",
    "shared.store.codes",
    "shared.store.conditions",
    "shared.store.cursors",
    "shared.store.layout",
    "shared.store.parameters",
    "shared.store.queries",
    "shared.store.session",
    "shared.store.texts",
    "shared.stream.base",
    "shared.stream.sqlite.codec",
    "shared.openapi.document",
    "shared.openapi.humanloop*",
    "shared.openapi.operation",
    "shared.openapi.operations",
    "shared.openapi.page",
    "shared.openapi.promptlayer*",
    "shared.openapi.sluice",
    "shared.sql.*",
    "shared.wire.*",
    "services.client.load.latency",
    "services.ingest_gateway.bulk.items",
    "services.ingest_gateway.partitioner",
    "services.writer_worker.assignment",
    "services.writer_worker.batch",
    "services.writer_worker.duplicate_window",
    "services.writer_worker.flush_policy",
    "services.writer_worker.fold",
    "services.writer_worker.incoming",
    "services.writer_worker.plan",
    "services.writer_worker.row_cache",
)
IMPURE_LIBRARIES: Final = {
    *("asyncio", "concurrent", "http", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "selectors"),
    *("signal", "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid"),
    *ADAPTERS,
}
IMPURE_CALLS: Final = {"now", "utcnow", "today", "open", "print", "input"}
"""Names of functions and methods that read a clock or do I/O, whatever they are called on."""

MAX_LINES: Final = 300
LONGER_MODULES: Final[dict[str, str]] = {}
"""Modules over `MAX_LINES`, each with the reason."""


class Module(NamedTuple):
    """A module's dotted name, its syntax tree, and how many lines it has."""

    name: str
    tree: ast.Module
    lines: int

    def imports(self) -> set[str]:
        """Everything it imports, at any depth, as dotted names; `from a import b` gives both `a` and `a.b`."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                found.add(str(node.module))
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
        return found


def parse(name: str, source: str) -> Module:
    return Module(name, ast.parse(source), source.count("\n"))


def project() -> list[Module]:
    """All modules of the product."""
    modules = []
    for top in ("shared", "services"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules.append(parse(name, path.read_text()))
    return modules


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def is_pure(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in PURE)


def services_stay_apart(modules: Iterable[Module]) -> list[str]:
    complaints = []
    for module in modules:
        parts = module.name.split(".")
        for imported in sorted(module.imports()):
            target = imported.split(".")
            upwards = parts[0] == "shared" and target[0] == "services"
            sideways = (
                len(parts) > 1
                and is_service(parts[1])
                and target[0] == "services"
                and len(target) > 1
                and target[1] != parts[1]
            )
            if upwards or (parts[0] == "services" and sideways) or target[0] == "tests":
                complaints.append(f"{module.name} imports {imported}")
    return complaints


def is_service(name: str) -> bool:
    return name in {"ingest_gateway", "writer_worker", "query_api", "client"}


def libraries_stay_in_their_adapters(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.name} imports {imported}"
        for module in modules
        for imported in sorted(module.imports())
        if (adapter := ADAPTERS.get(imported.split(".")[0])) and not fnmatchcase(module.name, adapter)
    ]


def layers_point_one_way(modules: Iterable[Module]) -> list[str]:
    layer_of = {package: number for number, packages in enumerate(LAYERS) for package in packages}
    complaints = []
    for module in modules:
        if not module.name.startswith("shared."):
            continue
        own = module.name.split(".")[1]
        if own not in layer_of:
            complaints.append(f"{module.name} is in no layer")
            continue
        for imported in sorted(module.imports()):
            parts = imported.split(".")
            if parts[0] != "shared" or len(parts) < 2 or parts[1] == own:
                continue
            if layer_of.get(parts[1], len(LAYERS)) >= layer_of[own]:
                complaints.append(f"{module.name} imports {imported}")
    return complaints


def families_stay_apart(modules: Iterable[Module]) -> list[str]:
    complaints = []
    for module in modules:
        own = FAMILIES & set(module.name.split("."))
        for imported in sorted(module.imports()):
            others = (
                FAMILIES & set(imported.split("."))
                if within(imported, "shared") or within(imported, "services")
                else set()
            )
            if own and others - own:
                complaints.append(f"{module.name} imports {imported}")
    return complaints


def pure_modules_are_pure(modules: Iterable[Module]) -> list[str]:
    modules = list(modules)
    names = {module.name for module in modules}
    complaints = []
    for module in modules:
        if not is_pure(module.name):
            continue
        for imported in sorted(module.imports()):
            impure_library = any(within(imported, library) for library in IMPURE_LIBRARIES)
            if impure_library or (imported in names and not is_pure(imported) and not is_package(imported, names)):
                complaints.append(f"{module.name} imports {imported}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and called_name(node) in IMPURE_CALLS:
                complaints.append(f"{module.name} calls {called_name(node)} in line {node.lineno}")
    return complaints


def is_package(name: str, names: set[str]) -> bool:
    return any(other.startswith(name + ".") for other in names)


def called_name(call: ast.Call) -> str:
    function = call.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def modules_are_short(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.name} has {module.lines} lines"
        for module in modules
        if module.lines > MAX_LINES and module.name not in LONGER_MODULES
    ]


RULES: Final = (
    services_stay_apart,
    libraries_stay_in_their_adapters,
    layers_point_one_way,
    families_stay_apart,
    pure_modules_are_pure,
    modules_are_short,
)


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return project()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(modules: list[Module], rule: Callable[[Iterable[Module]], list[str]]) -> None:
    assert rule(modules) == []


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (services_stay_apart, "shared.auth", "from services import ingest_gateway"),
        (services_stay_apart, "shared.auth", "def f():\n    import services.query_api.app"),
        (services_stay_apart, "services.query_api.app", "from services.ingest_gateway.gateway import Gateway"),
        (services_stay_apart, "services.writer_worker.writer", "from services import query_api"),
        (services_stay_apart, "services.query_api.app", "from tests.support import fake"),
        (libraries_stay_in_their_adapters, "shared.visibility", "import sqlite3"),
        (libraries_stay_in_their_adapters, "shared.store.chdb_store", "from clickhouse_connect.driver import Client"),
        (libraries_stay_in_their_adapters, "services.writer_worker.writer", "from aiokafka.errors import KafkaError"),
        (layers_point_one_way, "shared.ids", "from shared import events"),
        (layers_point_one_way, "shared.stream.base", "from shared.store import base"),
        (layers_point_one_way, "shared.store.base", "if TYPE_CHECKING:\n    from shared.registry.state import State"),
        (layers_point_one_way, "shared.registry.tail", "from shared.auth import Principal"),
        (layers_point_one_way, "shared.newcomer", ""),
        (layers_point_one_way, "shared.auth", "from shared.newcomer import thing"),
        (families_stay_apart, "shared.wire.humanloop.columns", "from shared.wire.promptlayer import blueprint"),
        (families_stay_apart, "services.query_api.promptlayer.requests", "import shared.wire.humanloop.responses"),
        (pure_modules_are_pure, "shared.ids", "from time import time"),
        (pure_modules_are_pure, "shared.wire.times", "import asyncio"),
        (pure_modules_are_pure, "shared.records", "from datetime import datetime\ndatetime.now()"),
        (pure_modules_are_pure, "services.writer_worker.fold", "open('file')"),
        (modules_are_short, "shared.long", "\n" * (MAX_LINES + 1)),
    ],
)
def test_the_rule_can_fail(rule: Callable[[Iterable[Module]], list[str]], name: str, source: str) -> None:
    assert len(rule([parse(name, source)])) >= 1


def test_a_pure_module_that_imports_an_impure_one_of_ours_is_found() -> None:
    modules = [parse("shared.wire.columns", "from shared import visibility"), parse("shared.visibility", "")]
    assert pure_modules_are_pure(modules) == ["shared.wire.columns imports shared.visibility"]


def test_what_is_allowed_is_not_complained_about() -> None:
    modules = [
        parse("services.__main__", "from services.query_api import app\nfrom services.ingest_gateway import gateway"),
        parse("services.query_api.app", "from services.query_api.query import Query\nfrom shared import ids"),
        parse("shared.stream.kafka.producer", "import aiokafka"),
        parse("shared.registry.tail", "from shared.stream.base import Stream\nfrom shared.registry.state import State"),
        parse("shared.wire.promptlayer.columns", "from shared.wire.times import parse\nfrom datetime import datetime"),
    ]
    assert [complaint for rule in RULES for complaint in rule(modules)] == []


@pytest.mark.parametrize("pattern", PURE)
def test_every_pure_module_exists(modules: list[Module], pattern: str) -> None:
    assert any(fnmatchcase(module.name, pattern) for module in modules)
