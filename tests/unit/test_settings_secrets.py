"""Secrets from files, and passwords apart from their URLs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.settings_rules import PREFIX, unknown_variables
from shared.settings_secrets import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Given = Callable[[str, str], Path]

STREAM = "kafka://sluice@broker:9093?security=SASL_SSL"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def in_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """Gives a setting by a file."""

    def give(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        monkeypatch.setenv(f"{PREFIX}{name}_FILE", str(path))
        return path

    return give


def refusal() -> str:
    with pytest.raises(Misconfigured) as refused:
        Settings.load()
    return str(refused.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEYS", "default:a-key-of-nobody"),
        ("STREAM", "kafka://user:secret@broker:9092"),
        ("STORE", "clickhouse://user:secret@host:8123/db"),
    ],
)
def test_a_secret_may_be_in_a_file(in_file: Given, name: str, value: str, end: str) -> None:
    in_file(name, value + end)
    assert getattr(Settings.load(), name.lower()) == value


@pytest.mark.parametrize("name", ["API_KEYS", "STREAM", "STORE", "STREAM_PASSWORD", "STORE_PASSWORD"])
def test_a_secret_is_given_once(monkeypatch: pytest.MonkeyPatch, in_file: Given, name: str) -> None:
    in_file(name, "secret")
    monkeypatch.setenv(PREFIX + name, "secret")
    assert refusal() == f"SLUICE_{name} and SLUICE_{name}_FILE are both set: set one of them"


@pytest.mark.parametrize("name", ["API_KEYS", "STREAM", "STORE", "STREAM_PASSWORD", "STORE_PASSWORD"])
def test_a_file_that_is_not_there_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}_FILE", "/no/such/file")
    assert refusal() == f"SLUICE_{name}_FILE: /no/such/file can't be read: No such file or directory"


def test_a_file_has_text_in_it(in_file: Given) -> None:
    path = in_file("API_KEYS", "\n")
    assert refusal() == f"SLUICE_API_KEYS_FILE: {path} is empty"
    path.write_bytes(b"\xff")
    assert refusal() == f"SLUICE_API_KEYS_FILE: {path} is not UTF-8 text"


@pytest.mark.parametrize("password", ["plain", "p@ss:w/rd?#%", " \u00e9\n2"])
def test_a_password_is_put_into_its_url(monkeypatch: pytest.MonkeyPatch, in_file: Given, password: str) -> None:
    monkeypatch.setenv("SLUICE_STREAM", STREAM)
    monkeypatch.setenv("SLUICE_STORE", "clickhouses://writer@host:8443/db")
    in_file("STREAM_PASSWORD", password + "\n")
    in_file("STORE_PASSWORD", password + "\n")
    settings = Settings.load()
    assert set(settings.secrets()) >= {password}
    assert settings.redacted()["stream"] == "kafka://sluice:***@broker:9093?security=SASL_SSL"
    assert settings.redacted()["store"] == "clickhouses://writer:***@host:8443/db"
    assert password not in repr(settings)


def test_a_password_needs_a_user_and_no_other_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_STREAM_PASSWORD", "secret")
    monkeypatch.setenv("SLUICE_STREAM", "kafka://broker:9092")
    assert "SLUICE_STREAM has no user" in refusal()
    monkeypatch.delenv("SLUICE_STREAM")
    assert "SLUICE_STREAM has no user" in refusal()
    monkeypatch.setenv("SLUICE_STREAM", "kafka://user:other@broker:9092")
    assert "SLUICE_STREAM has a password, and SLUICE_STREAM_PASSWORD is set" in refusal()


def test_worker_processes_read_the_same_secrets(monkeypatch: pytest.MonkeyPatch, in_file: Given) -> None:
    monkeypatch.setenv("SLUICE_STREAM", STREAM)
    in_file("STREAM_PASSWORD", "secret")
    in_file("API_KEYS", "default:a-key-of-nobody")
    settings = Settings.load()
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


def test_the_variables_of_secrets_are_known() -> None:
    known = (*Settings.model_fields, *NAMES)
    assert unknown_variables({"SLUICE_API_KEYS_FILE": "/x", "SLUICE_STORE_PASSWORD_FILE": "/x"}, known) == []
    assert unknown_variables({"SLUICE_STORE_PASWORD_FILE": "/x"}, known) == [
        "SLUICE_STORE_PASWORD_FILE is not a setting; did you mean SLUICE_STORE_PASSWORD_FILE?"
    ]
