"""The fold of what happens to files that are there: moved, described, deleted; versions named and deleted."""

from __future__ import annotations

import pytest

from shared.registry import events
from shared.registry.entities import FileKind
from shared.registry.events import Ignored
from tests.unit.registry.test_state import MODEL, Log, moment


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_file_moves_and_its_old_path_is_free(log: Log) -> None:
    prompt = log.prompt("old")
    log.version(prompt, "prv_1")
    log.append(events.FileMoved("default", prompt.id, "folder/new"))
    assert (prompt.path, prompt.name, prompt.updated_at) == ("folder/new", "new", moment(2))
    assert log.state.prompt_by_path("default", "folder/new") is prompt
    assert log.state.prompt_by_path("default", "old") is None
    assert log.prompt("old") is not prompt
    log.append(events.FileMoved("default", prompt.id, "folder/new"))
    assert log.state.prompt_by_path("default", "folder/new") is prompt
    assert log.state.ignored == {}


def test_a_path_that_was_taken_meanwhile_stays_with_the_first(log: Log) -> None:
    prompt, other = log.prompt("one"), log.prompt("two")
    log.append(events.PromptCreated("default", "flow", FileKind.FLOW))
    for path in ("two", "flow"):
        log.append(events.FileMoved("default", prompt.id, path))
    assert log.state.ignored == {Ignored.TAKEN: 2}
    assert log.state.prompt_by_path("default", "one") is prompt
    assert log.state.prompt_by_path("default", "two") is other
    log.append(events.FileMoved("default", prompt.id, "three"))
    log.append(events.FileMoved("default", other.id, "three"))
    assert (prompt.path, other.path) == ("three", "two")


def test_a_file_may_move_where_there_is_only_a_template_or_another_workspaces(log: Log) -> None:
    prompt = log.prompt("one")
    log.append(events.PromptCreated("default", "two", FileKind.TEMPLATE))
    theirs = log.prompt("two", workspace="other")
    log.append(events.FileMoved("default", prompt.id, "two"))
    assert log.state.prompt_by_path("default", "two") is prompt
    assert log.state.prompt_by_path("other", "two") is theirs


def test_a_deleted_file_is_known_to_its_logs_only_and_its_path_is_free(log: Log) -> None:
    prompt = log.prompt("a")
    log.version(prompt, "prv_1")
    log.deploy(prompt, "production", "prv_1")
    log.append(events.FileDeleted("default", prompt.id))
    assert prompt.deleted_at == moment(3)
    assert prompt.deployments == {}
    assert log.state.prompt("default", prompt.id) is None
    assert log.state.prompt("other", prompt.id, or_deleted=True) is None
    assert log.state.prompts("default") == []
    assert log.state.ever_had("default", FileKind.PROMPT)
    assert not log.state.ever_had("other", FileKind.PROMPT)
    assert not log.state.ever_had("default", FileKind.EVALUATOR)
    kept = log.state.prompt("default", prompt.id, or_deleted=True)
    assert kept is prompt
    version = kept.version_of_log("prv_1")
    assert version is not None
    assert version.details == MODEL
    again = log.prompt("a")
    assert again.id != prompt.id
    assert again.versions == {}


def test_nothing_changes_a_deleted_file_but_a_version_that_a_log_names(log: Log) -> None:
    prompt = log.prompt("a")
    log.version(prompt, "prv_1")
    log.append(events.FileDeleted("default", prompt.id))
    production = log.environment("production").id
    for event in (
        events.FileDeleted("default", prompt.id),
        events.FileMoved("default", prompt.id, "b"),
        events.FileDescribed("default", prompt.id, "text"),
        events.VersionChanged("default", prompt.id, "prv_1", {"name": "x"}),
        events.VersionDeleted("default", prompt.id, "prv_1"),
        events.Deployed("default", prompt.id, production, "prv_1"),
        events.Undeployed("default", prompt.id, production),
    ):
        log.append(event)
    assert log.state.ignored == {Ignored.DANGLING: 7}
    assert log.state.prompt_by_path("default", "b") is None
    log.version(prompt, "prv_2")
    assert prompt.version_of_log("prv_2") is not None


def test_what_is_said_about_a_file(log: Log) -> None:
    prompt = log.prompt()
    assert (prompt.description, prompt.tags, prompt.readme) == (None, (), None)
    log.append(events.FileDescribed("default", prompt.id, "text", ("a", "b"), "# Read me"))
    log.append(events.FileDescribed("default", prompt.id, tags=()))
    assert (prompt.description, prompt.tags, prompt.readme) == ("text", (), "# Read me")
    assert prompt.updated_at == moment(2)
    log.append(events.FileDescribed("other", prompt.id, "theirs"))
    assert prompt.description == "text"


def test_versions_get_and_lose_names(log: Log) -> None:
    prompt = log.prompt()
    log.version(prompt, "prv_1")
    log.append(events.VersionChanged("default", prompt.id, "prv_1", {"name": "first", "colour": "red"}))
    log.append(events.VersionChanged("default", prompt.id, "prv_1", {"description": "text"}))
    version = prompt.versions["prv_1"]
    assert (version.name, version.description, version.details) == ("first", "text", MODEL)
    assert prompt.version_named("first") is version
    log.append(events.VersionChanged("default", prompt.id, "prv_1", {"name": None}))
    version = prompt.versions["prv_1"]
    assert (version.name, version.description, version.number) == (None, "text", 1)
    assert prompt.version_named("first") is None
    log.append(events.VersionChanged("default", prompt.id, "prv_9", {"name": "x"}))
    assert log.state.ignored == {Ignored.DANGLING: 1}


def test_a_name_that_was_taken_meanwhile_stays_with_the_first(log: Log) -> None:
    prompt, other = log.prompt("a"), log.prompt("b")
    for file in (prompt, other):
        log.append(events.VersionAdded("default", file.id, "prv_1", MODEL, "best", "text"))
    log.append(events.VersionAdded("default", prompt.id, "prv_2", MODEL, "best", "text"))
    second = prompt.versions["prv_2"]
    assert (second.name, second.description) == (None, "text"), "a log may name it, so it is there all the same"
    log.append(events.VersionChanged("default", prompt.id, "prv_2", {"name": "best", "description": "other"}))
    log.append(events.VersionChanged("default", prompt.id, "prv_1", {"name": "best"}))
    assert log.state.ignored == {Ignored.TAKEN: 1}
    assert prompt.versions["prv_2"] == second
    assert (prompt.versions["prv_1"].name, other.versions["prv_1"].name) == ("best", "best")


def test_a_deleted_version_is_known_to_its_logs_only_until_it_is_added_again(log: Log) -> None:
    prompt = log.prompt()
    for version_id in ("prv_1", "prv_2"):
        log.append(events.VersionAdded("default", prompt.id, version_id, MODEL, version_id.upper()))
    log.append(events.VersionDeleted("default", prompt.id, "prv_1"))
    assert list(prompt.versions) == ["prv_2"]
    assert prompt.version_named("PRV_1") is None
    kept = prompt.version_of_log("prv_1")
    assert kept is not None
    assert (kept.name, kept.details) == ("PRV_1", MODEL)
    log.append(events.VersionDeleted("default", prompt.id, "prv_1"))
    assert log.state.ignored == {Ignored.DANGLING: 1}

    log.version(prompt, "prv_1")
    assert [(version.id, version.number) for version in prompt.versions.values()] == [("prv_2", 2), ("prv_1", 3)]
    assert prompt.latest_version is prompt.version_of_log("prv_1")
    assert prompt.deleted_versions == {}


def test_what_is_deployed_is_not_deleted(log: Log) -> None:
    prompt = log.prompt()
    log.version(prompt, "prv_1")
    log.deploy(prompt, "staging", "prv_1")
    log.append(events.VersionDeleted("default", prompt.id, "prv_1"))
    assert log.state.ignored == {Ignored.TAKEN: 1}
    log.append(events.Undeployed("default", prompt.id, log.environment("staging").id))
    log.append(events.VersionDeleted("default", prompt.id, "prv_1"))
    log.deploy(prompt, "staging", "prv_1")
    assert (prompt.deployments, prompt.versions) == ({}, {})
    assert log.state.ignored == {Ignored.TAKEN: 1, Ignored.DANGLING: 1}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (b"file_moved", b'{"workspace":"default","prompt_id":"pr_1"}'),
        (b"file_described", b'{"workspace":"default","prompt_id":"pr_1","tags":"x"}'),
        (b"file_deleted", b'{"workspace":"default"}'),
        (b"version_changed", b'{"workspace":"default","prompt_id":"pr_1","version_id":"v","changes":{"name":7}}'),
        (b"version_deleted", b'{"workspace":"default","prompt_id":"pr_1"}'),
    ],
)
def test_a_malformed_record_is_counted(log: Log, kind: bytes, value: bytes) -> None:
    log.append_raw(kind, value)
    assert log.state.ignored == {Ignored.MALFORMED: 1}
