"""Logs of templates: a log that names one of the registry gets its id, and one with the id gets the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api.promptlayer import create, fetch, log
from tests.api.templates import publish
from tests.support.api import unique
from tests.unit.wire.promptlayer_bodies import body, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

LINK = ("prompt_name", "prompt_id", "prompt_version_number", "prompt_label")


def two_versions(api: Api) -> tuple[str, int]:
    """The name and id of a template with two versions, the first of them at the label `prod`."""
    name = unique()
    publish(api, name, labels=["prod"])
    return name, publish(api, name, message("user", "b"))["id"]


def link_of(read: Json) -> tuple[object, ...]:
    return tuple(read[name] for name in LINK)


def tracked(api: Api, **prompt: object) -> tuple[object, ...]:
    """The link of a log after `track.prompt`."""
    request_id = create(api, body())
    answer = api.default.post("/library-track-prompt", json={"request_id": request_id, **prompt})
    assert answer.status_code == 200, answer.text
    api.wait_until_applied()
    return link_of(fetch(api, request_id))


def test_a_log_by_name_or_by_id(api: Api) -> None:
    name, template_id = two_versions(api)
    assert link_of(log(api, prompt_name=name)) == (name, template_id, None, None)
    assert link_of(log(api, prompt_name=name, prompt_version_number=1)) == (name, template_id, 1, None)
    assert link_of(log(api, prompt_id=template_id, prompt_version_number=2)) == (name, template_id, 2, None)
    assert link_of(log(api, prompt_name=name, prompt_id=7)) == (name, 7, None, None), "what was sent stays"
    assert link_of(log(api, prompt_id=7)) == (None, 7, None, None)
    assert link_of(log(api, prompt_name="nobody/knows")) == ("nobody/knows", None, None, None)


def test_another_workspaces_template_is_unknown(api: Api) -> None:
    name, template_id = two_versions(api)
    for given, expected in (({"prompt_name": name}, (name, None)), ({"prompt_id": template_id}, (None, template_id))):
        log_id = api.other.post("/log-request", json=body(**given)).json()["id"]
        read = api.other.get(f"/api/public/v2/requests/{log_id}").json()
        assert link_of(read)[:2] == expected


def test_a_tracked_prompt_is_resolved(api: Api) -> None:
    name, template_id = two_versions(api)
    assert tracked(api, prompt_name=name) == (name, template_id, 2, None), "the newest version"
    assert tracked(api, prompt_name=name, version=1) == (name, template_id, 1, None)
    assert tracked(api, prompt_name=name, version="1") == (name, template_id, 1, None)
    assert tracked(api, prompt_name=f"/{name}/", label="prod") == (name, template_id, 1, "prod")


def test_what_a_tracked_prompt_names_and_nobody_knows_is_kept(api: Api) -> None:
    name, template_id = two_versions(api)
    assert tracked(api, prompt_name="nobody/knows", version=4) == ("nobody/knows", None, 4, None)
    assert tracked(api, prompt_name=name, version=9) == (name, template_id, 9, None)
    assert tracked(api, prompt_name=name, label="dev") == (name, template_id, None, "dev")


def test_a_tracked_call_by_id(api: Api) -> None:
    name, template_id = two_versions(api)
    sent = {
        "function_name": "openai.chat.completions.create",
        "provider_type": "openai",
        "kwargs": {"model": "gpt-4o", "messages": [{"role": "user", "content": unique()}]},
        "request_response": {},
        "request_start_time": 1700000000.5,
        "request_end_time": 1700000001.5,
        "prompt_id": template_id,
        "prompt_version": 1,
    }
    answer = api.default.post("/track-request", json=sent)
    assert link_of(fetch(api, answer.json()["request_id"])) == (name, template_id, 1, None)
