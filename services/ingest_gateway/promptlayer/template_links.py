"""Which prompt template a log belongs to, as far as the registry has it.

A log is worth more than its link: one that names a template, a version or a label that nobody knows is kept as it names
it, unless SLUICE_STRICT_REGISTRY says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import NotFound
from shared.registry.entities import FileKind
from shared.registry.templates import template_by_name, template_by_number, version_at

if TYPE_CHECKING:
    from services.ingest_gateway.gateway import Gateway
    from shared.records import Columns
    from shared.registry.state import RegistryState
    from shared.wire.promptlayer.tracking import TrackedPrompt


def check_prompt(gateway: Gateway, workspace: str, name: str | None) -> None:
    """Under SLUICE_STRICT_REGISTRY a log may only name a template, or a prompt, of the registry. Raises NotFound."""
    if not gateway.backends.settings.strict_registry or not name:
        return
    state = gateway.backends.registry.state
    if template_by_name(state, workspace, name) is None and state.prompt_by_path(workspace, name) is None:
        raise NotFound(f"prompt_name: no prompt of this name: {name[:80]!r}")


def link(state: RegistryState, workspace: str, columns: Columns) -> None:
    """Add the id to a log that names its template, and the name to one that has the id. No I/O."""
    name, number = columns.get("prompt_name"), columns.get("prompt_id")
    if name and not number:
        template = template_by_name(state, workspace, name)
        if template is not None:
            columns["prompt_id"] = str(template.number)
    elif number and not name and number.isdecimal():
        template = template_by_number(state, workspace, int(number))
        if template is not None:
            columns["prompt_name"] = template.path


async def tracked_columns(gateway: Gateway, workspace: str, tracked: TrackedPrompt) -> Columns:
    """The update that tracking a prompt makes: the id, and the number of the version, of the template that it names.

    When the template is not known here, waits until the registry has caught up. Raises NotFound for what must be known
    and is not, and StreamUnavailable.
    """
    registry, strict = gateway.backends.registry, gateway.backends.settings.strict_registry
    columns = tracked.columns()
    template = await registry.find_prompt_by_path(workspace, tracked.prompt_name, FileKind.TEMPLATE)
    if template is None:
        check_prompt(gateway, workspace, tracked.prompt_name)
        return columns
    columns |= {"prompt_name": template.path, "prompt_id": str(template.number)}
    version = version_at(template, tracked.version, tracked.label)
    if version is not None:
        columns["prompt_version_number"] = version.number
    elif strict:
        field, value = ("version", tracked.version) if tracked.version is not None else ("label", tracked.label)
        raise NotFound(f"{field}: prompt template {template.path[:80]!r} has no {field} {value!r}")
    return columns
