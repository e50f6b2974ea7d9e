"""The metrics of the registry."""

from __future__ import annotations

from typing import Final

from shared.observability.metrics import counter

VERSIONS_REFUSED: Final = counter(
    "sluice_registry_versions_refused_total",
    "Logs whose prompt version was not registered because the prompt has SLUICE_VERSIONS_PER_PROMPT versions already.",
    "A client puts its inputs into the prompt details: `sluice doctor` names the prompts. The logs are kept.",
)
