"""Prompt templates by what clients call them: a name or a number, and of its versions a number or a release label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import ids
from shared.registry.entities import FileKind

if TYPE_CHECKING:
    from shared.registry.entities import Prompt, PromptVersion
    from shared.registry.state import RegistryState


def template_by_name(state: RegistryState, workspace: str, name: str) -> Prompt | None:
    """The template of this name, in any spelling of it that is the same path."""
    return state.prompt_by_path(workspace, name, FileKind.TEMPLATE)


def template_by_number(state: RegistryState, workspace: str, number: int) -> Prompt | None:
    """The template with this number, which is what PromptLayer's clients have for an id."""
    if not 0 <= number <= ids.MAX_ID:
        return None
    return state.prompt(workspace, ids.to_text(number, FileKind.TEMPLATE.id_prefix))


def template_called(state: RegistryState, workspace: str, identifier: str) -> Prompt | None:
    """The template of this name, else with this number."""
    found = template_by_name(state, workspace, identifier)
    if found is None and identifier.isascii() and identifier.isdigit() and len(identifier) <= len(str(ids.MAX_ID)):
        return template_by_number(state, workspace, int(identifier))
    return found


def labelled(state: RegistryState, workspace: str, label_id: str) -> tuple[Prompt, str] | None:
    """The template that has the release label with this number, and the label's name. Looks at every template."""
    for template in state.prompts(workspace, FileKind.TEMPLATE):
        for name, label in template.labels.items():
            if str(label.number) == label_id:
                return template, name
    return None


def version_at(template: Prompt, number: int | None, label: str | None) -> PromptVersion | None:
    """The version with this number, else at this label, else the newest."""
    if number is not None:
        return next((version for version in template.versions.values() if version.number == number), None)
    if label is not None:
        found = template.labels.get(label)
        return template.versions[found.version_id] if found is not None else None
    return template.latest_version
