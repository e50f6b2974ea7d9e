"""Looking up templates by name and number, and their versions by number and label."""

from __future__ import annotations

from shared import ids
from shared.registry import events
from shared.registry.entities import FileKind, Prompt
from shared.registry.templates import labelled, template_by_number, template_called, version_at
from tests.unit.registry.test_state import Log


def template(log: Log, name: str) -> Prompt:
    log.append(events.PromptCreated("default", name, FileKind.TEMPLATE))
    created = log.state.prompt_by_path("default", name, FileKind.TEMPLATE)
    assert created is not None
    return created


def test_a_template_is_found_by_name_and_by_number() -> None:
    log = Log()
    prompt, greeting = log.prompt("a/greeting"), template(log, "a/greeting")
    for called in ("a/greeting", "/a//greeting/", str(greeting.number)):
        assert template_called(log.state, "default", called) is greeting
        assert template_called(log.state, "other", called) is None
    assert template_by_number(log.state, "default", prompt.number) is None, "it is a prompt"
    for number in (-1, 0, ids.MAX_ID, ids.MAX_ID + 1, 10**30):
        assert template_by_number(log.state, "default", number) is None
        assert template_called(log.state, "default", str(number)) is None
    for name in ("", "/", "²", "٣", " 1"):
        assert template_called(log.state, "default", name) is None


def test_a_name_comes_before_a_number() -> None:
    log = Log()
    greeting = template(log, "a")
    namesake = template(log, str(greeting.number))
    assert template_called(log.state, "default", str(greeting.number)) is namesake


def test_a_version_is_found_by_number_or_label() -> None:
    log = Log()
    greeting = template(log, "a")
    assert version_at(greeting, None, None) is None
    for version_id in ("v1", "v2", "v3"):
        log.version(greeting, version_id)
    log.append(events.LabelMoved("default", greeting.id, "prod", "v2"))
    prod = str(greeting.labels["prod"].number)
    assert labelled(log.state, "default", prod) == (greeting, "prod")
    assert labelled(log.state, "other", prod) is labelled(log.state, "default", f"0{prod}") is None
    versions = greeting.versions
    assert version_at(greeting, None, None) is versions["v3"]
    assert version_at(greeting, 1, None) is versions["v1"]
    assert version_at(greeting, None, "prod") is versions["v2"]
    assert version_at(greeting, 3, "prod") is versions["v3"]
    assert version_at(greeting, 4, None) is None
    assert version_at(greeting, None, "dev") is None
