"""All settings of Sluice: frozen, read once from `SLUICE_...` environment variables and command line options, checked
against each other before anything starts.

Secrets may come from files (`shared.settings_secrets`). Sizes are bytes and may carry a unit (`32MiB`); times ending in
`_s` are seconds, in `_ms` milliseconds.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ByteSize, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared import settings_secrets
from shared.errors import Misconfigured
from shared.settings_rules import (
    PREFIX,
    broken_rule,
    describe_errors,
    key_texts,
    redact_keys,
    redact_url,
    url_passwords,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Size = Annotated[ByteSize, Field(gt=0)]


def _default_stream(settings: dict[str, Any]) -> str:
    return f"sqlite:///{settings['data']}/stream.db"


def _default_store(settings: dict[str, Any]) -> str:
    return f"chdb:///{settings['data']}/store"


class Settings(BaseSettings):
    """See the module. Made by `Settings.load`; a role passes its own default port there."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
    )

    # Where things are
    data: str = Field("./data", description="Directory of the embedded stream and store")
    stream: str = Field(
        default_factory=_default_stream, description="sqlite:///path or kafka://user@host:port,host:port"
    )
    store: str = Field(
        default_factory=_default_store, description="chdb:///path, or clickhouse[s]://user:password@host/db"
    )
    clickhouse_cluster: str = Field("", description="Cluster name, for replicated and distributed tables")
    api_keys: str = Field("", description="workspace:key,workspace:key; accepted with all scopes")

    # The HTTP server
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 lets the system choose")
    proxy_headers: bool = Field(False, description="Take the client's address and scheme from X-Forwarded-... headers")
    forwarded_allow_ips: str = Field(
        "127.0.0.1", description="Proxies whose headers are believed: addresses, networks, or * for all"
    )
    workers: int = Field(1, ge=1, le=256, description="Processes of a gateway or query role")
    max_body_bytes: Size = Field(ByteSize(32 << 20), description="Largest request body, on the wire and inflated")
    max_inflight_bytes: Size = Field(ByteSize(256 << 20), description="Bodies admitted, not yet answered, per process")
    max_bulk_items: int = Field(10_000, ge=1, le=100_000, description="Logs in one request to /v1/logs, at most")
    body_timeout_s: Seconds = Field(60.0, description="Time in which a request body must arrive")
    drain_delay_s: Annotated[float, Field(ge=0)] = Field(0.0, description="From not ready to refusing connections")
    graceful_timeout_s: Seconds = Field(30.0, description="Time for requests in flight to finish at a stop")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line that is written"
    )
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")

    # The stream
    stream_epoch: int = Field(0, ge=0, le=65535, description="Raise by one when a topic was made anew")
    produce_deadline_s: Seconds = Field(10.0, description="Longest wait for the stream to acknowledge an append")
    max_message_bytes: Size = Field(ByteSize(40 << 20), description="Largest record of the stream")

    # The writer
    flush_interval_ms: int = Field(250, ge=1, le=60_000, description="Longest time between two flushes under load")
    batch_max_rows: int = Field(12_000, ge=1, description="Events in one flush, at most")
    batch_max_bytes: Size = Field(
        ByteSize(40 << 20),
        description="Bytes of events in one flush, and of the logs it reads to update them",
    )
    insert_timeout_s: Seconds = Field(30.0, description="Longest wait for one insert")
    drain_timeout_s: Seconds = Field(45.0, description="Time for a flush under way when partitions are revoked")
    session_timeout_s: Seconds = Field(30.0, description="Time after which the group goes on without a silent member")
    rebalance_timeout_s: Seconds = Field(60.0, description="Time that the consumer group waits for a member")
    termination_grace_s: Seconds = Field(90.0, description="Time from SIGTERM to SIGKILL, as the orchestrator has it")
    duplicate_window_s: Seconds = Field(600.0, description="Time in which an equal fingerprint is a client's re-send")
    row_cache_bytes: Annotated[ByteSize, Field(ge=0)] = Field(ByteSize(64 << 20), description="Recent rows kept")

    # Reads and the registry
    visibility_timeout_s: Seconds = Field(5.0, description="Longest wait of a read for an accepted log")
    query_timeout_s: Seconds = Field(20.0, description="Longest time of one search or list in the store")
    query_max_rows: int = Field(200_000_000, ge=1, description="Rows that one search or list may read in the store")
    sql_max_rows: int = Field(10_000, ge=1, description="Rows in the answer to a query by SQL, at most")
    sql_max_bytes: Size = Field(ByteSize(32 << 20), description="Its size, at most: in the store's memory and as sent")
    versions_per_prompt: int = Field(5_000, ge=1, description="Versions of one prompt that the registry keeps")
    strict_registry: bool = Field(False, description="Refuse logs that name an unknown prompt")
    consumer_instance_id: str = Field("", description="Static member id of a writer; for StatefulSets")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _addresses(cls, value: str) -> str:
        """uvicorn takes what is no address for the name of a socket, which never matches."""
        for text in value.split(","):
            if text.strip() != "*":
                ipaddress.ip_network(text.strip(), strict=False)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if message := broken_rule(self.model_dump()):
            raise ValueError(message)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then secrets, then the rest of the environment."""
        secrets = InitSettingsSource(settings_cls, settings_secrets.read_secrets(os.environ))
        return init_settings, secrets, env_settings

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None) -> Settings:
        """Read and check. `overrides` (command line) beat the environment, which beats `defaults` (of the role).

        A None among the overrides means "not given". Raises Misconfigured with one line per wrong value.
        """
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        missing = {
            name: value for name, value in (defaults or {}).items() if not os.environ.get(f"{PREFIX}{name.upper()}")
        }
        try:
            return cls(**(missing | given))
        except ValidationError as error:
            raise Misconfigured(describe_errors(error, given)) from None

    def redacted(self) -> dict[str, Any]:
        """Every setting by name, fit for printing: no key, no password."""
        values = self.model_dump()
        values["stream"] = redact_url(self.stream)
        values["store"] = redact_url(self.store)
        values["api_keys"] = redact_keys(self.api_keys)
        return values

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for processes that read them again. Holds the secrets.

        What the secrets were made of is emptied: each may be given once.
        """
        parts = {settings_secrets.variable(name): "" for name in settings_secrets.NAMES}
        return parts | {
            f"{PREFIX}{name.upper()}": str(value) for name, value in self.model_dump().items() if value != ""
        }

    def secrets(self) -> list[str]:
        """Texts that must not appear in logs: keys and passwords."""
        return [*key_texts(self.api_keys), *url_passwords(self.stream, self.store)]

    def __repr__(self) -> str:
        return f"Settings({self.redacted()})"

    __str__ = __repr__
