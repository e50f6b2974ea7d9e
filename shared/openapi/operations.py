"""Every operation of every role. A test holds them against the route tables."""

from __future__ import annotations

from typing import Final

from shared.openapi import humanloop, humanloop_files, promptlayer, promptlayer_spans, promptlayer_templates, sluice

OPERATIONS: Final = (
    *promptlayer.OPERATIONS,
    *promptlayer_templates.OPERATIONS,
    *promptlayer_spans.OPERATIONS,
    *humanloop.OPERATIONS,
    *humanloop_files.OPERATIONS,
    *sluice.OPERATIONS,
)
