"""The bodies of `POST /v5/tools/log` and `POST /v5/flows/log`: a prompt log's, with other details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import AliasChoices, Field

from shared.wire.humanloop.file_details import FlowDetails, ToolDetails
from shared.wire.humanloop.file_requests import given
from shared.wire.humanloop.prompt_log import LogRequest

if TYPE_CHECKING:
    from shared.wire.humanloop.details import Details


class ToolLogRequest(LogRequest):
    """A new log of a tool."""

    tool: ToolDetails | None = None

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.tool is None else given(self.tool, ToolDetails)


class FlowLogRequest(LogRequest):
    """A new log of a flow. Clients of before 2025 call its status `trace_status`."""

    flow: FlowDetails | None = None
    log_status: Literal["complete", "incomplete"] | None = Field(
        None, validation_alias=AliasChoices("log_status", "trace_status")
    )

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.flow is None else given(self.flow, FlowDetails)
