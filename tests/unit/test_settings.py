from __future__ import annotations

import os
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.settings_rules import PREFIX, broken_rule, unknown_variables

PASSWORD = "p%40ssw0rd"
KEY = "a-key-of-nobody"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def refusal(**overrides: Any) -> str:
    with pytest.raises(Misconfigured) as refused:
        Settings.load(overrides)
    return str(refused.value)


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, "./data")
    assert settings.stream == "sqlite:///./data/stream.db"
    assert settings.store == "chdb:///./data/store"
    assert settings.api_keys == ""
    assert settings.max_body_bytes == 32 * 1024 * 1024


def test_the_embedded_parts_follow_the_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_STORE", "clickhouse://host/db")
    settings = Settings.load({"data": "/var/lib/sluice"})
    assert settings.stream == "sqlite:////var/lib/sluice/stream.db"
    assert settings.store == "clickhouse://host/db"


def test_options_beat_the_environment_which_beats_the_defaults_of_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = {"port": 8001}
    assert Settings.load({"port": None}, defaults).port == 8001
    monkeypatch.setenv("SLUICE_PORT", "9000")
    assert Settings.load({"port": None}, defaults).port == 9000
    assert Settings.load({"port": 0}, defaults).port == 0


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_PORT", "")
    assert Settings.load().port == 8000
    assert Settings.load(defaults={"port": 8001}).port == 8001


def test_sizes_take_units_and_levels_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_MAX_BODY_BYTES", "16MiB")
    monkeypatch.setenv("SLUICE_LOG_LEVEL", "WARNING")
    settings = Settings.load()
    assert settings.max_body_bytes == 16 << 20
    assert settings.log_level == "warning"


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings.load().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "abc", "SLUICE_PORT='abc': input should be a valid integer"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("LOG_FORMAT", "xml", "input should be 'auto', 'json' or 'text'"),
        ("MAX_BODY_BYTES", "12 parsecs", "SLUICE_MAX_BODY_BYTES='12 parsecs'"),
        ("INSERT_TIMEOUT_S", "nan", "SLUICE_INSERT_TIMEOUT_S"),
        ("STRICT_REGISTRY", "maybe", "SLUICE_STRICT_REGISTRY='maybe': input should be a valid boolean"),
        ("PORT", "tcp://10.0.0.1:8000", "enableServiceLinks: false"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.0/8,proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    assert expected in refusal()


def test_a_wrong_option_is_told_by_its_name() -> None:
    assert refusal(max_body_bytes="x").startswith("--max-body-bytes (SLUICE_MAX_BODY_BYTES)='x': ")


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_WORKERS", "0")
    assert len(refusal(port="x").splitlines()) == 2


@pytest.mark.parametrize("name", ["api_keys", "stream", "store"])
def test_a_wrong_secret_is_not_shown(name: str) -> None:
    message = refusal(**{name: ["secret"]})
    assert f"SLUICE_{name.upper()}" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"insert_timeout_s": 45}, "SLUICE_INSERT_TIMEOUT_S (45.0) must be < SLUICE_DRAIN_TIMEOUT_S (45.0)"),
        ({"drain_timeout_s": 60}, "SLUICE_DRAIN_TIMEOUT_S (60.0) must be < SLUICE_REBALANCE_TIMEOUT_S (60.0)"),
        ({"session_timeout_s": 61}, "SLUICE_SESSION_TIMEOUT_S (61.0) must be <= SLUICE_REBALANCE_TIMEOUT_S (60.0)"),
        ({"rebalance_timeout_s": 90}, "must be < SLUICE_TERMINATION_GRACE_S (90.0)"),
        ({"produce_deadline_s": 30}, "must be < SLUICE_GRACEFUL_TIMEOUT_S (30.0)"),
        ({"visibility_timeout_s": 31}, "must be < SLUICE_GRACEFUL_TIMEOUT_S (30.0)"),
        ({"max_body_bytes": "40MiB"}, "must be < SLUICE_MAX_MESSAGE_BYTES"),
        ({"max_inflight_bytes": "31MiB"}, "must be <= SLUICE_MAX_INFLIGHT_BYTES"),
        ({"batch_max_bytes": "39MiB"}, "must be <= SLUICE_BATCH_MAX_BYTES"),
        ({"drain_delay_s": 15}, "must be < SLUICE_TERMINATION_GRACE_S (90.0)"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changed: dict[str, Any], expected: str) -> None:
    assert expected in refusal(**changed)


@pytest.mark.parametrize(
    "changed", [{"max_inflight_bytes": "32MiB"}, {"batch_max_bytes": "40MiB"}, {"drain_delay_s": 14.9}]
)
def test_settings_at_the_edge_are_taken(changed: dict[str, Any]) -> None:
    assert broken_rule(Settings.load(changed).model_dump()) is None


def with_secrets() -> Settings:
    return Settings.load(
        {
            "store": f"clickhouses://writer:{PASSWORD}@host:8443/db",
            "stream": "kafka://broker:9092?partitions=8",
            "api_keys": f"default:{KEY}, other:{KEY}2",
        }
    )


def test_printed_settings_hold_no_secret() -> None:
    settings = with_secrets()
    for text in (repr(settings), str(settings), str(settings.redacted())):
        assert PASSWORD not in text
        assert KEY not in text
    assert settings.redacted()["store"] == "clickhouses://writer:***@host:8443/db"
    assert settings.redacted()["stream"] == "kafka://broker:9092?partitions=8"
    assert settings.redacted()["api_keys"] == "default:***,other:***"


def test_secrets_are_known_to_whoever_writes_logs() -> None:
    assert set(with_secrets().secrets()) == {KEY, KEY + "2", PASSWORD, "p@ssw0rd"}


def test_settings_survive_the_way_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = with_secrets()
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


def test_unknown_variables_are_told_with_the_nearest_setting() -> None:
    environment = {
        "SLUICE_MAX_BODY_BYTE": "1",
        "SLUICE_SOMETHING_ELSE_ENTIRELY": "1",
        "SLUICE_PORT": "1",
        "SLUICE_TEST_KAFKA": "1",
        "SLUICE_GATEWAY_SERVICE_HOST": "1",
        "SLUICE_GATEWAY_PORT_8001_TCP_ADDR": "1",
        "SLUICE_GATEWAY_PORT": "tcp://10.0.0.1:8001",
        "PATH": "1",
    }
    assert unknown_variables(environment, Settings.model_fields) == [
        "SLUICE_MAX_BODY_BYTE is not a setting; did you mean SLUICE_MAX_BODY_BYTES?",
        "SLUICE_SOMETHING_ELSE_ENTIRELY is not a setting",
    ]


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
