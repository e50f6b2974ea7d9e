"""Publishing and reading prompt templates, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

MODEL: Json = {"provider": "openai", "name": "gpt-4o", "parameters": {"temperature": 0.5}}


def publication(name: str, *messages: Json, labels: list[str] | None = None, **more: Any) -> Json:
    """A body as the clients write it: all that their user gave in both halves."""
    given = {"prompt_name": name, "prompt_template": chat(*messages or (message("user", "Hi {who}"),)), **more}
    return {"prompt_template": given, "prompt_version": given, "release_labels": labels}


def publish(api: Api, name: str, *messages: Json, labels: list[str] | None = None, **more: Any) -> Json:
    """Publish a version; returns the answer."""
    response = api.default.post("/rest/prompt-templates", json=publication(name, *messages, labels=labels, **more))
    assert response.status_code == 201, response.text
    answer: Json = response.json()
    return answer


def get(api: Api, identifier: str | int, **body: Any) -> Json:
    """A version of a template, as `templates.get` gets it."""
    response = api.default.post(f"/prompt-templates/{quote(str(identifier), safe='')}", json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def texts(answer: Json) -> list[str]:
    """The text of each message of a template that has any."""
    return [item["content"][0]["text"] for item in answer["prompt_template"]["messages"] if item["content"]]
