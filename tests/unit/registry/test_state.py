"""The registry's fold: who wins a race, what lookups see, and that no record can stop it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.registry import events
from shared.registry.entities import Environment, FileKind, Prompt, normalise_path
from shared.registry.events import Ignored
from shared.registry.state import INITIAL_ENVIRONMENTS, RegistryState, environment_id
from shared.stream.base import Record

START_MS = ids.ID_EPOCH_MS + 400 * 24 * 3600 * 1000
MODEL = {"model": "gpt-4o"}


class Log:
    """A registry stream in memory: numbers what is appended and folds it, a second of stream time apart."""

    def __init__(self) -> None:
        self.state = RegistryState()
        self.records: list[Record] = []

    def append(self, event: events.RegistryEvent) -> None:
        message = events.encode(event)
        self.append_raw(message.key, message.value)

    def append_raw(self, key: bytes, value: bytes) -> None:
        offset = len(self.records)
        self.records.append(Record(0, offset, START_MS + offset * 1000, key, value))
        self.state.apply(self.records[-1])

    def prompt(self, path: str = "a/b", workspace: str = "default") -> Prompt:
        self.append(events.PromptCreated(workspace, path))
        prompt = self.state.prompt_by_path(workspace, path)
        assert prompt is not None
        return prompt

    def version(self, prompt: Prompt, version_id: str, details: dict[str, Any] | None = None) -> None:
        self.append(events.VersionAdded(prompt.workspace, prompt.id, version_id, details or MODEL))

    def environment(self, name: str, workspace: str = "default") -> Environment:
        environment = self.state.environment(workspace, name)
        assert environment is not None
        return environment

    def deploy(self, prompt: Prompt, environment: str, version_id: str) -> None:
        self.append(events.Deployed(prompt.workspace, prompt.id, self.environment(environment).id, version_id))


@pytest.fixture
def log() -> Log:
    return Log()


def test_one_path_has_one_file_of_humanloops_kinds_and_one_template(log: Log) -> None:
    for kind in (FileKind.FLOW, FileKind.PROMPT, FileKind.TEMPLATE):
        log.append(events.PromptCreated("default", "a/b", kind))
    flow = log.state.prompt_by_path("default", "a/b", FileKind.FLOW)
    template = log.state.prompt_by_path("default", "/a//b", FileKind.TEMPLATE)
    assert flow is not None
    assert template is not None
    assert (flow.id[:3], template.id[:4]) == ("fl_", "tpl_")
    assert log.state.prompt_by_path("default", "a/b") is None
    assert log.state.taken_by("default", "a/b", FileKind.PROMPT) is flow
    assert log.state.prompts("default") == []
    assert log.state.prompts("default", None) == [flow, template]


def moment(offset: int) -> datetime:
    """The stream time of an offset."""
    return datetime.fromtimestamp(START_MS / 1000 + offset, UTC)


def test_a_prompt_gets_its_id_and_time_from_its_position(log: Log) -> None:
    log.prompt("first")
    prompt = log.prompt("folder/second")
    assert prompt.number == ids.mint(START_MS + 1000, 0, 1)
    assert prompt.id == ids.to_text(prompt.number, "pr_")
    assert prompt.created_at == prompt.updated_at == moment(1)
    assert prompt.name == "second"
    assert log.state.prompt("default", prompt.id) is prompt


def test_the_first_prompt_at_a_path_wins(log: Log) -> None:
    first = log.prompt("a/b")
    assert log.prompt("a/b") is first
    assert log.state.prompts("default") == [first]
    assert log.state.ignored == {Ignored.TAKEN: 1}


def test_workspaces_are_apart(log: Log) -> None:
    ours, theirs = log.prompt("p"), log.prompt("p", workspace="other")
    assert ours.id != theirs.id
    assert log.state.prompt("other", ours.id) is None
    log.append(events.VersionAdded("other", ours.id, "prv_1", MODEL))
    assert ours.versions == {}
    assert log.state.ignored == {Ignored.DANGLING: 1}


@pytest.mark.parametrize(
    ("given", "normalised"),
    [("a/b", "a/b"), ("/a//b/", "a/b"), (" a / b ", " a / b "), ("a/ /b", "a/b"), ("ü", "ü"), ("x" * 512, "x" * 512)],
)
def test_paths_are_normalised(log: Log, given: str, normalised: str) -> None:
    assert normalise_path(given) == normalised
    prompt = log.prompt(normalised)
    assert log.state.prompt_by_path("default", given) is prompt


@given(st.text())
def test_a_normalised_path_stays_as_it_is(path: str) -> None:
    try:
        normalised = normalise_path(path)
    except ValueError:
        return
    assert normalise_path(normalised) == normalised


@pytest.mark.parametrize("path", ["", "/", "  ", "/ //", "x" * 513])
def test_some_paths_no_prompt_can_have(log: Log, path: str) -> None:
    with pytest.raises(ValueError, match="path must not be"):
        normalise_path(path)
    assert log.state.prompt_by_path("default", path) is None


def test_versions_are_numbered_in_order_and_the_first_wins(log: Log) -> None:
    prompt = log.prompt()
    log.version(prompt, "prv_x", {"model": "x"})
    log.version(prompt, "prv_y", {"model": "y"})
    log.version(prompt, "prv_x", {"model": "other"})
    versions = list(prompt.versions.values())
    assert [(version.id, version.number, version.details) for version in versions] == [
        ("prv_x", 1, {"model": "x"}),
        ("prv_y", 2, {"model": "y"}),
    ]
    assert versions[1].created_at == prompt.updated_at == moment(2)
    assert prompt.latest_version is versions[1]


def test_details_keep_their_text_and_their_order(log: Log) -> None:
    prompt = log.prompt()
    details = {"z": 1, "a": [{"text": "żółć 🙂"}], "m": 1.0, "n": None, "big": 2**63}
    log.version(prompt, "prv_1", details)
    read = prompt.versions["prv_1"].details
    assert read == details
    assert list(read) == list(details)
    read["z"] = 2
    assert prompt.versions["prv_1"].details == details


def test_every_workspace_starts_with_environments(log: Log) -> None:
    environments = log.state.environments("any")
    assert [(environment.name, environment.tag) for environment in environments] == list(INITIAL_ENVIRONMENTS)
    for environment in environments:
        assert log.state.environment("any", environment.id) == environment
        assert log.state.environment("any", environment.name) == environment
        assert log.state.environment("other", environment.id) is None
    assert log.state.environment("any", "canary") is None
    assert environments == RegistryState().environments("any")


def test_environment_ids_are_fixed_for_ever() -> None:
    """Deployments in the stream refer to them."""
    assert environment_id("default", "production") == "env_h2wihzpr6n6sgsgg"


def test_a_created_environment_may_take_over_the_default_tag(log: Log) -> None:
    log.append(events.EnvironmentCreated("default", "canary", "default"))
    log.append(events.EnvironmentCreated("default", "canary", "other"))
    log.append(events.EnvironmentCreated("default", "production", "default"))
    tags = {environment.name: environment.tag for environment in log.state.environments("default")}
    assert tags == {"production": "other", "staging": "other", "development": "other", "canary": "default"}
    assert log.environment("canary").created_at == moment(0)
    assert log.state.ignored == {Ignored.TAKEN: 2}


def test_the_default_version(log: Log) -> None:
    prompt = log.prompt()
    assert log.state.default_version(prompt) is None
    log.version(prompt, "prv_1")
    log.version(prompt, "prv_2")
    assert log.state.default_version(prompt) is prompt.versions["prv_2"]
    log.deploy(prompt, "staging", "prv_1")
    assert log.state.default_version(prompt) is prompt.versions["prv_2"]
    log.deploy(prompt, "production", "prv_1")
    assert log.state.default_version(prompt) is prompt.versions["prv_1"]
    assert prompt.updated_at == moment(4)
    log.append(events.EnvironmentCreated("default", "canary", "default"))
    assert log.state.default_version(prompt) is prompt.versions["prv_2"]


def test_deployments_replace_each_other_and_can_be_removed(log: Log) -> None:
    prompt = log.prompt()
    log.version(prompt, "prv_1")
    log.version(prompt, "prv_2")
    production = log.environment("production")
    assert log.state.deployed_version(prompt, production) is None
    log.deploy(prompt, "production", "prv_1")
    log.deploy(prompt, "production", "prv_2")
    assert log.state.deployed_version(prompt, production) is prompt.versions["prv_2"]
    log.append(events.Undeployed("default", prompt.id, production.id))
    assert log.state.deployed_version(prompt, production) is None
    log.append(events.Undeployed("default", prompt.id, production.id))
    assert log.state.ignored == {Ignored.DANGLING: 1}


def test_what_names_something_unknown_is_ignored(log: Log) -> None:
    prompt = log.prompt()
    log.version(prompt, "prv_1")
    production = log.environment("production").id
    log.append(events.VersionAdded("default", "pr_unknown", "prv_1", MODEL))
    log.append(events.Deployed("default", "pr_unknown", production, "prv_1"))
    log.append(events.Deployed("default", prompt.id, production, "prv_unknown"))
    log.append(events.Deployed("default", prompt.id, "env_unknown", "prv_1"))
    log.append(events.Undeployed("default", "pr_unknown", production))
    log.append(events.KeyRevoked("default", "key_unknown"))
    assert prompt.deployments == {}
    assert log.state.ignored == {Ignored.DANGLING: 6}


def test_keys(log: Log) -> None:
    log.append(events.KeyCreated("default", "aa", ("read", "unknown-scope"), "one"))
    log.append(events.KeyCreated("other", "bb", ("ingest",), "two"))
    log.append(events.KeyCreated("other", "aa", ("admin",), "a claim on a taken hash"))
    key = log.state.key_by_hash("aa")
    assert key is not None
    assert (key.workspace, key.name, key.scopes) == ("default", "one", frozenset({"read", "unknown-scope"}))
    assert key.id == ids.to_text(ids.mint(START_MS, 0, 0), "key_")
    assert [key.name for key in log.state.keys(None)] == ["one", "two"]
    assert log.state.keys("default") == [key]
    log.append(events.KeyRevoked("other", key.id))
    assert log.state.key_by_hash("aa") is key
    log.append(events.KeyRevoked("default", key.id))
    log.append(events.KeyRevoked("default", key.id))
    assert log.state.key_by_hash("aa") is None
    revoked = log.state.key(key.id)
    assert revoked is not None
    assert revoked.revoked_at == moment(4)
    assert log.state.keys("default") == [revoked]
    assert log.state.ignored == {Ignored.TAKEN: 2, Ignored.DANGLING: 1}


def test_a_newer_version_may_add_kinds_and_fields(log: Log) -> None:
    log.append_raw(b"from_a_newer_version", b'{"workspace":"default"}')
    log.append_raw(b"prompt_created", b'{"workspace":"default","path":"p","colour":"red"}')
    assert log.state.prompt_by_path("default", "p") is not None
    assert log.state.ignored == {Ignored.UNKNOWN_KIND: 1}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"workspace":"default"}',
        b'{"workspace":7,"path":"p"}',
        b'{"workspace":"d","path":',
        b"\xff",
    ],
)
def test_a_malformed_record_is_counted(log: Log, value: bytes) -> None:
    log.append_raw(b"prompt_created", value)
    assert log.state.ignored == {Ignored.MALFORMED: 1}


def test_a_record_from_before_the_first_moment_is_malformed() -> None:
    message = events.encode(events.PromptCreated("default", "p"))
    state = RegistryState()
    state.apply(Record(0, 0, 0, message.key, message.value))
    assert state.ignored == {Ignored.MALFORMED: 1}


PROMPT_IDS = [ids.to_text(ids.mint(START_MS + offset * 1000, 0, offset), "pr_") for offset in range(4)]
_workspaces = st.sampled_from(["default", "other"])
_names = st.sampled_from(["a", "b", "production"])
_versions = st.sampled_from(["prv_1", "prv_2"])
_environments = st.sampled_from([environment_id("default", name) for name in ("production", "a")])
_prompts = st.sampled_from(PROMPT_IDS)
_changes = st.dictionaries(st.sampled_from(["name", "description", "colour"]), st.none() | _names)
any_event: st.SearchStrategy[events.RegistryEvent] = st.one_of(
    st.builds(events.PromptCreated, _workspaces, _names),
    st.builds(events.VersionAdded, _workspaces, _prompts, _versions, st.just(MODEL), st.none() | _names),
    st.builds(events.Deployed, _workspaces, _prompts, _environments, _versions),
    st.builds(events.Undeployed, _workspaces, _prompts, _environments),
    st.builds(events.FileMoved, _workspaces, _prompts, _names),
    st.builds(events.FileDescribed, _workspaces, _prompts, st.none() | _names, st.none() | st.tuples(_names)),
    st.builds(events.FileDeleted, _workspaces, _prompts),
    st.builds(events.VersionChanged, _workspaces, _prompts, _versions, _changes),
    st.builds(events.VersionDeleted, _workspaces, _prompts, _versions),
    st.builds(events.EnvironmentCreated, _workspaces, _names, st.sampled_from(["default", "other"])),
    st.builds(events.KeyCreated, _workspaces, _names, st.just(("read",)), _names),
    st.builds(events.KeyRevoked, _workspaces, _names),
)


@given(any_event)
def test_an_event_comes_back(event: events.RegistryEvent) -> None:
    message = events.encode(event)
    assert events.decode(message.key, message.value) == event


@given(st.lists(any_event, max_size=30))
def test_whatever_is_in_the_stream_the_state_is_consistent(stream: list[events.RegistryEvent]) -> None:
    log = Log()
    for event in stream:
        log.append(event)
    for workspace in ("default", "other"):
        environments = log.state.environments(workspace)
        assert [environment.tag for environment in environments].count("default") == 1
        prompts = log.state.prompts(workspace)
        assert len({prompt.path for prompt in prompts}) == len(prompts)
        for prompt in prompts:
            assert log.state.prompt(workspace, prompt.id) is log.state.prompt_by_path(workspace, prompt.path) is prompt
            numbers = [version.number for version in prompt.versions.values()]
            assert numbers == sorted(set(numbers))
            assert all(1 <= number <= prompt.last_number for number in numbers)
            assert not prompt.versions.keys() & prompt.deleted_versions.keys()
            names = [version.name for version in prompt.versions.values() if version.name is not None]
            assert len(set(names)) == len(names)
            assert all(prompt.deployments[id_] in prompt.versions for id_ in prompt.deployments)
            default = log.state.default_version(prompt)
            assert (default is None) == (not prompt.versions)
        active = {key.sha256 for key in log.state.keys(workspace) if key.revoked_at is None}
        assert all(log.state.key_by_hash(sha256) is not None for sha256 in active)
