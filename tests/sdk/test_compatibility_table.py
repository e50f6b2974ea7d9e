"""The README's table of what the vendors' SDKs can do here: it names every method, and what it refuses is refused."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from humanloop.base_client import BaseHumanloop
from humanloop.core.api_error import ApiError
from promptlayer import AsyncPromptLayer, PromptLayer, PromptLayerNotFoundError

from tests.support.api import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api

README: Final = Path(__file__).parents[2] / "README.md"
NAMESPACES: Final = (
    *("prompts", "tools", "flows", "evaluators", "logs", "files"),
    *("agents", "datasets", "evaluations", "directories"),
)
"""Of Humanloop's client."""

TAKES_A_FILE: Final = "datasets.upload_csv"
"""The method that is not called here."""


def table() -> dict[str, str]:
    """By method (`prompts.log`), or `agents.*` for all of them: `works`, `differs` or `no`."""
    states: dict[str, str] = {}
    for line in README.read_text().splitlines():
        cells = line.strip("|").split(" | ")
        if len(cells) == 4 and cells[2] in {"works", "differs", "no"}:
            namespace = ""
            for name in re.findall(r"`([\w.*]+)`", cells[0]):
                namespace, _, method = name.rpartition(".") if "." in name else (namespace, "", name)
                full = f"{namespace}.{method}" if namespace else method
                assert states.setdefault(full, cells[2]) == cells[2], full
    return states


TABLE: Final = table()


def methods(client: Any, namespace: str) -> list[str]:
    found = getattr(client, namespace) if namespace else client
    names = [name for name in dir(found) if not name.startswith("_") and name not in {"with_raw_response", "client"}]
    return [name for name in names if inspect.isroutine(getattr(found, name))]


def state_of(namespace: str, method: str) -> str | None:
    full = f"{namespace}.{method}" if namespace else method
    return TABLE.get(full, TABLE.get(f"{namespace}.*"))


@pytest.fixture
def humanloop(api: Api) -> Iterator[Any]:
    """The client without what it adds to the API, for that instruments the clients of providers in this process."""
    with httpx.Client(timeout=60) as http:
        yield BaseHumanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)


def test_the_table_names_every_method_of_humanloop(humanloop: Any) -> None:
    every = [(namespace, method) for namespace in NAMESPACES for method in methods(humanloop, namespace)]
    assert len(every) > 100
    assert [found for found in every if state_of(*found) is None] == []


def test_the_table_names_every_method_of_promptlayer() -> None:
    for client in (PromptLayer(api_key="x"), AsyncPromptLayer(api_key="x")):
        spaces = ("", "track", "group", "templates", "skills", "tables", "evals")
        every = [(namespace, method) for namespace in spaces for method in methods(client, namespace)]
        assert len(every) > 20
        assert [found for found in every if state_of(*found) is None] == []


def arguments(method: Any) -> dict[str, Any]:
    """Any that a client takes."""
    required = {
        name: str(parameter.annotation)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return {name: [] if "Sequence" in kind else "x" if "str" in kind else {} for name, kind in required.items()}


def test_what_humanloop_has_and_sluice_has_not_is_answered_with_404(api: Api, humanloop: Any) -> None:
    refused = 0
    with api.nothing_stored():
        for namespace in NAMESPACES:
            for name in methods(humanloop, namespace):
                if state_of(namespace, name) != "no" or f"{namespace}.{name}" == TAKES_A_FILE:
                    continue
                method = getattr(getattr(humanloop, namespace), name)
                with pytest.raises(ApiError) as caught:
                    list(method(**arguments(method)))
                assert caught.value.status_code == 404, (namespace, name)
                assert re.search("no such route|is not served", caught.value.body["message"])
                refused += 1
    assert refused > 60


def test_what_promptlayer_has_and_sluice_has_not_is_answered_with_404(api: Api) -> None:
    client: Any = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url)
    calls: list[tuple[Any, list[Any]]] = [
        (client.skills.pull, ["x"]),
        (client.tables.list, []),
        (client.tables.get, ["x"]),
        (client.tables.create, [{"title": "x"}]),
        (client.tables.sheets.scorecards.get, ["x", "y"]),
    ]
    with api.nothing_stored():
        for call, given in calls:
            with pytest.raises(PromptLayerNotFoundError, match="no such route"):
                call(*given)
        with pytest.raises(Exception, match="no such route"):
            client.run_workflow("x")
