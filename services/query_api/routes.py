"""Every route of the query API, one line per protocol family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.query_api import purge, sql
from services.query_api.humanloop import log_list, logs, registry
from services.query_api.humanloop.judgments import MAX_JUDGMENTS
from services.query_api.log_reader import LogReader
from services.query_api.promptlayer import requests, search, suggestions, template_labels, templates, traces
from services.query_api.query import Query
from shared.store.logs import Judgment, VersionUsage, find_judgments, prompt_usage
from shared.together import Together
from shared.updates import Updates

if TYPE_CHECKING:
    from starlette.routing import Route

    from services.query_api.promptlayer.renderer import Renderer
    from shared.backends import Backends


def routes(backends: Backends, renderer: Renderer) -> list[Route]:
    """The read and update routes, over these backends. Whoever mounts them keeps `renderer.running`."""
    usage = Together[tuple[str, str], dict[str, VersionUsage]](lambda prompts: prompt_usage(backends.store, prompts))
    judgments = Together[tuple[str, str], list[Judgment]](
        lambda judged: find_judgments(backends.store, judged, MAX_JUDGMENTS)
    )
    query = Query(backends, LogReader(backends), Updates(backends.stream), usage, judgments)
    return [
        *requests.routes(query),
        *search.routes(query),
        *suggestions.routes(query),
        *traces.routes(query),
        *templates.routes(query, renderer),
        *template_labels.routes(query),
        *log_list.routes(query),
        *logs.routes(query),
        *registry.routes(query),
        *purge.routes(query),
        *sql.routes(query),
    ]
