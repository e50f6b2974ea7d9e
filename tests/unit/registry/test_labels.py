"""The fold of release labels: each is at one version of its template, until it moves or ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared import ids
from shared.registry import events
from shared.registry.entities import FileKind, Label, Prompt
from shared.registry.events import Ignored
from tests.unit.registry.test_state import START_MS, Log, moment


@pytest.fixture
def log() -> Log:
    return Log()


def template(log: Log, name: str = "greeting") -> Prompt:
    """A template of two versions, `v1` and `v2`, in three records."""
    log.append(events.PromptCreated("default", name, FileKind.TEMPLATE))
    created = log.state.prompt_by_path("default", name, FileKind.TEMPLATE)
    assert created is not None
    log.version(created, "v1")
    log.version(created, "v2")
    return created


def position(offset: int) -> int:
    return ids.mint(START_MS + offset * 1000, 0, offset)


def test_a_label_keeps_its_number_when_it_moves(log: Log) -> None:
    greeting = template(log)
    log.append(events.LabelMoved("default", greeting.id, "prod", "v1"))
    log.append(events.LabelMoved("default", greeting.id, "dev", "v2"))
    prod, dev = Label(position(3), moment(3), "v1"), Label(position(4), moment(4), "v2")
    assert greeting.labels == {"prod": prod, "dev": dev}
    log.append(events.LabelMoved("default", greeting.id, "prod", "v2"))
    assert greeting.labels == {"prod": replace(prod, version_id="v2"), "dev": dev}
    assert greeting.updated_at == moment(5)


def test_a_label_ends_and_may_be_made_anew(log: Log) -> None:
    greeting = template(log)
    log.append(events.LabelMoved("default", greeting.id, "prod", "v1"))
    log.append(events.LabelRemoved("default", greeting.id, "prod"))
    assert greeting.labels == {}
    log.append(events.LabelRemoved("default", greeting.id, "prod"))
    assert log.state.ignored == {Ignored.DANGLING: 1}
    log.append(events.LabelMoved("default", greeting.id, "prod", "v1"))
    assert greeting.labels == {"prod": Label(position(6), moment(6), "v1")}


def test_labels_of_two_templates_have_nothing_to_do_with_each_other(log: Log) -> None:
    greeting, other = template(log), template(log, "other")
    log.append(events.LabelMoved("default", greeting.id, "prod", "v1"))
    assert other.labels == {}


def test_a_label_needs_a_version_of_a_template_of_its_workspace(log: Log) -> None:
    greeting = template(log)
    log.append(events.LabelMoved("default", greeting.id, "prod", "v3"))
    log.append(events.LabelMoved("default", "tpl_0", "prod", "v1"))
    log.append(events.LabelMoved("other", greeting.id, "prod", "v1"))
    log.append(events.LabelRemoved("other", greeting.id, "prod"))
    assert log.state.ignored == {Ignored.DANGLING: 4}
    assert greeting.labels == {}


def test_a_version_with_a_label_is_not_deleted(log: Log) -> None:
    greeting = template(log)
    log.append(events.LabelMoved("default", greeting.id, "prod", "v1"))
    for version_id in ("v1", "v2"):
        log.append(events.VersionDeleted("default", greeting.id, version_id))
    assert list(greeting.versions) == ["v1"]
    assert log.state.ignored == {Ignored.TAKEN: 1}


def test_a_version_has_the_number_of_its_position(log: Log) -> None:
    greeting = template(log)
    assert [version.record_id for version in greeting.versions.values()] == [position(1), position(2)]
