"""Finding the prompt template, and the version of it, that a request names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import NotFound
from shared.registry.templates import template_called, version_at

if TYPE_CHECKING:
    from shared.registry.entities import Prompt, PromptVersion
    from shared.registry.registry import Registry


async def find_template(registry: Registry, workspace: str, identifier: str) -> Prompt:
    """The template of this name or id, as of all that is in the stream. Raises NotFound, StreamUnavailable."""
    found = await registry.current(lambda: template_called(registry.state, workspace, identifier))
    if found is None:
        raise NotFound(f"identifier: no prompt template {identifier[:80]!r}")
    return found


def find_version(template: Prompt, number: int | None, label: str | None) -> PromptVersion:
    """The version with this number, else at this label, else the newest. Raises NotFound."""
    version = version_at(template, number, label)
    if version is None:
        field, what = ("label", f"release label {label!r}") if label else ("version", f"version {number or ''}")
        raise NotFound(f"{field}: prompt template {template.path[:80]!r} has no {what.rstrip()}")
    return version
