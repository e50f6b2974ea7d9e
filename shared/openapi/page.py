"""The description as a page for people: all of it in one piece of HTML, that fetches nothing and runs no script."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from shared.openapi.operation import Json

_STYLE: Final = """\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{margin-bottom:0}h2{margin-top:2.5rem}pre,code{font:13px/1.45 ui-monospace,monospace;background:#f2f4f7}
pre{padding:.7rem;overflow:auto;border-radius:4px}summary{cursor:pointer;padding:.35rem 0}
details{border-top:1px solid #dfe4ea}details details{margin-left:1rem;border:0}
.method{display:inline-block;min-width:4.2rem;font-weight:600}.said{color:#56636f}
"""


def page(document: Json) -> str:
    """The page of an OpenAPI document."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])} API</h1><p class=said>{escape(info['version'])} &middot; ",
        "<a href=openapi.json>openapi.json</a></p>",
        f"<p>{escape(info['description'])}</p>",
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        for path, methods in document["paths"].items():
            parts += [
                _operation(method, path, one, document) for method, one in methods.items() if tag["name"] in one["tags"]
            ]
    schemas = document["components"]["schemas"]
    parts.append("<h2>Schemas</h2>")
    parts += [
        f"<details id='{escape(name)}'><summary>{escape(name)}</summary>{_code(schema)}</details>"
        for name, schema in schemas.items()
    ]
    return "".join([*parts, "</body></html>"])


def _operation(method: str, path: str, one: Json, document: Json) -> str:
    parts = [
        f"<details id='{escape(one['operationId'])}'><summary><span class=method>{method.upper()}</span>",
        f"<code>{escape(path)}</code> <span class=said>{escape(one['summary'])}</span></summary>",
        f"<p>{escape(one.get('description', 'Takes no key.'))}</p>",
    ]
    query = [parameter for parameter in one.get("parameters", []) if parameter["in"] == "query"]
    if query:
        parts.append("<p>Query:</p><ul>")
        parts += [f"<li><code>{escape(p['name'])}</code> <code>{_short(p['schema'])}</code></li>" for p in query]
        parts.append("</ul>")
    for media_type, content in one.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body, <code>{escape(media_type)}</code>{_named(content['schema'])}</p>")
        parts.append(_code(content["example"]) if "example" in content else "")
    for status, answer in one["responses"].items():
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        parts.append(f"<p><b>{escape(status)}</b> {escape(answer['description'])}</p>")
        parts += [_code(content["example"]) for content in answer.get("content", {}).values() if "example" in content]
    return "".join([*parts, "</details>"])


def _named(schema: Json) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    return f": <a href='#{escape(name)}'>{escape(name)}</a>" if name else ""


def _short(schema: Json) -> str:
    return escape(json.dumps({key: value for key, value in schema.items() if key not in {"title", "default"}}))


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"
